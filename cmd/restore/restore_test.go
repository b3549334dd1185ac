package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"cloud.google.com/go/logging/apiv2/loggingpb"
	"github.com/google/go-cmp/cmp"
	"golang.org/x/time/rate"
	mrpb "google.golang.org/genproto/googleapis/api/monitoredres"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"

	livechatwebhook "example.com/livechat-webhook"
	"example.com/livechat-webhook/internal/cloudlogtest"
	"example.com/livechat-webhook/internal/config"
	"example.com/livechat-webhook/internal/console"
	"example.com/livechat-webhook/internal/fftest"

	_ "example.com/livechat-webhook/internal/golden"
)

// TestMain lets the test binary be the command, so that tests can kill it.
func TestMain(m *testing.M) {
	if os.Getenv("TEST_AS_COMMAND") != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

const logName = "projects/my-project/logs/livechat-webhooks"

// project is a stand-in for the Cloud Logging of a project, and the functions
// in it.
type project struct {
	*cloudlogtest.Server
	// behind is how far the clock of the server is behind: copies were received
	// so long ago that LiveChat does not repeat them any more.
	behind atomic.Int64
}

func newProject(t *testing.T) *project {
	t.Helper()
	server, err := cloudlogtest.Start("127.0.0.1:0", nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	p := &project{Server: server}
	p.behind.Store(int64(settling + time.Minute))
	server.Now = func() time.Time { return time.Now().Add(-time.Duration(p.behind.Load())) }
	return p
}

// revision is what a revision of a service belongs to.
func revision(service, name string) *mrpb.MonitoredResource {
	return &mrpb.MonitoredResource{Type: "cloud_run_revision", Labels: map[string]string{
		"project_id": "my-project", "location": "europe-west1", "service_name": service, "revision_name": name, "configuration_name": service,
	}}
}

var first = revision("livechat-webhook", "livechat-webhook-00001-abc")

// function is the function behind the real framework.
type function struct {
	url      string
	resource *mrpb.MonitoredResource
	stdout   *buffer
}

func (p *project) deploy(t *testing.T, resource *mrpb.MonitoredResource) *function {
	t.Helper()
	f := &function{resource: resource, stdout: new(buffer)}
	fn, err := livechatwebhook.New(t.Context(), config.Config{
		AllowUnverified: true, Project: "my-project", LogID: "livechat-webhooks", Resource: resource, Emulator: p.Addr(),
	}, console.New(f.stdout, io.Discard))
	if err != nil {
		t.Fatal(err)
	}
	f.url = fftest.Serve(t, fn.ServeHTTP)
	return f
}

// post delivers a webhook and returns the status of the answer.
func (f *function) post(t *testing.T, body string) int {
	t.Helper()
	r, err := http.NewRequest(http.MethodPost, f.url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	return resp.StatusCode
}

// collect stores what the function printed, as the platform does.
func (p *project) collect(t *testing.T, f *function) {
	t.Helper()
	p.print(t, f.resource, f.stdout.take())
}

func (p *project) print(t *testing.T, resource *mrpb.MonitoredResource, stdout string) {
	t.Helper()
	if err := p.Print(resource, []byte(stdout)); err != nil {
		t.Fatal(err)
	}
}

// outage has the webhooks delivered while Cloud Logging answers with the code,
// and stores the copies.
func (p *project) outage(t *testing.T, code codes.Code, bodies ...string) *function {
	t.Helper()
	f := p.deploy(t, first)
	p.SetFaults(fail(code))
	for _, body := range bodies {
		f.post(t, body)
	}
	p.SetFaults(cloudlogtest.Faults{})
	p.collect(t, f)
	return f
}

func fail(code codes.Code) cloudlogtest.Faults {
	return cloudlogtest.Faults{Before: func(context.Context, *loggingpb.WriteLogEntriesRequest) error {
		return status.Error(code, "as told")
	}}
}

// listed returns what a query for the log shows.
func (p *project) listed(t *testing.T) []*loggingpb.LogEntry {
	t.Helper()
	var entries []*loggingpb.LogEntry
	r := &loggingpb.ListLogEntriesRequest{ResourceNames: []string{"projects/my-project"}, Filter: `logName="` + logName + `"`}
	for {
		page, err := p.ListLogEntries(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		entries = append(entries, page.GetEntries()...)
		if r.PageToken = page.GetNextPageToken(); r.PageToken == "" {
			return entries
		}
	}
}

// stored returns what was written to the log, repeats included.
func (p *project) stored() []*loggingpb.LogEntry {
	return slices.DeleteFunc(p.Entries(), func(e *loggingpb.LogEntry) bool { return e.GetLogName() != logName })
}

// restore runs the command within the test and returns its exit code and what
// it wrote to stdout and stderr.
func (p *project) restore(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	return p.restoreUntil(t, t.Context(), args...)
}

func (p *project) restoreUntil(t *testing.T, ctx context.Context, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	s := p.settings(t, args...)
	var out, err bytes.Buffer
	code = run(ctx, s, &out, &err)
	return code, out.String(), err.String()
}

func (p *project) settings(t *testing.T, args ...string) settings {
	t.Helper()
	s, err := parse(append([]string{"-project", "my-project"}, args...), p.getenv, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	s.pace = rate.NewLimiter(rate.Inf, 0)
	s.pause = func(ctx context.Context, _ time.Duration) error { return ctx.Err() }
	return s
}

func (p *project) getenv(name string) string {
	if name == "LOGGING_EMULATOR_HOST" {
		return p.Addr()
	}
	return ""
}

// buffer is what a function prints.
type buffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

// take returns what was printed and not yet taken.
func (b *buffer) take() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	defer b.buf.Reset()
	return b.buf.String()
}

// corpus returns the bodies of testdata and a large one.
func corpus(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("../../testdata/*/*.json")
	if err != nil {
		t.Fatal(err)
	}
	var bodies []string
	for _, file := range files {
		if strings.HasSuffix(file, ".entry.json") || strings.Contains(file, "lines") {
			continue
		}
		body, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		bodies = append(bodies, string(body))
	}
	if len(bodies) < 60 {
		t.Fatalf("only %d bodies", len(bodies))
	}
	return append(bodies, large)
}

var (
	// large takes several lines, and several entries.
	large = `{"action":"incoming_event","n":12345678901234567890,"payload":{"chat_id":"C2","event":{"type":"message","text":"` + strings.Repeat(`é\n`, 100_000) + `"}}}`
	// clockless does not say when it happened.
	clockless = `{"action":"chat_deactivated","payload":{"chat_id":"C1","thread_id":"T1"}}`
)

// message returns a small webhook.
func message(i int) string {
	return fmt.Sprintf(`{"action":"incoming_event","payload":{"chat_id":"C%d","event":{"type":"message","text":"private"}}}`, i)
}

func wantOutput(t *testing.T, code, wantCode int, stdout, want string) {
	t.Helper()
	if code != wantCode || !strings.HasSuffix(stdout, want) {
		t.Errorf("exit code %d, want %d, and output\n%swant at its end\n%s", code, wantCode, stdout, want)
	}
}

func TestEachOnceThoughInterruptedThreeTimes(t *testing.T) {
	p := newProject(t)
	p.PageLimit = 40
	bodies := corpus(t)
	f := p.outage(t, codes.PermissionDenied, bodies...)
	copies := int64(len(p.Entries()))
	if copies < int64(len(bodies)) || len(p.stored()) != 0 {
		t.Fatalf("%d lines of copies and %d entries of %d webhooks", copies, len(p.stored()), len(bodies))
	}
	pages := (copies + 39) / 40
	for _, test := range []struct {
		call int64
		want string
	}{
		{2, "cannot list copies: interrupted"},
		{pages + 1, "cannot list what is in the log already: interrupted"},
		{pages + 2, "cannot write: interrupted"},
	} {
		ctx, cancel := context.WithCancel(t.Context())
		var calls atomic.Int64
		interrupt := func() error {
			if calls.Add(1) == test.call {
				cancel()
			}
			return nil
		}
		p.SetFaults(cloudlogtest.Faults{
			List:  func(context.Context, *loggingpb.ListLogEntriesRequest) error { return interrupt() },
			After: interrupt,
		})
		code, stdout, stderr := p.restoreUntil(t, ctx)
		if code != exitFailed || !strings.Contains(stderr, test.want) {
			t.Errorf("exit code %d, want %q\n%s%s", code, test.want, stdout, stderr)
		}
		cancel()
	}
	p.SetFaults(cloudlogtest.Faults{})
	code, stdout, stderr := p.restore(t)
	t.Log(stderr, stdout)
	if code != exitOK || !strings.Contains(stdout, fmt.Sprintf("%d copies of %[1]d webhooks: ", len(bodies))) {
		t.Errorf("exit code %d\n%s%s", code, stdout, stderr)
	}
	calls, listed := p.Calls(), p.listed(t)
	code, stdout, _ = p.restore(t)
	wantOutput(t, code, exitOK, stdout, fmt.Sprintf("%d copies of %[1]d webhooks: %[1]d there before, 0 written, 0 refused for good\n", len(bodies)))
	if p.Calls() != calls {
		t.Error("a second run wrote")
	}
	compareWithNextAttempt(t, p, f, bodies, listed)
}

// compareWithNextAttempt delivers the webhooks again. The function gives a
// repeat the time that the first attempt had, so that its entries must be those
// that were restored.
func compareWithNextAttempt(t *testing.T, p *project, f *function, bodies []string, restored []*loggingpb.LogEntry) {
	t.Helper()
	before := len(p.stored())
	for _, body := range bodies {
		f.post(t, body)
	}
	byID := map[string]*loggingpb.LogEntry{}
	for _, e := range restored {
		if byID[e.GetInsertId()] != nil {
			t.Errorf("%s is listed twice", e.GetInsertId())
		}
		byID[e.GetInsertId()] = e
	}
	next := p.stored()[before:]
	if len(next) < len(bodies) || len(next) != len(byID) {
		t.Errorf("%d entries restored, and %d written by the next attempt at %d webhooks", len(byID), len(next), len(bodies))
	}
	for _, want := range next {
		if got := byID[want.GetInsertId()]; !proto.Equal(want, got) {
			t.Fatalf("restored (-next attempt +restored):\n%.3000s", cmp.Diff(want, got, protocmp.Transform()))
		}
	}
	if n := len(p.listed(t)); n != len(restored) {
		t.Errorf("%d entries listed after the next attempt, %d before", n, len(restored))
	}
}

// TestEachOnceThoughKilledThreeTimes kills the process in the middle of a list,
// before a write reaches Cloud Logging, and before it hears of a write.
func TestEachOnceThoughKilledThreeTimes(t *testing.T) {
	p := newProject(t)
	bodies := []string{large, clockless}
	for i := range 100 {
		bodies = append(bodies, message(i))
	}
	p.outage(t, codes.PermissionDenied, bodies...)
	for name, at := range map[string]func(kill func()) cloudlogtest.Faults{
		"list": func(kill func()) cloudlogtest.Faults {
			return cloudlogtest.Faults{List: func(ctx context.Context, _ *loggingpb.ListLogEntriesRequest) error {
				kill()
				return nil
			}}
		},
		"write": func(kill func()) cloudlogtest.Faults {
			return cloudlogtest.Faults{Before: func(context.Context, *loggingpb.WriteLogEntriesRequest) error {
				kill()
				return status.Error(codes.Unavailable, "killed")
			}}
		},
		"answer": func(kill func()) cloudlogtest.Faults {
			return cloudlogtest.Faults{After: func() error { kill(); return nil }}
		},
	} {
		cmd, stdout := p.command(t, "-project", "my-project")
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		ended := make(chan struct{})
		var once sync.Once
		p.SetFaults(at(func() {
			once.Do(func() { cmd.Process.Kill() })
			<-ended
		}))
		cmd.Wait()
		close(ended)
		if cmd.ProcessState.Exited() || stdout.Len() != 0 {
			t.Errorf("in a %s it was not killed: %v\n%s", name, cmd.ProcessState, stdout)
		}
	}
	p.SetFaults(cloudlogtest.Faults{})
	cmd, stdout := p.command(t, "-project", "my-project")
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v\n%s", err, stdout)
	}
	if want := regexp.MustCompile(`^102 copies of 102 webhooks: [1-9]\d* there before, \d+ written, 0 refused for good\n$`); !want.MatchString(stdout.String()) {
		t.Errorf("output %s", stdout)
	}
	ids := map[string]int{}
	for _, e := range p.listed(t) {
		ids[e.GetInsertId()]++
	}
	if want := 101 + 2; len(ids) != want || len(p.listed(t)) != want {
		t.Errorf("%d entries with %d insertIds, want %d each once", len(p.listed(t)), len(ids), want)
	}
}

// command returns the command as a process yet to be started, and its stdout.
func (p *project) command(t *testing.T, args ...string) (*exec.Cmd, *bytes.Buffer) {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	stdout := new(bytes.Buffer)
	cmd := exec.Command(program, args...)
	cmd.Env = []string{"TEST_AS_COMMAND=1", "LOGGING_EMULATOR_HOST=" + p.Addr()}
	cmd.Stdout = stdout
	return cmd, stdout
}

func TestDryRunWritesNothing(t *testing.T) {
	p := newProject(t)
	p.outage(t, codes.PermissionDenied, message(1), message(2))
	calls, checks := p.Calls(), p.Checks()
	code, stdout, _ := p.restore(t, "-dry-run")
	wantOutput(t, code, exitOK, stdout, "2 copies of 2 webhooks: 0 there before, 2 would be written, 0 refused for good\n")
	if p.Calls() != calls || p.Checks() != checks || len(p.stored()) != 0 {
		t.Error("something was written")
	}
}

func TestNothingOfAWebhookPrinted(t *testing.T) {
	p := newProject(t)
	p.outage(t, codes.InvalidArgument, message(1))
	p.outage(t, codes.PermissionDenied, message(2), message(3))
	p.SetFaults(cloudlogtest.Faults{Refuse: func(e *loggingpb.LogEntry) error {
		if e.GetLabels()["chat_id"] == "C2" {
			return status.Error(codes.InvalidArgument, "private")
		}
		return nil
	}})
	_, stdout, stderr := p.restore(t)
	if strings.Contains(stdout+stderr, "private") || !strings.Contains(stderr, "wrote 2 of 2 webhooks") {
		t.Errorf("%s%s", stdout, stderr)
	}
}

func TestNoCopies(t *testing.T) {
	p := newProject(t)
	code, stdout, _ := p.restore(t, "-since", "36h")
	wantOutput(t, code, exitOK, stdout, "no copies in the last 36h\n")
}

func TestRefusedForGoodLeftAloneUnlessAskedFor(t *testing.T) {
	p := newProject(t)
	p.outage(t, codes.InvalidArgument, message(1))
	code, stdout, _ := p.restore(t)
	wantOutput(t, code, exitOK, stdout, "1 copy of 1 webhook: 0 there before, 0 written, 1 refused for good\n")
	if !strings.Contains(stdout, "refused for good: insertId \"") || !strings.Contains(stdout, "-refused tries it again") {
		t.Error(stdout)
	}
	code, stdout, _ = p.restore(t, "-refused")
	wantOutput(t, code, exitOK, stdout, "1 copy of 1 webhook: 0 there before, 1 written, 0 refused for good\n")
}

func TestRefusedNowReportedAndTheOthersWritten(t *testing.T) {
	p := newProject(t)
	p.outage(t, codes.PermissionDenied, message(1), message(2), message(3))
	p.SetFaults(cloudlogtest.Faults{Refuse: func(e *loggingpb.LogEntry) error {
		if e.GetLabels()["chat_id"] == "C2" {
			return status.Error(codes.InvalidArgument, "as told")
		}
		return nil
	}})
	code, stdout, _ := p.restore(t)
	wantOutput(t, code, exitFailed, stdout, "3 copies of 3 webhooks: 0 there before, 2 written, 1 refused for good\n")
}

func TestMissingRoleNamed(t *testing.T) {
	denied := status.Error(codes.PermissionDenied, "as told")
	for name, test := range map[string]struct {
		faults cloudlogtest.Faults
		want   string
	}{
		"to list": {cloudlogtest.Faults{List: func(context.Context, *loggingpb.ListLogEntriesRequest) error { return denied }},
			"cannot list copies: PermissionDenied: your account needs roles/logging.viewer, and roles/logging.viewAccessor if"},
		"to list webhooks": {cloudlogtest.Faults{List: func(_ context.Context, r *loggingpb.ListLogEntriesRequest) error {
			if strings.Contains(r.GetFilter(), "insertId") {
				return denied
			}
			return nil
		}}, "cannot list what is in the log already: PermissionDenied: your account needs roles/logging.viewer"},
		"to write": {fail(codes.PermissionDenied), "cannot write: PermissionDenied: your account needs roles/logging.logWriter\n"},
	} {
		t.Run(name, func(t *testing.T) {
			p := newProject(t)
			p.outage(t, codes.PermissionDenied, message(1), message(2))
			p.SetFaults(test.faults)
			code, stdout, stderr := p.restore(t)
			if code != exitFailed || !strings.Contains(stderr, test.want) || strings.Contains(stdout, "no copies") {
				t.Errorf("exit code %d\n%s%s", code, stdout, stderr)
			}
			if name != "to list" && !strings.HasSuffix(stdout, "0 refused for good, 2 left\nrun again for what is left\n") {
				t.Error(stdout)
			}
		})
	}
}

// TestSeveralAttemptsRestoredOnce is about a webhook without a clock that two
// instances failed to write, each at its own time.
func TestSeveralAttemptsRestoredOnce(t *testing.T) {
	for name, body := range map[string]string{"clockless": clockless, "in parts": large} {
		t.Run(name, func(t *testing.T) {
			p := newProject(t)
			one, two := p.deploy(t, first), p.deploy(t, revision("livechat-webhook", "livechat-webhook-00002-def"))
			p.SetFaults(fail(codes.PermissionDenied))
			one.post(t, body)
			one.post(t, body) // at the time of the first
			two.post(t, body)
			p.SetFaults(cloudlogtest.Faults{})
			p.collect(t, one)
			p.collect(t, two)
			code, stdout, _ := p.restore(t)
			wantOutput(t, code, exitOK, stdout, "2 copies of 1 webhook: 0 there before, 1 written, 0 refused for good\n")
			one.post(t, body) // folds with what was restored: the first attempt
			if want := map[string]int{"clockless": 1, "in parts": 2}[name]; len(p.listed(t)) != want {
				t.Errorf("%d entries, want %d", len(p.listed(t)), want)
			}
		})
	}
}

func TestLaterAttemptUnderAnotherTimeCounts(t *testing.T) {
	p := newProject(t)
	p.outage(t, codes.PermissionDenied, clockless, large)
	other := p.deploy(t, first) // which has no memory of the first attempt
	other.post(t, clockless)
	other.post(t, large)
	code, stdout, _ := p.restore(t)
	wantOutput(t, code, exitOK, stdout, "2 copies of 2 webhooks: 2 there before, 0 written, 0 refused for good\n")
}

// TestSameBodyLaterIsAnotherWebhook is about an agent who goes offline again and
// again. One of the times is in the log.
func TestSameBodyLaterIsAnotherWebhook(t *testing.T) {
	p := newProject(t)
	f := p.deploy(t, first)
	p.SetFaults(fail(codes.PermissionDenied))
	f.post(t, clockless)
	copied := f.stdout.take()
	p.SetFaults(cloudlogtest.Faults{})
	now := time.Now().UTC()
	printAt := func(ago time.Duration) {
		p.print(t, first, regexp.MustCompile(`"time":"[^"]*"`).ReplaceAllString(copied, `"time":"`+now.Add(-ago).Format(time.RFC3339Nano)+`"`))
	}
	printAt(90 * time.Minute)
	p.restore(t)
	for _, ago := range []time.Duration{time.Hour, time.Hour + 5*time.Minute, 2 * time.Hour, 2*time.Hour - time.Minute} {
		printAt(ago)
	}
	code, stdout, _ := p.restore(t)
	wantOutput(t, code, exitOK, stdout, "5 copies of 4 webhooks: 1 there before, 3 written, 0 refused for good\n")
	if n := len(p.listed(t)); n != 4 {
		t.Errorf("%d entries listed, want 4", n)
	}
}

// TestEachAcknowledgedCopyIsAWebhook: what was refused for good was acknowledged,
// so the same body a moment later is no repeat.
func TestEachAcknowledgedCopyIsAWebhook(t *testing.T) {
	p := newProject(t)
	p.outage(t, codes.InvalidArgument, clockless, clockless)
	code, stdout, _ := p.restore(t, "-refused")
	wantOutput(t, code, exitOK, stdout, "2 copies of 2 webhooks: 0 there before, 2 written, 0 refused for good\n")
	if n := len(p.listed(t)); n != 2 {
		t.Errorf("%d entries listed, want 2", n)
	}
}

func TestRecurrenceInTheLogDoesNotHideACopy(t *testing.T) {
	p := newProject(t)
	f := p.deploy(t, first)
	p.SetFaults(fail(codes.PermissionDenied))
	f.post(t, clockless)
	copied := f.stdout.take()
	p.SetFaults(cloudlogtest.Faults{})
	earlier := time.Now().UTC().Add(-5 * time.Minute).Format(time.RFC3339Nano)
	p.print(t, first, regexp.MustCompile(`"time":"[^"]*"`).ReplaceAllString(copied, `"time":"`+earlier+`"`))
	p.deploy(t, first).post(t, clockless)
	code, stdout, _ := p.restore(t)
	wantOutput(t, code, exitOK, stdout, "1 copy of 1 webhook: 0 there before, 1 written, 0 refused for good\n")
}

// TestWaitsForLiveChatsLastAttempt has LiveChat's next attempt succeed while
// the command waits.
func TestWaitsForLiveChatsLastAttempt(t *testing.T) {
	p := newProject(t)
	p.behind.Store(0)
	p.outage(t, codes.PermissionDenied, clockless)
	s := p.settings(t)
	var waited time.Duration
	s.pause = func(_ context.Context, d time.Duration) error {
		waited += d
		p.deploy(t, first).post(t, clockless)
		return nil
	}
	var stdout bytes.Buffer
	code := run(t.Context(), s, &stdout, io.Discard)
	wantOutput(t, code, exitOK, stdout.String(), "1 copy of 1 webhook: 1 there before, 0 written, 0 refused for good\n")
	if waited <= 0 || waited > settling {
		t.Errorf("waited %s", waited)
	}
}

func TestIncompleteReported(t *testing.T) {
	p := newProject(t)
	f := p.deploy(t, first)
	p.SetFaults(fail(codes.PermissionDenied))
	f.post(t, large)
	f.post(t, message(1))
	p.SetFaults(cloudlogtest.Faults{})
	lines := slices.Collect(strings.Lines(f.stdout.take()))
	p.print(t, first, strings.Join(slices.Delete(lines, 1, 2), ""))
	code, stdout, _ := p.restore(t)
	wantOutput(t, code, exitFailed, stdout, "2 copies of 2 webhooks: 0 there before, 1 written, 0 refused for good, 1 incomplete\n")
	if n := len(lines) - 1; !strings.Contains(stdout, fmt.Sprintf("which has %d of %d parts", n-1, n)) {
		t.Error(stdout)
	}
	if len(p.listed(t)) != 1 {
		t.Errorf("%d entries", len(p.listed(t)))
	}
}

func TestUnreadableReported(t *testing.T) {
	p := newProject(t)
	p.print(t, first, `{"severity":"ERROR","not_written":"by another program","message":"private","logging.googleapis.com/insertId":"a\"b"}`)
	code, stdout, _ := p.restore(t)
	wantOutput(t, code, exitFailed, stdout, "0 copies of 0 webhooks: 0 there before, 0 written, 0 refused for good, 1 unreadable\n")
}

func TestMissingPartsWritten(t *testing.T) {
	p := newProject(t)
	p.outage(t, codes.PermissionDenied, large)
	p.SetFaults(cloudlogtest.Faults{Refuse: func(e *loggingpb.LogEntry) error {
		if e.GetSplit().GetIndex() == 1 {
			return status.Error(codes.InvalidArgument, "as told")
		}
		return nil
	}})
	p.restore(t)
	if n := len(p.stored()); n != 1 {
		t.Fatalf("%d entries", n)
	}
	p.SetFaults(cloudlogtest.Faults{})
	code, stdout, _ := p.restore(t)
	wantOutput(t, code, exitOK, stdout, "1 copy of 1 webhook: 0 there before, 1 written, 0 refused for good\n")
	if n := len(p.stored()); n != 2 {
		t.Errorf("%d entries, want both parts once", n)
	}
}

func TestServicesNotMixed(t *testing.T) {
	p := newProject(t)
	p.outage(t, codes.PermissionDenied, message(1))
	p.SetFaults(fail(codes.PermissionDenied))
	staging := p.deploy(t, revision("staging", "staging-00001-abc"))
	staging.post(t, message(2))
	p.SetFaults(cloudlogtest.Faults{})
	p.collect(t, staging)
	code, _, stderr := p.restore(t)
	if code != exitFailed || !strings.Contains(stderr, `services ["livechat-webhook" "staging"] have copies`) || len(p.stored()) != 0 {
		t.Errorf("exit code %d, %d entries: %s", code, len(p.stored()), stderr)
	}
	code, stdout, _ := p.restore(t, "-service", "staging", "-log", "staging")
	wantOutput(t, code, exitOK, stdout, "1 copy of 1 webhook: 0 there before, 1 written, 0 refused for good\n")
	e := p.Entries()[2]
	if e.GetLogName() != "projects/my-project/logs/staging" || !proto.Equal(e.GetResource(), staging.resource) {
		t.Errorf("written to %s of %v", e.GetLogName(), e.GetResource())
	}
}

func TestQuotaUsedUpByOthersWaitedFor(t *testing.T) {
	p := newProject(t)
	p.outage(t, codes.PermissionDenied, message(1))
	var once sync.Once
	p.SetFaults(cloudlogtest.Faults{List: func(context.Context, *loggingpb.ListLogEntriesRequest) (err error) {
		once.Do(func() { err = status.Error(codes.ResourceExhausted, "as told") })
		return err
	}})
	code, stdout, stderr := p.restore(t)
	wantOutput(t, code, exitOK, stdout, "1 copy of 1 webhook: 0 there before, 1 written, 0 refused for good\n")
	if !strings.Contains(stderr, "ResourceExhausted: as told; trying again in ") {
		t.Error(stderr)
	}
}

// TestManyCopies needs several pages, and several filters, which the stand-in
// refuses if they are too long.
func TestManyCopies(t *testing.T) {
	const n = 1300
	p := newProject(t)
	f := p.deploy(t, first)
	p.SetFaults(fail(codes.PermissionDenied))
	f.post(t, message(1))
	copied := f.stdout.take()
	p.SetFaults(cloudlogtest.Faults{})
	var lines strings.Builder
	id := regexp.MustCompile(`(insertId":)"[^"]*"`)
	for i := range n {
		lines.WriteString(id.ReplaceAllString(copied, fmt.Sprintf(`$1"%032x"`, i)))
	}
	p.print(t, first, lines.String())
	lists, calls := p.Lists(), p.Calls()
	code, stdout, _ := p.restore(t)
	wantOutput(t, code, exitOK, stdout, "1300 copies of 1300 webhooks: 0 there before, 1300 written, 0 refused for good\n")
	t.Logf("%d lists, %d writes", p.Lists()-lists, p.Calls()-calls)
	if n := p.Lists() - lists; n > 2+3+3 {
		t.Errorf("%d calls to list", n)
	}
}

// TestAcknowledgedButNotListed is about entries that Cloud Logging takes and
// does not keep, because they are as old as the log is kept.
func TestAcknowledgedButNotListed(t *testing.T) {
	p := newProject(t)
	p.outage(t, codes.PermissionDenied, message(1), message(2))
	p.SetFaults(cloudlogtest.Faults{Before: func(context.Context, *loggingpb.WriteLogEntriesRequest) error {
		p.behind.Store(-int64(30*24*time.Hour + time.Hour))
		return nil
	}})
	s := p.settings(t)
	pauses := 0
	s.pause = func(context.Context, time.Duration) error { pauses++; return nil }
	var stdout bytes.Buffer
	code := run(t.Context(), s, &stdout, io.Discard)
	wantOutput(t, code, exitFailed, stdout.String(), "2 copies of 2 webhooks: 0 there before, 0 written, 0 refused for good, 2 written but not listed\n")
	if pauses != looks-1 || !strings.Contains(stdout.String(), "roles/logging.viewAccessor") {
		t.Errorf("%d pauses\n%s", pauses, &stdout)
	}
}

func TestUsage(t *testing.T) {
	none := func(string) string { return "" }
	for name, test := range map[string]struct {
		args []string
		want string
	}{
		"no project":    {nil, "-project is missing"},
		"wrong project": {[]string{"-project", `p" OR "`}, `-project is "p\" OR \""`},
		"wrong log":     {[]string{"-project", "p", "-log", `"`}, `-log is "\""`},
		"wrong service": {[]string{"-project", "p", "-service", `A"`}, `-service is "A\""`},
		"wrong period":  {[]string{"-project", "p", "-since", "30"}, "it must be a period such as 12h or 30d"},
		"no period":     {[]string{"-project", "p", "-since", "0d"}, "it must be a period such as 12h or 30d"},
		"stray":         {[]string{"-project", "p", "now"}, `["now"] is not a flag`},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := parse(test.args, none, io.Discard); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want %q", err, test.want)
			}
		})
	}
	s, err := parse([]string{"-project", "example.com:p", "-since", "7d"}, none, io.Discard)
	if err != nil || time.Duration(s.since) != 7*24*time.Hour || s.destination.LogName() != "projects/example.com:p/logs/livechat-webhooks" {
		t.Errorf("%+v, %v", s, err)
	}
	var help bytes.Buffer
	if parse([]string{"-help"}, none, &help); !strings.Contains(help.String(), "-dry-run") || !strings.Contains(help.String(), "(default 30d)") {
		t.Errorf("help:\n%s", &help)
	}
}
