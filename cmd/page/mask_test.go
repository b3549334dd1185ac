package page

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestSecretsAreShownNowhere: neither the function's nor one that somebody
// offers, wherever it is in a request, in whatever form the page has it.
func TestSecretsAreShownNowhere(t *testing.T) {
	const offered = "what-an-attacker-guesses"
	dir := t.TempDir()
	r := start(t, secret+" "+other, dir)
	kept := make(chan error)
	go func() { kept <- r.Keep() }()
	escapedSecret := `\u0061` + secret[1:]
	for _, s := range []string{secret, other, offered} {
		r.send(t, `{"action":"incoming_event","secret_key":"`+s+`","payload":{"chat_id":"A1","thread_id":"T1","event":{"id":"T1_1","type":"message","text":"I know `+s+`"}}}`)
		r.send(t, `{"event_type":"chat_started","token":"`+s+`","token":"`+s+`","chat":{"id":"A2"},"`+s+`":1}`)
		r.send(t, `{"event_type":"chat_started","chat":{"id":"A3"}}`, "Authorization", "Basic "+basic(s))
		r.send(t, `{"secret_key":"`+s)
		r.send(t, `{"secret_key" : "`+s+`",}`)
		r.send(t, "{}", "Authorization", "Bearer "+s, "Cookie", "a="+s, "Proxy-Authorization", s)
	}
	r.send(t, `{"action":"`+escapedSecret+`","secret_key":"`+other+`"}`)
	q, err := http.NewRequest("GET", r.function.URL+"/"+secret+"?key="+other, nil)
	if err != nil {
		t.Fatal(err)
	}
	q.Header.Set("X-Secret", secret)
	resp, err := http.DefaultClient.Do(q)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	r.until(t, "20 webhooks", func() bool { return len(r.store.All()) == 20 })
	all := r.everything(t)
	if !strings.Contains(all, "[secret, 20 characters]") {
		t.Error("nothing is masked")
	}
	for _, s := range []string{secret, other, offered, escapedSecret, basic(secret), basic(other), basic(offered)} {
		if strings.Contains(all, s) {
			i := strings.Index(all, s)
			t.Errorf("the page shows %s: …%s…", s, all[max(0, i-200):i+len(s)])
		}
	}
	r.Close()
	if err := <-kept; err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(files) < 40 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range []string{secret, other, offered, escapedSecret, basic(secret), basic(other), basic(offered)} {
			if strings.Contains(string(text), s) || strings.Contains(file, s) {
				t.Errorf("%s has %s", file, s)
			}
		}
	}
}

func TestBodyIsAsItCame(t *testing.T) {
	p := New(Options{Store: NewStore(), Config: configOf(t, secret, "")})
	for body, want := range map[string]string{
		odd:                            strings.ReplaceAll(strings.ReplaceAll(odd, secret, "[secret, 20 characters]"), "\xff", "\xff"),
		`{ "secret_key" : "x" }` + " ": `{ "secret_key" : "[secret, 1 characters]" }` + " ",
		`{"secret_key":12345678,"n":1e400,"n":12345678}`: `{"secret_key":"[secret, 8 characters]","n":1e400,"n":"[redacted]"}`,
		`{"a":"\ud800","b":0.10,"c":-0}`:                 `{"a":"\ud800","b":0.10,"c":-0}`,
		"not JSON":                                       "not JSON",
		"":                                               "",
	} {
		if got := string(p.Body(&Webhook{Body: []byte(body)})); got != want {
			t.Errorf("%q is shown as %q, want %q", body, got, want)
		}
	}
}
