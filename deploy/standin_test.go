package deploy

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// machine is a place with the stand-in for gcloud on the PATH.
type machine struct {
	script
	state string
}

func newMachine(t *testing.T, env ...string) *machine {
	t.Helper()
	state := t.TempDir()
	return &machine{script{"./deploy.sh", append([]string{
		"PATH=" + absolute(t, "testdata/bin") + ":" + os.Getenv("PATH"), "GCLOUD_STATE=" + state, "PAUSE=0",
	}, env...)}, state}
}

// files returns what there is, by kind and name.
func (m *machine) files(t *testing.T) map[string]string {
	t.Helper()
	found := map[string]string{}
	for _, file := range glob(t, m.state+"/*/*") {
		name, err := filepath.Rel(m.state, file)
		if err != nil {
			t.Fatal(err)
		}
		if text := read(t, file); text != "" || filepath.Dir(name) != "roles" {
			found[name] = text
		}
	}
	return found
}

// reading is what a call that changes nothing has in it.
var reading = regexp.MustCompile(` (list|describe|get-iam-policy|list-files-for-upload)( |$)|^(--version$|auth )`)

// changes returns the calls so far that change something.
func (m *machine) changes(t *testing.T) []string {
	t.Helper()
	var changes []string
	for line := range strings.Lines(read(t, m.state+"/calls")) {
		if line = strings.TrimSpace(line); !reading.MatchString(line) {
			changes = append(changes, strings.TrimPrefix(line, "--project my-project --quiet "))
		}
	}
	return changes
}

func count(files map[string]string, prefix string) (n int) {
	for name := range files {
		if strings.HasPrefix(name, prefix) {
			n++
		}
	}
	return n
}

// inOrder checks a whole life: a first run, a second one, a change, the end.
func inOrder(t *testing.T, m *machine) {
	t.Helper()
	out := m.deploy(t, "--redact", "email,ip")
	says(t, out, "go run ./cmd/register -url https://livechat-webhook-1234.europe-west1.run.app", "trying again in 0 s")
	files := m.files(t)
	secret := files["secrets/livechat-secrets"]
	if !regexp.MustCompile(`^[0-9a-f]{48}$`).MatchString(secret) || strings.Contains(out, secret) {
		t.Errorf("secret %q, shown: %t", secret, strings.Contains(out, secret))
	}
	if got, want := count(files, "metrics/"), len(glob(t, "metrics/*.json")); got != want || want == 0 {
		t.Errorf("%d metrics of %d", got, want)
	}
	if count(files, "dashboards/") != 1 || count(files, "policies/") != len(glob(t, "alerts/*.json")) {
		t.Errorf("%d dashboards, %d policies", count(files, "dashboards/"), count(files, "policies/"))
	}
	before := len(m.changes(t))
	says(t, m.deploy(t), "Nothing had to be changed.")
	if more := m.changes(t)[before:]; len(more) != 0 {
		t.Errorf("the second run made %d changes: %q", len(more), more)
	}
	says(t, m.deploy(t, "--keep", "365", "--notify", "me@example.com"), "creating the log bucket", "creating the sink", "creating the exclusion", "creating one for me@example.com")
	files = m.files(t)
	if !strings.Contains(files[bucketFile], "sql: True") || count(files, "notified/") != len(glob(t, "alerts/*.json")) || count(files, "dashboards/") != len(glob(t, "*.json")) {
		t.Errorf("after --keep and --notify: %v", files)
	}
	for name, text := range files {
		if placeholder := regexp.MustCompile(`@[A-Z]+@`).FindString(text); placeholder != "" {
			t.Errorf("%s still has %s", name, placeholder)
		}
	}
	before = len(m.changes(t))
	says(t, m.deploy(t, "--keep", "365", "--notify", "me@example.com"), "Nothing had to be changed.")
	m.deploy(t, "--redact", "")
	if more := m.changes(t)[before:]; len(more) != 1 || !strings.Contains(more[0], "--remove-env-vars LIVECHAT_REDACT") {
		t.Errorf("--redact '' made %q", more)
	}
	before = len(m.changes(t))
	for _, answer := range []string{"", "y\n", "no\n"} {
		if out, ok := m.run(t, answer, "--delete"); ok || len(m.changes(t)) != before {
			t.Errorf("%q deleted something: %s", answer, out)
		}
	}
	out, ok := m.run(t, "yes\n", "--delete")
	if !ok {
		t.Fatalf("failed:\n%s", out)
	}
	says(t, out, "gcloud logging buckets delete livechat-webhook --location europe-west1 --project my-project")
	left := m.files(t)
	for _, name := range []string{"secrets/livechat-secrets", bucketFile, "channels/"} {
		if count(left, name) != 1 {
			t.Errorf("%d of %s left", count(left, name), name)
		}
	}
	if len(left) != 3 {
		t.Errorf("left: %v", left)
	}
}

