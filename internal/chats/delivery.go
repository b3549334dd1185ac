package chats

import (
	"runtime"
	"slices"
	"sync"
	"time"

	"example.com/livechat-webhook/internal/redact"
	"example.com/livechat-webhook/payload"
)

// delivery is an entry with its webhook decoded.
type delivery struct {
	insertID string
	at       time.Time
	api      payload.Family
	event    string
	chat     string
	thread   string
	// body is what payload decodes: nil for an unknown event. It is a Lack if
	// the webhook cannot be decoded.
	body any
}

// readAll decodes the entries that are about chats. This is most of the work, so
// all processors share it.
func readAll(entries []Entry) []delivery {
	all := make([]delivery, len(entries))
	share := len(entries)/runtime.GOMAXPROCS(0) + 1
	var readers sync.WaitGroup
	for start := 0; start < len(entries); start += share {
		end := min(start+share, len(entries))
		readers.Go(func() {
			for i := start; i < end; i++ {
				all[i] = read(entries[i])
			}
		})
	}
	readers.Wait()
	return slices.DeleteFunc(all, func(d delivery) bool { return !d.isAboutChat() })
}

// read decodes an entry.
func read(e Entry) delivery {
	d := delivery{insertID: e.InsertID, at: e.Timestamp.UTC()}
	w, err := payload.Parse(e.Webhook)
	switch {
	case err == nil:
		d.api, d.event, d.chat, d.thread = w.Family, w.Event, known(w.ChatID), known(w.ThreadID)
		d.body, _ = w.Decode()
		return d
	case len(e.Webhook) == 0:
		d.body = MissingPart
	default:
		d.body = Unreadable
	}
	d.api, d.event = payload.Family(e.Labels["api"]), e.Labels["event"]
	d.chat, d.thread = known(e.Labels["chat_id"]), known(e.Labels["thread_id"])
	return d
}

// isAboutChat reports whether the delivery is about a chat with a known id.
func (d *delivery) isAboutChat() bool {
	return (d.api == payload.V3 || d.api == payload.V2) && (d.chat != "" || d.thread != "")
}

// known returns the id, or "" if it was redacted, since all redacted ids are
// equal.
func known[T ~string](id T) string {
	if id == redact.Mark {
		return ""
	}
	return string(id)
}

// of yields the deliveries whose body is a T.
func of[T any](deliveries []*delivery) func(yield func(*delivery, *T) bool) {
	return func(yield func(*delivery, *T) bool) {
		for _, d := range deliveries {
			if body, ok := d.body.(*T); ok && !yield(d, body) {
				return
			}
		}
	}
}
