package chats

import (
	"strings"

	"example.com/livechat-webhook/payload"
)

// end fills in when, how and by whom the chat was closed.
func (c *Chat) end(t *thread, who *people) {
	for i := range c.Transcript {
		if item := &c.Transcript[i]; item.Type == "system_message" && archives(item.System) {
			c.Ended, c.ClosedHow = item.At, item.System
		}
	}
	if c.ClosedHow != "" {
		c.ClosedBy = &Author{Kind: archiver(c.ClosedHow)}
	}
	for d, body := range of[payload.ChatDeactivated](t.deliveries) {
		c.Ended = d.at
		c.ClosedBy = closer(body.UserID, c.ClosedHow, who)
		break // later ones are retries
	}
	c.Seconds = between(c.Started, c.Ended)
}

// closer returns who closed a chat, nil if unknown. The id is missing if
// LiveChat itself did.
func closer(id payload.Text, how string, who *people) *Author {
	if id == "" {
		return &Author{Kind: KindLiveChat}
	}
	a := who.author(id)
	if a.Kind == KindUnknown && how != "" {
		a.Kind = archiver(how)
	}
	if a == (Author{Kind: KindUnknown}) {
		return nil
	}
	return &a
}

// archives reports whether a system message of the type ends a chat (https://platform.text.com/docs/messaging/references/system-activities).
func archives(systemMessageType string) bool {
	switch systemMessageType {
	case "manual_archived_agent", "manual_archived_customer", "archived_customer_disconnected", "customer_banned", "system_archived":
		return true
	}
	return strings.HasPrefix(systemMessageType, "routing.archived_")
}

// archiver returns who causes system messages of the type.
func archiver(systemMessageType string) Kind {
	switch systemMessageType {
	case "manual_archived_agent", "customer_banned":
		return KindAgent
	case "manual_archived_customer":
		return KindCustomer
	}
	return KindLiveChat
}