func TestFromFirstRunToDelete(t *testing.T) {
	t.Parallel()
	inOrder(t, newMachine(t))
}

// strict are wrappers of tools of which busybox knows more than POSIX does. They
// refuse options that POSIX does not have, and GNU's sed has a mode for the rest.
var strict = map[string]string{
	"sed": `for option; do
  case $option in -n | -e | -f | -ne) ;; -*) echo "sed: $option is not of POSIX" >&2; exit 2 ;; esac
done
if "$SED" --posix -n '' </dev/null 2>/dev/null; then exec "$SED" --posix "$@"; fi
exec "$SED" "$@"`,
	"grep": `for option; do
  case $option in --* | -*[!EFceflinqsvx-]*) echo "grep: $option is not of POSIX" >&2; exit 2 ;; esac
  case $option in -*) ;; *) break ;; esac
done
exec "$GREP" "$@"`,
}

// TestToolsOfPOSIXAreEnough has no other tools on the PATH than those of
// busybox, and of those that know more than POSIX a strict wrapper.
func TestToolsOfPOSIXAreEnough(t *testing.T) {
	t.Parallel()
	busybox, err := exec.LookPath("busybox")
	if err != nil {
		t.Skip("busybox is not installed: apt-get install busybox")
	}
	tools := t.TempDir()
	if out, err := exec.Command(busybox, "--install", "-s", tools).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	state := t.TempDir()
	env := []string{"PATH=" + tools, "GCLOUD_STATE=" + state, "PAUSE=0", "BASH_COMPAT=3.2"}
	// cksum is of POSIX too, but not of every busybox.
	for _, name := range []string{"bash", "cksum", "sed", "grep"} {
		path, err := exec.LookPath(name)
		if err != nil {
			t.Fatal(err)
		}
		link := filepath.Join(tools, name)
		if err := os.Remove(link); err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
		if body, ok := strict[name]; ok {
			env = append(env, strings.ToUpper(name)+"="+path)
			write(t, link, "#!/bin/sh\n"+body+"\n", 0o777)
		} else if err := os.Symlink(path, link); err != nil {
			t.Fatal(err)
		}
	}
	gcloud := filepath.Join(tools, "gcloud")
	write(t, gcloud, "#!/bin/sh\nexec '"+absolute(t, "testdata/bin/gcloud")+"' \"$@\"\n", 0o777)
	inOrder(t, &machine{script{absolute(t, "deploy.sh"), env}, state})
}

