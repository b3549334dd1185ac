package page

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
	"unicode"

	"cloud.google.com/go/logging/apiv2/loggingpb"
	"golang.org/x/net/html"
	mrpb "google.golang.org/genproto/googleapis/api/monitoredres"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"example.com/livechat-webhook/internal/cloudlogtest"
	"example.com/livechat-webhook/internal/entry"
	"example.com/livechat-webhook/internal/redact"
	"example.com/livechat-webhook/payload"
)

// overLog is a page over the log of a project. What it sends to the function on
// this machine arrives in got.
type overLog struct {
	run
	got     chan *http.Request
	lookups []string
	answer  int // of the request of any trace
}

// logSecret is the secret of the function in the cloud.
const logSecret = "the-secret-in-the-cloud"

func startOverLog(t *testing.T) *overLog {
	t.Helper()
	o := &overLog{got: make(chan *http.Request, 1)}
	o.function = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		r.Body = io.NopCloser(strings.NewReader(string(body)))
		o.got <- r
		w.WriteHeader(http.StatusAccepted)
	}))
	t.Cleanup(o.function.Close)
	c := configOf(t, secret, "")
	o.Page = New(Options{Store: NewStore(), Config: c, Function: o.function.URL, Log: &Log{Since: "1h", Answer: func(ctx context.Context, trace string, at time.Time) (int, time.Duration) {
		if _, bounded := ctx.Deadline(); !bounded {
			t.Error("the page may wait for ever")
		}
		o.lookups = append(o.lookups, trace)
		return o.answer, 14 * time.Millisecond
	}}})
	o.page = httptest.NewServer(o.Handler())
	t.Cleanup(o.page.Close)
	return o
}

