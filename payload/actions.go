package payload

import (
	"cmp"
	"strings"
)

// Action is one action of the Configuration API webhooks.
type Action struct {
	// Name is what a registration and a body call it.
	Name string
	// First and Last are the oldest and the newest API version that have it,
	// such as "3.2". Last is empty for what the newest version still has.
	First, Last string
	// Successor is the action that came in its place, if one did.
	Successor string
}

// In reports whether the API of that version, such as "3.6", has the action.
func (a Action) In(version string) bool {
	return compareVersions(a.First, version) <= 0 &&
		(a.Last == "" || compareVersions(version, a.Last) <= 0)
}

// compareVersions puts 3.9 before 3.10.
func compareVersions(a, b string) int {
	return cmp.Or(cmp.Compare(len(a), len(b)), strings.Compare(a, b))
}

// Actions returns all actions of API versions 3.0 to 3.7, old names included.
// The versions are those of LiveChat's webhook reference pages and changelog,
// https://platform.text.com/docs/management/webhooks.
func Actions() []Action {
	var all []Action
	for _, r := range table {
		if r.family == V3 {
			all = append(all, r.Action)
		}
	}
	return all
}

// LookupAction returns the action of that name, and whether there is one.
func LookupAction(name string) (Action, bool) {
	r := rows[name]
	if r == nil || r.family != V3 {
		return Action{}, false
	}
	return r.Action, true
}

// row is an event that the package knows.
type row struct {
	family Family
	Action
	shape
}

// shape is what a body decodes to. Unless that tells about itself, about does,
// without decoding.
type shape struct {
	blank func() any
	about func(w *Webhook) (where, what string)
}

// typed is what a body decodes to.
type typed interface {
	// about says in a few words where it happened, often the id of a chat, and
	// what. Either may be empty.
	about() (where, what string)
}

// as is the shape of what decodes to T, which tells about itself.
func as[T any, P interface {
	*T
	typed
}]() shape {
	return shape{blank: func() any { return new(T) }}
}

// told is the shape of what decodes to T, which about need not wait for.
func told[T any](about func(*Webhook) (where, what string)) shape {
	return shape{func() any { return new(T) }, about}
}

// rows is the table by name. No two families share one.
var rows = byName(table)

func byName(table []row) map[string]*row {
	rows := make(map[string]*row, len(table))
	for i := range table {
		rows[table[i].Name] = &table[i]
	}
	return rows
}

// row returns what the package knows of the webhook's event, or nil.
func (w *Webhook) row() *row {
	name := w.Event
	if name == "auto_access_added" && w.raw(atPayload).Kind() == '[' {
		name = "auto_accesses_updated" // as the samples of 3.5 and later print it
	}
	if r := rows[name]; r != nil && r.family == w.Family {
		return r
	}
	return nil
}