// TestBashOfMacOSIsEnough finds what bash 3.2 does not know. Where a list may be
// empty, its "${list[@]}" is an error there.
func TestBashOfMacOSIsEnough(t *testing.T) {
	t.Parallel()
	text := read(t, "deploy.sh")
	for _, newer := range []string{
		`declare -[Ang]`, `local -[Ang]`, `\b(mapfile|readarray|coproc)\b`, `\$\{[a-zA-Z_]+(\[[^]]*\])?[,^]`, `\|&`, `&>>`, `\$\{[a-zA-Z_]+@`,
		`printf '%\(`, `\$\{[a-zA-Z_]+: +-[0-9]`, `\$\{[a-zA-Z_]+:[0-9]+:-`, `\[-1\]`, `\bEPOCH`, `;;?&`, `wait -n`, `shopt`,
	} {
		if found := regexp.MustCompile(newer).FindString(text); found != "" {
			t.Errorf("bash 3.2 does not know %q", found)
		}
	}
	for _, match := range regexp.MustCompile(`(.{0,2})"\$\{(settings|flags|carried)\[@\]\}"`).FindAllStringSubmatch(text, -1) {
		if !strings.HasSuffix(match[1], "+") && !strings.Contains(text, `"${#`+match[2]+`[@]}" -gt 0`) {
			t.Errorf("%s may be empty", match[0])
		}
	}
}

func TestDryRunChangesNothing(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	says(t, m.deploy(t, "--dry-run", "--keep", "365", "--notify", "me@example.com"), "services enable", "service-accounts create", "secrets create", "run deploy",
		"metrics create", "dashboards create", "policies create", "buckets create", "sinks create", "--add-exclusion", "channels create")
	if changes := m.changes(t); len(changes) != 0 {
		t.Errorf("changed %q", changes)
	}
}

func TestVersionOfGcloudIsChecked(t *testing.T) {
	t.Parallel()
	for version, want := range map[string]string{"500": "too old", "527": "too old", "528": "alpha monitoring policies create", "548": "alpha monitoring policies create", "549": " monitoring policies create"} {
		m := newMachine(t, "GCLOUD_VERSION="+version)
		out, ok := m.run(t, "", "--dry-run")
		if ok == (want == "too old") {
			t.Errorf("%s: succeeded: %t", version, ok)
		}
		says(t, out, want)
		if version == "549" && strings.Contains(out, "alpha") {
			t.Errorf("%s: alpha", version)
		}
	}
}

