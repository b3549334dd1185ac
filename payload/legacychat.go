package payload

import (
	"math"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// legacyChat is what the summary and the facts of a v2 chat need. It is read
// straight from the text: decoding a whole chat for it cost a fifth of a
// webhook's CPU.
type legacyChat struct {
	started, ended time.Time
	// asked is when the visitor first wrote, replied when an agent first wrote
	// after that.
	asked, replied time.Time
	// messages counts whispers too. It is -1 if the body has no list.
	messages int
	// closedBy is the type of the user who last closed the chat.
	closedBy string
}

// legacyChat reads the chat on first use.
func (w *Webhook) legacyChat() *legacyChat {
	if w.legacy == nil {
		w.legacy = w.readLegacyChat()
	}
	return w.legacy
}

func (w *Webhook) readLegacyChat() *legacyChat {
	c := &legacyChat{started: w.clock(atChatStarted), ended: w.clock(atChatEnded), messages: -1}
	if messages := w.raw(atChatMessages); messages.Kind() == '[' {
		c.readMessages(messages)
	}
	scanObjects(w.raw(atChatEvents), math.MaxInt, []string{"type", "user_type"}, func(event []jsontext.Value) {
		if isString(event[0], "closed") {
			c.closedBy = short(event[1])
		}
	})
	return c
}

func (c *legacyChat) readMessages(messages jsontext.Value) {
	c.messages = 0
	asked, replied := false, false
	scanObjects(messages, math.MaxInt, []string{"user_type", "timestamp"}, func(message []jsontext.Value) {
		c.messages++
		switch userType := message[0]; {
		case !asked && isString(userType, "visitor"):
			asked = true
			c.asked = clock(message[1])
		case asked && !replied && isString(userType, "agent"):
			replied = true
			c.replied = clock(message[1])
		}
	})
}

// maxChat is longer than any chat. What seems longer is a wrong clock.
const maxChat = 365 * 24 * time.Hour

// between returns the time from a to b, and false if either is missing or the
// time is negative or over a year.
func between(a, b time.Time) (time.Duration, bool) {
	d := b.Sub(a)
	return d, !a.IsZero() && !b.IsZero() && d >= 0 && d <= maxChat
}
