package payload

// Numbers are values to chart from a v2 chat_ended. Nil fields are missing from
// the body.
type Numbers struct {
	// ChatSeconds is how long the chat was, from its start to its end.
	ChatSeconds *float64
	// FirstReplySeconds is the time from the visitor's first message to the first
	// message of an agent after it.
	FirstReplySeconds *float64
	// Messages is the number of messages in the chat, whispers included.
	Messages *int
}

// Numbers returns the numbers of a v2 chat_ended, and none for other webhooks.
// Durations that are negative or over a year are left out.
func (w *Webhook) Numbers() Numbers {
	if w.Family != V2 || w.Event != "chat_ended" {
		return Numbers{}
	}
	var n Numbers
	c := w.legacyChat()
	if d, ok := between(c.started, c.ended); ok {
		s := d.Seconds()
		n.ChatSeconds = &s
	}
	if d, ok := between(c.asked, c.replied); ok {
		s := d.Seconds()
		n.FirstReplySeconds = &s
	}
	if messages := c.messages; messages >= 0 {
		n.Messages = &messages
	}
	return n
}
