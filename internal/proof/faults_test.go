package proof

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"cloud.google.com/go/logging/apiv2/loggingpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"example.com/livechat-webhook/internal/cloudlogtest"
)

// TestTwoBodiesOf2019 posts what the page that this project replaces showed.
func TestTwoBodiesOf2019(t *testing.T) {
	log := standIn(t)
	p := run(t, log.Addr())
	for file, message := range map[string]string{
		"chat_started.json": "chat_started PO13: NAME (name@gmail.com, Japan)",
		"chat_ended.json":   "chat_ended PO13: 3 messages in 1m31s, closed by visitor",
	} {
		body, err := os.ReadFile("../../testdata/v2/" + file)
		if err != nil {
			t.Fatal(err)
		}
		if status, err := post(strings.Replace(p.url, "//", "//livechat:"+secret+"@", 1), string(body)); status != 200 || err != nil {
			t.Fatalf("%s: status %d, %v", file, status, err)
		}
		entries := log.Entries()
		e := entries[len(entries)-1]
		if got := e.GetJsonPayload().GetFields()["message"].GetStringValue(); got != message || e.GetResource().GetType() != "cloud_run_revision" {
			t.Errorf("%s: %q of %v", file, got, e.GetResource())
		}
	}
}

// fault is one way in which a call fails, and how likely.
type fault struct {
	share float64
	fail  func(ctx context.Context) error
}

func answer(c codes.Code) func(context.Context) error {
	return func(context.Context) error { return status.Error(c, "as told") }
}

// TestNothingAcknowledgedIsLost repeats as LiveChat repeats, and holds what it
// was answered against what is in the log and on stdout.
func TestNothingAcknowledgedIsLost(t *testing.T) {
	const webhooks, connections = 4000, 64
	log := standIn(t)
	faults := []fault{
		{0.20, answer(codes.Unavailable)},
		{0.02, answer(codes.ResourceExhausted)},
		{0.02, answer(codes.PermissionDenied)},
		{0.02, answer(codes.Unauthenticated)},
		{0.01, hang},
		{0.20, func(ctx context.Context) error { // slow
			select {
			case <-time.After(100 * time.Millisecond):
			case <-ctx.Done():
			}
			return nil
		}},
	}
	var injected, after atomic.Int64
	log.SetFaults(cloudlogtest.Faults{
		Before: func(ctx context.Context, _ *loggingpb.WriteLogEntriesRequest) error {
			dice := rand.Float64()
			for _, f := range faults {
				if dice -= f.share; dice < 0 {
					injected.Add(1)
					return f.fail(ctx)
				}
			}
			return nil
		},
		Refuse: func(e *loggingpb.LogEntry) error {
			if strings.HasPrefix(e.GetLabels()["thread_id"], "bad") {
				return status.Error(codes.InvalidArgument, "as told")
			}
			return nil
		},
		After: func() error {
			switch dice := rand.Float64(); {
			case dice < 0.1:
				after.Add(1)
				return status.Error(codes.Unavailable, "as told, after the write")
			case dice < 0.15: // which no retry of ours follows, but LiveChat's
				after.Add(1)
				return status.Error(codes.PermissionDenied, "as told, after the write")
			}
			return nil
		},
	})
	p := run(t, log.Addr())
	seen := newTally()
	each(webhooks, connections, func(i int) {
		id := fmt.Sprint("good-", i)
		if i%50 == 0 {
			id = fmt.Sprint("bad-", i)
		}
		body := webhook(id)
		if i%2 == 0 {
			body = deactivated(id)
		}
		ok, err := deliver(p.url, body)
		if err != nil {
			t.Errorf("%s: %v", id, err)
		}
		seen.add(id, ok)
	})
	p.end(syscall.SIGTERM)
	copies, inLog := p.copies(t), listed(log)
	for id := range seen.acknowledged {
		if strings.HasPrefix(id, "bad") && !copies[id] || strings.HasPrefix(id, "good") && inLog[id] == 0 {
			t.Errorf("%s was acknowledged and is lost", id)
		}
	}
	for id := range seen.refused {
		if !copies[id] {
			t.Errorf("%s got 503 and is not on stdout", id)
		}
	}
	for id, n := range inLog {
		if n > 1 {
			t.Errorf("%s is listed %d times", id, n)
		}
	}
	if len(seen.acknowledged) < webhooks*9/10 {
		t.Errorf("only %d of %d acknowledged", len(seen.acknowledged), webhooks)
	}
	t.Logf("%d webhooks from %d connections: %d acknowledged, %d not, 0 lost; %d calls, %d failed or slow before the write, %d failed after it; %d copies on stdout",
		webhooks, connections, len(seen.acknowledged), len(seen.refused), log.Calls(), injected.Load(), after.Load(), len(copies))
}

