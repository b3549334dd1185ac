package payload

import (
	"cmp"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// course is what a line about a v2 chat, and its numbers, are made of. Both
// are wanted of every webhook. So they are read from the text of the body:
// decoding all of a chat for them cost a fifth of a webhook's CPU.
type course struct {
	started, ended time.Time
	// firstReply is when an agent first wrote after the visitor did.
	firstReply time.Time
	// messages counts whispers too; -1 says that the body lists none.
	messages int
	// closedBy is the type of user who closed the chat last.
	closedBy string
}

// course reads the course of the chat, the first time that it is asked for.
func (w *Webhook) course() *course {
	w.courseOnce.Do(func() { w.chatCourse = w.readCourse() })
	return &w.chatCourse
}

func (w *Webhook) readCourse() course {
	c := course{
		started:  w.clock(atChatStarted),
		ended:    w.clock(atChatEnded),
		messages: -1,
	}
	if list := w.raw(atChatMessages); list.Kind() == '[' {
		c.messages = 0
		asked := false
		for userType, timestamp := range pairs(list, "user_type", "timestamp") {
			c.messages++
			switch {
			case isString(userType, "visitor"):
				asked = true
			case isString(userType, "agent") && asked && c.firstReply.IsZero():
				c.firstReply = clock(timestamp)
			}
		}
	}
	for kind, userType := range pairs(w.raw(atChatEvents), "type", "user_type") {
		if isString(kind, "closed") {
			c.closedBy = text(userType)
		}
	}
	return c
}

// pairs goes through the objects of a list and yields two members of each.
func pairs(list jsontext.Value, a, b string) func(yield func(a, b jsontext.Value) bool) {
	return func(yield func(a, b jsontext.Value) bool) {
		if list.Kind() != '[' {
			return
		}
		scan(list, func(d *jsontext.Decoder) error {
			if d.PeekKind() != '{' {
				yield(nil, nil)
				return d.SkipValue()
			}
			var valueA, valueB jsontext.Value
			err := each(d, func() error {
				name, err := d.ReadValue()
				if err != nil {
					return err
				}
				isA, isB := isString(name, a), isString(name, b)
				value, err := d.ReadValue()
				switch {
				case isA:
					valueA = value
				case isB:
					valueB = value
				}
				return err
			})
			yield(valueA, valueB)
			return err
		})
	}
}

// aboutStart is the line of a v2 chat_started.
func (w *Webhook) aboutStart() (where, what string) {
	return w.ChatID, w.visitor()
}

// aboutEnd is the line of a v2 chat_ended.
func (w *Webhook) aboutEnd() (where, what string) {
	c := w.course()
	var length string
	if c.messages >= 0 {
		length = count(c.messages, "message")
		if s := c.seconds(c.ended); s != nil {
			length += " in " + time.Duration(*s*float64(time.Second)).String()
		}
	}
	return w.ChatID, cmp.Or(clauses(length, label("closed by ", c.closedBy)), w.visitor())
}

// visitor names who a v2 webhook is about.
func (w *Webhook) visitor() string {
	return person(w.text(atVisitorName), w.text(atVisitorEmail), w.text(atVisitorCountry))
}

// Numbers are what there is to plot of a v2 chat_ended. Nil is what the body
// does not tell.
type Numbers struct {
	// ChatSeconds is how long the chat was, from its start to its end.
	ChatSeconds *float64
	// FirstReplySeconds is the time from the start of the chat to the first
	// message of an agent after the visitor's first one.
	FirstReplySeconds *float64
	// Messages is how many messages the chat has, whispers included.
	Messages *int
}

// Numbers returns the numbers of a v2 chat_ended, none of any other webhook. A
// time that ends before it starts, or after a year, is left out.
func (w *Webhook) Numbers() Numbers {
	if w.Family != V2 || w.Event != "chat_ended" {
		return Numbers{}
	}
	c := w.course()
	n := Numbers{ChatSeconds: c.seconds(c.ended), FirstReplySeconds: c.seconds(c.firstReply)}
	if messages := c.messages; messages >= 0 {
		n.Messages = &messages
	}
	return n
}

// maxChat is longer than any chat; what seems longer is a wrong clock.
const maxChat = 365 * 24 * time.Hour

// seconds returns the time from the start of the chat to t, nil if either is
// missing or the time can't be true.
func (c *course) seconds(t time.Time) *float64 {
	d := t.Sub(c.started)
	if c.started.IsZero() || d < 0 || d > maxChat {
		return nil
	}
	s := d.Seconds()
	return &s
}
