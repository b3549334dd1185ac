package deploy

import (
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

// section returns the code blocks of a section of the README.
func section(t *testing.T, title string) []string {
	t.Helper()
	_, text, found := strings.Cut(read(t, "../README.md"), "\n## "+title+"\n")
	if !found {
		t.Fatalf("the README has no section %q", title)
	}
	text, _, _ = strings.Cut(text, "\n## ")
	var all []string
	for _, match := range blocks.FindAllStringSubmatch(text, -1) {
		all = append(all, match[1])
	}
	return all
}

// TestRotationKeepsTheSecretInUse runs the first and the last step of the
// README's section as a person pastes them, with the update of the function
// failing the first time.
func TestRotationKeepsTheSecretInUse(t *testing.T) {
	t.Parallel()
	steps := section(t, "Change the secret without losing a webhook")
	if len(steps) != 3 {
		t.Fatalf("%d steps", len(steps))
	}
	m := newMachine(t)
	m.deploy(t)
	secret := func() string { return read(t, m.state+"/secrets/livechat-secrets") }
	old := secret()
	follow := func(step string, env ...string) bool {
		shell := exec.Command("bash", "-c", step)
		shell.Env = append(append(m.env, "PROJECT=my-project", "REGION=europe-west1"), env...)
		out, err := shell.CombinedOutput()
		if strings.Contains(string(out), old) {
			t.Errorf("the secret is shown:\n%s", out)
		}
		return err == nil
	}
	if follow(steps[0], "GCLOUD_DENY=*run services update*") {
		t.Error("a failing update is not noticed")
	}
	if follow(steps[0], "GCLOUD_DENY=*versions access*") || !strings.HasSuffix(secret(), " "+old) {
		t.Errorf("the old secret is lost: %q", secret())
	}
	if !follow(steps[0]) || !regexp.MustCompile(`^[0-9a-f]{48} [0-9a-f]{48} `+old+`$`).MatchString(secret()) {
		t.Errorf("after the first step: %q", secret())
	}
	newest, _, _ := strings.Cut(secret(), " ")
	if follow(steps[2], "GCLOUD_DENY=*versions access*") || !strings.HasPrefix(secret(), newest+" ") {
		t.Errorf("a failure empties the secret: %q", secret())
	}
	if !follow(steps[2]) || secret() != newest {
		t.Errorf("after the last step: %q", secret())
	}
	for _, step := range steps {
		for line := range strings.Lines(strings.ReplaceAll(step, "\\\n", " ")) {
			if strings.Contains(line, "gcloud ") && !strings.Contains(line, "--project $PROJECT") {
				t.Errorf("does not say which project: %s", line)
			}
			if strings.Contains(line, "gcloud run ") && !strings.Contains(line, "--region $REGION") {
				t.Errorf("does not say which region: %s", line)
			}
		}
	}
}

// TestREADMEDeploysAsTheScriptDoes compares the settings of the two commands by
// hand with the script's.
func TestREADMEDeploysAsTheScriptDoes(t *testing.T) {
	t.Parallel()
	script, n := read(t, "deploy.sh"), 0
	for _, block := range section(t, "Deploy by hand") {
		for _, name := range []string{"run", "functions"} {
			_, command, found := strings.Cut(block, "gcloud "+name+" deploy livechat-webhook ")
			if !found {
				continue
			}
			n++
			for _, setting := range []string{"--cpu 1 ", "--memory 512Mi ", "--concurrency 80 ", "--timeout 30", "--max-instances 10"} {
				if !strings.Contains(command, setting) || !strings.Contains(script, setting) {
					t.Errorf("%s: %q", name, setting)
				}
			}
			for _, variable := range []string{"GOMAXPROCS=1", "GOGC=400", "GOMEMLIMIT=384MiB"} {
				if key, value, _ := strings.Cut(variable, "="); !strings.Contains(command, variable) || !strings.Contains(script, "add_variable "+key+" "+value) {
					t.Errorf("%s: %q", name, variable)
				}
			}
			if runtime := regexp.MustCompile(`base_image=(go\d+)`).FindStringSubmatch(script); runtime == nil || !strings.Contains(command, " "+runtime[1]+" ") {
				t.Errorf("%s: another runtime than %q", name, runtime)
			}
		}
	}
	if n != 2 {
		t.Errorf("%d commands, want 2", n)
	}
}
