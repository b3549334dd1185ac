package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"cloud.google.com/go/logging/apiv2/loggingpb"
	mrpb "google.golang.org/genproto/googleapis/api/monitoredres"
	ltype "google.golang.org/genproto/googleapis/logging/type"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	livechatwebhook "example.com/livechat-webhook"
	"example.com/livechat-webhook/internal/cloudlogtest"
	"example.com/livechat-webhook/internal/config"
	"example.com/livechat-webhook/internal/console"
	"example.com/livechat-webhook/internal/fftest"
	"example.com/livechat-webhook/internal/loglist"
)

const secret = "a-secret-of-LiveChat"

// revision is what the function belongs to.
var revision = &mrpb.MonitoredResource{Type: "cloud_run_revision", Labels: map[string]string{
	"project_id": "my-project", "location": "europe-west1", "service_name": "livechat-webhook",
}}

// project is a project with the function, behind the real framework, and a
// stand-in for Cloud Logging.
type project struct {
	*cloudlogtest.Server
	url            string // of the function
	stdout, stderr *buffer
}

// buffer is a bytes.Buffer for several goroutines.
type buffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

func deploy(t *testing.T) *project {
	t.Helper()
	server, err := cloudlogtest.Start("127.0.0.1:0", nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	p := &project{Server: server, stdout: new(buffer), stderr: new(buffer)}
	f, err := livechatwebhook.New(t.Context(), config.Config{
		Secrets: []string{secret}, Project: "my-project", LogID: "livechat-webhooks", Resource: revision, Emulator: server.Addr(),
	}, console.New(p.stdout, p.stderr))
	if err != nil {
		t.Fatal(err)
	}
	p.url = fftest.Serve(t, f.ServeHTTP)
	return p
}

const trace = "4bf92f3577b34da6a3ce929d0e0e4736"

// post delivers a webhook with a password.
func (p *project) post(t *testing.T, body, password string) {
	t.Helper()
	r, err := http.NewRequest(http.MethodPost, p.url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.SetBasicAuth("livechat", password)
	r.Header.Set("traceparent", "00-"+trace+"-00f067aa0ba902b7-01")
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
}

// collect stores what the function printed, as the platform does, once it has
// reported so many requests: it does that after its answer.
func (p *project) collect(t *testing.T, reported int) {
	t.Helper()
	for strings.Count(p.stderr.String(), `"reason"`) < reported {
		time.Sleep(time.Millisecond)
	}
	if err := errors.Join(p.Print(revision, []byte(p.stdout.String())), p.PrintError(revision, []byte(p.stderr.String()))); err != nil {
		t.Fatal(err)
	}
}

// answered stores the platform's entry about a request.
func (p *project) answered(t *testing.T, status int32, took time.Duration) {
	t.Helper()
	e := entryOf("request", time.Now())
	e.LogName, e.Resource, e.Labels, e.Trace = "projects/my-project/logs/run.googleapis.com%2Frequests", revision, nil, "projects/my-project/traces/"+trace
	e.HttpRequest = &ltype.HttpRequest{Status: status, Latency: durationpb.New(took)}
	if _, err := p.WriteLogEntries(t.Context(), &loggingpb.WriteLogEntriesRequest{Entries: []*loggingpb.LogEntry{e}}); err != nil {
		t.Fatal(err)
	}
}

// follow runs the command and returns what it printed so far and the URL of the
// page.
func (p *project) follow(t *testing.T) (printed *buffer, page string) {
	t.Helper()
	printed = new(buffer)
	said, told := io.Pipe()
	con := console.New(io.Discard, told)
	s := settings{
		project: "my-project", log: "livechat-webhooks", emulator: p.Addr(), since: loglist.Period(time.Hour), page: "127.0.0.1:0",
		pace: loglist.Quota(), secrets: []string{secret}, port: must(url.Parse(p.url)).Port(),
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- run(ctx, s, printer(printed, false, false, con), con) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	lines := json.NewDecoder(said)
	var first console.Line
	if err := lines.Decode(&first); err != nil {
		t.Fatal(err)
	}
	go io.Copy(io.Discard, said)
	page, found := strings.CutPrefix(first.Message, "page on ")
	if !found {
		t.Fatalf("said %q first", first.Message)
	}
	return printed, page
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func get(t *testing.T, url, accept string) string {
	t.Helper()
	r, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Accept", accept)
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	return string(must(io.ReadAll(resp.Body)))
}

// TestPageAndLines: a webhook, a copy and a refusal of before, and a webhook that
// comes now, are lines, and on the page.
func TestPageAndLines(t *testing.T) {
	p := deploy(t)
	p.post(t, read(t, "v2/chat_started.json"), secret)
	p.post(t, read(t, "v2/chat_ended.json"), "wrong")
	p.SetFaults(cloudlogtest.Faults{Before: func(context.Context, *loggingpb.WriteLogEntriesRequest) error {
		return status.Error(codes.PermissionDenied, "no")
	}})
	p.post(t, read(t, "v3/incoming_event-v3.2.json"), secret)
	p.SetFaults(cloudlogtest.Faults{})
	p.collect(t, 2)
	p.answered(t, 200, 14*time.Millisecond)

	printed, page := p.follow(t)
	rows := func(n int) string {
		for {
			if text := get(t, page+"webhooks", "application/json"); strings.Count(text, `"number"`) >= n {
				return text
			}
		}
	}
	rows(3)
	for p.Tails() == 0 {
		time.Sleep(time.Millisecond)
	}
	p.post(t, read(t, "v2/chat_ended.json"), secret)
	all := rows(4)

	for _, want := range []string{
		" INFO   chat_started PO13: NAME (name@gmail.com, Japan)\n                       api=v2 chat_id=PO13 event=chat_started",
		" WARNING refused: wrong secret, answered 401\n",
		" ERROR  incoming_event PS0X0L086G: 345f8235… wrote \"14\"\n", " not_written=PermissionDenied ",
		" INFO   chat_ended PO13: 3 messages in 1m31s, closed by visitor\n",
	} {
		if !strings.Contains(printed.String(), want) {
			t.Errorf("%q is not in\n%s", want, printed)
		}
	}
	for _, want := range []string{
		`"summary":"NAME (name@gmail.com, Japan)"`, `"status":401`, `"reason":"wrong secret"`, `"not_written":"PermissionDenied"`, `"summary":"3 messages in 1m31s, closed by visitor"`,
	} {
		if !strings.Contains(all, want) {
			t.Errorf("%s is not in\n%s", want, all)
		}
	}
	if text := get(t, page, "text/html"); !strings.Contains(text, "<b>Project my-project</b>") || !strings.Contains(text, `data-view="chats"`) || !strings.Contains(text, `href="/chats/PO13"`) {
		t.Errorf("first view: %s", text)
	}

	number := numberOf(t, all, "chat_started")
	one := get(t, fmt.Sprint(page, "webhooks/", number), "text/html")
	for _, want := range []string{"answered 200 in 14", "Send to my local function", "without secrets and what is redacted"} {
		if !strings.Contains(one, want) {
			t.Errorf("%q is not in %s", want, one)
		}
	}
	p.sendLocal(t, page, number)
}

func numberOf(t *testing.T, rows, event string) int {
	t.Helper()
	var list struct {
		Webhooks []struct {
			Number int
			Event  string
		}
	}
	if err := json.Unmarshal([]byte(rows), &list); err != nil {
		t.Fatal(err)
	}
	for _, w := range list.Webhooks {
		if w.Event == event {
			return w.Number
		}
	}
	t.Fatalf("no %s in %s", event, rows)
	return 0
}

// sendLocal sends a webhook of the log to the function, which accepts it with its
// own secret.
func (p *project) sendLocal(t *testing.T, page string, number int) {
	t.Helper()
	before := len(p.Entries())
	resp, err := http.Post(fmt.Sprint(page, "webhooks/", number, "/local"), "application/x-www-form-urlencoded", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if text := string(must(io.ReadAll(resp.Body))); !strings.Contains(text, "answered 200 OK.") {
		t.Errorf("at %s: %s", resp.Request.URL, text)
	}
	if n := len(p.Entries()) - before; n != 1 {
		t.Errorf("the function wrote %d entries", n)
	}
}

func read(t *testing.T, name string) string {
	t.Helper()
	return string(must(os.ReadFile("../../testdata/" + name)))
}

// command runs the command as a process, and interrupts it after a message that
// contains last, if that is not empty. It returns the exit code and stderr.
func command(t *testing.T, env []string, last string, args ...string) (code int, said string) {
	t.Helper()
	c := exec.Command(must(os.Executable()), args...)
	c.Env = append(os.Environ(), append(env, "TEST_AS_COMMAND=1")...)
	stderr := must(c.StderrPipe())
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(stderr)
	for lines.Scan() {
		said += lines.Text() + "\n"
		if last != "" && strings.Contains(lines.Text(), last) {
			c.Process.Signal(os.Interrupt)
		}
	}
	c.Wait()
	return c.ProcessState.ExitCode(), said
}

func TestCommand(t *testing.T) {
	p := deploy(t)
	emulator := []string{"LOGGING_EMULATOR_HOST=" + p.Addr()}
	code, said := command(t, emulator, "following log", "-project", "my-project", "-page", "127.0.0.1:0", "-since", "2h")
	if code != exitOK || !strings.Contains(said, "page on http://127.0.0.1:") || !strings.Contains(said, "following log livechat-webhooks of project my-project, since 2h ago") {
		t.Errorf("interrupted: exit code %d: %s", code, said)
	}
	if strings.Contains(said, "ERROR") {
		t.Errorf("interrupted, and said %s", said)
	}

	p.SetFaults(cloudlogtest.Faults{List: func(context.Context, *loggingpb.ListLogEntriesRequest) error {
		return status.Error(codes.PermissionDenied, "no")
	}})
	code, said = command(t, emulator, "", "-project", "my-project", "-page", "")
	if code != exitFailed || !strings.Contains(said, "roles/logging.viewer") || strings.Contains(said, "page on") {
		t.Errorf("denied: exit code %d: %s", code, said)
	}
	if code, said := command(t, nil, ""); code != exitUsage || !strings.HasPrefix(said, "-project is missing") {
		t.Errorf("without arguments: exit code %d: %s", code, said)
	}
	if code, said := command(t, nil, "", "-help"); code != exitOK || !strings.Contains(said, "usage: go run ./cmd/follow") || !strings.Contains(said, "(default 1h)") {
		t.Errorf("-help: exit code %d: %s", code, said)
	}
}

// TestAsJSON: -json prints Cloud Logging's own JSON.
func TestAsJSON(t *testing.T) {
	var out bytes.Buffer
	e := entryOf("a", time.Now())
	printer(&out, true, false, nil)(e)
	got := new(loggingpb.LogEntry)
	if err := protojson.Unmarshal(out.Bytes(), got); err != nil || !proto.Equal(got, e) {
		t.Errorf("%v: %s", err, &out)
	}
}
