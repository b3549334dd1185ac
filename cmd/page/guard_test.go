package page

import (
	"net/url"
	"os/exec"
	"strings"
	"testing"
)

var everyPath = []string{
	"/", "/webhooks", "/webhooks/1", "/webhooks/latest", "/webhooks/1/body", "/webhooks/9", "/chats", "/chats/PS0X0L086G",
	"/chats/PS0X0L086G/transcript.md", "/send", "/send?from=1", "/page.css", "/page.js", "/nothing", "/%77ebhooks",
}

var everyAction = []string{"/webhooks/1/replay", "/send", "/faults", "/clear"}

// TestHostsOfWebsites: a website that has its name resolve to this machine
// reaches nothing, whatever the path.
func TestHostsOfWebsites(t *testing.T) {
	r := start(t, "", "")
	r.send(t, message("Hello"))
	for _, host := range []string{"evil.example", "evil.example:8081", "localhost.evil.example", "127.0.0.1.evil.example", "192.168.1.1", "", "[::2]:80"} {
		if host == "" {
			continue // the client sends its own
		}
		for _, path := range everyPath {
			if status, h, _ := r.get(t, path, "Host", host); status != 421 || h.Get("Content-Security-Policy") != policy {
				t.Errorf("%s of %s: %d", path, host, status)
			}
		}
		for _, path := range everyAction {
			if status, _, _ := r.act(t, path, nil, "Host", host, "Origin", "http://"+host, "Sec-Fetch-Site", "same-origin"); status != 421 {
				t.Errorf("POST %s of %s: %d", path, host, status)
			}
		}
	}
	for _, host := range []string{"localhost", "localhost:8081", "127.0.0.1:1", "[::1]:8081", "[::1]", "LOCALHOST"} {
		if status, _, _ := r.get(t, "/webhooks", "Host", host); status != 200 {
			t.Errorf("%s: %d", host, status)
		}
	}
}

// TestOtherOrigins: a website can have the browser post a form here.
func TestOtherOrigins(t *testing.T) {
	r := start(t, "", "")
	r.send(t, message("Hello"))
	for _, path := range everyAction {
		for _, headers := range [][]string{
			{"Sec-Fetch-Site", "cross-site", "Origin", "https://evil.example"},
			{"Sec-Fetch-Site", "same-site", "Origin", "http://localhost:3000"},
			{"Origin", "https://evil.example"},
			{"Origin", "null"},
		} {
			if status, _, _ := r.act(t, path, url.Values{"sample": {"v2/chat_started"}, "fault": {"down"}}, headers...); status != 403 {
				t.Errorf("POST %s %q: %d", path, headers, status)
			}
		}
	}
	if all := r.store.All(); len(all) != 1 || r.faults.name() != "" {
		t.Errorf("%d webhooks, fault %q", len(all), r.faults.name())
	}
}

// TestReadingChangesNothing asks for everything by GET.
func TestReadingChangesNothing(t *testing.T) {
	r := start(t, "", "")
	r.send(t, message("Hello"))
	before := r.store.here()
	for _, path := range append(everyPath, everyAction...) {
		r.get(t, path+"?undo=1&fault=down&sample=v2/chat_started&chat=v2")
	}
	if r.store.here() != before || r.faults.name() != "" || len(r.store.All()) != 1 {
		t.Error("a GET has changed something")
	}
}

func TestHeadersOfEveryAnswer(t *testing.T) {
	r := start(t, "", "")
	r.send(t, message("Hello"))
	want := map[string]string{
		"Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
			"form-action 'self'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
		"X-Content-Type-Options":       "nosniff",
		"Referrer-Policy":              "no-referrer",
		"Cross-Origin-Opener-Policy":   "same-origin",
		"Cross-Origin-Resource-Policy": "same-origin",
		"Cache-Control":                "no-store",
		"Access-Control-Allow-Origin":  "",
	}
	for _, path := range everyPath {
		_, h, _ := r.get(t, path, "Origin", "https://evil.example")
		for name, value := range want {
			if got := h.Get(name); got != value {
				t.Errorf("%s: %s: %q", path, name, got)
			}
		}
	}
	if _, h, _ := r.get(t, "/"); h.Get("Location") != "/webhooks" {
		t.Errorf("/ leads to %q", h.Get("Location"))
	}
	if _, h, _ := r.get(t, "/webhooks/1/body"); !strings.HasPrefix(h.Get("Content-Type"), "text/plain") {
		t.Errorf("a body is served as %q", h.Get("Content-Type"))
	}
}

// TestToken: from elsewhere than this machine, only who knows the token sees
// anything, under an address.
func TestToken(t *testing.T) {
	r := start(t, "", "")
	r.send(t, message("Hello"))
	r.RequireToken("the-token")
	r.page.Config.Handler = r.Handler()
	for _, path := range everyPath {
		for _, with := range []string{"", "?token=wrong"} {
			if status, _, text := r.get(t, path+with, "Host", "192.168.1.1:8081"); status != 403 || strings.Contains(text, "the-token") {
				t.Errorf("%s: %d", path+with, status)
			}
		}
	}
	_, h, _ := r.get(t, "/webhooks?token=the-token", "Host", "192.168.1.1:8081")
	cookie, _, _ := strings.Cut(h.Get("Set-Cookie"), ";")
	if h.Get("Location") != "/webhooks" || !strings.Contains(h.Get("Set-Cookie"), "HttpOnly; SameSite=Strict") {
		t.Errorf("with the token: %v", h)
	}
	if status, _, _ := r.get(t, "/webhooks/1", "Host", "192.168.1.1:8081", "Cookie", cookie); status != 200 {
		t.Errorf("with the cookie: %d", status)
	}
	if status, _, _ := r.get(t, "/webhooks/1", "Host", "evil.example", "Cookie", cookie); status != 421 {
		t.Errorf("under the name of a website: %d", status)
	}
}

// TestNotDeployed: nothing of the page is in the function.
func TestNotDeployed(t *testing.T) {
	list, err := exec.Command("go", "list", "-deps", "example.com/livechat-webhook").Output()
	if err != nil {
		t.Fatal(err)
	}
	for pkg := range strings.Lines(string(list)) {
		for _, path := range []string{"/cmd", "/testdata", "/internal/chats", "/internal/cloudlogtest"} {
			if strings.HasPrefix(pkg, "example.com/livechat-webhook"+path) {
				t.Errorf("the function imports %s", pkg)
			}
		}
	}
}
