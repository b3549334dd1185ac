package chats

import (
	"cmp"
	"slices"

	"example.com/livechat-webhook/payload"
)

// legacy is a v2 webhook about a chat.
type legacy struct {
	*delivery
	chat    *payload.LegacyChat
	visitor *payload.Visitor
	survey  []payload.SurveyQuestion
}

// legacyBodies returns the v2 webhooks about the chat.
func legacyBodies(deliveries []*delivery) []legacy {
	var all []legacy
	for _, d := range deliveries {
		switch body := d.body.(type) {
		case *payload.ChatStarted:
			all = append(all, legacy{d, &body.Chat, &body.Visitor, body.PreChatSurvey})
		case *payload.ChatEnded:
			all = append(all, legacy{d, &body.Chat, &body.Visitor, body.PreChatSurvey})
		case *payload.ChatChanged:
			all = append(all, legacy{d, &body.Chat, &body.Visitor, nil})
		}
	}
	return all
}

// legacyChat makes a Chat from v2 webhooks. Each may have the whole chat so far:
// messages are taken from the one with most of them, and everything else from
// the last one that has it.
func legacyChat(conv *conversation) Chat {
	c := Chat{API: string(payload.V2), ChatID: conv.chat}
	bodies := legacyBodies(conv.deliveries)
	if !slices.ContainsFunc(bodies, func(l legacy) bool { return !l.chat.Started.IsZero() }) {
		c.lack(BeganBefore)
	}
	var fullest, surveyed legacy
	for _, l := range bodies {
		c.Started = when(l.chat.Started.Time, c.Started)
		c.Ended = when(l.chat.Ended.Time, c.Ended)
		c.take(l)
		if l.event != "chat_started" || len(l.chat.Tags) > 0 {
			c.Tags = slices.Sorted(slices.Values(l.chat.Tags))
		}
		if fullest.chat == nil || len(l.chat.Messages) >= len(fullest.chat.Messages) {
			fullest = l
		}
		if len(l.survey) > 0 {
			surveyed = l
		}
	}
	if len(c.Groups) > 0 {
		c.Group = c.Groups[0]
	}
	c.Seconds = between(c.Started, c.Ended)
	c.Transcript = append(c.legacySurvey(surveyed), c.legacyTranscript(fullest)...)
	slices.SortStableFunc(c.Transcript, func(a, b Item) int { return a.At.Compare(b.At) })
	c.talk()
	c.legacyEnd(bodies)
	c.legacyCourse(bodies)
	c.finish(conv.deliveries)
	return c
}

// take updates customer, agents and groups.
func (c *Chat) take(l legacy) {
	v := l.visitor
	c.Customer = Customer{
		ID:      cmp.Or(known(v.ID), c.Customer.ID),
		Name:    cmp.Or(v.Name, c.Customer.Name),
		Email:   cmp.Or(v.Email, c.Customer.Email),
		Country: cmp.Or(v.Country, c.Customer.Country),
		City:    cmp.Or(v.City, c.Customer.City),
	}
	for _, a := range l.chat.Agents {
		agent := Author{Kind: KindAgent, ID: known(a.Login), Name: a.Name}
		i := slices.IndexFunc(c.Agents, func(b Author) bool { return b.ID == agent.ID })
		if i < 0 {
			c.Agents = append(c.Agents, agent)
		} else {
			c.Agents[i].Name = cmp.Or(agent.Name, c.Agents[i].Name)
		}
	}
	for _, group := range texts(l.chat.Groups) {
		if !slices.Contains(c.Groups, group) {
			c.Groups = append(c.Groups, group)
		}
	}
}

// legacyTranscript returns the messages and events of a v2 chat.
func (c *Chat) legacyTranscript(l legacy) []Item {
	if l.chat == nil {
		return nil
	}
	var all []Item
	for i, m := range l.chat.Messages {
		item := Item{
			At: when(m.Timestamp.Time, c.Started, l.at), Type: "message", By: c.legacyAuthor(m),
			AgentsOnly: m.UserType == "supervisor", Content: Content{Text: m.Text}, InsertIDs: []string{l.insertID},
		}
		// An agent's message in the second in which the chat starts is the "first
		// welcome message" of LiveChat's reports.
		item.Automatic = i == 0 && m.UserType == "agent" && item.At.Equal(c.Started)
		all = append(all, item)
	}
	for _, e := range l.chat.Events {
		all = append(all, Item{
			At: when(e.Timestamp.Time, c.Ended, l.at), Type: "system_message", By: Author{Kind: KindLiveChat},
			Content: Content{Text: e.Text, System: e.Type}, InsertIDs: []string{l.insertID},
		})
	}
	return all
}

// legacyAuthor returns the author of a message. A supervisor is an agent who
// whispers.
func (c *Chat) legacyAuthor(m payload.LegacyMessage) Author {
	switch m.UserType {
	case "visitor":
		return Author{Kind: KindCustomer, ID: c.Customer.ID, Name: m.AuthorName}
	case "agent", "supervisor":
		return Author{Kind: KindAgent, ID: known(m.AgentID), Name: m.AuthorName}
	}
	return Author{Kind: KindUnknown, ID: known(m.AgentID), Name: m.AuthorName}
}

// legacySurvey returns the survey before the chat as a filled form.
func (c *Chat) legacySurvey(l legacy) []Item {
	if len(l.survey) == 0 {
		return nil
	}
	form := Form{Type: "prechat"}
	for _, q := range l.survey {
		var chosen []payload.Answer
		for _, a := range q.Answers {
			if a.Chosen {
				chosen = append(chosen, a)
			}
		}
		form.Fields = append(form.Fields, Field{Type: q.Type, Label: q.Label, Answers: labels(append(chosen, q.Answer))})
	}
	return []Item{{
		At: when(c.Started, l.at), Type: "filled_form", By: Author{Kind: KindCustomer, ID: c.Customer.ID, Name: c.Customer.Name},
		Content: Content{Form: &form}, InsertIDs: []string{l.insertID},
	}}
}

// legacyEnd fills in who closed the chat last.
func (c *Chat) legacyEnd(bodies []legacy) {
	if c.Ended.IsZero() {
		return
	}
	for _, l := range bodies {
		for _, e := range l.chat.Events {
			if e.Type != "closed" {
				continue
			}
			switch e.UserType {
			case "visitor":
				c.ClosedBy = &Author{Kind: KindCustomer, ID: c.Customer.ID, Name: c.Customer.Name}
			case "agent", "supervisor":
				c.ClosedBy = &Author{Kind: KindAgent}
			}
		}
	}
}

// legacyCourse fills in start and end.
func (c *Chat) legacyCourse(bodies []legacy) {
	for _, l := range bodies {
		switch l.event {
		case "chat_started":
			c.Course = append(c.Course, Step{At: when(c.Started, l.at), What: "started", InsertIDs: []string{l.insertID}})
		case "chat_ended":
			c.Course = append(c.Course, Step{At: when(c.Ended, l.at), What: "closed", By: c.ClosedBy, InsertIDs: []string{l.insertID}})
		}
	}
}
