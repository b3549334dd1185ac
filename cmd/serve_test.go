package main

import (
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"example.com/livechat-webhook/internal/console"
)

// page returns the URL of the page, which is the first thing that the command
// says.
func (p *localRun) page(t *testing.T) string {
	t.Helper()
	var l console.Line
	if err := json.Unmarshal([]byte(p.started[0]), &l); err != nil {
		t.Fatal(err)
	}
	url, ok := strings.CutPrefix(l.Message, "page on ")
	if !ok {
		t.Fatalf("first line: %s", l.Message)
	}
	return url
}

func get(t *testing.T, url, accept string) string {
	t.Helper()
	r, err := http.NewRequest("GET", url, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Accept", accept)
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestPage opens the URL that the command prints first, and sees a webhook that
// came through the functions framework, with its entry.
func TestPage(t *testing.T) {
	p := start(t, []string{"LIVECHAT_SECRETS=a-secret-of-LiveChat"}, "-page", "127.0.0.1:0")
	url := p.page(t)
	if text := get(t, url, "text/html"); !strings.Contains(text, "No webhook yet") {
		t.Errorf("at first: %s", text)
	}
	p.post(t, read(t, "../testdata/v2/chat_started.json"), "Authorization", basic("a-secret-of-LiveChat"))
	p.post(t, "{}")
	// The page may have them a moment after the answer.
	for strings.Count(get(t, url+"webhooks", "application/json"), `"number"`) < 2 {
	}
	text := get(t, url+"webhooks/1", "application/json")
	for _, want := range []string{`"status":200`, `"summary":"NAME (name@gmail.com, Japan)"`, `"entries":[{"logName":"projects/local/logs/livechat-webhooks"`} {
		if !strings.Contains(text, want) {
			t.Errorf("%s is not in %s", want, text)
		}
	}
	if text := get(t, url+"webhooks/2", "application/json"); !strings.Contains(text, "No secret: secret_key, token and HTTP Basic are empty.") {
		t.Errorf("refused: %s", text)
	}
	if resp, err := http.Get(p.url + "/webhooks"); err != nil || resp.StatusCode != 405 {
		t.Errorf("the page is on the port of the function: %v %v", resp, err)
	}
}

func TestPortOfThePageInUse(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	taken := l.Addr().String()
	p := start(t, nil, "-page", taken)
	url := p.page(t)
	if strings.Contains(url, taken) || !strings.HasPrefix(url, "http://127.0.0.1:") || !strings.Contains(get(t, url, "text/html"), "No webhook yet") {
		t.Errorf("page on %s, which is taken", url)
	}
}

func TestNoPage(t *testing.T) {
	p := start(t, nil, "-page", "")
	if said := strings.Join(p.started, ""); strings.Contains(said, "page on") {
		t.Errorf("said %s", said)
	}
	if status, _ := p.post(t, "{}"); status != 200 {
		t.Errorf("answered %d", status)
	}
}

// TestPageForOthers: an address that others reach asks for a token.
func TestPageForOthers(t *testing.T) {
	p := start(t, nil, "-page", "0.0.0.0:0")
	url := p.page(t)
	if !strings.Contains(url, "/?token=") || !strings.Contains(p.started[1], "not only for this machine") {
		t.Errorf("started with %q", p.started[:2])
	}
	without, _, _ := strings.Cut(url, "?")
	resp, err := http.Get(without)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != 403 {
		t.Errorf("without the token: %d", resp.StatusCode)
	}
}

func TestWrongPage(t *testing.T) {
	for page, want := range map[string]string{
		"8081":           "-page: address 8081: missing port in address",
		"localhost:web":  `-page: port \"web\" is not a number`,
		"192.0.2.1:8081": "-page: cannot listen on 192.0.2.1:8081",
	} {
		code, stdout, stderr := output(t, []string{"PORT=" + freePort(t)}, "-page", page)
		if code != 1 || stdout != "" || strings.Count(stderr, "\n") != 1 || !strings.Contains(stderr, want) {
			t.Errorf("-page %s: exit code %d: %s%s", page, code, stdout, stderr)
		}
	}
}

// TestKeep: what was kept is there after a restart, also what came just before
// the end.
func TestKeep(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "kept")
	p := start(t, nil, "-keep", dir)
	p.post(t, read(t, "../testdata/v2/chat_started.json"))
	p.stop(t, os.Interrupt)
	p = start(t, nil, "-keep", dir)
	if text := get(t, p.page(t)+"webhooks", "application/json"); !strings.Contains(text, `"event":"chat_started","chat_id":"PO13"`) {
		t.Errorf("after a restart: %s", text)
	}
	if body := read(t, filepath.Join(dir, "000001-chat_started.json")); !strings.Contains(body, "PO13") {
		t.Errorf("kept: %s", body)
	}
}

// TestBody prints bodies as they came, but for secrets and what a terminal
// obeys.
func TestBody(t *testing.T) {
	p := start(t, []string{"LIVECHAT_SECRETS=a-secret-of-LiveChat"}, "-body")
	p.post(t, `{"z":12345678901234567890,"secret_key":"a-secret-of-LiveChat","a":{"\u001b":"`+"\u202e"+`"}}`)
	stdout, _ := p.stop(t, os.Interrupt)
	want := `  {
    "z": 12345678901234567890,
    "secret_key": "[secret, 20 characters]",
    "a": {
      "\u001b": "\u202e"
    }
  }
`
	if !strings.HasSuffix(stdout, want) {
		t.Errorf("printed %s, want %s", stdout, want)
	}
}
