// Package deploy tests what an operator applies: the script against a stand-in
// for gcloud, and the files against the entries that the function writes.
package deploy

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// machine is a place with a stand-in for gcloud on the PATH.
type machine struct {
	state string
	env   []string
}

func newMachine(t *testing.T, env ...string) *machine {
	t.Helper()
	bin, err := filepath.Abs("testdata/bin")
	if err != nil {
		t.Fatal(err)
	}
	state := t.TempDir()
	return &machine{state, append([]string{
		"PATH=" + bin + ":" + os.Getenv("PATH"), "GCLOUD_STATE=" + state, "PAUSE=0",
	}, env...)}
}

// run runs the script and returns what it prints, and whether it succeeded.
func (m *machine) run(t *testing.T, input string, args ...string) (string, bool) {
	t.Helper()
	script := exec.Command("./deploy.sh", args...)
	script.Env = m.env
	script.Stdin = strings.NewReader(input)
	out, err := script.CombinedOutput()
	return string(out), err == nil
}

func (m *machine) deploy(t *testing.T, args ...string) string {
	t.Helper()
	out, ok := m.run(t, "", append([]string{"--project", "my-project", "--region", "europe-west1"}, args...)...)
	if !ok {
		t.Fatalf("failed:\n%s", out)
	}
	return out
}

// files returns what is there, by path.
func (m *machine) files(t *testing.T) map[string]string {
	t.Helper()
	found := map[string]string{}
	err := filepath.WalkDir(m.state, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		name, _ := filepath.Rel(m.state, path)
		if name != "calls" && name != "flags" && !strings.HasSuffix(name, ".etag") {
			found[name] = string(text)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// calls returns the calls of gcloud so far that begin with a command.
func (m *machine) calls(t *testing.T, command string) []string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(m.state, "calls"))
	if err != nil {
		t.Fatal(err)
	}
	var calls []string
	for line := range strings.Lines(string(text)) {
		line = strings.TrimPrefix(strings.TrimSpace(line), "--project my-project --quiet ")
		if strings.HasPrefix(line, command) {
			calls = append(calls, line)
		}
	}
	return calls
}

func TestFirstDeploy(t *testing.T) {
	m := newMachine(t)
	out := m.deploy(t, "--redact", "email,ip")
	if want := "go run ./cmd/register -url https://livechat-webhook-1234.europe-west1.run.app"; !strings.Contains(out, want) {
		t.Errorf("the next command is not shown:\n%s", out)
	}
	deploys := m.calls(t, "run deploy ")
	for _, want := range []string{"--function LiveChatWebhook", "--base-image go126", "--cpu 1", "--memory 512Mi", "--concurrency 80", "--timeout 30", "--max 10",
		"--no-invoker-iam-check", "--set-secrets LIVECHAT_SECRETS=livechat-secrets:latest", "^@^GOOGLE_CLOUD_PROJECT=my-project@LIVECHAT_REDACT=email,ip",
		"--service-account livechat-webhook@my-project.iam.gserviceaccount.com"} {
		if len(deploys) != 1 || !strings.Contains(deploys[0], want) {
			t.Errorf("%q is not in %q", want, deploys)
		}
	}
	var roles []string
	for _, call := range append(m.calls(t, "projects add-iam"), m.calls(t, "secrets add-iam")...) {
		roles = append(roles, call[strings.LastIndexByte(call, ' ')+1:])
	}
	if got := slices.Compact(roles); !slices.Equal(got, []string{"roles/logging.logWriter", "roles/secretmanager.secretAccessor"}) {
		t.Errorf("granted %q", got)
	}
	files := m.files(t)
	secret := files["secrets/livechat-secrets"]
	if !regexp.MustCompile(`^[0-9a-f]{48}$`).MatchString(secret) || strings.Contains(out, secret) {
		t.Errorf("secret %q, shown: %t", secret, strings.Contains(out, secret))
	}
	if n := len(glob(t, "metrics/*.json")); n != count(files, "metrics/") || n == 0 {
		t.Errorf("%d metrics of %d", count(files, "metrics/"), n)
	}
	if count(files, "dashboards/") != 1 || count(files, "policies/") != len(glob(t, "alerts/*.json")) {
		t.Errorf("%d dashboards, %d policies", count(files, "dashboards/"), count(files, "policies/"))
	}
	for name, text := range files {
		if strings.Contains(text, "@PROJECT@") || strings.Contains(text, "@SERVICE@") {
			t.Errorf("%s still has placeholders", name)
		}
	}
}

func count(files map[string]string, prefix string) (n int) {
	for name := range files {
		if strings.HasPrefix(name, prefix) {
			n++
		}
	}
	return n
}

func TestSecondRunChangesNothing(t *testing.T) {
	m := newMachine(t)
	m.deploy(t)
	before := m.files(t)
	m.deploy(t)
	after := m.files(t)
	for name, text := range after {
		// The dashboard carries the version that it replaces.
		text = regexp.MustCompile(`\{"etag": "\d+",`).ReplaceAllString(text, "{")
		if was, ok := before[name]; !ok || was != text {
			t.Errorf("%s is new or changed", name)
		}
	}
	if len(before) != len(after) {
		t.Errorf("%d files became %d", len(before), len(after))
	}
	for _, command := range []string{"secrets create", "iam service-accounts create"} {
		if n := len(m.calls(t, command)); n != 1 {
			t.Errorf("%s: %d times", command, n)
		}
	}
}

func TestDryRunChangesNothing(t *testing.T) {
	m := newMachine(t)
	out := m.deploy(t, "--dry-run")
	if files := m.files(t); len(files) != 0 {
		t.Errorf("made %d things", len(files))
	}
	for _, want := range []string{"services enable", "service-accounts create", "secrets create", "run deploy", "metrics create", "dashboards create", "policies create"} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is not shown", want)
		}
	}
}

