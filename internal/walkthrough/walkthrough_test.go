// Package walkthrough does what the README says.
package walkthrough

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	_ "example.com/livechat-webhook/internal/golden"
	"example.com/livechat-webhook/internal/livechattest"
)

const root = "../.."

// commands returns the code blocks of a section of the README.
func commands(t *testing.T, section string) []string {
	t.Helper()
	readme, err := os.ReadFile(filepath.Join(root, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, text, found := strings.Cut(string(readme), "\n## "+section+"\n")
	if !found {
		t.Fatalf("the README has no section %q", section)
	}
	text, _, _ = strings.Cut(text, "\n## ")
	var blocks []string
	for _, match := range regexp.MustCompile("(?s)```\n(.*?)```").FindAllStringSubmatch(text, -1) {
		blocks = append(blocks, match[1])
	}
	return blocks
}

// TestFromNothingToCharts runs the section as it stands, twice in a row,
// against stand-ins of gcloud and of LiveChat's API.
func TestFromNothingToCharts(t *testing.T) {
	blocks := commands(t, "From nothing to charts")
	if len(blocks) != 4 {
		t.Fatalf("%d commands, want what is yours, deploy, register and look", len(blocks))
	}
	api := livechattest.New("your-account-id", "your-token")
	server := httptest.NewServer(api)
	defer server.Close()
	bin, err := filepath.Abs(filepath.Join(root, "deploy/testdata/bin"))
	if err != nil {
		t.Fatal(err)
	}
	state := t.TempDir()
	function := httptest.NewServer(deployed(state))
	defer function.Close()
	follow := func() string {
		shell := exec.Command("bash", "-euo", "pipefail", "-c", strings.Join(blocks, "\n"))
		shell.Dir = root
		shell.Env = append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH"), "GCLOUD_STATE="+state, "PAUSE=0",
			"GCLOUD_URL="+function.URL, "LIVECHAT_API_URL="+server.URL+"/v3.6")
		out, err := shell.CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		return string(out)
	}

	out := follow()
	for _, want := range []string{"registered  incoming_chat ", "registered  incoming_event ", "registered  chat_deactivated ", "chat_started PO13"} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is not in:\n%s", want, out)
		}
	}
	secret, err := os.ReadFile(filepath.Join(state, "secrets/livechat-secrets"))
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(out, string(secret)) {
		t.Error("the secret is shown")
	}
	webhooks, made := api.Webhooks(), things(t, state)
	if len(webhooks) != 12 {
		t.Fatalf("%d webhooks registered, want 12", len(webhooks))
	}

	out = follow()
	if !strings.Contains(out, "12 already") {
		t.Errorf("the second time is not told apart:\n%s", out)
	}
	if diff := cmp.Diff(webhooks, api.Webhooks()); diff != "" {
		t.Errorf("the second time changed what is registered (-first +second):\n%s", diff)
	}
	if diff := cmp.Diff(made, things(t, state)); diff != "" {
		t.Errorf("the second time made or removed something (-first +second):\n%s", diff)
	}
}

// deployed stands in for the function that was deployed: it accepts the secret
// that the stand-in for gcloud holds.
func deployed(state string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		secret, err := os.ReadFile(filepath.Join(state, "secrets/livechat-secrets"))
		var webhook struct {
			SecretKey string `json:"secret_key"`
		}
		if err != nil || json.NewDecoder(r.Body).Decode(&webhook) != nil || webhook.SecretKey != string(secret) {
			w.WriteHeader(http.StatusUnauthorized)
		}
	})
}

// things lists what the stand-in for gcloud holds, by kind and name, with the
// secret itself.
func things(t *testing.T, state string) map[string]string {
	t.Helper()
	found := map[string]string{}
	files, err := filepath.Glob(filepath.Join(state, "*", "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		name, err := filepath.Rel(state, file)
		if err != nil {
			t.Fatal(err)
		}
		found[name] = ""
		if strings.HasPrefix(name, "secrets/") {
			secret, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			found[name] = string(secret)
		}
	}
	return found
}
