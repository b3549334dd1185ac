package chats

import (
	"slices"
	"time"

	"example.com/livechat-webhook/payload"
)

// waits is what the log has about the queues of a thread.
type waits struct {
	queue *Queue
	since []time.Time // sorted, distinct
	taken []time.Time // sorted: when a human agent was added
	// counted is LiveChat's own sum, if the thread has left the queue.
	counted int
	steps   []Step
}

// waits collects the queues of a thread.
func (t *thread) waits(who *people) waits {
	var w waits
	for _, d := range t.deliveries {
		switch body := d.body.(type) {
		case *payload.IncomingChat:
			thread := &body.Chat.Thread
			if !w.queued(d, thread.Queue) {
				w.counted = max(w.counted, thread.QueuesDuration)
			}
		case *payload.ChatTransferred:
			hasAgent := func(id string) bool { return who.kind(id) == KindAgent }
			if !w.queued(d, body.Queue) && slices.ContainsFunc(body.TransferredTo.AgentIDs, hasAgent) {
				w.taken = append(w.taken, d.at)
			}
		case *payload.UserAddedToChat:
			// A supervisor, whom the customer cannot see, takes no chat.
			if who.kind(string(body.User.ID)) == KindAgent && body.User.Visibility != "agents" {
				w.taken = append(w.taken, d.at)
			}
		}
	}
	slices.SortFunc(w.since, time.Time.Compare)
	return w
}

// queued records q and reports whether the chat is queued.
func (w *waits) queued(d *delivery, q payload.Queue) bool {
	since := when(q.QueuedAt.Time, q.QueuedAtUS.Time)
	if since.IsZero() && q.Position == 0 && q.WaitTime == 0 {
		return false
	}
	if w.queue == nil {
		w.queue = &Queue{}
	}
	if w.queue.Position == 0 {
		w.queue.Position = q.Position
	}
	if !since.IsZero() && !slices.Contains(w.since, since) {
		w.since = append(w.since, since)
		w.steps = append(w.steps, Step{At: since, What: "queued", Detail: digits(q.Position), InsertIDs: []string{d.insertID}})
	}
	return true
}

// wait fills in the queue. wrote is when a human agent last wrote, even a
// whisper.
func (c *Chat) wait(w waits, wrote time.Time) {
	if c.Queue = w.queue; c.Queue == nil {
		return
	}
	if len(w.since) == 0 {
		c.lack(UnknownWait)
		return
	}
	c.Queue.Since = w.since[0]
	waited, open := w.sum()
	switch {
	case open.IsZero():
	case c.Ended.IsZero() && !wrote.After(open):
		return // still waiting
	case wrote.After(open) || between(open, c.Ended) == nil:
		if w.counted == 0 {
			c.lack(UnknownWait)
			return
		}
	default:
		c.Queue.Left = true
		waited += c.Ended.Sub(open)
	}
	s := seconds(waited)
	if w.counted > 0 && !c.Queue.Left {
		s = float64(w.counted)
	}
	c.Queue.Seconds = &s
}

// sum adds up the waits that ended with an agent, and returns the start of one
// that did not, zero if all did. Queues that ended with the same agent are one
// wait.
func (w waits) sum() (waited time.Duration, open time.Time) {
	var end time.Time
	for _, since := range w.since {
		if !since.After(end) {
			continue
		}
		i := slices.IndexFunc(w.taken, func(at time.Time) bool { return !at.Before(since) })
		if i < 0 {
			return waited, since
		}
		end = w.taken[i]
		waited += end.Sub(since)
	}
	return waited, time.Time{}
}
