package cloudlog

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"cloud.google.com/go/logging/apiv2/loggingpb"
	mrpb "google.golang.org/genproto/googleapis/api/monitoredres"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/peer"
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
	w.gather.overdue = time.Hour // but where a test is about it
	return w
}

// text returns an entry that says s.
func text(s string) [][]byte {
	e, err := proto.Marshal(&loggingpb.LogEntry{InsertId: s[:min(len(s), 20)], Payload: &loggingpb.LogEntry_TextPayload{TextPayload: s}})
	if err != nil {
		panic(err)
	}
	return [][]byte{e}
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
	bare := proto.Size(e) - len(text("one")[0])
	if w.Overhead() != bare {
		t.Errorf("overhead %d, but the call added %d", w.Overhead(), bare)
	}
}

// busy has one call under way, held until it is released.
func busy(t *testing.T, w *Writer, server *cloudlogtest.Server) (release func()) {
	t.Helper()
	return busyWith(t, server, func() error { return w.Write(context.Background(), text("busy")) })
}

// busyWith has the call of write under way, whose entry is text("busy").
func busyWith(t *testing.T, server *cloudlogtest.Server, write func() error) (release func()) {
	t.Helper()
	held := make(chan bool)
	server.SetFaults(cloudlogtest.Faults{Before: func(_ context.Context, r *loggingpb.WriteLogEntriesRequest) error {
		if r.GetEntries()[0].GetInsertId() == "busy" {
			<-held
		}
		return nil
	}})
	ended := make(chan bool)
	go func() {
		defer close(ended)
		if err := write(); err != nil {
			t.Error(err)
		}
	}()
	until(t, func() bool { return server.Calls() == 1 })
	return func() { close(held); <-ended }
}

// crowd writes n times while a call is under way, and returns the outcomes.
// They are fewer than would begin a call of their own.
func crowd(t *testing.T, w *Writer, server *cloudlogtest.Server, n int, entries func(i int) [][]byte) []error {
	t.Helper()
	release := busy(t, w, server)
	outcomes := make([]error, n)
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() { outcomes[i] = w.Write(t.Context(), entries(i)) })
	}
	until(t, func() bool {
		w.gather.mu.Lock()
		defer w.gather.mu.Unlock()
		return len(w.gather.waiting) == n
	})
	release()
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

func TestThoseThatWaitShareACall(t *testing.T) {
	w, server := open(t)
	const n = enough - 1
	for i, err := range crowd(t, w, server, n, func(i int) [][]byte { return text(fmt.Sprint(i)) }) {
		if err != nil {
			t.Errorf("%d: %v", i, err)
		}
	}
	if listed := len(server.Listed()); listed != n+1 {
		t.Errorf("%d entries, want %d", listed, n+1)
	}
	if calls := server.Calls() - 1; calls != 1 {
		t.Errorf("%d calls for %d entries, want 1", calls, n)
	}
}

func TestEnoughDoNotWaitForACallUnderWay(t *testing.T) {
	w, server := open(t)
	release := busy(t, w, server)
	defer release()
	for i, err := range together(t, w, enough, func(i int) [][]byte { return text(fmt.Sprint(i)) }) {
		if err != nil {
			t.Errorf("%d: %v", i, err)
		}
	}
	if calls := server.Calls() - 1; calls != 1 {
		t.Errorf("%d calls, want 1", calls)
	}
}

// together writes n times at once and returns the outcomes, which must come
// before a call that hangs would end.
func together(t *testing.T, w *Writer, n int, entries func(i int) [][]byte) []error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), attemptTimeout/2)
	defer cancel()
	outcomes := make([]error, n)
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() { outcomes[i] = w.Write(ctx, entries(i)) })
	}
	all.Wait()
	return outcomes
}

func TestSharedCallStaysUnderTheLimit(t *testing.T) {
	w, server := open(t)
	big := strings.Repeat("x", 250_000)
	for i, err := range crowd(t, w, server, enough-1, func(i int) [][]byte {
		return slices.Concat(text(fmt.Sprint(i, "a", big)), text(fmt.Sprint(i, "b", big)), text(fmt.Sprint(i, "c", big)))
	}) {
		if err != nil {
			t.Errorf("%d: %v", i, err)
		}
	}
	// 11 MB, and no call refused, after which each would have one of its own.
	if calls := server.Calls() - 1; calls != 2 {
		t.Errorf("%d calls, want 2", calls)
	}
}

func TestOneAtFaultAmongMany(t *testing.T) {
	w, server := open(t)
	const n = 12
	outcomes := crowd(t, w, server, n, func(i int) [][]byte {
		if i%4 == 0 {
			return text(fmt.Sprint(i, strings.Repeat("x", 300_000)))
		}
		return slices.Concat(text(fmt.Sprint(i)), text(fmt.Sprint(i, "b")))
	})
	for i, err := range outcomes {
		if want := map[bool]codes.Code{true: codes.InvalidArgument}[i%4 == 0]; status.Code(err) != want {
			t.Errorf("%d: %v, want %v", i, err, want)
		}
	}
	if calls := server.Calls() - 1; calls != 1 {
		t.Errorf("%d calls, want 1", calls)
	}
	if listed := len(server.Listed()); listed != 2*n*3/4+1 {
		t.Errorf("%d entries, want %d", listed, 2*n*3/4+1)
	}
}

