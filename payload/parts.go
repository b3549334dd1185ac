package payload

import (
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// part is a value that Parse keeps, by its index in [Webhook.found].
type part int

// The parts of a body: what Parse, Summary and Facts read.
var (
	atEventType         = at("event_type")
	atAction            = at("action")
	atEvent             = at("event")
	atApplicationID     = at("applicationID")
	atTransaction       = at("transaction")
	atUpgradeType       = at("type")
	atSecretKey         = at("secret_key")
	atToken             = at("token")
	atLicenseID         = at("license_id")
	atLicenseIDApp      = at("licenseID")
	atLicenseIDUpgrade  = at("license")
	atOrganizationID    = at("organization_id")
	atOrganizationIDApp = at("organizationID")
	atWebhookID         = at("webhook_id")
	atDate              = at("date")
	atRequesterUserID   = at("requester.user_id")

	atChatID              = at("chat.id")
	atChatStarted         = at("chat.started_timestamp")
	atChatEnded           = at("chat.ended_timestamp")
	atChatMessages        = at("chat.messages")
	atChatEvents          = at("chat.events")
	atChatTags            = at("chat.tags")
	atVisitorName         = at("visitor.name")
	atVisitorEmail        = at("visitor.email")
	atVisitorCountry      = at("visitor.country")
	atTicketID            = at("ticket.id")
	atTicketDate          = at("ticket.events.date")
	atTicketSubject       = at("ticket.subject")
	atTicketRequesterName = at("ticket.requester.name")
	atTicketRequesterMail = at("ticket.requester.mail")
	atCannedResponseID    = at("canned_response.id")
	atCannedResponseText  = at("canned_response.text")

	atPayload                  = at("payload")
	atPayloadID                = at("payload.id")
	atPayloadResource          = at("payload.resource")
	atPayloadChatID            = at("payload.chat_id")
	atPayloadThreadID          = at("payload.thread_id")
	atPayloadEventID           = at("payload.event_id")
	atPayloadCreatedAt         = at("payload.created_at")
	atPayloadAgentID           = at("payload.agent_id")
	atPayloadCustomerID        = at("payload.customer_id")
	atPayloadRequesterID       = at("payload.requester_id")
	atPayloadUserID            = at("payload.user_id")
	atPayloadUser              = at("payload.user")
	atPayloadUserType          = at("payload.user_type")
	atPayloadCustomer          = at("payload.customer")
	atPayloadCustomerCreatedAt = at("payload.customer.created_at")
	atPayloadReason            = at("payload.reason")
	atPayloadName              = at("payload.name")
	atPayloadStatus            = at("payload.status")
	atPayloadDescription       = at("payload.description")
	atPayloadTag               = at("payload.tag")
	atPayloadGroupIDs          = at("payload.group_ids")
	atPayloadAccessGroupIDs    = at("payload.access.group_ids")
	atPayloadAccessGroups      = at("payload.access.groups")
	atPayloadTransferredFrom   = at("payload.transferred_from")
	atPayloadFromGroupIDs      = at("payload.transferred_from.group_ids")
	atPayloadFromAgentIDs      = at("payload.transferred_from.agent_ids")
	atPayloadToGroupIDs        = at("payload.transferred_to.group_ids")
	atPayloadToAgentIDs        = at("payload.transferred_to.agent_ids")
	atPayloadQueue             = at("payload.queue")
	atPayloadQueuePosition     = at("payload.queue.position")
	atPayloadPostbackID        = at("payload.postback.id")
	atPayloadSessionFields     = at("payload.session_fields")
	atPayloadProperties        = at("payload.properties")
	atPayloadRatingScore       = at("payload.properties.rating.score")
	atPayloadRatingComment     = at("payload.properties.rating.comment")
	atPayloadSummaryText       = at("payload.summary.text")
	atPayloadSummaryStatus     = at("payload.summary.status")
	atPayloadSummaryUpdatedAt  = at("payload.summary.updated_at")
	atPayloadActiveChatID      = at("payload.active_chat.chat_id")
	atPayloadActiveThreadID    = at("payload.active_chat.thread_id")

	atPayloadChatChatID           = at("payload.chat.id")
	atPayloadChatUsers            = at("payload.chat.users")
	atPayloadChatGroupIDs         = at("payload.chat.access.group_ids")
	atPayloadThreadThreadID       = at("payload.chat.thread.id")
	atPayloadThreadCreatedAt      = at("payload.chat.thread.created_at")
	atPayloadThreadTimestamp      = at("payload.chat.thread.timestamp")
	atPayloadThreadGroupIDs       = at("payload.chat.thread.access.group_ids")
	atPayloadThreadQueue          = at("payload.chat.thread.queue")
	atPayloadThreadQueuePosition  = at("payload.chat.thread.queue.position")
	atPayloadThreadQueuesDuration = at("payload.chat.thread.queues_duration")

	atPayloadEventEventID     = at("payload.event.id")
	atPayloadEventCreatedAt   = at("payload.event.created_at")
	atPayloadEventType        = at("payload.event.type")
	atPayloadEventAuthorID    = at("payload.event.author_id")
	atPayloadEventVisibility  = at("payload.event.visibility")
	atPayloadEventRecipients  = at("payload.event.recipients")
	atPayloadEventDeleted     = at("payload.event.deleted")
	atPayloadEventText        = at("payload.event.text")
	atPayloadEventName        = at("payload.event.name")
	atPayloadEventFormType    = at("payload.event.form_type")
	atPayloadEventFields      = at("payload.event.fields")
	atPayloadEventWelcome     = at("payload.event.properties.lc2.welcome_message")
	atPayloadEventMessageType = at("payload.event.system_message_type")
	atPayloadEventCustomer    = at("payload.event.text_vars.customer")
	atPayloadEventScore       = at("payload.event.text_vars.score")
	atPayloadEventComment     = at("payload.event.text_vars.comment")
	atPayloadEventSource      = at("payload.event.source")
	atPayloadEventSubtype     = at("payload.event.subtype")
	atPayloadEventDetails     = at("payload.event.details")

	atApplicationName     = at("applicationName")
	atUpgradeName         = at("name")
	atUpgradeQuantity     = at("quantity")
	atUpgradeOrganization = at("organization")
	atPayloadQuantity     = at("payload.quantity")
	atPayloadTotal        = at("payload.total")
)

// maxParts bounds the number of parts. It is a constant so that a Webhook needs
// no second allocation for them.
const maxParts = 108

// root is the tree that the paths of all parts spell.
var root = &node{part: whole}

// parts is how many of maxParts are taken.
var parts = whole + 1

// whole is the part that is the body itself.
const whole part = 0

// none is the part of a node that only contains parts.
const none part = -1

// node is a member of the tree.
type node struct {
	part    part
	members map[string]*node
	// within are the parts of all nodes below.
	within []part
	// credential says that the value must not be logged.
	credential bool
}

// at returns the part at path and makes Parse keep it. Of an array on the path,
// only the first element is searched.
func at(path string) part {
	p := parts
	parts++
	n := root
	for name := range strings.SplitSeq(path, ".") {
		n.within = append(n.within, p)
		n = n.member(name)
	}
	n.part = p
	return p
}

// member returns the member of that name, which it adds if need be.
func (n *node) member(name string) *node {
	m := n.members[name]
	if m == nil {
		m = &node{part: none}
		if n.members == nil {
			n.members = make(map[string]*node)
		}
		n.members[name] = m
	}
	return m
}

func init() {
	payload := root.members["payload"]
	root.members["data"] = payload // its name in API 3.0
	chat := payload.members["chat"]
	chat.members["threads"] = chat.members["thread"] // seen in deliveries instead of it
	root.members["secret_key"].credential = true
	root.members["token"].credential = true
}

// lookup returns the member of a quoted name, or nil.
func (n *node) lookup(quoted jsontext.Value) *node {
	return n.members[string(unquoted(quoted))]
}

// span is the offsets of a value in a body. The zero span means no value.
type span struct{ start, end uint32 }

// raw returns the value of p, or nil if the body has none.
func (w *Webhook) raw(p part) jsontext.Value {
	s := w.found[p]
	if s.end == 0 {
		return nil
	}
	return w.body[s.start:s.end]
}

// text returns the first of the parts that is a string or a number.
func (w *Webhook) text(of ...part) string {
	for _, p := range of {
		if s := text(w.raw(p)); s != "" {
			return s
		}
	}
	return ""
}

// short is like text for parts that a summary may cut.
func (w *Webhook) short(of ...part) string {
	for _, p := range of {
		if s := short(w.raw(p)); s != "" {
			return s
		}
	}
	return ""
}

// clock returns the first of the parts that is a time.
func (w *Webhook) clock(of ...part) time.Time {
	for _, p := range of {
		if t := clock(w.raw(p)); !t.IsZero() {
			return t
		}
	}
	return time.Time{}
}
