package page

import (
	"bytes"
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"example.com/livechat-webhook/payload"
)

// odd has what is easily changed on the way: order, white space, numbers,
// members of one name, escapes, invalid UTF-8.
const odd = "{\"z\" : 12345678901234567890,\t\"a\":1.10e+2,\"a\":[ ],\"secret_key\":\"" + secret + "\",\"t\":\"\\u00e9\\/\xff\",\"action\":\"incoming_event\"}\r\n"

// TestReplay sends the very bytes and headers through the port.
func TestReplay(t *testing.T) {
	r := start(t, secret, "")
	first := r.send(t, odd, "X-Forwarded-For", "192.0.2.1", "User-Agent", "LiveChat")
	if string(first.Body) != odd || first.Status != 200 {
		t.Fatalf("recorded %d %q", first.Status, first.Body)
	}
	status, h, _ := r.act(t, "/webhooks/1/replay", nil)
	if status != 303 || h.Get("Location") != "/webhooks/2" {
		t.Fatalf("%d %s", status, h.Get("Location"))
	}
	again := r.store.Get(2)
	if !bytes.Equal(again.Body, first.Body) || again.ReplayOf != 1 || again.RepeatOf != 1 || again.Status != 200 {
		t.Errorf("sent again: %d %q, replay of #%d", again.Status, again.Body, again.ReplayOf)
	}
	before, after := first.Header.Clone(), again.Header.Clone()
	before.Del("Traceparent")
	after.Del("Traceparent")
	if !maps.EqualFunc(before, after, func(a, b []string) bool { return strings.Join(a, "\n") == strings.Join(b, "\n") }) {
		t.Errorf("headers %v, want %v", after, before)
	}
	if _, _, text := r.get(t, "/webhooks/2"); !strings.Contains(text, "Sent again from") || !strings.Contains(text, "the bodies are the same") {
		t.Error("the page does not say what it was sent from")
	}
	var one struct{ Body string }
	_, _, text := r.get(t, "/webhooks/2", "Accept", "application/json")
	want := strings.ToValidUTF8(strings.ReplaceAll(odd, secret, "[secret, 20 characters]"), "\uFFFD")
	if err := json.Unmarshal([]byte(text), &one); err != nil || one.Body != want {
		t.Errorf("%v: body as JSON: %q", err, one.Body)
	}
}

// TestReplayOfRefused: what was refused is refused again, in the same way.
func TestReplayOfRefused(t *testing.T) {
	r := start(t, secret, "")
	for _, w := range []*Webhook{r.send(t, "{"), r.send(t, `{"secret_key":"wrong"}`), r.send(t, "{}", "Authorization", "Basic OndyYg==")} {
		r.act(t, "/webhooks/"+strconv.Itoa(w.Number)+"/replay", nil)
		all := r.store.All()
		if again := all[len(all)-1]; again.Status != w.Status || w.Status/100 != 4 || again.ReplayOf != w.Number {
			t.Errorf("%s: %d, then %d", w.Body, w.Status, again.Status)
		}
	}
}

// TestCurl runs the copied command.
func TestCurl(t *testing.T) {
	if _, err := exec.LookPath("curl"); err != nil {
		t.Skip(err)
	}
	r := start(t, secret+","+other, "")
	for _, body := range []string{
		message("it's 100% \\ \"quoted\" $HOME `id` \n"),
		`{"action":"chat_started","b":"'; touch /tmp/x; '"}`,
		"{\"action\":\"x\",\"pasted\":\"\u009b2J\u202e\x7f\"}",
	} {
		first := r.send(t, body, "Authorization", "Basic "+basic(secret))
		command := r.curl(first)
		if strings.Contains(command, secret) || strings.ContainsFunc(command, obeyed) {
			t.Errorf("command %q", command)
		}
		for _, shell := range []string{"sh", "bash"} {
			before := r.store.here().number
			cmd := exec.Command(shell, "-c", command)
			cmd.Env = append(cmd.Environ(), "LIVECHAT_SECRETS="+secret+","+other)
			if answer, err := cmd.Output(); err != nil || string(answer) != "ok\n" {
				t.Errorf("%s: %q, %v: %s", shell, answer, err, command)
			}
			r.until(t, "what curl sent", func() bool { return r.store.here().number > before })
			if got := r.store.Get(before + 1).Body; !bytes.Equal(got, r.Body(first)) {
				t.Errorf("%s sent %q, want %q", shell, got, r.Body(first))
			}
		}
	}
}