// TestCloudLoggingGoesAwayAndComesBack: while it is away the answer is 503 in
// time, and soon after it is back it is 200 again.
func TestCloudLoggingGoesAwayAndComesBack(t *testing.T) {
	log := standIn(t)
	p := run(t, log.Addr())
	if status, err := post(p.url, webhook("before")); status != 200 || err != nil {
		t.Fatalf("before: status %d, %v", status, err)
	}
	addr := log.Addr()
	log.Close()
	each(50, 50, func(i int) {
		if status, err := post(p.url, webhook(fmt.Sprint("away-", i))); status != 503 || err != nil {
			t.Errorf("away: status %d, %v", status, err)
		}
	})
	until(t, func() bool { return len(p.copies(t)) == 50 })
	back, err := cloudlogtest.Start(addr, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(back.Close)
	each(50, 50, func(i int) {
		if status, err := post(p.url, webhook(fmt.Sprint("back-", i))); status != 200 || err != nil {
			t.Errorf("back: status %d, %v", status, err)
		}
	})
}

// TestWebhooksInFlightFinishAfterSIGTERM holds the calls of 40 webhooks until
// the signal has arrived.
func TestWebhooksInFlightFinishAfterSIGTERM(t *testing.T) {
	const webhooks = 40
	log := standIn(t)
	signaled := make(chan bool)
	var waiting atomic.Int64
	log.SetFaults(cloudlogtest.Faults{Before: func(_ context.Context, r *loggingpb.WriteLogEntriesRequest) error {
		waiting.Add(int64(len(r.GetEntries())))
		<-signaled
		return nil
	}})
	p := run(t, log.Addr())
	var acknowledged atomic.Int64
	var all sync.WaitGroup
	for i := range webhooks {
		all.Go(func() {
			if status, err := post(p.url, deactivated(fmt.Sprint("term-", i))); status == 200 && err == nil {
				acknowledged.Add(1)
			} else {
				t.Errorf("status %d, %v", status, err)
			}
		})
	}
	until(t, func() bool { return waiting.Load() == webhooks })
	p.cmd.Process.Signal(syscall.SIGTERM)
	close(signaled)
	all.Wait()
	err := p.cmd.Wait()
	if err != nil {
		t.Errorf("the program ended with %v", err)
	}
	if n := len(log.Listed()); n != webhooks {
		t.Errorf("%d webhooks in the log, want %d", n, webhooks)
	}
	t.Logf("%d webhooks in flight at SIGTERM: %d acknowledged and in the log, %v", webhooks, acknowledged.Load(), p.cmd.ProcessState)
}

// TestEveryRefusalReportedAtTheEnd: lines cover several refusals, and the last
// ones are written on SIGTERM.
func TestEveryRefusalReportedAtTheEnd(t *testing.T) {
	const requests = 32
	log := standIn(t)
	p := run(t, log.Addr())
	for range requests {
		if status, err := post(p.url, "{}"); status != 401 || err != nil {
			t.Fatalf("status %d, %v", status, err)
		}
	}
	p.end(syscall.SIGTERM)
	reported := 0
	for line := range strings.Lines(p.stderr.String()) {
		var l struct {
			Reason string
			Count  int
		}
		if json.Unmarshal([]byte(line), &l) == nil && l.Reason == "no secret" {
			reported += l.Count
		}
	}
	if reported != requests {
		t.Errorf("%d of %d refusals reported", reported, requests)
	}
}

// TestTerminatedInTheMiddleOfALoad sends SIGTERM while webhooks come.
func TestTerminatedInTheMiddleOfALoad(t *testing.T) {
	const webhooks = 2000
	log := standIn(t)
	p := run(t, log.Addr())
	seen := newTally()
	var once sync.Once
	each(webhooks, 32, func(i int) {
		id := fmt.Sprint("term-", i)
		status, err := post(p.url, webhook(id))
		seen.add(id, err == nil && status == 200)
		if seen.count() >= webhooks/4 {
			once.Do(func() { p.cmd.Process.Signal(syscall.SIGTERM) })
		}
	})
	if err := p.cmd.Wait(); err != nil {
		t.Errorf("the program ended with %v", err)
	}
	inLog := listed(log)
	if len(inLog) != len(seen.acknowledged) {
		t.Errorf("%d acknowledged, %d in the log", len(seen.acknowledged), len(inLog))
	}
	for id := range seen.acknowledged {
		if inLog[id] != 1 {
			t.Errorf("%s was acknowledged and is in the log %d times", id, inLog[id])
		}
	}
	if len(seen.refused) == 0 {
		t.Error("the program ended after the load")
	}
	t.Logf("%d of %d acknowledged before the end, 0 lost", len(seen.acknowledged), webhooks)
}
