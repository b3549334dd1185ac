package payload

import (
	"cmp"
	"strings"
)

// Action is one action of the Configuration API webhooks.
type Action struct {
	// Name is its name in registrations and bodies.
	Name string
	// First and Last are the oldest and newest API version that have it, such as
	// "3.2". Last is empty if the newest version still has it.
	First, Last string
	// Successor is the action that replaced it, if any.
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

// shape says what a body decodes to and how it is summarized.
type shape struct {
	blank func() any
	// about returns in a few words where it happened, often the ID of a chat,
	// and what. Either may be empty. It reads the few members that it needs, so
	// that no body costs much more than its size.
	about func(w *Webhook) (where, what string)
}

// as returns the shape of events that decode to T and are summarized by about.
func as[T any](about func(*Webhook) (where, what string)) shape {
	return shape{func() any { return new(T) }, about}
}

// rows is the table indexed by name. Names are unique across families.
var rows = byName(table)

func byName(table []row) map[string]*row {
	rows := make(map[string]*row, len(table))
	for i := range table {
		rows[table[i].Name] = &table[i]
	}
	return rows
}

// row returns the table's row for the webhook's event, or nil.
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

// table lists every known event, and is the only place that does.
var table = []row{
	{V2, Action{Name: "chat_started"}, as[ChatStarted]((*Webhook).aboutStart)},
	{V2, Action{Name: "chat_ended"}, as[ChatEnded]((*Webhook).aboutEnd)},
	{V2, Action{Name: "chat_changed"}, as[ChatChanged]((*Webhook).aboutTags)},
	{V2, Action{Name: "visitor_queued"}, as[VisitorQueued]((*Webhook).aboutVisitor)},
	{V2, Action{Name: "ticket_created"}, as[TicketCreated]((*Webhook).aboutTicket)},
	{V2, Action{Name: "canned_response_changed"}, as[CannedResponseChanged]((*Webhook).aboutCannedResponse)},

	{V3, Action{"incoming_chat_thread", "3.0", "3.1", "incoming_chat"}, as[IncomingChat]((*Webhook).aboutChat)},
	{V3, Action{"incoming_chat", "3.2", "", ""}, as[IncomingChat]((*Webhook).aboutChat)},
	{V3, Action{"thread_closed", "3.0", "3.1", "chat_deactivated"}, as[ChatDeactivated]((*Webhook).aboutDeactivation)},
	{V3, Action{"chat_deactivated", "3.2", "", ""}, as[ChatDeactivated]((*Webhook).aboutDeactivation)},
	{V3, Action{"chat_transferred", "3.3", "", ""}, as[ChatTransferred]((*Webhook).aboutTransfer)},

	{V3, Action{"access_granted", "3.1", "3.1", "chat_access_granted"}, as[AccessChanged]((*Webhook).aboutAccess)},
	{V3, Action{"access_revoked", "3.1", "3.1", "chat_access_revoked"}, as[AccessChanged]((*Webhook).aboutAccess)},
	{V3, Action{"access_set", "3.1", "3.1", ""}, as[AccessChanged]((*Webhook).aboutAccess)},
	{V3, Action{"chat_access_granted", "3.2", "3.3", "chat_access_updated"}, as[AccessChanged]((*Webhook).aboutAccess)},
	{V3, Action{"chat_access_revoked", "3.2", "3.3", "chat_access_updated"}, as[AccessChanged]((*Webhook).aboutAccess)},
	{V3, Action{"chat_access_updated", "3.4", "", ""}, as[AccessChanged]((*Webhook).aboutAccess)},

	{V3, Action{"chat_user_added", "3.0", "3.1", "user_added_to_chat"}, as[UserAddedToChat]((*Webhook).aboutUserAdded)},
	{V3, Action{"user_added_to_chat", "3.2", "", ""}, as[UserAddedToChat]((*Webhook).aboutUserAdded)},
	{V3, Action{"chat_user_removed", "3.0", "3.1", "user_removed_from_chat"}, as[UserRemovedFromChat]((*Webhook).aboutUserRemoved)},
	{V3, Action{"user_removed_from_chat", "3.2", "", ""}, as[UserRemovedFromChat]((*Webhook).aboutUserRemoved)},

	{V3, Action{"incoming_event", "3.0", "", ""}, as[IncomingEvent]((*Webhook).aboutEvent)},
	{V3, Action{"event_updated", "3.1", "", ""}, as[IncomingEvent]((*Webhook).aboutEvent)},
	{V3, Action{"event_deleted", "3.6", "", ""}, as[EventDeleted]((*Webhook).aboutEventDeleted)},
	{V3, Action{"incoming_rich_message_postback", "3.0", "", ""}, as[RichMessagePostback]((*Webhook).aboutPostback)},
	{V3, Action{"last_seen_timestamp_updated", "3.0", "3.0", "events_marked_as_seen"}, as[EventsMarkedAsSeen]((*Webhook).aboutSeen)},
	{V3, Action{"events_marked_as_seen", "3.1", "", ""}, as[EventsMarkedAsSeen]((*Webhook).aboutSeen)},
	{V3, Action{"follow_up_requested", "3.1", "3.2", ""}, as[FollowUpRequested]((*Webhook).aboutFollowUp)},
	{V3, Action{"thread_summary_set", "3.6", "", ""}, as[ThreadSummarySet]((*Webhook).aboutSummary)},

	{V3, Action{"chat_properties_updated", "3.0", "", ""}, as[PropertiesUpdated]((*Webhook).aboutPropertiesUpdated)},
	{V3, Action{"chat_properties_deleted", "3.0", "", ""}, as[PropertiesDeleted]((*Webhook).aboutPropertiesDeleted)},
	{V3, Action{"chat_thread_properties_updated", "3.0", "3.1", "thread_properties_updated"}, as[PropertiesUpdated]((*Webhook).aboutPropertiesUpdated)},
	{V3, Action{"chat_thread_properties_deleted", "3.0", "3.1", "thread_properties_deleted"}, as[PropertiesDeleted]((*Webhook).aboutPropertiesDeleted)},
	{V3, Action{"thread_properties_updated", "3.2", "", ""}, as[PropertiesUpdated]((*Webhook).aboutPropertiesUpdated)},
	{V3, Action{"thread_properties_deleted", "3.2", "", ""}, as[PropertiesDeleted]((*Webhook).aboutPropertiesDeleted)},
	{V3, Action{"event_properties_updated", "3.1", "", ""}, as[PropertiesUpdated]((*Webhook).aboutPropertiesUpdated)},
	{V3, Action{"event_properties_deleted", "3.1", "", ""}, as[PropertiesDeleted]((*Webhook).aboutPropertiesDeleted)},

	{V3, Action{"chat_thread_tagged", "3.0", "3.1", "thread_tagged"}, as[ThreadTagged]((*Webhook).aboutTag)},
	{V3, Action{"chat_thread_untagged", "3.0", "3.1", "thread_untagged"}, as[ThreadTagged]((*Webhook).aboutTag)},
	{V3, Action{"thread_tagged", "3.2", "", ""}, as[ThreadTagged]((*Webhook).aboutTag)},
	{V3, Action{"thread_untagged", "3.2", "", ""}, as[ThreadTagged]((*Webhook).aboutTag)},

	{V3, Action{"customer_created", "3.1", "3.2", "incoming_customer"}, as[IncomingCustomer]((*Webhook).aboutCustomer)},
	{V3, Action{"incoming_customer", "3.3", "3.5", ""}, as[IncomingCustomer]((*Webhook).aboutCustomer)},
	{V3, Action{"customer_session_fields_updated", "3.3", "", ""}, as[CustomerSessionFieldsUpdated]((*Webhook).aboutSessionFields)},

	{V3, Action{"agent_status_changed", "3.0", "3.1", "routing_status_set"}, as[RoutingStatusSet]((*Webhook).aboutRoutingStatus)},
	{V3, Action{"routing_status_set", "3.2", "", ""}, as[RoutingStatusSet]((*Webhook).aboutRoutingStatus)},
	{V3, Action{"agent_created", "3.4", "", ""}, as[Agent]((*Webhook).aboutAgent)},
	{V3, Action{"agent_updated", "3.4", "", ""}, as[Agent]((*Webhook).aboutAgent)},
	{V3, Action{"agent_approved", "3.4", "", ""}, as[Agent]((*Webhook).aboutAgent)},
	{V3, Action{"agent_suspended", "3.4", "", ""}, as[Agent]((*Webhook).aboutAgent)},
	{V3, Action{"agent_unsuspended", "3.4", "", ""}, as[Agent]((*Webhook).aboutAgent)},
	{V3, Action{"agent_deleted", "3.0", "", ""}, as[Agent]((*Webhook).aboutAgent)},
	{V3, Action{"bot_created", "3.4", "", ""}, as[Bot]((*Webhook).aboutAgent)},
	{V3, Action{"bot_updated", "3.4", "", ""}, as[Bot]((*Webhook).aboutAgent)},
	{V3, Action{"bot_deleted", "3.4", "", ""}, as[Bot]((*Webhook).aboutAgent)},

	{V3, Action{"auto_access_added", "3.4", "3.4", "auto_accesses_updated"}, as[AutoAccess]((*Webhook).aboutRule)},
	{V3, Action{"auto_access_updated", "3.4", "3.4", "auto_accesses_updated"}, as[AutoAccess]((*Webhook).aboutRule)},
	{V3, Action{"auto_access_deleted", "3.4", "3.4", "auto_accesses_updated"}, as[AutoAccess]((*Webhook).aboutRule)},
	{V3, Action{"auto_accesses_updated", "3.5", "", ""}, as[AutoAccesses]((*Webhook).aboutRules)},
	{V3, Action{"group_created", "3.4", "", ""}, as[Group]((*Webhook).aboutGroup)},
	{V3, Action{"group_updated", "3.4", "", ""}, as[Group]((*Webhook).aboutGroup)},
	{V3, Action{"group_deleted", "3.4", "", ""}, as[Group]((*Webhook).aboutGroup)},
	{V3, Action{"tag_created", "3.5", "", ""}, as[Tag]((*Webhook).aboutConfiguredTag)},
	{V3, Action{"tag_updated", "3.5", "", ""}, as[Tag]((*Webhook).aboutConfiguredTag)},
	{V3, Action{"tag_deleted", "3.5", "", ""}, as[Tag]((*Webhook).aboutConfiguredTag)},

	{App, Action{Name: "application_installed"}, as[AppEvent]((*Webhook).aboutApp)},
	{App, Action{Name: "application_uninstalled"}, as[AppEvent]((*Webhook).aboutApp)},
	{App, Action{Name: "payment_trialstarted"}, as[AppEvent]((*Webhook).aboutApp)},
	{App, Action{Name: "payment_activated"}, as[AppEvent]((*Webhook).aboutApp)},
	{App, Action{Name: "payment_collected"}, as[AppEvent]((*Webhook).aboutApp)},
	{App, Action{Name: "payment_cancelled"}, as[AppEvent]((*Webhook).aboutApp)},

	{Upgrade, Action{Name: "ENABLE"}, as[UpgradeRequest]((*Webhook).aboutUpgrade)},
	{Upgrade, Action{Name: "DISABLE"}, as[UpgradeRequest]((*Webhook).aboutUpgrade)},
}
