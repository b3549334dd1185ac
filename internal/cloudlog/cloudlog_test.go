package cloudlog

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"cloud.google.com/go/logging/apiv2/loggingpb"
	mrpb "google.golang.org/genproto/googleapis/api/monitoredres"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"example.com/livechat-webhook/internal/cloudlogtest"

	_ "example.com/livechat-webhook/internal/golden"
)

func open(t testing.TB) (*Writer, *cloudlogtest.Server) {
	t.Helper()
	server, err := cloudlogtest.Start("127.0.0.1:0", nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	return openAt(t, server.Addr()), server
}

func openAt(t testing.TB, addr string) *Writer {
	t.Helper()
	w, err := Open(context.Background(), Destination{
		Project: "p", LogID: "a/b", Emulator: addr,
		Resource: &mrpb.MonitoredResource{Type: "global", Labels: map[string]string{"project_id": "p"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.Close() })
	return w
}

func text(s string) []*loggingpb.LogEntry {
	return []*loggingpb.LogEntry{{InsertId: s[:min(len(s), 20)], Payload: &loggingpb.LogEntry_TextPayload{TextPayload: s}}}
}

func TestWrittenUnderLogNameAndResource(t *testing.T) {
	w, server := open(t)
	if err := w.Write(t.Context(), text("one")); err != nil {
		t.Fatal(err)
	}
	e := server.Entries()[0]
	if e.GetLogName() != "projects/p/logs/a%2Fb" || e.GetResource().GetType() != "global" {
		t.Errorf("entry %v", e)
	}
	bare := proto.Size(e) - proto.Size(text("one")[0])
	if w.Overhead() != bare {
		t.Errorf("overhead %d, but the call added %d", w.Overhead(), bare)
	}
}

// crowd writes n times at the same moment, while maxCalls other calls keep
// the stand-in busy, and returns the outcomes.
func crowd(t *testing.T, w *Writer, server *cloudlogtest.Server, n int, entries func(i int) []*loggingpb.LogEntry) []error {
	t.Helper()
	release := make(chan bool)
	server.SetFaults(cloudlogtest.Faults{Before: func(context.Context, *loggingpb.WriteLogEntriesRequest) error {
		<-release
		return nil
	}})
	var all sync.WaitGroup
	for i := range maxCalls {
		all.Go(func() { w.Write(t.Context(), text(fmt.Sprint("busy", i))) })
		until(t, func() bool { return server.Calls() == i+1 })
	}
	outcomes := make([]error, n)
	for i := range n {
		all.Go(func() { outcomes[i] = w.Write(t.Context(), entries(i)) })
	}
	until(t, func() bool {
		w.gather.mu.Lock()
		defer w.gather.mu.Unlock()
		return len(w.gather.waiting) == n
	})
	close(release)
	all.Wait()
	return outcomes
}

// until waits for something that can be observed.
func until(t *testing.T, ok func() bool) {
	t.Helper()
	for limit := time.Now().Add(2 * time.Second); !ok(); runtime.Gosched() {
		if time.Now().After(limit) {
			t.Fatal("never observed")
		}
	}
}

func TestThoseThatWaitShareCalls(t *testing.T) {
	w, server := open(t)
	for i, err := range crowd(t, w, server, 100, func(i int) []*loggingpb.LogEntry { return text(fmt.Sprint(i)) }) {
		if err != nil {
			t.Errorf("%d: %v", i, err)
		}
	}
	if n := len(server.Listed()); n != 100+maxCalls {
		t.Errorf("%d entries, want %d", n, 100+maxCalls)
	}
	if calls := server.Calls() - maxCalls; calls != 1 {
		t.Errorf("%d calls for 100 entries, want 1", calls)
	}
}

func TestSharedCallStaysUnderTheLimit(t *testing.T) {
	w, server := open(t)
	big := strings.Repeat("x", 250_000)
	for i, err := range crowd(t, w, server, 100, func(i int) []*loggingpb.LogEntry { return text(fmt.Sprint(i, big)) }) {
		if err != nil {
			t.Errorf("%d: %v", i, err)
		}
	}
}

func TestOneAtFaultAmongMany(t *testing.T) {
	w, server := open(t)
	outcomes := crowd(t, w, server, 100, func(i int) []*loggingpb.LogEntry {
		if i%10 == 0 {
			return text(fmt.Sprint(i, strings.Repeat("x", 300_000)))
		}
		return append(text(fmt.Sprint(i)), text(fmt.Sprint(i, "b"))...)
	})
	for i, err := range outcomes {
		if want := map[bool]codes.Code{true: codes.InvalidArgument}[i%10 == 0]; status.Code(err) != want {
			t.Errorf("%d: %v, want %v", i, err, want)
		}
	}
	if calls := server.Calls() - maxCalls; calls != 1 {
		t.Errorf("%d calls, want 1", calls)
	}
	if n := len(server.Listed()); n != 2*90+maxCalls {
		t.Errorf("%d entries, want %d", n, 2*90+maxCalls)
	}
}

// TestRefusedTogether is about an API that does not say whose fault it was.
func TestRefusedTogetherWrittenAlone(t *testing.T) {
	w, server := open(t)
	one, two := &delivery{entries: text("one")}, &delivery{entries: text("two")}
	for i, err := range outcomes(status.Error(codes.InvalidArgument, "some entry"), []*delivery{one, two}) {
		if err != errShared {
			t.Errorf("%d: %v", i, err)
		}
	}
	if err := outcomes(status.Error(codes.InvalidArgument, "this entry"), []*delivery{one})[0]; status.Code(err) != codes.InvalidArgument {
		t.Errorf("alone: %v", err)
	}
	one.alone = true
	w.gather.waiting = []*delivery{two, one, two, two}
	for _, d := range w.gather.waiting {
		d.ctx = t.Context()
	}
	w.gather.calls = 1
	for _, want := range []int{1, 1, 2, 0} {
		if got := len(w.gather.next()); got != want {
			t.Errorf("a call of %d, want %d", got, want)
		}
	}
	if server.Calls() != 0 {
		t.Error("called")
	}
}

func TestCauseOfTheFailureReturned(t *testing.T) {
	for _, code := range []codes.Code{codes.Unavailable, codes.ResourceExhausted, codes.PermissionDenied, codes.InvalidArgument} {
		t.Run(code.String(), func(t *testing.T) {
			w, server := open(t)
			server.SetFaults(cloudlogtest.Faults{After: func() error { return status.Error(code, "as told") }})
			ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
			defer cancel()
			if err := w.Write(ctx, text("one")); status.Code(err) != code {
				t.Errorf("%v, want %v", err, code)
			}
		})
	}
}

func TestCauseReturnedThoughALaterCallHangs(t *testing.T) {
	w, server := open(t)
	first := true
	server.SetFaults(cloudlogtest.Faults{Before: func(ctx context.Context, _ *loggingpb.WriteLogEntriesRequest) error {
		if first {
			first = false
			return status.Error(codes.ResourceExhausted, "as told")
		}
		<-ctx.Done()
		return ctx.Err()
	}})
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if err := w.Write(ctx, text("one")); status.Code(err) != codes.ResourceExhausted {
		t.Errorf("%v, want ResourceExhausted", err)
	}
}

func TestCallsThatHangHoldUpNobody(t *testing.T) {
	w, server := open(t)
	var calls atomic.Int64
	server.SetFaults(cloudlogtest.Faults{Before: func(ctx context.Context, _ *loggingpb.WriteLogEntriesRequest) error {
		if calls.Add(1) <= maxCalls {
			<-ctx.Done()
		}
		return ctx.Err()
	}})
	hanging, cancel := context.WithCancel(t.Context())
	defer cancel()
	for i := range maxCalls {
		go w.Write(hanging, text(fmt.Sprint("hangs", i)))
		until(t, func() bool { return calls.Load() == int64(i+1) })
	}
	ctx, cancel := context.WithTimeout(t.Context(), attemptTimeout*2/3)
	defer cancel()
	if err := w.Write(ctx, text("one")); err != nil {
		t.Errorf("held up: %v", err)
	}
}

func TestNothingSentForWhoNoLongerWaits(t *testing.T) {
	w, server := open(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := w.Write(ctx, text("one")); status.Code(err) != codes.Canceled {
		t.Errorf("%v, want Canceled", err)
	}
	if err := w.Write(t.Context(), text("two")); err != nil {
		t.Error(err)
	}
	if e := server.Entries(); len(e) != 1 || e[0].GetInsertId() != "two" {
		t.Errorf("entries %v", e)
	}
}

func TestCallThatHangsIsTriedAgain(t *testing.T) {
	w, server := open(t)
	var once sync.Once
	server.SetFaults(cloudlogtest.Faults{Before: func(ctx context.Context, _ *loggingpb.WriteLogEntriesRequest) error {
		once.Do(func() { <-ctx.Done() })
		return ctx.Err()
	}})
	if err := w.Write(t.Context(), text("one")); err != nil {
		t.Error(err)
	}
}

func TestWrittenOnceCloudLoggingIsBack(t *testing.T) {
	w, server := open(t)
	if err := w.Write(t.Context(), text("one")); err != nil {
		t.Fatal(err)
	}
	addr := server.Addr()
	server.Close()
	gone, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if err := w.Write(gone, text("two")); err == nil {
		t.Fatal("written to nobody")
	}
	back, err := cloudlogtest.Start(addr, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(back.Close)
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	if err := w.Write(ctx, text("three")); err != nil {
		t.Errorf("not within seconds: %v", err)
	}
}

func TestCheckWritesNothing(t *testing.T) {
	w, server := open(t)
	if err := w.Check(t.Context()); err != nil {
		t.Error(err)
	}
	server.SetFaults(cloudlogtest.Faults{Check: func() error { return status.Error(codes.PermissionDenied, "as told") }})
	if err := w.Check(t.Context()); status.Code(err) != codes.PermissionDenied {
		t.Errorf("%v, want PermissionDenied", err)
	}
	if server.Checks() != 2 || server.Calls() != 0 || len(server.Entries()) != 0 {
		t.Errorf("%d checks, %d calls, %d entries", server.Checks(), server.Calls(), len(server.Entries()))
	}
}
