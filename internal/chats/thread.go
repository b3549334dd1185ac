package chats

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"

	"example.com/livechat-webhook/payload"
)

// build makes a Chat from the thread.
func (t *thread) build(who *people) Chat {
	c := Chat{API: string(payload.V3), ChatID: t.chat, ThreadID: t.id, Customer: who.customer}
	c.begin(t)
	c.Transcript = t.transcript(who)
	c.talk()
	c.end(t, who)

	w := t.waits(who)
	c.wait(w, lastWrote(c.Transcript))
	opinions := t.opinions(c.Transcript)
	c.Rating = rating(opinions)
	c.Transfers = t.transfers(c.Transcript, who)
	c.Groups = t.groups()
	if len(c.Groups) > 0 && !c.Started.IsZero() {
		c.Group = c.Groups[0]
	}
	c.Tags = t.tags()
	c.AIResolved = t.resolved()
	c.present(t, who)
	c.fromForms()

	c.Course = append(t.course(who), w.steps...)
	for _, o := range opinions {
		c.Course = append(c.Course, o.steps(customer(who))...)
	}
	c.finish(t.deliveries)
	return c
}

// start returns when the thread was created, zero if the log does not have it.
func (t *thread) start() time.Time {
	var start time.Time
	for d, body := range of[payload.IncomingChat](t.deliveries) {
		thread := &body.Chat.Thread
		at := when(thread.CreatedAt.Time, thread.Timestamp.Time, d.at)
		if start.IsZero() || at.Before(start) {
			start = at
		}
	}
	return start
}

// begin fills in the start of the chat.
func (c *Chat) begin(t *thread) {
	c.Started = t.start()
	if c.Started.IsZero() {
		c.lack(BeganBefore)
	}
	if t.id == "" {
		c.lack(UnknownThread)
	}
	for _, body := range of[payload.IncomingChat](t.deliveries) {
		thread := &body.Chat.Thread
		c.PreviousThreadID = cmp.Or(known(thread.PreviousThreadID), c.PreviousThreadID)
		if c.Restricted = cmp.Or(string(thread.RestrictedAccess), c.Restricted); c.Restricted != "" && len(thread.Events) == 0 {
			c.lack(Withheld)
		}
	}
	for _, body := range of[payload.ThreadSummarySet](t.deliveries) {
		c.Summary = cmp.Or(body.Summary.Text, c.Summary)
	}
}

// tags returns the tags that remain, sorted.
func (t *thread) tags() []string {
	set := map[string]bool{}
	for _, d := range t.deliveries {
		switch body := d.body.(type) {
		case *payload.IncomingChat:
			for _, tag := range body.Chat.Thread.Tags {
				set[tag] = true
			}
		case *payload.ThreadTagged:
			set[body.Tag] = !strings.HasSuffix(d.event, "_untagged")
		}
	}
	var all []string
	for tag, on := range set {
		if on && tag != "" {
			all = append(all, tag)
		}
	}
	slices.Sort(all)
	return all
}

// resolved returns the last value of the property chats.resolved
// (https://platform.text.com/docs/messaging/references/default-properties).
func (t *thread) resolved() *bool {
	var resolved *bool
	for _, d := range t.deliveries {
		switch body := d.body.(type) {
		case *payload.PropertiesUpdated:
			switch propertyText(body.Properties["chats"]["resolved"]) {
			case "true":
				resolved = new(bool)
				*resolved = true
			case "false":
				resolved = new(bool)
			}
		case *payload.PropertiesDeleted:
			if slices.Contains(body.Properties["chats"], "resolved") {
				resolved = nil
			}
		}
	}
	return resolved
}

// present fills in the agents and bots of the thread.
func (c *Chat) present(t *thread, who *people) {
	add := func(a Author) {
		list := &c.Agents
		switch a.Kind {
		case KindAgent:
		case KindBot:
			list = &c.Bots
		default:
			return
		}
		if !slices.ContainsFunc(*list, func(b Author) bool { return a.ID == b.ID }) {
			*list = append(*list, a)
		}
	}
	for _, d := range t.deliveries {
		switch body := d.body.(type) {
		case *payload.IncomingChat:
			for i := range body.Chat.Users {
				// Agents of earlier threads are listed too.
				u := &body.Chat.Users[i]
				if u.Present || slices.Contains(body.Chat.Thread.UserIDs, string(u.ID)) {
					add(who.author(u.ID))
				}
			}
		case *payload.UserAddedToChat:
			add(who.author(body.User.ID))
		}
	}
	for i := range c.Transcript {
		add(c.Transcript[i].By)
	}
}

// fromForms takes the customer's name and e-mail address from forms if LiveChat
// does not have them.
func (c *Chat) fromForms() {
	for i := range c.Transcript {
		item := &c.Transcript[i]
		if item.Type != "filled_form" || item.By.Kind != KindCustomer || item.Form == nil {
			continue
		}
		for _, f := range item.Form.Fields {
			switch {
			case len(f.Answers) == 0:
			case f.Type == "name":
				c.Customer.Name = cmp.Or(c.Customer.Name, f.Answers[0])
			case f.Type == "email":
				c.Customer.Email = cmp.Or(c.Customer.Email, f.Answers[0])
			}
		}
	}
}

// lastWrote returns when a human agent last wrote, zero if none did. The
// automatic greeting does not count.
func lastWrote(transcript []Item) time.Time {
	var last time.Time
	for i := range transcript {
		if item := &transcript[i]; isMessage(item.Type) && item.By.Kind == KindAgent && !item.Automatic {
			last = item.At
		}
	}
	return last
}

func customer(who *people) *Author {
	return &Author{Kind: KindCustomer, ID: who.customer.ID, Name: who.customer.Name}
}

// lack adds to Incomplete.
func (c *Chat) lack(l Lack) {
	if !slices.Contains(c.Incomplete, l) {
		c.Incomplete = append(c.Incomplete, l)
	}
}

// finish fills in what v2 and v3 have in common.
func (c *Chat) finish(deliveries []*delivery) {
	c.Missed = c.missed()
	if !c.Ended.IsZero() {
		c.Waiting = nil
	}
	slices.SortStableFunc(c.Course, func(a, b Step) int { return a.At.Compare(b.At) })
	if c.Messages.Unknown > 0 {
		c.lack(UnknownAuthor)
	}
	for i := range c.Transcript {
		if c.Transcript[i].lacksOriginal {
			c.lack(MissingOriginal)
		}
	}
	listed := map[string]bool{"": true}
	for _, d := range deliveries {
		if l, ok := d.body.(Lack); ok {
			c.lack(l)
		}
		if !listed[d.insertID] {
			listed[d.insertID] = true
			c.InsertIDs = append(c.InsertIDs, d.insertID)
		}
	}
	slices.Sort(c.Incomplete)
	c.first = deliveries[0].at
}

// digits returns a number as text, "" for 0.
func digits(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}
