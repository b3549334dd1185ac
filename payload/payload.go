package payload

import (
	"errors"
	"time"
)

// Parse returns one of these, wrapped. No error text holds any of the body.
var (
	// ErrEmpty means that the body is empty or only whitespace.
	ErrEmpty = errors.New("empty body")
	// ErrSyntax means that the body is not JSON, is cut short, has trailing data,
	// nests deeper than 10,000 levels or is larger than 4 GiB.
	ErrSyntax = errors.New("not JSON")
	// ErrNotObject means that the body is JSON but not an object.
	ErrNotObject = errors.New("not a JSON object")
)

// Family is the LiveChat interface that sent a webhook.
type Family string

const (
	// V2 is a legacy webhook of API v2, identified by event_type.
	V2 Family = "v2"
	// V3 is a Configuration API webhook, version 3.0 or later, identified by
	// action.
	V3 Family = "v3"
	// App is a Developer Console app webhook, identified by event and
	// applicationID.
	App Family = "app"
	// Upgrade is an in-app upgrade request, identified by transaction. Its type is
	// ENABLE or DISABLE. A receiver that answers it with 200 accepts a purchase.
	Upgrade Family = "upgrade"
	// Unknown is every other JSON object.
	Unknown Family = "unknown"
)

// Webhook is one parsed body. It must not be used by several goroutines at once.
//
// A field is empty if the body lacks it or has neither a string nor a number
// there. Numbers are kept as their digits.
type Webhook struct {
	Family Family

	// Event is the event's name in the body: event_type (v2), action (v3), event
	// (app), type (upgrade).
	Event string

	// SecretKey (v3) and Token (v2) are secret_key and token at the top level
	// of the body. Both are credentials: compare them, never log them.
	SecretKey, Token string

	// ChatID is chat.id in v2. In v3 it is the payload's chat_id, chat.id or
	// active_chat.chat_id, or its id for access actions, which identify the chat
	// that way.
	ChatID string
	// ThreadID is next to ChatID, or in chat.thread.id.
	ThreadID string
	// EventID is the payload's event.id or event_id, v3 only.
	EventID string
	// LicenseID is license_id (v2, v3.2 and v3.3), licenseID (app) or license
	// (upgrade).
	LicenseID string
	// OrganizationID is organization_id (v3.4 and later) or organizationID (app).
	OrganizationID string
	// WebhookID is the registration's ID, not the delivery's, v3 only.
	WebhookID string

	// Time is when the event happened by the body's own clock, in UTC and the
	// same in every delivery: the start or end of a v2 chat, the first message
	// of a ticket, in v3 the creation of the event, thread, customer, tag or
	// summary that the webhook announces, and the date of an app webhook. It is
	// zero for everything else: times of a state (seen up to, queued at), or of an
	// event changed later, do not say when the change happened.
	Time time.Time

	body        []byte
	found       [maxParts]span
	credentials []span // of all members called secret_key or token

	// legacy is what legacyChat has read.
	legacy *legacyChat
}

// Parse checks that body is exactly one JSON object, with nothing but whitespace
// around it, identifies the webhook and extracts its fields. It accepts the
// objects that encoding/json accepts, including invalid UTF-8, which becomes
// U+FFFD. If a name is repeated, the last one counts.
//
// An unknown family or event is not an error. The errors are [ErrEmpty],
// [ErrSyntax] and [ErrNotObject].
//
// The Webhook retains body, which must not be changed afterwards.
func Parse(body []byte) (*Webhook, error) {
	w := &Webhook{body: body}
	if err := w.read(body); err != nil {
		return nil, err
	}
	w.identify()
	w.locate()
	w.Time = w.happened()
	return w, nil
}

// WithoutCredentials returns the body with mark, which is JSON text, in place of
// the values of secret_key and token at its top level, including repeated
// members. All other bytes are unchanged.
func (w *Webhook) WithoutCredentials(mark string) []byte {
	if len(w.credentials) == 0 {
		return w.body
	}
	text := make([]byte, 0, len(w.body)+len(w.credentials)*len(mark))
	copied := uint32(0)
	for _, c := range w.credentials {
		text = append(append(text, w.body[copied:c.start]...), mark...)
		copied = c.end
	}
	return append(text, w.body[copied:]...)
}

// identify fills in the family, the event and the envelope fields.
func (w *Webhook) identify() {
	switch {
	case w.short(atEventType) != "":
		w.Family, w.Event = V2, w.short(atEventType)
	case w.raw(atTransaction) != nil && w.raw(atPayload) == nil:
		// Whatever its type: a request taken for something else would be accepted.
		w.Family, w.Event = Upgrade, w.short(atUpgradeType)
	case w.short(atAction) != "":
		w.Family, w.Event = V3, w.short(atAction)
	case w.short(atEvent) != "" && w.raw(atApplicationID) != nil:
		w.Family, w.Event = App, w.short(atEvent)
	default:
		w.Family = Unknown
	}
	w.SecretKey = w.text(atSecretKey)
	w.Token = w.text(atToken)
	w.LicenseID = w.short(atLicenseID, atLicenseIDApp, atLicenseIDUpgrade)
	w.OrganizationID = w.short(atOrganizationID, atOrganizationIDApp)
	w.WebhookID = w.short(atWebhookID)
}

// locate fills in the chat, thread and event that the webhook is about.
func (w *Webhook) locate() {
	w.ChatID = w.short(atChatID, atPayloadChatID, atPayloadChatChatID, atPayloadActiveChatID)
	w.ThreadID = w.short(atPayloadThreadID, atPayloadThreadThreadID, atPayloadActiveThreadID)
	w.EventID = w.short(atPayloadEventID, atPayloadEventEventID)
	switch w.Event {
	case "chat_access_updated", "chat_access_granted", "chat_access_revoked":
		w.ChatID = w.short(atPayloadID)
	case "access_granted", "access_revoked", "access_set":
		switch w.short(atPayloadResource) {
		case "chat":
			w.ChatID = w.short(atPayloadID)
		case "thread":
			w.ThreadID = w.short(atPayloadID)
		}
	}
}

// happened returns the value of Time.
func (w *Webhook) happened() time.Time {
	switch w.Event {
	case "chat_started":
		return w.clock(atChatStarted)
	case "chat_ended":
		return w.clock(atChatEnded)
	case "ticket_created":
		return w.clock(atTicketDate)
	case "incoming_event":
		return w.clock(atPayloadEventCreatedAt)
	case "incoming_chat", "incoming_chat_thread":
		if w.raw(atPayloadTransferredFrom) != nil {
			return time.Time{} // the thread is older than the transfer
		}
		return w.clock(atPayloadThreadCreatedAt, atPayloadThreadTimestamp)
	case "customer_created":
		return w.clock(atPayloadCreatedAt, atPayloadCustomerCreatedAt)
	case "tag_created":
		return w.clock(atPayloadCreatedAt)
	case "thread_summary_set":
		return w.clock(atPayloadSummaryUpdatedAt)
	}
	if w.Family == App {
		return w.clock(atDate)
	}
	return time.Time{}
}