func basic(secret string) string {
	r := &http.Request{Header: http.Header{}}
	r.SetBasicAuth("livechat", secret)
	_, encoded, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	return encoded
}

// TestLogsQuery: the query names the entry by its id and time.
func TestLogsQuery(t *testing.T) {
	r := start(t, secret, "")
	w := r.send(t, message("Hello"))
	e := w.Entries()[0]
	query := r.query(w)
	for _, want := range []string{`logName="projects/my-project/logs/livechat-webhooks"`, `insertId="` + e.GetInsertId() + `"`} {
		if !strings.Contains(query, want) {
			t.Errorf("%q is not in %s", want, query)
		}
	}
	if w := r.send(t, "{"); r.query(w) != "" {
		t.Error("a refused request has a query")
	}
}

// TestEverySampleCanBeSent with the secret where its family has it.
func TestEverySampleCanBeSent(t *testing.T) {
	r := start(t, secret, "")
	for _, s := range samples() {
		status, h, text := r.act(t, "/send", url.Values{"sample": {s.Name}, "fresh": {"on"}})
		if status != 303 {
			t.Fatalf("%s: %d %s", s.Name, status, text)
		}
		all := r.store.All()
		w := all[len(all)-1]
		if want := "/webhooks/" + strconv.Itoa(w.Number); h.Get("Location") != want {
			t.Errorf("%s leads to %s, want %s", s.Name, h.Get("Location"), want)
		}
		if upgrade := strings.HasPrefix(s.Name, "app/in_app_upgrade"); w.Status != 200 && !(upgrade && w.Status == 403) {
			t.Errorf("%s: %d %s", s.Name, w.Status, w.Reason)
		}
	}
}

func TestSameWebhookThreeTimes(t *testing.T) {
	r := start(t, secret, "")
	r.act(t, "/send", url.Values{"sample": {"v3/incoming_event-v3.2"}, "fresh": {"on"}, "times": {"3"}})
	all := r.store.All()
	if len(all) != 3 || all[1].RepeatOf != 1 || all[2].RepeatOf != 1 {
		t.Fatalf("%d webhooks", len(all))
	}
	if _, _, text := r.get(t, "/webhooks/3"); !strings.Contains(text, "Cloud Logging lists both once") {
		t.Error("the page does not say that Cloud Logging folds them")
	}
}

func TestWrongSecret(t *testing.T) {
	r := start(t, secret+" "+other, "")
	r.act(t, "/send", url.Values{"sample": {"v3/incoming_event-v3.2"}, "secret": {"wrong"}})
	w := r.store.Get(1)
	if w.Status != 401 || w.Reason != "secret_key, 26 characters, equals none of your 2 secrets." {
		t.Errorf("%d %s", w.Status, w.Reason)
	}
}

// TestEditing: what was edited is sent, and where it is not JSON is said.
func TestEditing(t *testing.T) {
	r := start(t, secret, "")
	r.send(t, message("Hello"))
	if _, _, text := r.get(t, "/send?from=1"); !strings.Contains(text, "PS0X0L086G") || strings.Contains(text, secret) {
		t.Error("the form has not the body, or the secret")
	}
	masked := string(r.Body(r.store.Get(1)))
	r.act(t, "/send", url.Values{"body": {strings.Replace(masked, "Hello", "Bye", 1)}})
	if w := r.store.Get(2); w.Status != 200 || !strings.Contains(string(w.Body), secret) || w.Summary != `agent smith@example.com wrote "Bye"` {
		t.Errorf("%d %s %s", w.Status, w.Summary, w.Body)
	}
	status, _, text := r.act(t, "/send", url.Values{"body": {"{\n  \"a\": 1,}"}})
	if status != 422 || !strings.Contains(text, "line 2, column 10") || r.store.Get(3) != nil {
		t.Errorf("not JSON: %d", status)
	}
	r.act(t, "/send", url.Values{"body": {"{"}, "anyway": {"on"}})
	if w := r.store.Get(3); w == nil || w.Status != 400 {
		t.Error("not sent anyway")
	}
}