func TestFailingStepSaysWhatToDo(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		deny, message string
		env           string
		args          []string
		says          string
	}{
		"not logged in":        {env: "GCLOUD_LOGGED_OUT=1", says: "gcloud auth login"},
		"no project":           {deny: "*projects describe*", says: "does not exist, or you may not see it"},
		"APIs unlisted":        {deny: "*services list --enabled*", says: "roles/serviceusage.serviceUsageViewer"},
		"APIs denied":          {deny: "*services enable*", says: "roles/serviceusage.serviceUsageAdmin"},
		"account denied":       {deny: "*service-accounts create*", says: "roles/iam.serviceAccountAdmin"},
		"roles unread":         {deny: "*projects get-iam*", says: "roles/resourcemanager.projectIamAdmin"},
		"role denied":          {deny: "*projects add-iam*", says: "roles/resourcemanager.projectIamAdmin"},
		"secret unread":        {deny: "*secrets describe*", says: "roles/secretmanager.admin"},
		"secret denied":        {deny: "*secrets create*", says: "roles/secretmanager.admin"},
		"secret role denied":   {deny: "*secrets add-iam*", says: "roles/secretmanager.admin"},
		"deploy denied":        {deny: "*run deploy*", says: "roles/run.sourceDeveloper"},
		"build denied":         {deny: "*run deploy*", message: "Build failed; see the log", says: "roles/run.builder"},
		"policy on deployment": {deny: "*run deploy*", message: "FAILED_PRECONDITION: constraints/run.allowedIngress", says: "an organization policy forbids"},
		"access denied":        {deny: "*--no-invoker-iam-check*", says: "roles/run.admin"},
		"access forbidden":     {deny: "*--no-invoker-iam-check*", message: "FAILED_PRECONDITION: constraints/run.managed.requireInvokerIam", says: "--member allUsers"},
		"metrics denied":       {deny: "*metrics create*", says: "roles/logging.configWriter"},
		"dashboard denied":     {deny: "*dashboards create*", says: "roles/monitoring.editor"},
		"dashboards unlisted":  {deny: "*dashboards list*", says: "roles/monitoring.editor"},
		"alerts denied":        {deny: "*policies create*", says: "roles/monitoring.editor"},
		"alerts unlisted":      {deny: "*policies list*", says: "roles/monitoring.editor"},
		"sinks unlisted":       {deny: "*sinks list*", args: []string{"--keep", "1"}, says: "roles/logging.configWriter"},
		"bucket denied":        {deny: "*buckets create*", args: []string{"--keep", "1"}, says: "roles/logging.configWriter"},
		"sink denied":          {deny: "*sinks create*", args: []string{"--keep", "1"}, says: "roles/logging.configWriter"},
		"exclusion denied":     {deny: "*--add-exclusion*", args: []string{"--keep", "1"}, says: "roles/logging.configWriter"},
		"channels unlisted":    {deny: "*channels list*", args: []string{"--notify", "a@example.com"}, says: "gcloud components install beta"},
		"channel denied":       {deny: "*channels create*", args: []string{"--notify", "a@example.com"}, says: "roles/monitoring.editor"},
		"no days":              {args: []string{"--keep", ""}, says: "1 to 3650 days"},
		"too few days":         {args: []string{"--keep", "0"}, says: "1 to 3650 days"},
		"too many days":        {args: []string{"--keep", "3651"}, says: "1 to 3650 days"},
		"location alone":       {args: []string{"--location", "eu"}, says: "--location needs --keep"},
		"bad location":         {args: []string{"--keep", "1", "--location", "a/b"}, says: "--location a/b"},
		"two in one":           {args: []string{"--notify", "a@example.com,b@example.com"}, says: "is not an e-mail address"},
		"bad name":             {args: []string{"--name", "X"}, says: "--name X"},
		"name of the builder":  {args: []string{"--name", "livechat-webhook-build"}, says: "is taken"},
		"bad secret name":      {args: []string{"--secret-name", "a b"}, says: "--secret-name a b"},
		"no value":             {args: []string{"--redact"}, says: "--redact needs a value"},
		"unknown flag":         {args: []string{"--force"}, says: "unknown argument --force"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := newMachine(t, "GCLOUD_DENY="+test.deny, "GCLOUD_SAYS="+test.message, test.env)
			out, ok := m.run(t, "", test.args...)
			if ok {
				t.Error("it succeeded")
			}
			says(t, out, test.says)
			// Each new account is waited for once; a denial never.
			if strings.Count(out, "trying again") > 2 {
				t.Errorf("waits for what does not pass:\n%s", out)
			}
		})
	}
}

// TestAccessForbiddenLeavesTheRest shows that all but the access is deployed.
func TestAccessForbiddenLeavesTheRest(t *testing.T) {
	t.Parallel()
	m := newMachine(t, "GCLOUD_DENY=*--no-invoker-iam-check*")
	if out, ok := m.run(t, ""); ok || !strings.Contains(out, "LiveChat cannot reach the function yet") {
		t.Errorf("succeeded: %t\n%s", ok, out)
	}
	if files := m.files(t); count(files, "policies/") != 3 {
		t.Errorf("%d alerts", count(files, "policies/"))
	}
	says(t, m.deploy(t), "not public", "--no-invoker-iam-check", "Nothing had to be changed.")
}

func TestShellcheck(t *testing.T) {
	t.Parallel()
	shellcheck, err := exec.LookPath("shellcheck")
	if err != nil {
		t.Skip("shellcheck is not installed")
	}
	out, err := exec.Command(shellcheck, "deploy.sh", "testdata/bin/gcloud", "testdata/real/gcloud").CombinedOutput()
	if err != nil {
		t.Errorf("%s", bytes.TrimSpace(out))
	}
}