func TestFailingStepSaysWhatToDo(t *testing.T) {
	for name, test := range map[string]struct {
		env  string
		args []string
		says string
	}{
		"not logged in":       {env: "GCLOUD_LOGGED_OUT=1", says: "gcloud auth login"},
		"no project":          {env: "GCLOUD_DENY=*projects describe*", says: "not there, or not yours"},
		"APIs denied":         {env: "GCLOUD_DENY=*services enable*", says: "roles/serviceusage.serviceUsageAdmin"},
		"account denied":      {env: "GCLOUD_DENY=*service-accounts create*", says: "roles/iam.serviceAccountAdmin"},
		"role denied":         {env: "GCLOUD_DENY=*projects add-iam*", says: "roles/resourcemanager.projectIamAdmin"},
		"secret denied":       {env: "GCLOUD_DENY=*secrets create*", says: "roles/secretmanager.admin"},
		"secret role denied":  {env: "GCLOUD_DENY=*secrets add-iam*", says: "roles/secretmanager.admin"},
		"deploy denied":       {env: "GCLOUD_DENY=*run deploy*", says: "roles/run.sourceDeveloper"},
		"metrics denied":      {env: "GCLOUD_DENY=*metrics create*", says: "roles/logging.configWriter"},
		"dashboard denied":    {env: "GCLOUD_DENY=*dashboards create*", says: "roles/monitoring.editor"},
		"dashboards unlisted": {env: "GCLOUD_DENY=*dashboards list*", says: "roles/monitoring.editor"},
		"alerts denied":       {env: "GCLOUD_DENY=*policies create*", says: "again in ten minutes"},
		"bad name":            {args: []string{"--name", "X"}, says: "--name X"},
		"no value":            {args: []string{"--redact"}, says: "--redact needs a value"},
		"unknown flag":        {args: []string{"--force"}, says: "unknown argument --force"},
	} {
		t.Run(name, func(t *testing.T) {
			m := newMachine(t, test.env)
			out, ok := m.run(t, "", append([]string{"--project", "my-project", "--region", "europe-west1"}, test.args...)...)
			if ok || !strings.Contains(out, test.says) {
				t.Errorf("succeeded: %t; %q is not in:\n%s", ok, test.says, out)
			}
		})
	}
}

func TestDeleteAsksFirst(t *testing.T) {
	m := newMachine(t)
	m.deploy(t)
	args := []string{"--project", "my-project", "--region", "europe-west1", "--delete"}
	before := len(m.files(t))
	for _, answer := range []string{"", "y\n", "no\n"} {
		if out, ok := m.run(t, answer, args...); ok || len(m.files(t)) != before {
			t.Errorf("%q deleted something: %s", answer, out)
		}
	}
	if out, ok := m.run(t, "yes\n", args...); !ok {
		t.Fatalf("failed:\n%s", out)
	}
	files := m.files(t)
	delete(files, "number")
	if len(files) != 1 || files["secrets/livechat-secrets"] == "" {
		t.Errorf("left: %v", files)
	}
}

func TestShellcheck(t *testing.T) {
	shellcheck, err := exec.LookPath("shellcheck")
	if err != nil {
		t.Skip("shellcheck is not installed")
	}
	out, err := exec.Command(shellcheck, "deploy.sh", "testdata/bin/gcloud").CombinedOutput()
	if err != nil {
		t.Errorf("%s", bytes.TrimSpace(out))
	}
}

func glob(t *testing.T, pattern string) []string {
	t.Helper()
	files, err := filepath.Glob(pattern)
	if err != nil {
		t.Fatal(err)
	}
	return files
}
