// Package repeats remembers when a delivery that was not acknowledged was
// first received, so that its repeat can carry the same time.
//
// Cloud Logging lists entries with the same insertId and timestamp once. Most
// of LiveChat's webhooks have no clock of their own: without this memory each
// delivery would get another timestamp, and one whose answer was lost would be
// listed twice.
package repeats

import (
	"context"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"
)

const (
	// maxAge is how long a delivery is remembered. LiveChat retries for about a
	// minute (https://platform.text.com/docs/getting-started/livechat-apps/webhook-apps).
	maxAge = 10 * time.Minute
	// maxDeliveries is how many are remembered, about 2 MB. The oldest go first.
	maxDeliveries = 10_000
)

// Memory holds deliveries that were not acknowledged, by insertId. Its methods
// may be called concurrently.
type Memory struct {
	mu         sync.Mutex
	deliveries *simplelru.LRU[string, delivery]
}

// delivery is when a webhook was first received, and when it was last.
type delivery struct{ first, last time.Time }

// New returns an empty Memory.
func New() *Memory {
	deliveries, err := simplelru.NewLRU[string, delivery](maxDeliveries, nil)
	if err != nil {
		panic(err) // only for a size below 1
	}
	return &Memory{deliveries: deliveries}
}

// Begin begins a delivery that was received now, from a sender that ctx stands
// for, and returns when it was first received: now, or the time remembered for
// its insertId in the last ten minutes. That uses the memory up, because the
// same body may truly recur: an agent can go offline twice.
//
// The caller must call end with whether it will acknowledge the delivery. It is
// remembered if not, and also if the sender hangs up before that.
func (m *Memory) Begin(ctx context.Context, insertID string, now time.Time) (first time.Time, end func(acknowledged bool)) {
	first = m.take(insertID, now)
	remember := func() { m.remember(insertID, delivery{first, now}) }
	stop := context.AfterFunc(ctx, remember)
	return first, func(acknowledged bool) {
		if stop() && !acknowledged {
			remember()
		}
	}
}

func (m *Memory) take(insertID string, now time.Time) time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	d, ok := m.deliveries.Peek(insertID)
	m.deliveries.Remove(insertID)
	if !ok || now.Sub(d.last) > maxAge {
		return now
	}
	return d.first
}

func (m *Memory) remember(insertID string, d delivery) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.deliveries.Add(insertID, d)
}
