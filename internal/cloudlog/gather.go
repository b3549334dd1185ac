package cloudlog

import (
	"context"
	"sync"
	"time"

	"cloud.google.com/go/logging/apiv2/loggingpb"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
)

const (
	// maxCalls is how many calls may be under way at once. With fewer, webhooks
	// wait longer; with 1 to 8 the CPU of a webhook is the same within what
	// BenchmarkReceivers can tell.
	maxCalls = 4
	// overdue is when a call no longer counts, so that calls that hang hold up
	// nobody for long.
	overdue = 250 * time.Millisecond
	// maxCallBytes keeps a call under the 10 MB that Cloud Logging takes
	// (https://docs.cloud.google.com/logging/quotas).
	maxCallBytes = 9_000_000
)

// delivery is the entries of one webhook on their way, and who waits for them.
type delivery struct {
	ctx     context.Context
	entries []*loggingpb.LogEntry
	// alone says not to share a call with others.
	alone   bool
	size    int
	outcome chan error
}

func newDelivery(ctx context.Context, entries []*loggingpb.LogEntry) *delivery {
	d := &delivery{ctx: ctx, entries: entries}
	for _, e := range entries {
		d.size += proto.Size(e)
	}
	return d
}

// gatherer shares calls among the deliveries that wait at the same moment.
type gatherer struct {
	send func([]*delivery) []error

	mu      sync.Mutex
	waiting []*delivery
	calls   int
}

// deliver waits for one attempt at d and returns its outcome, or a status made
// of the context's error if that ends first.
func (g *gatherer) deliver(d *delivery) error {
	d.outcome = make(chan error, 1)
	g.mu.Lock()
	g.waiting = append(g.waiting, d)
	if g.calls < maxCalls {
		g.calls++
		go g.call()
	}
	g.mu.Unlock()
	select {
	case err := <-d.outcome:
		return err
	case <-d.ctx.Done():
		return status.FromContextError(d.ctx.Err()).Err()
	}
}

// call makes calls as long as deliveries wait. When one is overdue, another
// goroutine goes on in its place.
func (g *gatherer) call() {
	for deliveries := g.next(); deliveries != nil; deliveries = g.next() {
		replacement := time.AfterFunc(overdue, g.call)
		for i, err := range g.send(deliveries) {
			deliveries[i].outcome <- err
		}
		if !replacement.Stop() {
			return
		}
	}
}

// next takes those that may share a call from the front of the waiting, nil if
// there are none; then the calling goroutine no longer counts as a call.
func (g *gatherer) next() []*delivery {
	g.mu.Lock()
	defer g.mu.Unlock()
	var taken []*delivery
	size := 0
	for len(g.waiting) > 0 {
		d := g.waiting[0]
		if d.ctx.Err() == nil {
			if len(taken) > 0 && (d.alone || taken[0].alone || size+d.size > maxCallBytes) {
				break
			}
			taken = append(taken, d)
			size += d.size
		}
		g.waiting[0] = nil
		g.waiting = g.waiting[1:]
	}
	if taken == nil {
		g.waiting = nil
		g.calls--
	}
	return taken
}
