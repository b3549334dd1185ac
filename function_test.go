package livechatwebhook

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"cloud.google.com/go/logging/apiv2/loggingpb"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"example.com/livechat-webhook/internal/cloudlogtest"
	"example.com/livechat-webhook/internal/config"
	"example.com/livechat-webhook/internal/console"
	"example.com/livechat-webhook/internal/fftest"
	"example.com/livechat-webhook/internal/golden"
	"example.com/livechat-webhook/payload"
)

// The environment of a deployed function, but for the stand-in.
var deployed = map[string]string{
	"K_SERVICE":            "livechat-webhook",
	"K_REVISION":           "livechat-webhook-00001-abc",
	"K_CONFIGURATION":      "livechat-webhook",
	"GOOGLE_CLOUD_PROJECT": "my-project",
	"LIVECHAT_SECRETS":     "the-old-secret the-new-secret",
	"GCE_METADATA_HOST":    "", // set by TestMain
}

// TestMain plays the metadata server of a project.
func TestMain(m *testing.M) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/computeMetadata/v1/project/project-id", func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, "metadata-project")
	})
	mux.HandleFunc("/computeMetadata/v1/instance/region", func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, "projects/1234/regions/europe-west1")
	})
	go http.Serve(l, mux)
	os.Setenv("GCE_METADATA_HOST", l.Addr().String())
	os.Exit(m.Run())
}

// deployment is a function behind the real framework and in front of a
// stand-in for Cloud Logging.
type deployment struct {
	*Function
	url            string
	logging        *cloudlogtest.Server
	stdout, stderr *buffer
}

// deploy serves a function with the environment of a deployed one, changed by
// pairs of names and values.
func deploy(t *testing.T, changes ...string) *deployment {
	t.Helper()
	logging, err := cloudlogtest.Start("127.0.0.1:0", nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(logging.Close)
	c, err := config.Load(context.Background(), environment(append(changes, "LOGGING_EMULATOR_HOST", logging.Addr())...))
	if err != nil {
		t.Fatal(err)
	}
	d := &deployment{logging: logging, stdout: new(buffer), stderr: new(buffer)}
	if d.Function, err = New(context.Background(), c, console.New(d.stdout, d.stderr)); err != nil {
		t.Fatal(err)
	}
	d.url = fftest.Serve(t, d.ServeHTTP)
	// What the start does would race with what a test changes.
	until(t, func() bool { return logging.Checks() > 0 })
	return d
}

// environment returns a getenv for deployed with changes.
func environment(changes ...string) func(string) string {
	return func(name string) string {
		for i := len(changes) - 2; i >= 0; i -= 2 {
			if changes[i] == name {
				return changes[i+1]
			}
		}
		return deployed[name]
	}
}

// post sends a webhook and returns the answer with its body.
func (d *deployment) post(t *testing.T, body string, headers ...string) (*http.Response, string) {
	t.Helper()
	return d.do(t, http.MethodPost, strings.NewReader(body), headers...)
}

func (d *deployment) do(t *testing.T, method string, body io.Reader, headers ...string) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequest(method, d.url, body)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(text)
}

// buffer is what a process prints, readable while it prints.
type buffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// lines decodes what b holds, one JSON object a line.
func (b *buffer) lines(t *testing.T) []map[string]any {
	t.Helper()
	var lines []map[string]any
	for text := range strings.Lines(b.String()) {
		var line map[string]any
		if err := json.Unmarshal([]byte(text), &line); err != nil {
			t.Fatalf("%v: %q", err, text)
		}
		lines = append(lines, line)
	}
	return lines
}

// refusal reads the one line about a refusal from stderr.
func (d *deployment) refusal(t *testing.T) map[string]any {
	t.Helper()
	until(t, func() bool { return d.stderr.String() != "" }) // the answer does not wait for it
	lines := d.stderr.lines(t)
	if len(lines) != 1 {
		t.Fatalf("%d lines on stderr, want 1: %v", len(lines), lines)
	}
	return lines[0]
}

// authentic is a small webhook that carries a secret that deployed accepts.
const authentic = `{"action":"incoming_event","secret_key":"the-new-secret","payload":{"chat_id":"C1"}}`

func basic(password string) string {
	r := http.Request{Header: http.Header{}}
	r.SetBasicAuth("anybody", password)
	return r.Header.Get("Authorization")
}

func TestRefused(t *testing.T) {
	tests := []struct {
		name    string
		method  string
		body    string
		headers []string

		status int
		answer string
		header [2]string
		reason string
		cause  string
	}{
		{name: "GET by the person who pasted the URL into a browser", method: "GET",
			status: 405, answer: "This URL receives LiveChat webhooks. They come by POST; there is nothing to see here.",
			header: [2]string{"Allow", "POST"}, reason: "not a POST"},
		{name: "oversized", body: `{"text":"` + strings.Repeat("x", 4<<20) + `"}`,
			status: 413, answer: "The body has more than 4 MiB.", reason: "body too large"},
		{name: "empty", status: 400, answer: "The body is empty.", reason: "empty body"},
		{name: "white space", body: " \r\n\t", status: 400, answer: "The body is empty.", reason: "empty body"},
		{name: "form", body: "event_type=chat_started", status: 400, answer: "The body is not JSON.", reason: "not JSON",
			cause: "not JSON after byte 0"},
		{name: "cut short", body: authentic[:40], status: 400, answer: "The body is not JSON.", reason: "not JSON",
			cause: "not JSON after byte 39"},
		{name: "something behind the object", body: authentic + "x", status: 400, answer: "The body is not JSON.", reason: "not JSON",
			cause: "not JSON after byte 84"},
		{name: "array", body: "[" + authentic + "]", status: 400, answer: "The body is not a JSON object.", reason: "not a JSON object"},
		{name: "no secret", body: `{"action":"incoming_event"}`, status: 401, answer: "The webhook carries no secret.",
			header: [2]string{"Www-Authenticate", `Basic realm="livechat"`}, reason: "no secret"},
		{name: "empty secret", body: `{"action":"incoming_event","secret_key":""}`,
			status: 401, answer: "The webhook carries no secret.", reason: "no secret"},
		{name: "wrong secret", body: `{"action":"incoming_event","secret_key":"the-new-secret "}`,
			status: 401, answer: "The webhook carries a wrong secret.",
			header: [2]string{"Www-Authenticate", `Basic realm="livechat"`}, reason: "wrong secret"},
		{name: "secret in the wrong place", body: `{"action":"incoming_event","payload":{"secret_key":"the-new-secret"}}`,
			status: 401, answer: "The webhook carries no secret.", reason: "no secret"},
		{name: "secret of another case", body: `{"action":"incoming_event","secret_key":"The-New-Secret"}`,
			status: 401, answer: "The webhook carries a wrong secret.", reason: "wrong secret"},
		{name: "both secrets at once", body: `{"action":"incoming_event","secret_key":"the-old-secret the-new-secret"}`,
			status: 401, answer: "The webhook carries a wrong secret.", reason: "wrong secret"},
		{name: "wrong password", body: `{"event_type":"chat_started"}`, headers: []string{"Authorization", basic("guess")},
			status: 401, answer: "The webhook carries a wrong secret.", reason: "wrong secret"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			d := deploy(t)
			if test.method == "" {
				test.method = "POST"
			}
			resp, answer := d.do(t, test.method, strings.NewReader(test.body), test.headers...)
			if resp.StatusCode != test.status || answer != test.answer {
				t.Errorf("answer %d %q, want %d %q", resp.StatusCode, answer, test.status, test.answer)
			}
			if got := resp.Header.Get("Content-Type"); got != "text/plain; charset=utf-8" {
				t.Errorf("Content-Type %q", got)
			}
			if name, want := test.header[0], test.header[1]; name != "" && resp.Header.Get(name) != want {
				t.Errorf("%s %q, want %q", name, resp.Header.Get(name), want)
			}
			line := d.refusal(t)
			delete(line, "time")
			want := map[string]any{
				"severity": "WARNING", "message": "refused: " + test.reason, "reason": test.reason,
				"status": float64(test.status), "count": 1.0,
			}
			if test.cause != "" {
				want["cause"] = test.cause
			}
			if diff := cmp.Diff(want, line); diff != "" {
				t.Errorf("line on stderr (-want +got):\n%s", diff)
			}
			if d.logging.Calls() != 0 || d.stdout.String() != "" {
				t.Error("a refused request was logged")
			}
		})
	}
}