// TestRefusedTogetherWrittenAlone is about an API that does not say whose fault it was.
func TestRefusedTogetherWrittenAlone(t *testing.T) {
	w, server := open(t)
	release := busy(t, w, server)
	defer release()
	server.SetFaults(cloudlogtest.Faults{Before: func(_ context.Context, r *loggingpb.WriteLogEntriesRequest) error {
		if slices.ContainsFunc(r.GetEntries(), func(e *loggingpb.LogEntry) bool { return e.GetInsertId() == "bad" }) {
			return status.Error(codes.InvalidArgument, "some entry")
		}
		return nil
	}})
	outcomes := together(t, w, enough, func(i int) [][]byte {
		return text(map[bool]string{true: "bad", false: fmt.Sprint(i)}[i == 3])
	})
	for i, err := range outcomes {
		if want := map[bool]codes.Code{true: codes.InvalidArgument}[i == 3]; status.Code(err) != want {
			t.Errorf("%d: %v, want %v", i, err, want)
		}
	}
	if calls := server.Calls() - 1; calls != 1+enough {
		t.Errorf("%d calls, want one together and %d alone", calls, enough)
	}
}

func TestThoseAloneHoldUpNobody(t *testing.T) {
	w, server := open(t)
	release := busyWith(t, server, func() error {
		return w.gather.deliver(&delivery{ctx: context.Background(), entries: text("busy"), alone: true})
	})
	defer release()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	if err := w.Write(ctx, text("one")); err != nil {
		t.Errorf("held up: %v", err)
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

func TestCallThatHangsHoldsUpNobody(t *testing.T) {
	w, server := open(t)
	w.gather.overdue = overdue
	release := busy(t, w, server)
	defer release()
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
	if e := server.Entries(); len(e) != 1 || e[0].GetInsertId() != "two" || server.Calls() != 1 {
		t.Errorf("%d calls, entries %v", server.Calls(), e)
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

// TestConnectionThatHangsIsReplacedOnce is about a connection that still
// answers pings, so that only the deadlines of its calls show that it hangs.
func TestConnectionThatHangsIsReplacedOnce(t *testing.T) {
	w, server := open(t)
	var mu sync.Mutex
	var connections []string
	server.SetFaults(cloudlogtest.Faults{Before: func(ctx context.Context, _ *loggingpb.WriteLogEntriesRequest) error {
		client, _ := peer.FromContext(ctx)
		addr := client.Addr.String()
		mu.Lock()
		if !slices.Contains(connections, addr) {
			connections = append(connections, addr)
		}
		hangs := addr == connections[0]
		mu.Unlock()
		if hangs {
			<-ctx.Done()
		}
		return ctx.Err()
	}})
	ctx, cancel := context.WithTimeout(t.Context(), 10*attemptTimeout)
	defer cancel()
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			d := newDelivery(ctx, text(fmt.Sprint(i)))
			d.alone = true
			for w.gather.deliver(d) != nil {
				if ctx.Err() != nil {
					t.Error("every attempt used the connection that hangs")
					return
				}
			}
		})
	}
	all.Wait()
	if len(connections) != 2 {
		t.Errorf("%d connections, want 2", len(connections))
	}
}

// TestTokenThatCouldNotBeHadIsTriedAgain: the client answers so itself if the
// metadata server is slow.
func TestTokenThatCouldNotBeHadIsTriedAgain(t *testing.T) {
	w, server := open(t)
	var once sync.Once
	server.SetFaults(cloudlogtest.Faults{Before: func(context.Context, *loggingpb.WriteLogEntriesRequest) (err error) {
		once.Do(func() { err = status.Error(codes.Unauthenticated, "per-RPC creds failed") })
		return err
	}})
	if err := w.Write(t.Context(), text("one")); err != nil {
		t.Error(err)
	}
}

func TestWebhookTooLargeForOneCallWritten(t *testing.T) {
	w, server := open(t)
	var entries [][]byte
	for i := range 50 {
		entries = append(entries, text(fmt.Sprint(i, strings.Repeat("x", 250_000)))...)
	}
	if err := w.Write(t.Context(), entries); err != nil {
		t.Fatal(err)
	}
	if calls, written := server.Calls(), len(server.Entries()); calls != 2 || written != 50 {
		t.Errorf("%d entries in %d calls, want 50 in 2", written, calls)
	}
}

func TestErrorsQuoteNothing(t *testing.T) {
	for _, code := range []codes.Code{codes.InvalidArgument, codes.FailedPrecondition, codes.OutOfRange, codes.Internal, codes.Unknown} {
		t.Run(code.String(), func(t *testing.T) {
			w, server := open(t)
			server.SetFaults(cloudlogtest.Faults{Refuse: func(*loggingpb.LogEntry) error {
				return status.Error(code, "bad value: private words")
			}})
			ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
			defer cancel()
			err := w.Write(ctx, text("private words"))
			if errors.Is(err, ErrRefused) != (code == codes.InvalidArgument) || Reason(err) != code.String() || strings.Contains(err.Error(), "private") {
				t.Errorf("%v", err)
			}
		})
	}
}

func TestPanicOfTheClientCostsItsCall(t *testing.T) {
	w, _ := open(t)
	send := w.gather.send
	w.gather.send = func(deliveries []*delivery) []error {
		w.gather.send = send
		panic("nil map")
	}
	if err := w.Write(t.Context(), text("one")); err != nil {
		t.Errorf("not written by the next call: %v", err)
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
