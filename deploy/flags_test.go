package deploy

import (
	"encoding/json"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// commands are those of gcloud that the script and the README use.
var commands = []string{
	"alpha monitoring policies create", "alpha monitoring policies delete", "alpha monitoring policies describe",
	"alpha monitoring policies list", "alpha monitoring policies update",
	"artifacts packages delete", "artifacts packages describe", "auth application-default login", "auth list",
	"beta monitoring channels create", "beta monitoring channels delete", "beta monitoring channels list", "components update", "config set", "functions deploy",
	"iam service-accounts create", "iam service-accounts delete", "iam service-accounts describe", "iam service-accounts list",
	"logging buckets create", "logging buckets delete", "logging buckets list", "logging buckets undelete", "logging buckets update", "logging locations list",
	"logging metrics create", "logging metrics delete", "logging metrics describe", "logging metrics list", "logging metrics update", "logging read",
	"logging sinks create", "logging sinks delete", "logging sinks describe", "logging sinks list", "logging sinks update", "logging views add-iam-policy-binding",
	"monitoring dashboards create", "monitoring dashboards delete", "monitoring dashboards describe",
	"monitoring dashboards list", "monitoring dashboards update",
	"projects add-iam-policy-binding", "projects describe", "projects get-iam-policy", "projects remove-iam-policy-binding",
	"run deploy", "run services add-iam-policy-binding", "run services delete", "run services describe", "run services get-iam-policy",
	"run services list", "run services update",
	"secrets add-iam-policy-binding", "secrets create", "secrets delete", "secrets describe", "secrets get-iam-policy",
	"secrets remove-iam-policy-binding", "secrets versions access", "secrets versions add",
	"services enable", "services list", "storage rm",
}

const flagsFile = "testdata/flags.txt"

// TestStandInKnowsTheFlagsOfGcloud compares the flags that the stand-in accepts
// with those of the gcloud that is installed. A newer one may have more of them;
// one that is gone is an error.
func TestStandInKnowsTheFlagsOfGcloud(t *testing.T) {
	t.Parallel()
	real := realGcloud(t)
	out, err := exec.Command(real, "info", "--format=value(installation.sdk_root)").Output()
	if err != nil {
		t.Fatal(err)
	}
	// gcloud's own list for completion on the command line: JSON after some Python.
	text := read(t, filepath.Join(strings.TrimSpace(string(out)), "data/cli/gcloud_completions.py"))
	type tree struct {
		Commands map[string]tree
		Flags    map[string]json.RawMessage
	}
	var root tree
	if err := json.NewDecoder(strings.NewReader(text[strings.IndexByte(text, '{'):])).Decode(&root); err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, command := range commands {
		node := root
		for word := range strings.FieldsSeq(command) {
			var ok bool
			if node, ok = node.Commands[word]; !ok {
				t.Fatalf("gcloud has no command %s", command)
			}
		}
		var flags []string
		for name, kind := range node.Flags {
			switch string(kind) {
			case `"bool"`:
				flags = append(flags, name, "--no-"+name[2:])
			default:
				flags = append(flags, name+"=")
			}
		}
		slices.Sort(flags)
		lines = append(lines, strings.TrimSpace(command+": "+strings.Join(flags, " ")))
	}
	// The commands of meta are not in the list for completion.
	lines = append(lines, "meta list-files-for-upload:")
	slices.Sort(lines)
	if *update {
		write(t, flagsFile, strings.Join(lines, "\n")+"\n", 0o666)
	}
	for command, known := range knownFlags(t) {
		i := slices.IndexFunc(lines, func(line string) bool { return strings.HasPrefix(line, command+":") })
		if i < 0 {
			t.Errorf("%s is not compared", command)
			continue
		}
		for _, name := range known {
			if !slices.Contains(strings.Fields(lines[i]), name) {
				t.Errorf("gcloud %s has no %s", command, name)
			}
		}
	}
}

// knownFlags returns what the stand-in accepts, by command.
func knownFlags(t *testing.T) map[string][]string {
	t.Helper()
	known := map[string][]string{}
	for line := range strings.Lines(read(t, flagsFile)) {
		command, flags, _ := strings.Cut(line, ":")
		known[command] = strings.Fields(flags)
	}
	return known
}

var (
	blocks    = regexp.MustCompile("(?s)```[a-z]*\n(.*?)```")
	gcloudUse = regexp.MustCompile(`gcloud ((?:[^\n"'|;&)]|\\\n|'[^']*'|"[^"$]*")*)`)
	flagUse   = regexp.MustCompile(`(^|\s)(--[a-z][a-z0-9-]*)`)
)

// TestREADMECommandsHaveFlagsThatGcloudKnows reads each command of gcloud in the
// README.
func TestREADMECommandsHaveFlagsThatGcloudKnows(t *testing.T) {
	t.Parallel()
	known, n := knownFlags(t), 0
	for _, block := range blocks.FindAllStringSubmatch(read(t, "../README.md"), -1) {
		for _, use := range gcloudUse.FindAllStringSubmatch(strings.ReplaceAll(block[1], "\\\n", " "), -1) {
			n++
			words := strings.Fields(use[1])
			var command string
			for i := range words {
				if name := strings.Join(words[:i+1], " "); known[name] != nil {
					command = name
				}
			}
			if command == "" {
				t.Errorf("gcloud %s: not one of the commands that are compared", use[1])
				continue
			}
			for _, name := range flagUse.FindAllStringSubmatch(use[1], -1) {
				flags := append([]string{"--project=", "--format=", "--quiet"}, known[command]...)
				if !slices.Contains(flags, name[2]) && !slices.Contains(flags, name[2]+"=") {
					t.Errorf("gcloud %s has no %s", command, name[2])
				}
			}
		}
	}
	if n < 10 {
		t.Errorf("only %d commands found", n)
	}
}

// TestStandInRefusesUnknownFlags shows that a flag which gcloud does not have
// fails here too.
func TestStandInRefusesUnknownFlags(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	for call, says := range map[string]string{
		"run deploy hook --max 10":                        "unrecognized arguments: --max",
		"run deploys hook":                                "Invalid choice",
		"secrets create s --data-file":                    "expected one argument",
		"alpha monitoring dashboards frobnicate --format": "Invalid choice",
	} {
		command := exec.Command("testdata/bin/gcloud", strings.Fields(call)...)
		command.Env = m.env
		if out, err := command.CombinedOutput(); err == nil || !strings.Contains(string(out), says) {
			t.Errorf("%s: %v, %s", call, err, out)
		}
	}
}
