package page

import (
	"bytes"
	"cmp"
	"hash/maphash"
	"slices"
	"sync"
)

// What a Store holds at most; the oldest go first.
const (
	maxWebhooks = 2_000
	maxBytes    = 64 << 20
)

// Store holds the latest webhooks in memory. Readers wait for [Store.Changed]
// and then ask for what they do not have yet, each at its own pace, so that no
// reader can hold up a webhook.
type Store struct {
	mu       sync.Mutex
	webhooks []*Webhook // oldest first
	size     int        // bytes
	last     int        // the latest number
	hidden   int        // numbers up to this one were cleared
	clears   int
	changed  chan struct{} // closed by the next change
	flights  map[string]*flight
	awaited  map[string]awaited // by trace id
	seen     map[uint64]int     // the latest number of a body, by its hash
	seed     maphash.Seed
}

// NewStore returns a Store without webhooks.
func NewStore() *Store {
	return &Store{
		changed: make(chan struct{}),
		flights: map[string]*flight{},
		awaited: map[string]awaited{},
		seen:    map[uint64]int{},
		seed:    maphash.MakeSeed(),
	}
}

// add puts w into the store as the latest webhook. It gives w its number,
// unless w has one because it was kept, and finds out whether it is a repeat.
func (s *Store) add(w *Webhook) {
	hash := maphash.Bytes(s.seed, w.Body)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last = max(s.last+1, w.Number)
	w.Number = s.last
	w.hash = hash
	if before := s.find(s.seen[hash]); before != nil && len(w.Body) > 0 && bytes.Equal(before.Body, w.Body) {
		w.RepeatOf = cmp.Or(before.RepeatOf, before.Number)
	}
	s.seen[hash] = w.Number
	s.webhooks = append(s.webhooks, w)
	s.size += w.size()
	s.forget()
	if a, ok := s.awaited[w.trace]; ok {
		w.ReplayOf = a.replayOf
		a.number <- w.Number
		delete(s.awaited, w.trace)
	}
	s.notify()
}

// forget removes the oldest webhooks as long as there is too much.
func (s *Store) forget() {
	n := 0
	for n < len(s.webhooks)-1 && (len(s.webhooks)-n > maxWebhooks || s.size > maxBytes) {
		w := s.webhooks[n]
		s.size -= w.size()
		if s.seen[w.hash] == w.Number {
			delete(s.seen, w.hash)
		}
		n++
	}
	s.webhooks = slices.Delete(s.webhooks, 0, n)
}

func (s *Store) notify() {
	close(s.changed)
	s.changed = make(chan struct{})
}

// wake has readers look again, for what is not in the store.
func (s *Store) wake() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.notify()
}

// find returns the webhook of that number, nil if it is not there.
func (s *Store) find(number int) *Webhook {
	i, ok := slices.BinarySearchFunc(s.webhooks, number, func(w *Webhook, n int) int { return cmp.Compare(w.Number, n) })
	if !ok {
		return nil
	}
	return s.webhooks[i]
}

// Get returns the webhook of that number, nil if it is not there.
func (s *Store) Get(number int) *Webhook {
	s.mu.Lock()
	defer s.mu.Unlock()
	if number <= s.hidden {
		return nil
	}
	return s.find(number)
}

// All returns all webhooks that were not cleared, oldest first.
func (s *Store) All() []*Webhook {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.visible())
}

func (s *Store) visible() []*Webhook {
	i, _ := slices.BinarySearchFunc(s.webhooks, s.hidden+1, func(w *Webhook, n int) int { return cmp.Compare(w.Number, n) })
	return s.webhooks[i:]
}

// Changed returns a channel that is closed by the next change.
func (s *Store) Changed() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.changed
}

// place is how far a reader has read.
type place struct{ number, clears int }

// here returns the place of a reader that has read everything.
func (s *Store) here() place {
	s.mu.Lock()
	defer s.mu.Unlock()
	return place{s.last, s.clears}
}

// after returns the numbers that came after a place, and the place behind them.
// It is not ok if some of them are gone, or the place is not of this store.
func (s *Store) after(p place) (numbers []int, next place, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	next = place{s.last, s.clears}
	switch {
	case p == next:
		return nil, next, true
	case p.clears != s.clears, p.number > s.last, p.number < s.last-len(s.visible()):
		return nil, next, false
	}
	for _, w := range s.visible() {
		if w.Number > p.number {
			numbers = append(numbers, w.Number)
		}
	}
	return numbers, next, true
}

// Clear hides all webhooks that are here now, and returns how many. Unclear
// shows them again.
func (s *Store) Clear() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := len(s.visible())
	s.hidden = s.last
	s.clears++
	s.notify()
	return n
}

// Unclear shows again what Clear has hidden.
func (s *Store) Unclear() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hidden = 0
	s.clears++
	s.notify()
}

// cleared returns how many webhooks are hidden.
func (s *Store) cleared() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.webhooks) - len(s.visible())
}

// awaited is a webhook that the page has sent itself.
type awaited struct {
	number   chan<- int
	replayOf int
}

// await returns a channel that gets the number of the webhook of that trace id
// once it is here, and a function to call when nobody waits any more.
func (s *Store) await(trace string, replayOf int) (number <-chan int, stop func()) {
	c := make(chan int, 1)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.awaited[trace] = awaited{c, replayOf}
	return c, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.awaited, trace)
	}
}
