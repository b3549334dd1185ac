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
	// maxAge is how long after its first receipt a webhook can be repeated.
	// LiveChat retries for about a minute
	// (https://platform.text.com/docs/getting-started/livechat-apps/webhook-apps).
	maxAge = 10 * time.Minute
	// maxAgeWritten is the same if it was written, and only the answer may be
	// lost. If it was not, a later webhook with the same body must not be taken
	// for a repeat.
	maxAgeWritten = 2 * time.Minute
	// maxWebhooks is how many are remembered. The oldest go first.
	maxWebhooks = 10_000
)

// Memory holds webhooks that are in flight or were not acknowledged, by
// insertId. Its methods may be called concurrently.
type Memory struct {
	mu       sync.Mutex
	webhooks *simplelru.LRU[string, *webhook]
}

// webhook is what is known of the deliveries of one webhook.
type webhook struct {
	first        time.Time // when it was first received
	repeatable   time.Time // until when another delivery is a repeat
	inFlight     int
	acknowledged bool
}

// New returns an empty Memory.
func New() *Memory {
	webhooks, err := simplelru.NewLRU[string, *webhook](maxWebhooks, nil)
	if err != nil {
		panic(err) // only for a size below 1
	}
	return &Memory{webhooks: webhooks}
}

// Begin begins a delivery that was received now, from a sender whose connection
// ctx stands for, and returns when its webhook was first received: with the
// delivery that is in flight or was not acknowledged, else now.
//
// The caller must call end with whether it will acknowledge the delivery. An
// acknowledged repeat uses the memory up, because the same body may truly
// recur: an agent can go offline twice.
func (m *Memory) Begin(ctx context.Context, insertID string, now time.Time) (first time.Time, end func(acknowledged bool)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	w, ok := m.webhooks.Peek(insertID)
	if !ok || w.inFlight == 0 && now.After(w.repeatable) {
		w = &webhook{first: now}
		m.webhooks.Add(insertID, w)
	}
	w.inFlight++
	return w.first, func(acknowledged bool) {
		m.end(insertID, w, acknowledged, ctx.Err() != nil)
	}
}

func (m *Memory) end(insertID string, w *webhook, acknowledged, hungUp bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	w.inFlight--
	switch {
	case !acknowledged:
		w.repeatable = w.first.Add(maxAge)
	case !hungUp:
		w.acknowledged = true
	default:
		w.repeatable = w.first.Add(maxAgeWritten)
	}
	if kept, ok := m.webhooks.Peek(insertID); w.acknowledged && w.inFlight == 0 && ok && kept == w {
		m.webhooks.Remove(insertID)
	}
}
