package payload

import (
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// Fact is a value to filter and chart by: a number or a word.
type Fact struct {
	Name string
	// Word is the value if it is a word, otherwise "".
	Word string
	// Number is the value if Word is "".
	Number float64
}

// Facts returns what one body says that can be counted without any other, in
// this order:
//
//   - chat_seconds, v2 chat_ended: from the start of the chat to its end.
//   - first_reply_seconds, v2 chat_ended: from the visitor's first message to
//     the first message of an agent after it, as LiveChat's reports count.
//   - messages, v2 chat_ended: their number, whispers included.
//   - rating, "good" or "bad": incoming_event of the system message
//     rating.chat_rated, and *_properties_updated with rating.score. LiveChat may
//     send both for one rating.
//   - group, incoming_chat and chat_transferred: the ID of the first group that
//     the thread is, or will be, in.
//   - reason, chat_transferred, user_added_to_chat and user_removed_from_chat:
//     LiveChat's word, such as "inactive".
//   - closed_by, "agent", "customer", "bot" or "livechat": chat_deactivated and
//     v2 chat_ended. A chat_deactivated does not say whether a UUID is the ID of
//     a customer or of an AI agent, so it has no closed_by then.
//   - queue_position, incoming_chat and chat_transferred: from 1, while queued.
//   - queued_seconds, incoming_chat: how long the thread was in queues.
//
// Old names of the actions count too. What the body does not say, or says in an
// undocumented way, is left out, as are durations that are negative or over a
// year.
func (w *Webhook) Facts() []Fact {
	if !w.Known() {
		return nil
	}
	var f facts
	switch w.Event {
	case "chat_ended":
		c := w.legacyChat()
		f.duration("chat_seconds", c.started, c.ended)
		f.duration("first_reply_seconds", c.asked, c.replied)
		if c.messages >= 0 {
			f.number("messages", float64(c.messages))
		}
		f.word("closed_by", legacyCloser(c.closedBy))
	case "incoming_event":
		if isString(w.raw(atPayloadEventType), "system_message") && isString(w.raw(atPayloadEventMessageType), "rating.chat_rated") {
			f.word("rating", rating(w.raw(atPayloadEventScore)))
		}
	case "chat_properties_updated", "thread_properties_updated", "chat_thread_properties_updated", "event_properties_updated":
		f.word("rating", rating(w.raw(atPayloadRatingScore)))
	case "incoming_chat", "incoming_chat_thread":
		f.word("group", firstWord(w.raw(atPayloadThreadGroupIDs), w.raw(atPayloadChatGroupIDs)))
		f.json("queue_position", w.raw(atPayloadThreadQueuePosition))
		f.json("queued_seconds", w.raw(atPayloadThreadQueuesDuration))
	case "chat_transferred":
		f.word("group", firstWord(w.raw(atPayloadToGroupIDs)))
		f.word("reason", w.short(atPayloadReason))
		f.json("queue_position", w.raw(atPayloadQueuePosition))
	case "user_added_to_chat", "chat_user_added", "user_removed_from_chat", "chat_user_removed":
		f.word("reason", w.short(atPayloadReason))
	case "chat_deactivated", "thread_closed":
		f.word("closed_by", w.closer())
	}
	return f
}

// maxFacts is the number of facts of the event that has most.
const maxFacts = 4

type facts []Fact

func (f *facts) add(fact Fact) {
	if *f == nil {
		*f = make(facts, 0, maxFacts)
	}
	*f = append(*f, fact)
}

// word adds a word of LiveChat, such as an ID or a constant. Whatever else value
// is, a redacted one for example, is no label for a chart.
func (f *facts) word(name, value string) {
	if isWord(value) {
		f.add(Fact{Name: name, Word: value})
	}
}

// maxWord is longer in bytes than any of LiveChat's words.
const maxWord = 64

func isWord(s string) bool {
	return s != "" && len(s) <= maxWord && strings.IndexFunc(s, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '_' && r != '-'
	}) < 0
}

func (f *facts) number(name string, value float64) {
	f.add(Fact{Name: name, Number: value})
}

// json adds v if it is a number that can be true.
func (f *facts) json(name string, v jsontext.Value) {
	if v.Kind() != '0' {
		return
	}
	if n, err := strconv.ParseFloat(short(v), 64); err == nil && n >= 0 && n <= math.MaxInt32 {
		f.number(name, n)
	}
}

func (f *facts) duration(name string, from, to time.Time) {
	if d, ok := between(from, to); ok {
		f.number(name, d.Seconds())
	}
}

// firstWord returns the first element of the first list that has any.
func firstWord(lists ...jsontext.Value) string {
	var first string
	for _, list := range lists {
		scan(list, 1, func(element jsontext.Value) { first = short(element) })
		if first != "" {
			break
		}
	}
	return first
}

// legacyCloser returns who closed a v2 chat, by the type of user.
func legacyCloser(userType string) string {
	switch userType {
	case "agent":
		return "agent"
	case "visitor":
		return "customer"
	}
	return ""
}

// closer returns who closed a v3 chat, or "" if the body does not say.
func (w *Webhook) closer() string {
	user := w.raw(atPayloadUserID)
	switch id := short(user); {
	case isAgent(id):
		return "agent"
	case isBot(id):
		return "bot"
	case id == "" && (user == nil || user.Kind() == 'n') && w.raw(atPayload).Kind() == '{':
		return "livechat" // it leaves the user out
	}
	return ""
}