// TestWholeChat: a chat that is sent becomes a conversation.
func TestWholeChat(t *testing.T) {
	r := start(t, secret, "")
	for _, name := range []string{"edits", "v2"} {
		_, h, _ := r.act(t, "/send", url.Values{"chat": {name}, "speed": {"100"}})
		path := h.Get("Location")
		if !strings.HasPrefix(path, "/chats/") {
			t.Fatalf("%s leads to %q", name, path)
		}
		r.until(t, name+" has ended", func() bool {
			c := find(conversationsOf(r.allChats()), strings.TrimPrefix(path, "/chats/"))
			return c != nil && c.State() != "open" && c.State() != "waiting"
		})
		if status, _, text := r.get(t, path); status != 200 || !strings.Contains(text, `class="bubble"`) {
			t.Errorf("%s: %d", name, status)
		}
	}
	if all := r.store.All(); len(all) != 13 {
		t.Errorf("%d webhooks", len(all))
	}
}

// TestFreshChats: each chat has its own ids and times, and is what it was
// otherwise.
func TestFreshChats(t *testing.T) {
	now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	for _, s := range scenarios() {
		for _, speed := range speeds {
			chat, again := s.play(now, speed), s.play(now, speed)
			if len(chat) != len(s.Deliveries) {
				t.Fatalf("%s: %d webhooks", s.Name, len(chat))
			}
			for i, d := range chat {
				old, err := payload.Parse(s.Deliveries[i].Body)
				if err != nil {
					t.Fatal(err)
				}
				fresh, err := payload.Parse(d.body)
				if err != nil {
					t.Fatal(err)
				}
				twin, _ := payload.Parse(again[i].body)
				if fresh.Event != old.Event || fresh.ChatID == old.ChatID && old.ChatID != "" || fresh.ChatID == twin.ChatID && old.ChatID != "" {
					t.Errorf("%s, %d: %s %s was %s %s", s.Name, i, fresh.Event, fresh.ChatID, old.Event, old.ChatID)
				}
				if after := d.at.Sub(now); after != time.Duration(float64(s.Deliveries[i].Received.Sub(s.Deliveries[0].Received))/speed) {
					t.Errorf("%s, %d: sent after %v", s.Name, i, after)
				}
				if !old.Time.IsZero() && fresh.Time.After(d.at.Add(time.Second)) || fresh.Time.IsZero() != old.Time.IsZero() {
					t.Errorf("%s, %d: its time %v is after %v", s.Name, i, fresh.Time, d.at)
				}
			}
		}
	}
}

// TestFaults: Cloud Logging fails as it is told to, the page says so while it
// does, and of each webhook afterwards.
func TestFaults(t *testing.T) {
	if testing.Short() {
		t.Skip("each fault takes as long as LiveChat waits")
	}
	for _, f := range Faults[1:] {
		t.Run(f.Name, func(t *testing.T) {
			t.Parallel()
			r := start(t, secret, "")
			r.act(t, "/faults", url.Values{"fault": {f.Name}})
			if _, _, text := r.get(t, "/chats"); !strings.Contains(text, "because you made it fail") {
				t.Error("no banner")
			}
			w := r.send(t, message("Hello"))
			want := 503
			if f.Name == "refused" {
				want = 200
			}
			if w.Status != want || w.NotWritten == "" || w.Stored || len(w.Entries()) != 1 || !strings.Contains(w.Reason, "you made it fail") {
				t.Errorf("%d %q %s", w.Status, w.NotWritten, w.Reason)
			}
			r.act(t, "/faults", url.Values{"fault": {""}})
			if _, _, text := r.get(t, "/chats"); strings.Contains(text, "because you made it fail") {
				t.Error("the banner stays")
			}
			if again := r.send(t, message("Hello")); again.Status != 200 || !again.Stored {
				t.Errorf("then %d", again.Status)
			}
		})
	}
	r := start(t, secret, "")
	if status, _, _ := r.act(t, "/faults", url.Values{"fault": {"none"}}); status != 400 {
		t.Errorf("an unknown fault: %d", status)
	}
}
