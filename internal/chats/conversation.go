package chats

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"example.com/livechat-webhook/payload"
)

// From returns the chats that the entries are about, ordered by the time of
// their first entry. The result does not depend on the order of the entries.
// Entries that are not about a chat are ignored.
//
// Entries with the same insertId are deliveries of the same body. If the event
// can happen only once, the earliest delivery counts. Other events may recur
// with the same body, so only entries with the same insertId and timestamp are
// duplicates, as in Cloud Logging. A transfer with the same body is a duplicate
// if it comes within LiveChat's time for retries.
func From(entries []Entry) []Chat {
	var all []Chat
	for _, c := range group(join(entries)) {
		c.order()
		if c.api == payload.V2 {
			all = append(all, legacyChat(c))
		} else {
			all = append(all, c.chats()...)
		}
	}
	slices.SortFunc(all, func(a, b Chat) int {
		return cmp.Or(a.first.Compare(b.first), cmp.Compare(a.ChatID, b.ChatID),
			cmp.Compare(a.ThreadID, b.ThreadID), cmp.Compare(a.API, b.API))
	})
	return all
}

// conversation is everything that the log has about a chat id.
type conversation struct {
	api        payload.Family
	chat       string
	deliveries []*delivery
}

// group groups deliveries by chat. If a delivery has only a thread id, the
// others with that id identify its chat.
func group(entries []Entry) []*conversation {
	deliveries := readAll(entries)
	chatOf := map[string]string{} // by thread
	for _, d := range deliveries {
		if d.chat != "" && d.thread != "" {
			chatOf[d.thread] = d.chat
		}
	}
	type key struct {
		api          payload.Family
		chat, thread string
	}
	var all []*conversation
	byKey := map[key]*conversation{}
	for i := range deliveries {
		d := &deliveries[i]
		k := key{api: d.api, chat: cmp.Or(d.chat, chatOf[d.thread])}
		if k.chat == "" {
			k.thread = d.thread
		}
		c := byKey[k]
		if c == nil {
			c = &conversation{api: k.api, chat: k.chat}
			byKey[k] = c
			all = append(all, c)
		}
		c.deliveries = append(c.deliveries, d)
	}
	return all
}

// retryTime is how long LiveChat retries a webhook
// (https://platform.text.com/docs/getting-started/livechat-apps/webhook-apps).
const retryTime = time.Minute

// order sorts the deliveries by time and removes duplicates.
func (c *conversation) order() {
	slices.SortFunc(c.deliveries, inTime)
	last := make(map[string]time.Time, len(c.deliveries)) // by insertId
	c.deliveries = slices.DeleteFunc(c.deliveries, func(d *delivery) bool {
		if d.insertID == "" {
			return false
		}
		before, seen := last[d.insertID]
		last[d.insertID] = d.at
		return seen && (d.once() || d.at.Sub(before) <= d.recurs())
	})
}

func inTime(a, b *delivery) int {
	return cmp.Or(a.at.Compare(b.at), cmp.Compare(a.insertID, b.insertID))
}

// once reports whether the event can happen only once with the same body.
func (d *delivery) once() bool {
	switch d.body.(type) {
	case *payload.IncomingChat, *payload.ChatDeactivated, *payload.EventDeleted, *payload.ThreadSummarySet,
		*payload.ChatStarted, *payload.ChatEnded:
		return true
	case *payload.IncomingEvent:
		return d.event == "incoming_event"
	}
	return false
}

// recurs returns the time within which the same body is a duplicate. It is 0 for
// events that set a state, because reading them twice changes nothing.
func (d *delivery) recurs() time.Duration {
	if _, ok := d.body.(*payload.ChatTransferred); ok {
		return retryTime
	}
	return 0
}

// chats returns one chat per thread of a v3 conversation.
func (c *conversation) chats() []Chat {
	who := meet(c.deliveries)
	var all []Chat
	for _, t := range c.threads() {
		all = append(all, t.build(who))
	}
	return all
}

// thread is everything that the log has about a thread, oldest first.
type thread struct {
	chat, id   string
	started    time.Time // or its first delivery
	deliveries []*delivery
}

// threads puts the deliveries into threads. Without a thread id, properties of
// the chat and what was seen go to the latest thread. Users and transfers go to
// none, because their webhooks omit the id only if no thread was active.
func (c *conversation) threads() []*thread {
	var all []*thread
	byID := map[string]*thread{}
	var unplaced []*delivery
	for _, d := range c.deliveries {
		if d.thread == "" && !d.needsThread() {
			unplaced = append(unplaced, d)
			continue
		}
		t := byID[d.thread]
		if t == nil {
			t = &thread{chat: c.chat, id: d.thread, started: d.at}
			byID[d.thread] = t
			all = append(all, t)
		}
		t.deliveries = append(t.deliveries, d)
	}
	for _, t := range all {
		if start := t.start(); !start.IsZero() {
			t.started = start
		}
	}
	slices.SortStableFunc(all, func(a, b *thread) int {
		return cmp.Or(a.started.Compare(b.started), cmp.Compare(a.id, b.id))
	})
	place(unplaced, all)
	return all
}

// needsThread reports whether the webhook always has a thread id, which must
// have been redacted if it is missing.
func (d *delivery) needsThread() bool {
	switch d.body.(type) {
	case *payload.IncomingChat, *payload.IncomingEvent, *payload.EventDeleted, *payload.ChatDeactivated,
		*payload.ThreadTagged, *payload.ThreadSummarySet, Lack:
		return true
	case *payload.PropertiesUpdated, *payload.PropertiesDeleted:
		return strings.Contains(d.event, "thread_") || strings.HasPrefix(d.event, "event_")
	}
	return false
}

// place adds deliveries without a thread id to threads, which are sorted.
func place(deliveries []*delivery, threads []*thread) {
	if len(threads) == 0 {
		return
	}
	for _, d := range deliveries {
		switch d.body.(type) {
		case *payload.PropertiesUpdated, *payload.PropertiesDeleted, *payload.EventsMarkedAsSeen:
		default:
			continue
		}
		after, _ := slices.BinarySearchFunc(threads, d.at, func(t *thread, at time.Time) int {
			if t.started.After(at) {
				return 1
			}
			return -1
		})
		t := threads[max(after-1, 0)]
		t.deliveries = append(t.deliveries, d)
	}
	for _, t := range threads {
		slices.SortFunc(t.deliveries, inTime)
	}
}