func TestCutShortByTheConnection(t *testing.T) {
	d := deploy(t)
	conn, err := net.Dial("tcp", strings.TrimPrefix(d.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "POST / HTTP/1.1\r\nHost: f\r\nContent-Length: %d\r\n\r\n%s", len(authentic)+1, authentic)
	conn.(*net.TCPConn).CloseWrite()
	answer, err := io.ReadAll(conn)
	if err != nil || !bytes.HasPrefix(answer, []byte("HTTP/1.1 400 ")) {
		t.Errorf("answer %q, %v", answer, err)
	}
	if d.logging.Calls() != 0 {
		t.Error("half a webhook was logged")
	}
}

// TestTooManyBytesInFlight fills the memory for bodies with large ones that do
// not end: one of them gives way to a webhook.
func TestTooManyBytesInFlight(t *testing.T) {
	d := deploy(t)
	part := strings.Repeat(" ", 4<<20-1)
	answers := make(chan string, 60)
	for range cap(answers) {
		conn, err := net.Dial("tcp", strings.TrimPrefix(d.url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		go fmt.Fprintf(conn, "POST / HTTP/1.1\r\nHost: f\r\nContent-Length: %d\r\n\r\n%s", 4<<20, part)
		go func() {
			answer, _ := io.ReadAll(conn)
			answers <- string(answer)
		}()
	}
	large := strings.TrimSuffix(authentic, "}") + part[:128<<10] + "}"
	var answer string
	for answer == "" { // until the others have been read so far
		if resp, answer := d.post(t, large); resp.StatusCode != 200 {
			t.Fatalf("a webhook was kept out: status %d %q", resp.StatusCode, answer)
		}
		select {
		case answer = <-answers:
		default:
		}
	}
	if !strings.HasPrefix(answer, "HTTP/1.1 503 ") || !strings.Contains(answer, "Retry-After: ") ||
		!strings.HasSuffix(answer, "Too many webhooks at once. Please repeat this one.") {
		t.Errorf("answer %q", answer)
	}
	until(t, func() bool { return d.stderr.String() != "" })
	if lines := d.stderr.lines(t); len(lines) == 0 || lines[0]["reason"] != "too many bytes in flight" {
		t.Errorf("lines %v", lines)
	}
}

func TestAccepted(t *testing.T) {
	tests := []struct {
		name     string
		body     string
		headers  []string
		status   int
		answer   string
		severity string
		labels   map[string]string
	}{
		{name: "second secret", body: authentic, status: 200, answer: "ok", severity: "INFO",
			labels: map[string]string{"api": "v3", "event": "incoming_event", "chat_id": "C1", "secret": "2"}},
		{name: "first secret", body: `{"action":"thread_tagged","secret_key":"the-old-secret"}`, status: 200, answer: "ok", severity: "INFO",
			labels: map[string]string{"api": "v3", "event": "thread_tagged", "secret": "1"}},
		{name: "token", body: `{"event_type":"visitor_queued","token":"the-old-secret","license_id":7}`, status: 200, answer: "ok", severity: "INFO",
			labels: map[string]string{"api": "v2", "event": "visitor_queued", "license_id": "7", "secret": "1"}},
		{name: "password", body: `{"event_type":"visitor_queued","token":"0123456789abcdef"}`, headers: []string{"Authorization", basic("the-new-secret")},
			status: 200, answer: "ok", severity: "INFO",
			labels: map[string]string{"api": "v2", "event": "visitor_queued", "secret": "2"}},
		{name: "unknown event", body: `{"action":"chat_painted","secret_key":"the-new-secret"}`, status: 200, answer: "ok", severity: "NOTICE",
			labels: map[string]string{"api": "v3", "event": "chat_painted", "secret": "2"}},
		{name: "unknown family", body: `{"hello":"world","secret_key":"the-new-secret"}`, status: 200, answer: "ok", severity: "NOTICE",
			labels: map[string]string{"api": "unknown", "secret": "2"}},
		{name: "wrong types everywhere", body: `{"action":"incoming_event","secret_key":"the-new-secret","webhook_id":{},"license_id":[],"payload":"none","additional_data":1}`,
			status: 200, answer: "ok", severity: "INFO",
			labels: map[string]string{"api": "v3", "event": "incoming_event", "secret": "2"}},
		{name: "in-app upgrade", body: `{"id":"a","transaction":"t","license":"12","name":"n","type":"ENABLE","quantity":1}`,
			headers: []string{"Authorization", basic("the-new-secret")}, status: 403, answer: "In-app upgrades are not taken here.", severity: "INFO",
			labels: map[string]string{"api": "app", "event": "ENABLE", "license_id": "12", "secret": "2"}},
		{name: "in-app upgrade of an unknown type, with an action", body: `{"transaction":"t","license":"12","type":"UPDATE","action":"a"}`,
			headers: []string{"Authorization", basic("the-new-secret")}, status: 403, answer: "In-app upgrades are not taken here.", severity: "NOTICE",
			labels: map[string]string{"api": "app", "event": "UPDATE", "license_id": "12", "secret": "2"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			d := deploy(t)
			resp, answer := d.post(t, test.body, test.headers...)
			if resp.StatusCode != test.status || answer != test.answer {
				t.Errorf("answer %d %q, want %d %q", resp.StatusCode, answer, test.status, test.answer)
			}
			entries := d.logging.Entries()
			if len(entries) != 1 {
				t.Fatalf("%d entries, want 1", len(entries))
			}
			if got := entries[0].GetSeverity().String(); got != test.severity {
				t.Errorf("severity %s, want %s", got, test.severity)
			}
			if diff := cmp.Diff(test.labels, entries[0].GetLabels()); diff != "" {
				t.Errorf("labels (-want +got):\n%s", diff)
			}
			if strings.Contains(protojson.Format(entries[0]), "the-new-secret") {
				t.Error("the entry holds the secret")
			}
			if d.stdout.String() != "" {
				t.Errorf("on stdout: %s", d.stdout)
			}
		})
	}
}

func TestUnverifiedAcceptedWhereAllowed(t *testing.T) {
	d := deploy(t, "LIVECHAT_SECRETS", "", "LIVECHAT_ALLOW_UNVERIFIED", "true")
	if resp, _ := d.post(t, `{"event_type":"chat_started"}`); resp.StatusCode != 200 {
		t.Errorf("status %d, want 200", resp.StatusCode)
	}
}

func TestDestination(t *testing.T) {
	d := deploy(t, "K_SERVICE", "", "LOG_ID", "chats/all", "GOOGLE_CLOUD_PROJECT", "")
	d.post(t, authentic)
	e := d.logging.Entries()[0]
	if want := "projects/metadata-project/logs/chats%2Fall"; e.GetLogName() != want {
		t.Errorf("log name %s, want %s", e.GetLogName(), want)
	}
	if got := e.GetResource(); got.GetType() != "global" || got.GetLabels()["project_id"] != "metadata-project" {
		t.Errorf("resource %v", got)
	}
}

func TestWhatKeepsWebhooksOutIsSaidAtTheStart(t *testing.T) {
	logging, err := cloudlogtest.Start("127.0.0.1:0", nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(logging.Close)
	logging.SetFaults(cloudlogtest.Faults{Check: func() error {
		return status.Error(codes.PermissionDenied, "logging.logEntries.create denied")
	}})
	c, err := config.Load(context.Background(), environment("LOGGING_EMULATOR_HOST", logging.Addr()))
	if err != nil {
		t.Fatal(err)
	}
	said := make(lines, 1)
	if _, err := New(context.Background(), c, console.New(io.Discard, said)); err != nil {
		t.Fatal(err)
	}
	if line := <-said; !strings.Contains(line, "logging.logEntries.create denied") || !strings.Contains(line, "WARNING") {
		t.Errorf("said: %s", line)
	}
}

// lines is a writer whose lines can be waited for.
type lines chan string

func (l lines) Write(p []byte) (int, error) {
	l <- string(p)
	return len(p), nil
}

func TestNotWritten(t *testing.T) {
	tests := []struct {
		name   string
		faults cloudlogtest.Faults
		status int
		answer string
		code   string
	}{
		{name: "refused for good", faults: refuse(codes.InvalidArgument), status: 200, answer: "ok", code: "InvalidArgument"},
		{name: "no permission", faults: fail(codes.PermissionDenied), status: 503, code: "PermissionDenied"},
		{name: "no credentials", faults: fail(codes.Unauthenticated), status: 503, code: "Unauthenticated"},
		{name: "no such project", faults: fail(codes.NotFound), status: 503, code: "NotFound"},
		{name: "out of quota", faults: fail(codes.ResourceExhausted), status: 503, code: "ResourceExhausted"},
		{name: "unreachable", faults: fail(codes.Unavailable), status: 503, code: "Unavailable"},
		{name: "slow", faults: cloudlogtest.Faults{Before: hang}, status: 503, code: "DeadlineExceeded"},
	}
	const body = `{"action":"incoming_event","secret_key":"the-new-secret","payload":{"chat_id":"C1","event":{"type":"message","author_id":"345f8235-d60d-433e-63c5-7f813a6ffe25","text":"Hello"}}}`
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			d := deploy(t)
			d.deadline = 500 * time.Millisecond
			d.logging.SetFaults(test.faults)
			resp, answer := d.post(t, body)
			if test.answer == "" {
				test.answer = "The webhook could not be written. Please repeat it."
			}
			if resp.StatusCode != test.status || answer != test.answer {
				t.Errorf("answer %d %q, want %d %q", resp.StatusCode, answer, test.status, test.answer)
			}
			if got, want := resp.Header.Get("Retry-After") != "", test.status == 503; got != want {
				t.Errorf("Retry-After is there: %t, want %t", got, want)
			}
			copies := d.stdout.lines(t)
			if len(copies) != 1 {
				t.Fatalf("%d copies on stdout, want 1", len(copies))
			}
			got := copies[0]
			delete(got, "time")
			delete(got, "logging.googleapis.com/insertId")
			want := map[string]any{
				"severity": "ERROR", "entry_severity": "INFO", "message": `incoming_event C1: 345f8235… wrote "Hello"`, "not_written": test.code,
				"logging.googleapis.com/labels": map[string]any{"api": "v3", "event": "incoming_event", "chat_id": "C1", "secret": "2"},
				"webhook": map[string]any{"action": "incoming_event", "secret_key": "[redacted]", "payload": map[string]any{
					"chat_id": "C1", "event": map[string]any{"type": "message", "author_id": "345f8235-d60d-433e-63c5-7f813a6ffe25", "text": "Hello"}}},
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("copy (-want +got):\n%s", diff)
			}
			if strings.Contains(d.stderr.String(), "Hello") || strings.Contains(d.stderr.String(), "the-new-secret") {
				t.Errorf("stderr tells too much: %s", d.stderr)
			}
		})
	}
}

func fail(c codes.Code) cloudlogtest.Faults {
	return cloudlogtest.Faults{Before: func(context.Context, *loggingpb.WriteLogEntriesRequest) error {
		return status.Error(c, "as told")
	}}
}

func refuse(c codes.Code) cloudlogtest.Faults {
	return cloudlogtest.Faults{Refuse: func(*loggingpb.LogEntry) error { return status.Error(c, "as told") }}
}

func hang(ctx context.Context, _ *loggingpb.WriteLogEntriesRequest) error {
	<-ctx.Done()
	return ctx.Err()
}

func TestWrittenAfterAFailureThatPasses(t *testing.T) {
	for _, code := range []codes.Code{codes.Unavailable, codes.Internal, codes.ResourceExhausted, codes.DeadlineExceeded, codes.Unauthenticated} {
		t.Run(code.String(), func(t *testing.T) {
			d := deploy(t)
			var once sync.Once
			d.logging.SetFaults(cloudlogtest.Faults{Before: func(context.Context, *loggingpb.WriteLogEntriesRequest) (err error) {
				once.Do(func() { err = status.Error(code, "as told") })
				return err
			}})
			if resp, _ := d.post(t, authentic); resp.StatusCode != 200 {
				t.Errorf("status %d, want 200", resp.StatusCode)
			}
			if n := len(d.logging.Entries()); n != 1 || d.stdout.String() != "" {
				t.Errorf("%d entries, want 1; stdout %q", n, d.stdout)
			}
		})
	}
}

func TestNoRetryWhereNoneCanHelp(t *testing.T) {
	for _, code := range []codes.Code{codes.InvalidArgument, codes.PermissionDenied, codes.NotFound} {
		t.Run(code.String(), func(t *testing.T) {
			d := deploy(t)
			d.logging.SetFaults(fail(code))
			d.post(t, authentic)
			if n := d.logging.Calls(); n != 1 {
				t.Errorf("%d calls, want 1", n)
			}
		})
	}
}

// TestWrittenThoughTheClientHangsUp: the first attempt fails once the client is
// gone, and there has to be a second.
func TestWrittenThoughTheClientHangsUp(t *testing.T) {
	d := deploy(t)
	arrived, hungUp, written := make(chan bool), make(chan bool), make(chan bool)
	var once sync.Once
	d.logging.SetFaults(cloudlogtest.Faults{
		Before: func(context.Context, *loggingpb.WriteLogEntriesRequest) (err error) {
			once.Do(func() {
				close(arrived)
				<-hungUp
				err = status.Error(codes.Unavailable, "as told")
			})
			return err
		},
		After: func() error {
			close(written)
			return nil
		},
	})
	ctx, hangUp := context.WithCancel(context.Background())
	r, err := http.NewRequestWithContext(ctx, "POST", d.url, strings.NewReader(authentic))
	if err != nil {
		t.Fatal(err)
	}
	go func() { <-arrived; hangUp() }()
	if resp, err := http.DefaultClient.Do(r); err == nil {
		resp.Body.Close()
		t.Error("answered a client that was gone")
	}
	close(hungUp)
	select {
	case <-written:
	case <-time.After(deadline):
		t.Error("never written")
	}
}

// TestRepeatedDeliveryListedOnce delivers a webhook three times, as LiveChat
// does if the answer is lost, a minute in all.
func TestRepeatedDeliveryListedOnce(t *testing.T) {
	for name, body := range map[string]string{
		"clock in the body": `{"action":"incoming_event","secret_key":"the-new-secret","payload":{"event":{"id":"E","created_at":"2026-01-02T03:04:00.000001Z"}}}`,
		"no clock":          `{"action":"chat_deactivated","secret_key":"the-new-secret","payload":{"chat_id":"C","thread_id":"T"}}`,
		"clock too far off": `{"action":"incoming_event","secret_key":"the-new-secret","payload":{"event":{"created_at":"2026-01-01T03:04:20Z"}}}`,
	} {
		t.Run(name, func(t *testing.T) {
			d := deploy(t)
			received := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
			d.now = func() time.Time { return received }
			d.logging.Now = d.now
			d.logging.SetFaults(cloudlogtest.Faults{After: func() error { return status.Error(codes.PermissionDenied, "as told") }})
			for range 2 {
				d.post(t, body)
				received = received.Add(30 * time.Second)
			}
			d.logging.SetFaults(cloudlogtest.Faults{})
			d.post(t, body)
			if n, listed := len(d.logging.Entries()), len(d.logging.Listed()); n != 3 || listed != 1 {
				t.Errorf("%d entries, %d of them listed; want 3 and 1", n, listed)
			}
			times := map[any]bool{}
			for _, line := range d.stdout.lines(t) {
				times[line["time"]] = true
			}
			if len(times) != 1 {
				t.Errorf("copies with the times %v", times)
			}
		})
	}
}

func TestRecurringWebhookListedEachTime(t *testing.T) {
	d := deploy(t)
	received := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	d.now = func() time.Time { return received }
	d.logging.Now = d.now
	for range 3 {
		d.post(t, `{"action":"routing_status_set","secret_key":"the-new-secret","payload":{"agent_id":"a@example.com","status":"offline"}}`)
		received = received.Add(time.Minute)
	}
	if listed := len(d.logging.Listed()); listed != 3 {
		t.Errorf("%d entries are listed, want 3", listed)
	}
}

// TestRepeatListedOnceThoughTheClientHungUp before the first delivery ended: it
// is still in flight when the repeat comes, or has been written meanwhile.
func TestRepeatListedOnceThoughTheClientHungUp(t *testing.T) {
	const body = `{"action":"chat_deactivated","secret_key":"the-new-secret","payload":{"chat_id":"C","thread_id":"T"}}`
	for _, inFlight := range []bool{true, false} {
		t.Run(fmt.Sprintf("in flight %t", inFlight), func(t *testing.T) {
			d := deploy(t)
			var later atomic.Int64 // by how many seconds
			d.now = func() time.Time { return time.Date(2026, 1, 2, 3, 4, 5+int(later.Load()), 0, time.UTC) }
			d.logging.Now = d.now
			requests := make(chan context.Context, 2)
			d.url = fftest.Serve(t, func(w http.ResponseWriter, r *http.Request) {
				requests <- r.Context()
				d.ServeHTTP(w, r)
			})
			held, arrived := make(chan bool), make(chan bool, 1)
			d.logging.SetFaults(cloudlogtest.Faults{Before: func(context.Context, *loggingpb.WriteLogEntriesRequest) error {
				arrived <- true
				<-held
				return nil
			}})
			conn := d.send(t, body)
			<-arrived
			conn.Close()
			<-(<-requests).Done() // the server has noticed
			d.logging.SetFaults(cloudlogtest.Faults{})
			later.Store(10)
			if inFlight {
				d.post(t, body)
				close(held)
			} else {
				close(held)
				until(t, func() bool { return len(d.logging.Entries()) == 1 })
				d.post(t, body)
			}
			until(t, func() bool { return len(d.logging.Entries()) == 2 })
			if listed := len(d.logging.Listed()); listed != 1 {
				t.Errorf("%d entries are listed, want 1", listed)
			}
		})
	}
}

// TestRecurrenceListedThoughTheClientHalfClosed: a client that will send nothing
// more looks like one that hung up, and still gets its answer.
func TestRecurrenceListedThoughTheClientHalfClosed(t *testing.T) {
	d := deploy(t)
	received := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	d.now = func() time.Time { return received }
	d.logging.Now = d.now
	for range 3 {
		conn := d.send(t, authentic)
		conn.CloseWrite()
		if answer, err := io.ReadAll(conn); err != nil || !bytes.HasSuffix(answer, []byte("ok")) {
			t.Fatalf("answer %q, %v", answer, err)
		}
		received = received.Add(3 * time.Minute)
	}
	if listed := len(d.logging.Listed()); listed != 3 {
		t.Errorf("%d entries are listed, want 3", listed)
	}
}

// send sends a webhook on a new connection, and does not wait for the answer.
func (d *deployment) send(t *testing.T, body string) *net.TCPConn {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(d.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	fmt.Fprintf(conn, "POST / HTTP/1.1\r\nHost: f\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
	return conn.(*net.TCPConn)
}

// until waits for something that can be observed.
func until(t *testing.T, ok func() bool) {
	t.Helper()
	for limit := time.Now().Add(deadline); !ok(); runtime.Gosched() {
		if time.Now().After(limit) {
			t.Fatal("never observed")
		}
	}
}

func TestTimestamp(t *testing.T) {
	received := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for name, test := range map[string]struct{ at, want time.Time }{
		"a day ago":          {received.Add(-24 * time.Hour), received.Add(-24 * time.Hour)},
		"longer ago":         {received.Add(-24*time.Hour - time.Microsecond), received},
		"a minute ahead":     {received.Add(time.Minute), received.Add(time.Minute)},
		"further ahead":      {received.Add(time.Minute + time.Microsecond), received},
		"with a microsecond": {received.Add(-time.Microsecond), received.Add(-time.Microsecond)},
	} {
		t.Run(name, func(t *testing.T) {
			d := deploy(t)
			d.now = func() time.Time { return received }
			d.logging.Now = d.now
			d.post(t, fmt.Sprintf(`{"action":"incoming_event","secret_key":"the-new-secret","payload":{"event":{"created_at":%q}}}`, test.at.Format("2006-01-02T15:04:05.000000Z")))
			if got := d.logging.Entries()[0].GetTimestamp().AsTime(); !got.Equal(test.want) {
				t.Errorf("timestamp %s, want %s", got, test.want)
			}
		})
	}
}

func TestTrace(t *testing.T) {
	const id = "4bf92f3577b34da6a3ce929d0e0e4736"
	for name, test := range map[string]struct {
		headers     []string
		trace, span string
		sampled     bool
	}{
		"none":                 {},
		"traceparent":          {[]string{"traceparent", "00-" + id + "-00f067aa0ba902b7-01"}, id, "00f067aa0ba902b7", true},
		"not sampled":          {[]string{"traceparent", "00-" + id + "-00f067aa0ba902b7-00"}, id, "00f067aa0ba902b7", false},
		"Google's own":         {[]string{"X-Cloud-Trace-Context", id + "/67667974448284343;o=1"}, id, "00f067aa0ba902b7", true},
		"Google's own, short":  {[]string{"X-Cloud-Trace-Context", id}, id, "", false},
		"broken":               {[]string{"traceparent", "00-0-0-0", "X-Cloud-Trace-Context", "xyz/1"}, "", "", false},
		"broken, Google's own": {[]string{"traceparent", "00-0-0-0", "X-Cloud-Trace-Context", id + "/1"}, id, "0000000000000001", false},
	} {
		t.Run(name, func(t *testing.T) {
			d := deploy(t)
			d.post(t, authentic, test.headers...)
			e := d.logging.Entries()[0]
			want := test.trace
			if want != "" {
				want = "projects/my-project/traces/" + want
			}
			if e.GetTrace() != want || e.GetSpanId() != test.span || e.GetTraceSampled() != test.sampled {
				t.Errorf("trace %q %q %t, want %q %q %t", e.GetTrace(), e.GetSpanId(), e.GetTraceSampled(), want, test.span, test.sampled)
			}
		})
	}
}

func TestRedactedStandsNowhere(t *testing.T) {
	d := deploy(t, "LIVECHAT_REDACT", "email, text\npayload.chat_id")
	body := `{"action":"incoming_event","secret_key":"the-new-secret","payload":{"chat_id":"CHAT-9","event":{"type":"message",` +
		`"author_id":"345f8235-d60d-433e-63c5-7f813a6ffe25","te\u0078t":"private words","users":[{"email":{"address":"a@example.com"}}]}},"note":"Bearer the-old-secret"}`
	d.post(t, body)
	e := d.logging.Entries()[0]
	text := protojson.Format(e)
	for _, gone := range []string{"CHAT-9", "private words", "a@example.com", "the-old-secret", "the-new-secret"} {
		if strings.Contains(text, gone) {
			t.Errorf("%q stands in the entry:\n%s", gone, text)
		}
	}
	webhook := e.GetJsonPayload().GetFields()["webhook"].GetStructValue().GetFields()
	if got := webhook["note"].GetStringValue(); got != "Bearer [redacted]" {
		t.Errorf("note %q", got)
	}
	if got := webhook["secret_key"].GetStringValue(); got != "[redacted]" {
		t.Errorf("secret_key %q", got)
	}
}

func TestLargeBodySplitAndWhole(t *testing.T) {
	d := deploy(t)
	body := `{"action":"incoming_event","secret_key":"the-new-secret","payload":{"chat_id":"C1","text":"` + strings.Repeat(`zażółć\n`, 60_000) + `"}}`
	if resp, _ := d.post(t, body); resp.StatusCode != 200 {
		t.Fatalf("status %d", resp.StatusCode)
	}
	entries := d.logging.Entries()
	if len(entries) < 2 || d.logging.Calls() != 1 {
		t.Fatalf("%d entries in %d calls, want several in one", len(entries), d.logging.Calls())
	}
	var joined strings.Builder
	for i, e := range entries {
		if n := proto.Size(e); n >= 256_000 {
			t.Errorf("part %d has %d bytes", i, n)
		}
		fields := e.GetJsonPayload().GetFields()
		joined.WriteString(fields["webhook_text"].GetStringValue())
		if want := fmt.Sprintf("(part %d of %d)", i+1, len(entries)); !strings.HasSuffix(fields["message"].GetStringValue(), want) {
			t.Errorf("part %d: message %q, want the suffix %q", i, fields["message"].GetStringValue(), want)
		}
		first := entries[0]
		want := &loggingpb.LogSplit{Uid: first.GetSplit().GetUid(), Index: int32(i), TotalSplits: int32(len(entries))}
		if !proto.Equal(e.GetSplit(), want) || first.GetSplit().GetUid() == "" {
			t.Errorf("part %d: split %v, want %v", i, e.GetSplit(), want)
		}
		if !strings.HasPrefix(e.GetInsertId(), first.GetSplit().GetUid()+"-") || i > 0 && e.GetInsertId() <= entries[i-1].GetInsertId() {
			t.Errorf("part %d: insertId %q", i, e.GetInsertId())
		}
		if !proto.Equal(e.GetTimestamp(), first.GetTimestamp()) || !cmp.Equal(e.GetLabels(), first.GetLabels()) {
			t.Errorf("part %d has another timestamp or other labels", i)
		}
	}
	if want := strings.Replace(body, "the-new-secret", "[redacted]", 1); joined.String() != want {
		t.Error("the joined parts are not the body")
	}
}

// TestLargestBody also shows that the wire between function and API bears it.
func TestLargestBody(t *testing.T) {
	d := deploy(t)
	head, tail := `{"action":"incoming_event","secret_key":"the-new-secret","text":"`, `"}`
	body := head + strings.Repeat("x", 4<<20-len(head)-len(tail)) + tail
	if resp, _ := d.post(t, body); resp.StatusCode != 200 {
		t.Errorf("status %d", resp.StatusCode)
	}
	size := 0
	for _, e := range d.logging.Entries() {
		size += len(e.GetJsonPayload().GetFields()["webhook_text"].GetStringValue())
	}
	if want := len(body) - len("the-new-secret") + len("[redacted]"); size != want {
		t.Errorf("%d bytes in all parts, want %d", size, want)
	}
}

func TestDeepBodyWritten(t *testing.T) {
	d := deploy(t)
	deep := strings.Repeat(`{"a":`, 500) + "1" + strings.Repeat("}", 500)
	resp, _ := d.post(t, `{"action":"incoming_event","secret_key":"the-new-secret","payload":`+deep+`}`)
	if resp.StatusCode != 200 || d.stdout.String() != "" {
		t.Fatalf("status %d, stdout %.80q", resp.StatusCode, d.stdout)
	}
	v, levels := d.logging.Entries()[0].GetJsonPayload().GetFields()["webhook"], 0
	for name := "payload"; v.GetStructValue() != nil; name = "a" {
		v, levels = v.GetStructValue().GetFields()[name], levels+1
	}
	if want := strings.Repeat(`{"a":`, 469) + "1" + strings.Repeat("}", 469); levels != 32 || v.GetStringValue() != want {
		t.Errorf("%d levels above %.40q…", levels, v)
	}
}

func TestFaultOfTheFunctionAnsweredWith500AndItsCause(t *testing.T) {
	d := deploy(t)
	w := httptest.NewRecorder()
	d.answer(w, fmt.Errorf("redacted body: %v", payload.ErrSyntax))
	if w.Code != 500 || w.Body.String() != "The webhook could not be handled." {
		t.Errorf("answer %d %q", w.Code, w.Body)
	}
	line := d.refusal(t)
	if line["severity"] != "ERROR" || line["message"] != "internal error: redacted body: not JSON" {
		t.Errorf("line %v", line)
	}
}

func TestCauseOfAFailedWriteReported(t *testing.T) {
	d := deploy(t)
	d.logging.SetFaults(fail(codes.PermissionDenied))
	d.post(t, authentic)
	line := d.refusal(t)
	if line["message"] != "failed: not written" || line["cause"] != "not written: rpc error: code = PermissionDenied desc = as told" {
		t.Errorf("line %v", line)
	}
}

// TestNoCopyNoAcknowledgement: a webhook that Cloud Logging refuses for good is
// acknowledged because of its copy, so only if there is one.
func TestNoCopyNoAcknowledgement(t *testing.T) {
	d := deploy(t)
	d.console = console.New(brokenPipe{}, d.stderr)
	d.logging.SetFaults(refuse(codes.InvalidArgument))
	if resp, _ := d.post(t, authentic); resp.StatusCode != 503 {
		t.Errorf("status %d, want 503", resp.StatusCode)
	}
}

type brokenPipe struct{}

func (brokenPipe) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

// TestFreezeAtTheStartIsNoWarning: an instance without CPU wakes up to a check
// that ran into its deadline.
func TestFreezeAtTheStartIsNoWarning(t *testing.T) {
	d := deploy(t)
	var clock time.Time
	frozen := true
	d.logging.SetFaults(cloudlogtest.Faults{Check: func() error {
		if !frozen {
			return nil
		}
		frozen = false
		clock = clock.Add(time.Hour)
		return status.Error(codes.Unavailable, "as told")
	}})
	d.warmUp(t.Context(), func() time.Time { return clock })
	if d.stderr.String() != "" || d.logging.Checks() != 3 {
		t.Errorf("%d checks; stderr %s", d.logging.Checks(), d.stderr)
	}
}

// TestAnsweredBeforeTheRequestCountsAsServed: on SIGTERM the process exits once
// no request is in flight.
func TestAnsweredBeforeTheRequestCountsAsServed(t *testing.T) {
	d := deploy(t)
	answered := make(chan bool)
	d.url = fftest.Serve(t, func(w http.ResponseWriter, r *http.Request) {
		d.ServeHTTP(w, r)
		select {
		case <-answered:
		case <-time.After(deadline):
			t.Error("the answer has not left")
		}
	})
	if resp, answer := d.post(t, authentic); resp.StatusCode != 200 || answer != "ok" {
		t.Errorf("answer %d %q", resp.StatusCode, answer)
	}
	close(answered)
}

func TestPanicCostsOneRequest(t *testing.T) {
	d := deploy(t)
	d.now = func() time.Time { panic("the-new-secret") }
	resp, answer := d.post(t, authentic)
	if resp.StatusCode != 500 || answer != "The webhook could not be handled." {
		t.Errorf("answer %d %q", resp.StatusCode, answer)
	}
	if lines := d.stderr.String(); !strings.Contains(lines, "function_test.go") || strings.Contains(lines, "the-new-secret") {
		t.Errorf("stderr says not where it happened, or too much: %s", lines)
	}
	d.now = time.Now
	if resp, _ := d.post(t, authentic); resp.StatusCode != 200 {
		t.Errorf("status %d afterwards", resp.StatusCode)
	}
}

// TestCorpus posts every body of testdata and compares the entry that stands
// in the log, whole, with the golden one beside the body.
func TestCorpus(t *testing.T) {
	var bodies []string
	for _, family := range []string{"v2", "v3", "app"} {
		files, err := filepath.Glob(filepath.Join("testdata", family, "*.json"))
		if err != nil {
			t.Fatal(err)
		}
		bodies = append(bodies, slices.DeleteFunc(files, func(f string) bool { return strings.HasSuffix(f, ".entry.json") })...)
	}
	if len(bodies) < 60 {
		t.Fatalf("only %d bodies", len(bodies))
	}
	for _, file := range bodies {
		t.Run(file, func(t *testing.T) {
			body, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			webhook, err := payload.Parse(body)
			if err != nil {
				t.Fatal(err)
			}
			secret := webhook.SecretKey + webhook.Token
			if secret == "" {
				secret = "the-password"
			}
			d := deploy(t, "LIVECHAT_SECRETS", secret)
			d.now = func() time.Time { return time.Date(2026, 1, 2, 3, 4, 5, 678_000_000, time.UTC) }
			if !webhook.Time.IsZero() {
				d.now = func() time.Time { return webhook.Time.Add(2 * time.Second) }
			}
			d.logging.Now = d.now
			resp, _ := d.post(t, string(body),
				"Authorization", basic(secret), "traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
			if want := map[bool]int{true: 403, false: 200}[webhook.Family == payload.Upgrade]; resp.StatusCode != want {
				t.Fatalf("status %d, want %d", resp.StatusCode, want)
			}
			entries := d.logging.Entries()
			if len(entries) != 1 {
				t.Fatalf("%d entries, want 1", len(entries))
			}
			got := format(t, entries[0])
			if bytes.Contains(got, []byte(secret)) {
				t.Error("the secret stands in the entry")
			}
			golden.Compare(t, strings.TrimSuffix(file, ".json")+".entry.json", got)
			compareWhole(t, body, entries[0])
		})
	}
}

// TestLines compares the lines that metrics and alerts look for with golden
// ones. Their times are those of the test.
func TestLines(t *testing.T) {
	body, err := os.ReadFile("testdata/v2/chat_ended.json")
	if err != nil {
		t.Fatal(err)
	}
	d := deploy(t)
	d.now = func() time.Time { return time.Unix(1552126505, 0) }
	d.logging.SetFaults(fail(codes.PermissionDenied))
	d.post(t, string(body))
	until(t, func() bool { return d.stderr.String() != "" })
	refused := d.stderr.String()
	d.post(t, string(body), "Authorization", basic("the-new-secret"))
	now := regexp.MustCompile(`"time":"[^"]*"`)
	for name, line := range map[string]string{"refused": refused, "not_written": d.stdout.String()} {
		line = now.ReplaceAllString(line, `"time":"2019-03-09T10:15:05Z"`)
		golden.Compare(t, filepath.Join("testdata", "lines", name+".json"), []byte(line))
	}
}

// compareWhole checks that the entry holds all of the body, but for secrets.
func compareWhole(t *testing.T, body []byte, e *loggingpb.LogEntry) {
	t.Helper()
	var want map[string]any
	if err := json.Unmarshal(body, &want); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"secret_key", "token"} {
		if _, ok := want[name]; ok {
			want[name] = "[redacted]"
		}
	}
	got := e.GetJsonPayload().GetFields()["webhook"].GetStructValue().AsMap()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("webhook (-body +entry):\n%s", diff)
	}
}

// format returns e as indented JSON that is the same in every run.
func format(t *testing.T, e *loggingpb.LogEntry) []byte {
	t.Helper()
	text, err := protojson.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	var buf bytes.Buffer
	if err := json.Indent(&buf, text, "", "  "); err != nil {
		t.Fatal(err)
	}
	buf.WriteByte('\n')
	return buf.Bytes()
}

// TestStart runs this test binary as a program that only imports the package,
// as the buildpack's main does, with the environment of each case.
func TestStart(t *testing.T) {
	if os.Getenv("TEST_START") != "" {
		return // the import, and so the start, went well
	}
	logging, err := cloudlogtest.Start("127.0.0.1:0", nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(logging.Close)
	tests := []struct {
		name  string
		env   []string
		fails bool
		says  []string // in one line on stderr
	}{
		{name: "no secret on Cloud Run", fails: true, env: []string{"K_SERVICE=s", "GOOGLE_CLOUD_PROJECT=p"},
			says: []string{"LIVECHAT_SECRETS is not set", "LIVECHAT_ALLOW_UNVERIFIED=true"}},
		{name: "all faults at once", fails: true, env: []string{"K_SERVICE=s", "GOOGLE_CLOUD_PROJECT=P!", "LOG_ID=a b", "PORT=http",
			"LIVECHAT_ALLOW_UNVERIFIED=yes", "LOGGING_EMULATOR_HOST=nowhere"},
			says: []string{"GOOGLE_CLOUD_PROJECT", "LOG_ID", "PORT", "LIVECHAT_ALLOW_UNVERIFIED", "LOGGING_EMULATOR_HOST", "LIVECHAT_SECRETS"}},
		{name: "log id of 512 characters", fails: true, env: []string{"K_SERVICE=s", "GOOGLE_CLOUD_PROJECT=p", "LIVECHAT_SECRETS=a-hidden-secret-of-good-length", "LOG_ID=" + strings.Repeat("a", 512)},
			says: []string{"LOG_ID"}},
		{name: "log id of 511 characters", env: []string{"K_SERVICE=s", "GOOGLE_CLOUD_PROJECT=p", "LIVECHAT_SECRETS=a-hidden-secret-of-good-length", "LOG_ID=" + strings.Repeat("a", 511),
			"LOGGING_EMULATOR_HOST=" + logging.Addr()}},
		{name: "no project and no metadata server", fails: true, env: []string{"K_SERVICE=s", "LIVECHAT_SECRETS=a-hidden-secret-of-good-length", "GCE_METADATA_HOST=127.0.0.1:1", "LOGGING_EMULATOR_HOST=" + logging.Addr()},
			says: []string{"GOOGLE_CLOUD_PROJECT is not set"}},
		{name: "no secret on Cloud Run, and none wanted", env: []string{"K_SERVICE=s", "GOOGLE_CLOUD_PROJECT=p", "LIVECHAT_ALLOW_UNVERIFIED=true", "LOGGING_EMULATOR_HOST=" + logging.Addr()},
			says: []string{"webhooks are accepted from anybody"}},
		{name: "no secret elsewhere", env: []string{"FUNCTION_TARGET=LiveChatWebhook", "GOOGLE_CLOUD_PROJECT=p", "LOGGING_EMULATOR_HOST=" + logging.Addr()},
			says: []string{"webhooks are accepted from anybody"}},
		{name: "imported with a wrong environment", env: []string{"LOG_ID=a b"}},
		{name: "with a secret", env: []string{"K_SERVICE=s", "GOOGLE_CLOUD_PROJECT=p", "LIVECHAT_SECRETS=a-hidden-secret-of-good-length", "LOGGING_EMULATOR_HOST=" + logging.Addr()}},
		{name: "project from the metadata server", env: []string{"K_SERVICE=s", "LIVECHAT_SECRETS=a-hidden-secret-of-good-length",
			"LOGGING_EMULATOR_HOST=" + logging.Addr()}},
		{name: "no metadata server", env: []string{"K_SERVICE=s", "GOOGLE_CLOUD_PROJECT=p", "LIVECHAT_SECRETS=a-hidden-secret-of-good-length",
			"GCE_METADATA_HOST=127.0.0.1:1", "LOGGING_EMULATOR_HOST=" + logging.Addr()},
			says: []string{"WARNING", "no location"}},
		{name: "a passphrase that white space splits", fails: true,
			env:  []string{"K_SERVICE=s", "GOOGLE_CLOUD_PROJECT=p", "LIVECHAT_SECRETS=my hidden-secret-phrase"},
			says: []string{"secret 1 of 2 has 2 bytes, and needs 8", "commas and white space separate secrets", "openssl rand -hex 24"}},
		{name: "a secret that is part of the mark", fails: true,
			env:  []string{"K_SERVICE=s", "GOOGLE_CLOUD_PROJECT=p", "LIVECHAT_SECRETS=redacted"},
			says: []string{"LIVECHAT_SECRETS: secret 1 of 1"}},
		{name: "a path in another notation", fails: true,
			env:  []string{"K_SERVICE=s", "GOOGLE_CLOUD_PROJECT=p", "LIVECHAT_SECRETS=a-hidden-secret-of-good-length", "LIVECHAT_REDACT=email,$.visitor.ip"},
			says: []string{`LIVECHAT_REDACT: \"$.visitor.ip\"`}},
		{name: "a secret of 8 bytes", env: []string{"K_SERVICE=s", "GOOGLE_CLOUD_PROJECT=p", "LIVECHAT_SECRETS=hidden-8", "LOGGING_EMULATOR_HOST=" + logging.Addr()},
			says: []string{"WARNING", "secret 1 of 1 has only 8 bytes"}},
		{name: "secrets separated by semicolons",
			env:  []string{"K_SERVICE=s", "GOOGLE_CLOUD_PROJECT=p", "LIVECHAT_SECRETS=a-hidden-secret;another-hidden-secret", "LOGGING_EMULATOR_HOST=" + logging.Addr()},
			says: []string{"WARNING", "secret 1 of 1 has a ; or |"}},
		{name: "a secret of 16 bytes", env: []string{"K_SERVICE=s", "GOOGLE_CLOUD_PROJECT=p", "LIVECHAT_SECRETS=hidden-secret-16", "LOGGING_EMULATOR_HOST=" + logging.Addr()}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			program := exec.Command(os.Args[0], "-test.run=^TestStart$")
			program.Env = append([]string{"TEST_START=1", "GCE_METADATA_HOST=" + os.Getenv("GCE_METADATA_HOST")}, test.env...)
			var stderr bytes.Buffer
			program.Stderr = &stderr
			err := program.Run()
			if (err != nil) != test.fails {
				t.Fatalf("ended with %v; stderr: %s", err, &stderr)
			}
			if lines := strings.Count(stderr.String(), "\n"); (lines != 0) != (test.says != nil) || lines > 1 {
				t.Errorf("%d lines: %s", lines, &stderr)
			}
			for _, what := range test.says {
				if !strings.Contains(stderr.String(), what) {
					t.Errorf("%q is not on stderr: %s", what, &stderr)
				}
			}
			if strings.Contains(stderr.String(), "hidden") {
				t.Error("the secret is on stderr")
			}
		})
	}
}

// deaf and acknowledge are a Cloud Logging that says yes without listening, so
// that a benchmark measures this side.
type (
	deaf        struct{}
	acknowledge struct {
		loggingpb.UnimplementedLoggingServiceV2Server
	}
)

func (deaf) Name() string                         { return "proto" }
func (deaf) Marshal(any) (mem.BufferSlice, error) { return nil, nil }
func (deaf) Unmarshal(mem.BufferSlice, any) error { return nil }

func (acknowledge) WriteLogEntries(context.Context, *loggingpb.WriteLogEntriesRequest) (*loggingpb.WriteLogEntriesResponse, error) {
	return &loggingpb.WriteLogEntriesResponse{}, nil
}

// BenchmarkHandler measures a webhook from the handler to the acknowledgement
// and back, many at a time.
func BenchmarkHandler(b *testing.B) {
	for _, size := range []int{1, 10, 100} {
		b.Run(fmt.Sprintf("%dKB", size), func(b *testing.B) {
			body := chatEnded(b, size<<10)
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				b.Fatal(err)
			}
			logging := grpc.NewServer(grpc.ForceServerCodecV2(deaf{}), grpc.MaxRecvMsgSize(20<<20))
			loggingpb.RegisterLoggingServiceV2Server(logging, acknowledge{})
			go logging.Serve(l)
			b.Cleanup(logging.Stop)
			c, err := config.Load(context.Background(), environment("LIVECHAT_SECRETS", "f791db42", "LOGGING_EMULATOR_HOST", l.Addr().String()))
			if err != nil {
				b.Fatal(err)
			}
			f, err := New(context.Background(), c, console.New(io.Discard, io.Discard))
			if err != nil {
				b.Fatal(err)
			}
			b.SetBytes(int64(len(body)))
			b.ReportAllocs()
			b.SetParallelism(16)
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					w := httptest.NewRecorder()
					f.ServeHTTP(w, httptest.NewRequest("POST", "/", bytes.NewReader(body)))
					if w.Code != 200 {
						b.Fatalf("status %d: %s", w.Code, w.Body)
					}
				}
			})
		})
	}
}

// chatEnded returns the chat_ended of 2019, without white space and with as
// many messages as make size bytes.
func chatEnded(b *testing.B, size int) []byte {
	b.Helper()
	body, err := os.ReadFile("testdata/v2/chat_ended.json")
	if err != nil {
		b.Fatal(err)
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, body); err != nil {
		b.Fatal(err)
	}
	const first = `"messages":[`
	message := `{"user_type":"visitor","author_name":"NAME","text":"hello! how's it going?","json":"","timestamp":1552126451},`
	more := strings.Repeat(message, max(0, size-compact.Len())/len(message))
	return bytes.Replace(compact.Bytes(), []byte(first), []byte(first+more), 1)
}
