package payload

import (
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// The types of this file are the payloads of the Configuration API webhooks,
// as in https://platform.text.com/docs/management/webhooks. Versions in their
// comments are API versions.

// IncomingChat is the payload of incoming_chat, up to 3.1 incoming_chat_thread:
// a new chat, or a new thread in an old one.
type IncomingChat struct {
	Chat            Chat   `json:"chat"`
	RequesterID     Text   `json:"requester_id"` // if an agent started it; documented for pushes only
	TransferredFrom Target `json:"transferred_from"`
}

// Target is where a chat comes from or goes to.
type Target struct {
	GroupIDs []int    `json:"group_ids"`
	AgentIDs []string `json:"agent_ids"`
}

// ChatDeactivated is the payload of chat_deactivated, up to 3.1 thread_closed.
type ChatDeactivated struct {
	ChatID   Text `json:"chat_id"`
	ThreadID Text `json:"thread_id"`
	UserID   Text `json:"user_id"` // missing if LiveChat itself closed the chat
}

// ChatTransferred is the payload of chat_transferred.
type ChatTransferred struct {
	ChatID        Text   `json:"chat_id"`
	ThreadID      Text   `json:"thread_id"` // if active
	RequesterID   Text   `json:"requester_id"`
	Reason        string `json:"reason"` // manual, inactive, assigned, unassigned, other
	TransferredTo Target `json:"transferred_to"`
	Queue         Queue  `json:"queue"`
}

// AccessChanged is the payload of chat_access_updated, where Access is the
// complete new value, and of the actions before 3.4, where it is what was added or
// removed.
type AccessChanged struct {
	Resource string `json:"resource"` // chat or thread, up to 3.1; later always a chat
	ID       Text   `json:"id"`       // of the chat or thread
	Access   Access `json:"access"`
}

// UserAddedToChat is the payload of user_added_to_chat, up to 3.1
// chat_user_added.
type UserAddedToChat struct {
	ChatID      Text   `json:"chat_id"`
	ThreadID    Text   `json:"thread_id"` // if active
	User        User   `json:"user"`
	UserType    string `json:"user_type"` // agent or customer
	Reason      string `json:"reason"`
	RequesterID Text   `json:"requester_id"` // if an agent did it
}

// UserRemovedFromChat is the payload of user_removed_from_chat, up to 3.1
// chat_user_removed.
type UserRemovedFromChat struct {
	ChatID      Text   `json:"chat_id"`
	ThreadID    Text   `json:"thread_id"`
	UserID      Text   `json:"user_id"`
	UserType    string `json:"user_type"` // agent or customer
	Reason      string `json:"reason"`
	RequesterID Text   `json:"requester_id"` // if an agent did it
}

// IncomingEvent is the payload of incoming_event and event_updated.
type IncomingEvent struct {
	ChatID   Text  `json:"chat_id"`
	ThreadID Text  `json:"thread_id"`
	Event    Event `json:"event"`
}

// EventDeleted is the payload of event_deleted.
type EventDeleted struct {
	ChatID   Text `json:"chat_id"`
	ThreadID Text `json:"thread_id"`
	EventID  Text `json:"event_id"`
}

// RichMessagePostback is the payload of incoming_rich_message_postback: someone
// pressed a button of a rich message.
type RichMessagePostback struct {
	UserID   Text     `json:"user_id"`
	ChatID   Text     `json:"chat_id"`
	ThreadID Text     `json:"thread_id"`
	EventID  Text     `json:"event_id"`
	Postback Postback `json:"postback"`
}

// EventsMarkedAsSeen is the payload of events_marked_as_seen and, in 3.0, of
// last_seen_timestamp_updated.
type EventsMarkedAsSeen struct {
	UserID    Text `json:"user_id"`
	ChatID    Text `json:"chat_id"`
	SeenUpTo  Time `json:"seen_up_to"`
	Timestamp Time `json:"timestamp"` // 3.0, for SeenUpTo
}

// FollowUpRequested is the payload of follow_up_requested.
type FollowUpRequested struct {
	ChatID     Text `json:"chat_id"`
	ThreadID   Text `json:"thread_id"`
	CustomerID Text `json:"customer_id"`
}

// ThreadSummarySet is the payload of thread_summary_set.
type ThreadSummarySet struct {
	ChatID   Text          `json:"chat_id"`
	ThreadID Text          `json:"thread_id"`
	Summary  ThreadSummary `json:"summary"`
}

// PropertiesUpdated is the payload of the *_properties_updated actions. It
// holds only the properties that changed.
type PropertiesUpdated struct {
	ChatID     Text       `json:"chat_id"`
	ThreadID   Text       `json:"thread_id"` // of a thread or an event
	EventID    Text       `json:"event_id"`  // of an event
	Properties Properties `json:"properties"`
}

// PropertiesDeleted is the payload of the *_properties_deleted actions.
type PropertiesDeleted struct {
	ChatID     Text                `json:"chat_id"`
	ThreadID   Text                `json:"thread_id"`  // of a thread or an event
	EventID    Text                `json:"event_id"`   // of an event
	Properties map[string][]string `json:"properties"` // namespace to names
}

// ThreadTagged is the payload of thread_tagged and thread_untagged, up to 3.1
// chat_thread_tagged and chat_thread_untagged.
type ThreadTagged struct {
	ChatID   Text   `json:"chat_id"`
	ThreadID Text   `json:"thread_id"`
	Tag      string `json:"tag"`
}

// IncomingCustomer is the payload of incoming_customer, up to 3.2
// customer_created. LiveChat's sources disagree whether the customer is the
// payload or its member customer; here it is the member.
type IncomingCustomer struct {
	Customer User `json:"customer"`
}

// UnmarshalJSONFrom accepts both shapes.
func (c *IncomingCustomer) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	var either struct {
		User
		Customer *User `json:"customer"`
	}
	err := json.UnmarshalDecode(d, &either)
	c.Customer = either.User
	if either.Customer != nil {
		c.Customer = *either.Customer
	}
	return err
}

// CustomerSessionFieldsUpdated is the payload of
// customer_session_fields_updated, sent once for each active chat of the
// customer.
type CustomerSessionFieldsUpdated struct {
	ID            Text       `json:"id"` // of the customer
	ActiveChat    ActiveChat `json:"active_chat"`
	SessionFields Fields     `json:"session_fields"`
}

// ActiveChat is the chat that a customer is in.
type ActiveChat struct {
	ChatID   Text `json:"chat_id"`
	ThreadID Text `json:"thread_id"`
}

// RoutingStatusSet is the payload of routing_status_set, up to 3.1
// agent_status_changed. The words of Status are separated by spaces in
// the reference and by underscores in the JavaScript SDK.
type RoutingStatusSet struct {
	AgentID Text   `json:"agent_id"`
	Status  string `json:"status"` // accepting chats, not accepting chats, offline
}
