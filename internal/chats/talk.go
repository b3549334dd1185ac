package chats

import "time"

// talk fills in the numbers from the messages in the transcript.
func (c *Chat) talk() {
	var asked, unanswered *Item
	for i := range c.Transcript {
		m := &c.Transcript[i]
		if !isMessage(m.Type) {
			continue
		}
		c.Messages.add(m)
		if m.AgentsOnly || m.Automatic {
			continue
		}
		switch m.By.Kind {
		case KindCustomer:
			if asked == nil {
				asked = m
				c.FirstQuestion = question(m)
			}
			if unanswered == nil {
				unanswered = m
			}
		case KindAgent, KindBot:
			if unanswered != nil {
				c.Replies = append(c.Replies, reply(m, unanswered))
				unanswered = nil
			}
			first := &c.FirstAgentReply
			if m.By.Kind == KindBot {
				first = &c.FirstBotReply
			}
			if asked != nil && *first == nil {
				r := reply(m, asked)
				*first = &r
			}
		}
	}
	if unanswered != nil {
		c.Waiting = question(unanswered)
	}
	c.Handled = c.Messages.handled()
}

func question(m *Item) *Question { return &Question{At: m.At, Text: m.Text, EventID: m.EventID} }

func (n *Counts) add(m *Item) {
	switch {
	case m.AgentsOnly:
		n.Whispers++
	case m.Automatic:
		n.Automatic++
	case m.By.Kind == KindCustomer:
		n.Customer++
	case m.By.Kind == KindAgent:
		n.Agent++
	case m.By.Kind == KindBot:
		n.Bot++
	default:
		n.Unknown++
	}
}

// handled returns the Text App's word for who wrote to the customer.
func (n Counts) handled() string {
	switch {
	case n.Agent > 0 && n.Bot > 0:
		return "assisted"
	case n.Agent > 0:
		return "manual"
	case n.Bot > 0:
		return "automated"
	}
	return ""
}

func reply(answer, question *Item) Reply {
	return Reply{By: answer.By, At: answer.At, Seconds: seconds(answer.At.Sub(question.At)), EventID: answer.EventID, Asked: question.EventID}
}

// missed reports whether the chat ended without an answer, nil if unknown.
func (c *Chat) missed() *bool {
	if c.Started.IsZero() || c.Ended.IsZero() || c.Messages.Unknown > 0 {
		return nil
	}
	missed := c.Messages.Agent+c.Messages.Bot == 0
	return &missed
}

// seconds returns d with the precision of LiveChat's clocks, which is also that
// of SQL: TIMESTAMP_DIFF(…, MICROSECOND) / 1e6 is the same number.
func seconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1e6 }

// maxChat is longer than any chat; what seems longer is a wrong clock.
const maxChat = 365 * 24 * time.Hour

// between returns the seconds from one time to another, nil if either is
// missing or one of the clocks must be wrong.
func between(from, to time.Time) *float64 {
	d := to.Sub(from)
	if from.IsZero() || to.IsZero() || d < 0 || d > maxChat {
		return nil
	}
	s := seconds(d)
	return &s
}
