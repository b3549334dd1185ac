package cloudlog

import (
	"context"
	"slices"
	"sync"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

const (
	// enough is how many deliveries are worth a call of their own while another
	// is under way. At 64 connections, with calls of 10 ms (BenchmarkReceivers), 8
	// took some 6 % more CPU a webhook; 32 took no less, and answers 2 ms more.
	enough = 16
	// overdue is when others no longer wait for a call to return, so that one
	// that hangs holds up nobody for long.
	overdue = 250 * time.Millisecond
	// maxCallBytes keeps a call under the 10 MB that Cloud Logging takes
	// (https://docs.cloud.google.com/logging/quotas).
	maxCallBytes = 9_000_000
)

// delivery is the entries of one webhook on their way, and who waits for them.
type delivery struct {
	ctx     context.Context
	entries [][]byte
	// alone says neither to wait for others nor to share a call with them.
	alone   bool
	size    int // bytes of the entries
	outcome chan error
}

func newDelivery(ctx context.Context, entries [][]byte) *delivery {
	d := &delivery{ctx: ctx, entries: entries}
	for _, e := range entries {
		d.size += len(e)
	}
	return d
}

// gatherer shares calls among the deliveries that wait at the same moment.
type gatherer struct {
	send    func([]*delivery) []error
	overdue time.Duration

	mu      sync.Mutex
	waiting []*delivery
	calls   int // that others wait for
}

// deliver waits for one attempt at d and returns its outcome, or a status made
// of the context's error if that ends first.
func (g *gatherer) deliver(d *delivery) error {
	d.outcome = make(chan error, 1)
	g.enter(d)
	select {
	case err := <-d.outcome:
		return err
	case <-d.ctx.Done():
		return status.FromContextError(d.ctx.Err()).Err()
	}
}

func (g *gatherer) enter(d *delivery) {
	if d.alone {
		go g.call([]*delivery{d})
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.waiting = append(g.waiting, d)
	g.begin()
}

// begin begins a call if one is due: if none is under way, or enough deliveries
// wait for one. The caller holds g.mu.
func (g *gatherer) begin() {
	if g.calls > 0 && len(g.waiting) < enough {
		return
	}
	if deliveries := g.next(); len(deliveries) > 0 {
		g.calls++
		go g.callAwaited(deliveries)
	}
}

// callAwaited makes a call whose end those wait for who came too late for it,
// but not for long.
func (g *gatherer) callAwaited(deliveries []*delivery) {
	gone := time.AfterFunc(g.overdue, g.ended)
	g.call(deliveries)
	if gone.Stop() {
		g.ended()
	}
}

// call makes one call and hands out what became of it.
func (g *gatherer) call(deliveries []*delivery) {
	for i, err := range g.attempt(deliveries) {
		deliveries[i].outcome <- err
	}
}

// attempt is send, with an error for each delivery instead of a panic, which
// would end the process here.
func (g *gatherer) attempt(deliveries []*delivery) (each []error) {
	defer func() {
		if recover() != nil {
			each = slices.Repeat([]error{errPanic}, len(deliveries))
		}
	}()
	return g.send(deliveries)
}

var errPanic = status.Error(codes.Internal, "panic while calling Cloud Logging")

// ended says that nobody waits for a call any longer.
func (g *gatherer) ended() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.calls--
	g.begin()
}

// next takes those that fit into one call from the front of the waiting, and
// drops those for whom nobody waits any more, which may be all.
func (g *gatherer) next() []*delivery {
	var taken []*delivery
	size := 0
	for len(g.waiting) > 0 {
		d := g.waiting[0]
		if d.ctx.Err() == nil {
			if len(taken) > 0 && size+d.size > maxCallBytes {
				break
			}
			taken = append(taken, d)
			size += d.size
		}
		g.waiting[0] = nil
		g.waiting = g.waiting[1:]
	}
	return taken
}