// table holds every event that the package knows, and is the only place that
// names them all.
var table = []row{
	{V2, Action{Name: "chat_started"}, told[ChatStarted]((*Webhook).aboutStart)},
	{V2, Action{Name: "chat_ended"}, told[ChatEnded]((*Webhook).aboutEnd)},
	{V2, Action{Name: "chat_changed"}, as[ChatChanged]()},
	{V2, Action{Name: "visitor_queued"}, as[VisitorQueued]()},
	{V2, Action{Name: "ticket_created"}, as[TicketCreated]()},
	{V2, Action{Name: "canned_response_changed"}, as[CannedResponseChanged]()},

	{V3, Action{"incoming_chat_thread", "3.0", "3.1", "incoming_chat"}, as[IncomingChat]()},
	{V3, Action{"incoming_chat", "3.2", "", ""}, as[IncomingChat]()},
	{V3, Action{"thread_closed", "3.0", "3.1", "chat_deactivated"}, as[ChatDeactivated]()},
	{V3, Action{"chat_deactivated", "3.2", "", ""}, as[ChatDeactivated]()},
	{V3, Action{"chat_transferred", "3.3", "", ""}, as[ChatTransferred]()},

	{V3, Action{"access_granted", "3.1", "3.1", "chat_access_granted"}, as[AccessChanged]()},
	{V3, Action{"access_revoked", "3.1", "3.1", "chat_access_revoked"}, as[AccessChanged]()},
	{V3, Action{"access_set", "3.1", "3.1", ""}, as[AccessChanged]()},
	{V3, Action{"chat_access_granted", "3.2", "3.3", "chat_access_updated"}, as[AccessChanged]()},
	{V3, Action{"chat_access_revoked", "3.2", "3.3", "chat_access_updated"}, as[AccessChanged]()},
	{V3, Action{"chat_access_updated", "3.4", "", ""}, as[AccessChanged]()},

	{V3, Action{"chat_user_added", "3.0", "3.1", "user_added_to_chat"}, as[UserAddedToChat]()},
	{V3, Action{"user_added_to_chat", "3.2", "", ""}, as[UserAddedToChat]()},
	{V3, Action{"chat_user_removed", "3.0", "3.1", "user_removed_from_chat"}, as[UserRemovedFromChat]()},
	{V3, Action{"user_removed_from_chat", "3.2", "", ""}, as[UserRemovedFromChat]()},

	{V3, Action{"incoming_event", "3.0", "", ""}, as[IncomingEvent]()},
	{V3, Action{"event_updated", "3.1", "", ""}, as[IncomingEvent]()},
	{V3, Action{"event_deleted", "3.6", "", ""}, as[EventDeleted]()},
	{V3, Action{"incoming_rich_message_postback", "3.0", "", ""}, as[RichMessagePostback]()},
	{V3, Action{"last_seen_timestamp_updated", "3.0", "3.0", "events_marked_as_seen"}, as[EventsMarkedAsSeen]()},
	{V3, Action{"events_marked_as_seen", "3.1", "", ""}, as[EventsMarkedAsSeen]()},
	{V3, Action{"follow_up_requested", "3.1", "3.2", ""}, as[FollowUpRequested]()},
	{V3, Action{"thread_summary_set", "3.6", "", ""}, as[ThreadSummarySet]()},

	{V3, Action{"chat_properties_updated", "3.0", "", ""}, as[PropertiesUpdated]()},
	{V3, Action{"chat_properties_deleted", "3.0", "", ""}, as[PropertiesDeleted]()},
	{V3, Action{"chat_thread_properties_updated", "3.0", "3.1", "thread_properties_updated"}, as[PropertiesUpdated]()},
	{V3, Action{"chat_thread_properties_deleted", "3.0", "3.1", "thread_properties_deleted"}, as[PropertiesDeleted]()},
	{V3, Action{"thread_properties_updated", "3.2", "", ""}, as[PropertiesUpdated]()},
	{V3, Action{"thread_properties_deleted", "3.2", "", ""}, as[PropertiesDeleted]()},
	{V3, Action{"event_properties_updated", "3.1", "", ""}, as[PropertiesUpdated]()},
	{V3, Action{"event_properties_deleted", "3.1", "", ""}, as[PropertiesDeleted]()},

	{V3, Action{"chat_thread_tagged", "3.0", "3.1", "thread_tagged"}, as[ThreadTagged]()},
	{V3, Action{"chat_thread_untagged", "3.0", "3.1", "thread_untagged"}, as[ThreadTagged]()},
	{V3, Action{"thread_tagged", "3.2", "", ""}, as[ThreadTagged]()},
	{V3, Action{"thread_untagged", "3.2", "", ""}, as[ThreadTagged]()},

	{V3, Action{"customer_created", "3.1", "3.2", "incoming_customer"}, as[IncomingCustomer]()},
	{V3, Action{"incoming_customer", "3.3", "3.5", ""}, as[IncomingCustomer]()},
	{V3, Action{"customer_session_fields_updated", "3.3", "", ""}, as[CustomerSessionFieldsUpdated]()},

	{V3, Action{"agent_status_changed", "3.0", "3.1", "routing_status_set"}, as[RoutingStatusSet]()},
	{V3, Action{"routing_status_set", "3.2", "", ""}, as[RoutingStatusSet]()},
	{V3, Action{"agent_created", "3.4", "", ""}, as[Agent]()},
	{V3, Action{"agent_updated", "3.4", "", ""}, as[Agent]()},
	{V3, Action{"agent_approved", "3.4", "", ""}, as[Agent]()},
	{V3, Action{"agent_suspended", "3.4", "", ""}, as[Agent]()},
	{V3, Action{"agent_unsuspended", "3.4", "", ""}, as[Agent]()},
	{V3, Action{"agent_deleted", "3.0", "", ""}, as[Agent]()},
	{V3, Action{"bot_created", "3.4", "", ""}, as[Bot]()},
	{V3, Action{"bot_updated", "3.4", "", ""}, as[Bot]()},
	{V3, Action{"bot_deleted", "3.4", "", ""}, as[Bot]()},

	{V3, Action{"auto_access_added", "3.4", "3.4", "auto_accesses_updated"}, as[AutoAccess]()},
	{V3, Action{"auto_access_updated", "3.4", "3.4", "auto_accesses_updated"}, as[AutoAccess]()},
	{V3, Action{"auto_access_deleted", "3.4", "3.4", "auto_accesses_updated"}, as[AutoAccess]()},
	{V3, Action{"auto_accesses_updated", "3.5", "", ""}, as[AutoAccesses]()},
	{V3, Action{"group_created", "3.4", "", ""}, as[Group]()},
	{V3, Action{"group_updated", "3.4", "", ""}, as[Group]()},
	{V3, Action{"group_deleted", "3.4", "", ""}, as[Group]()},
	{V3, Action{"tag_created", "3.5", "", ""}, as[Tag]()},
	{V3, Action{"tag_updated", "3.5", "", ""}, as[Tag]()},
	{V3, Action{"tag_deleted", "3.5", "", ""}, as[Tag]()},

	{App, Action{Name: "application_installed"}, as[AppEvent]()},
	{App, Action{Name: "application_uninstalled"}, as[AppEvent]()},
	{App, Action{Name: "payment_trialstarted"}, as[AppEvent]()},
	{App, Action{Name: "payment_activated"}, as[AppEvent]()},
	{App, Action{Name: "payment_collected"}, as[AppEvent]()},
	{App, Action{Name: "payment_cancelled"}, as[AppEvent]()},

	{Upgrade, Action{Name: "ENABLE"}, as[UpgradeRequest]()},
	{Upgrade, Action{Name: "DISABLE"}, as[UpgradeRequest]()},
}