// record returns what the function in the cloud logs of a body.
func record(t testing.TB, body string) *entry.Record {
	t.Helper()
	webhook, err := payload.Parse([]byte(body))
	if err != nil {
		t.Fatal(err)
	}
	builder := entry.NewBuilder("my-project", redact.Rules{Secrets: []string{logSecret}})
	r, err := builder.Record(webhook, entry.Delivery{
		InsertID: builder.InsertID([]byte(body), 1), Received: time.Now(), Secret: 1, Header: http.Header{"Traceparent": {"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// written returns its entries.
func written(t testing.TB, r *entry.Record) []*loggingpb.LogEntry {
	t.Helper()
	var all []*loggingpb.LogEntry
	for _, wire := range r.Entries(0) {
		e := new(loggingpb.LogEntry)
		if err := proto.Unmarshal(wire, e); err != nil {
			t.Fatal(err)
		}
		e.LogName = "projects/my-project/logs/livechat-webhooks"
		e.ReceiveTimestamp = timestamppb.New(time.Unix(1e9, 0))
		all = append(all, e)
	}
	return all
}

// printed returns the entries that the platform makes of lines of a stream.
func printed(t testing.TB, stream, lines string) []*loggingpb.LogEntry {
	t.Helper()
	s, err := cloudlogtest.Start("127.0.0.1:0", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	resource, print := &mrpb.MonitoredResource{Type: "cloud_run_revision", Labels: map[string]string{"project_id": "my-project"}}, s.Print
	if stream == "stderr" {
		print = s.PrintError
	}
	if err := print(resource, []byte(lines)); err != nil {
		t.Fatal(err)
	}
	return s.Entries()
}

func copied(t testing.TB, r *entry.Record, notWritten string) []*loggingpb.LogEntry {
	t.Helper()
	lines, err := r.Copy(notWritten)
	if err != nil {
		t.Fatal(err)
	}
	return printed(t, "stdout", string(lines))
}

func signedBody(text string) string { return strings.ReplaceAll(message(text), secret, logSecret) }

func TestWebhookOfALog(t *testing.T) {
	o := startOverLog(t)
	for _, e := range written(t, record(t, signedBody("hello <there>"))) {
		o.Show(e)
	}
	status, h, _ := o.get(t, "/")
	if status != 303 || h.Get("Location") != "/chats" {
		t.Errorf("first view: %d %v", status, h)
	}
	_, _, chat := o.get(t, "/chats/PS0X0L086G")
	for _, want := range []string{"hello &lt;there&gt;", "<b>Project my-project</b>", "log <code>livechat-webhooks</code>, since 1h before the start"} {
		if !strings.Contains(chat, want) {
			t.Errorf("%q is not in %s", want, chat)
		}
	}
	_, _, one := o.get(t, "/webhooks/1")
	for _, want := range []string{
		"Send to my local function", "as the log has it", `&#34;[redacted]&#34;`, "2001-09-09T01:46:40", `insertId=&#34;`, `logName=&#34;projects/my-project/logs/livechat-webhooks&#34;`,
	} {
		if !strings.Contains(one, want) {
			t.Errorf("%q is not in %s", want, one)
		}
	}
	for _, not := range []string{"answered", "Replay", "Edit and send", "/clear", "/send", "/faults", "Request and answer", "[secret,"} {
		if strings.Contains(one, not) {
			t.Errorf("%q is in %s", not, one)
		}
	}
	accessible(t, "webhook of a log", []byte(one))
}

// TestLogIsOnlyRead: there is no way to change anything.
func TestLogIsOnlyRead(t *testing.T) {
	o := startOverLog(t)
	o.Show(written(t, record(t, signedBody("hello")))[0])
	for _, path := range []string{"/send", "/faults", "/clear", "/webhooks/1/replay", "/webhooks", "/chats"} {
		if status, _, _ := o.act(t, path, url.Values{"chat": {"complete"}, "fault": {"down"}}); status != 404 && status != 405 {
			t.Errorf("POST %s: %d", path, status)
		}
	}
	if status, _, _ := o.get(t, "/send"); status != 404 {
		t.Errorf("GET /send: %d", status)
	}
	if status, _, _ := o.act(t, "/webhooks/1/local", nil, "Origin", "https://website.example", "Sec-Fetch-Site", "cross-site"); status != 403 {
		t.Errorf("a website sends to the function: %d", status)
	}
	for _, path := range []string{"/webhooks", "/webhooks/1", "/chats", "/chats/PS0X0L086G"} {
		_, _, text := o.get(t, path)
		if n := strings.Count(text, "<form method=\"post\""); n > 1 || n == 1 && !strings.Contains(text, `action="/webhooks/1/local"`) {
			t.Errorf("%s has %d forms: %s", path, n, text)
		}
	}
	empty := startOverLog(t)
	for _, path := range []string{"/webhooks", "/chats"} {
		if _, _, text := empty.get(t, path); strings.Contains(text, `<form method="post"`) {
			t.Errorf("%s without webhooks has a form: %s", path, text)
		}
	}
}

// TestSendToLocalFunction: the body as the log has it, with the secret of the
// function on this machine.
func TestSendToLocalFunction(t *testing.T) {
	o := startOverLog(t)
	o.Show(written(t, record(t, signedBody("hello")))[0])
	status, h, text := o.act(t, "/webhooks/1/local", nil)
	if status != 303 || h.Get("Location") != "/webhooks/1?answered=202" {
		t.Fatalf("%d %v %s", status, h, text)
	}
	body, _ := io.ReadAll((<-o.got).Body)
	if got, err := payload.Parse(body); err != nil || got.SecretKey != secret || !strings.Contains(string(body), `"hello"`) {
		t.Errorf("sent %s, %v", body, err)
	}
	if _, _, text := o.get(t, h.Get("Location")); !strings.Contains(text, "answered 202 Accepted.") {
		t.Errorf("then %s", text)
	}
	for _, wrong := range []string{"99", "600", "x", ""} {
		if _, _, text := o.get(t, "/webhooks/1?answered="+wrong); strings.Contains(text, "answered") {
			t.Errorf("answered=%s: %s", wrong, text)
		}
	}
	o.function.Close()
	if status, _, text := o.act(t, "/webhooks/1/local", nil); status != 502 || !strings.Contains(text, "go run ./cmd") {
		t.Errorf("without a function: %d %s", status, text)
	}
	if status, _, _ := o.act(t, "/webhooks/9/local", nil); status != 404 {
		t.Errorf("no such webhook: %d", status)
	}
}

// TestAnswerOfTheRequestLog is looked for when a webhook is opened, until it is
// known.
func TestAnswerOfTheRequestLog(t *testing.T) {
	o := startOverLog(t)
	o.Show(written(t, record(t, signedBody("hello")))[0])
	without := written(t, record(t, signedBody("no trace")))[0]
	without.Trace = ""
	o.Show(without)
	o.get(t, "/webhooks/1")
	if _, _, text := o.get(t, "/webhooks/1"); strings.Contains(text, "answered") {
		t.Errorf("not known: %s", text)
	}
	o.answer = 200
	for range 3 {
		if _, _, text := o.get(t, "/webhooks/1"); !strings.Contains(text, "answered 200 in 14") {
			t.Errorf("known: %s", text)
		}
	}
	o.get(t, "/webhooks/2")
	if got := strings.Join(o.lookups, " "); got != strings.TrimSpace(strings.Repeat("4bf92f3577b34da6a3ce929d0e0e4736 ", 3)) {
		t.Errorf("looked up %s", got)
	}
	if _, _, text := o.get(t, "/webhooks"); !strings.Contains(text, `title="answered 200 OK"`) {
		t.Errorf("list: %s", text)
	}
}

// TestSplitWebhookOfALog: the parts, in any order, are one webhook.
func TestSplitWebhookOfALog(t *testing.T) {
	long := strings.Repeat("a long message ", 50_000)
	for name, entries := range map[string][]*loggingpb.LogEntry{
		"entries": written(t, record(t, signedBody(long))),
		"copy":    copied(t, record(t, signedBody(long)), "Unavailable"),
	} {
		o := startOverLog(t)
		if len(entries) < 3 {
			t.Fatalf("%s: %d parts", name, len(entries))
		}
		for i := range entries {
			if n := len(o.store.All()); n != 0 {
				t.Errorf("%s: %d webhooks before the last part", name, n)
			}
			o.Show(entries[len(entries)-1-i])
		}
		all := o.store.All()
		if len(all) != 1 || !strings.Contains(string(all[0].Body), long) {
			t.Fatalf("%s: %d webhooks", name, len(all))
		}
		id := record(t, signedBody(long)).InsertID
		if want := map[string]string{"entries": "\nsplit.uid=", "copy": "\njsonPayload.split.uid="}[name] + string(quote(id)); !strings.Contains(o.query(all[0]), want) {
			t.Errorf("%s: %s", name, o.query(all[0]))
		}
		if _, _, text := o.get(t, "/chats/PS0X0L086G"); !strings.Contains(text, "a long message a long message") {
			t.Errorf("%s: the chat does not have it", name)
		}
	}
}

// TestSplitWebhookTwiceInALog: the parts of one delivery do not complete another.
func TestSplitWebhookTwiceInALog(t *testing.T) {
	body := signedBody(strings.Repeat("a long message ", 50_000))
	first, second := written(t, record(t, body)), written(t, record(t, body))
	o := startOverLog(t)
	for i := range first {
		o.Show(first[i])
		o.Show(second[i])
	}
	if n := len(o.store.All()); n != 2 {
		t.Errorf("%d webhooks", n)
	}
}

// TestIncompleteWebhookOfALog: parts do not wait for ever for the others.
func TestIncompleteWebhookOfALog(t *testing.T) {
	o := startOverLog(t)
	for i := range maxSets + 1 {
		o.Show(written(t, record(t, signedBody(fmt.Sprint(i, strings.Repeat(" a long message", 50_000)))))[0])
	}
	if all := o.store.All(); len(all) != 1 || len(o.sets) != maxSets {
		t.Errorf("%d webhooks, %d wait", len(all), len(o.sets))
	}
	if _, _, text := o.get(t, "/webhooks/1"); !strings.Contains(text, "a long message") {
		t.Errorf("the first part is not shown: %s", text)
	}
}

func TestCopiesAndRefusalsOfALog(t *testing.T) {
	o := startOverLog(t)
	o.Show(copied(t, record(t, signedBody("down")), "Unavailable")[0])
	o.Show(copied(t, record(t, signedBody("bad")), "InvalidArgument")[0])
	o.Show(printed(t, "stderr", `{"severity":"WARNING","message":"refused: wrong secret","reason":"wrong secret","status":401,"count":5}`)[0])
	o.Show(printed(t, "stderr", `{"severity":"WARNING","message":"failed: not written","reason":"not written","status":503,"count":2}`)[0])
	if n := len(o.store.All()); n != 3 {
		t.Errorf("%d rows: what was not written is there twice", n)
	}
	for i, want := range []string{
		"503 Service Unavailable</b> Cloud Logging: Unavailable. A copy is on stdout", "Not in the log</b> Cloud Logging refuses this entry for good (InvalidArgument)", "401 Unauthorized</b> wrong secret (5 times)",
	} {
		if _, _, text := o.get(t, fmt.Sprintf("/webhooks/%d", i+1)); !strings.Contains(text, want) {
			t.Errorf("%q is not in %s", want, text)
		}
	}
	if got := o.query(o.store.Get(1)); !strings.HasPrefix(got, `logName="projects/my-project/logs/run.googleapis.com%2Fstdout"`+"\ninsertId=") {
		t.Errorf("query %s", got)
	}
	if _, _, text := o.get(t, "/chats/PS0X0L086G"); !strings.Contains(text, "down") || !strings.Contains(text, "bad") {
		t.Errorf("the chat lacks what was not written: %s", text)
	}
	if _, _, text := o.get(t, "/webhooks?state=refused"); strings.Count(text, "<li data-number") != 1 {
		t.Errorf("refused: %s", text)
	}
}

// FuzzLogPages draws what a log has of any body, and finds nothing of it to be
// markup.
func FuzzLogPages(f *testing.F) {
	for _, hostile := range []string{`</script><script>alert(1)</script>`, `<img src=x onerror=alert(1)>`, `" onmouseover="alert(1)`, `javascript:alert(1)`, "\u202Egnp.exe", "<!-- ", "\x00\x1b[2J", secret} {
		f.Add([]byte(message(hostile)), hostile)
		f.Add([]byte(`{"action":`+string(quote(hostile))+`,"payload":{"chat_id":`+string(quote(hostile))+`}}`), hostile)
	}
	c := configOf(f, secret, "")
	f.Fuzz(func(t *testing.T, body []byte, text string) {
		text = strings.ToValidUTF8(text, "\uFFFD") // as every string of an entry is
		shown := strings.Map(func(r rune) rune {
			if unicode.IsGraphic(r) {
				return r
			}
			return -1
		}, text)
		p := New(Options{Store: NewStore(), Config: c, Function: "http://localhost:8080", Log: &Log{}})
		for _, e := range p.expected(&Webhook{Body: body, Received: time.Unix(1e9, 0)}) {
			p.Show(e)
		}
		fields := map[string]*structpb.Value{"reason": structpb.NewStringValue(text), "status": structpb.NewNumberValue(401)}
		p.Show(&loggingpb.LogEntry{InsertId: text, Payload: &loggingpb.LogEntry_JsonPayload{JsonPayload: &structpb.Struct{Fields: fields}}})
		pages := []string{"/webhooks", "/webhooks/1", "/webhooks/2", "/chats"}
		for _, c := range conversationsOf(p.allChats()) {
			pages = append(pages, urlOf(c))
		}
		for _, path := range pages {
			drawn := fetch(t, p, path, "text/html")
			onlyOurs(t, drawn)
			if !strings.Contains(shown, secret) && strings.Contains(html.UnescapeString(drawn), secret) {
				t.Errorf("%s has the secret", path)
			}
		}
	})
}
