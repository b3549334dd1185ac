package payload

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// part is a member of a body that Parse keeps.
type part int

const (
	atBody part = iota
	atEventType
	atAction
	atEvent
	atApplicationID
	atTransaction
	atUpgradeType
	atSecretKey
	atToken
	atLicenseID
	atLicenseIDApp
	atLicenseIDUpgrade
	atOrganizationID
	atOrganizationIDApp
	atWebhookID
	atDate
	atRequester
	atRequesterUserID
	atChat
	atChatID
	atChatStarted
	atChatEnded
	atChatMessages
	atChatEvents
	atVisitor
	atVisitorName
	atVisitorEmail
	atVisitorCountry
	atTicket
	atTicketEvents
	atTicketDate
	atPayload
	atPayloadID
	atPayloadResource
	atPayloadChatID
	atPayloadThreadID
	atPayloadEventID
	atPayloadCreatedAt
	atPayloadCustomer
	atPayloadCustomerCreatedAt
	atPayloadChat
	atPayloadChatChatID
	atPayloadThread
	atPayloadThreadThreadID
	atPayloadThreadCreatedAt
	atPayloadThreadTimestamp
	atPayloadActiveChat
	atPayloadActiveChatID
	atPayloadActiveThreadID
	atPayloadTransferredFrom
	atPayloadEvent
	atPayloadEventEventID
	atPayloadEventCreatedAt
	atPayloadSummary
	atPayloadSummaryUpdatedAt
	partCount
)

// paths says where each part stands. What holds a part is a part itself, and
// stands before it.
var paths = [partCount]string{
	atEventType:                "event_type",
	atAction:                   "action",
	atEvent:                    "event",
	atApplicationID:            "applicationID",
	atTransaction:              "transaction",
	atUpgradeType:              "type",
	atSecretKey:                "secret_key",
	atToken:                    "token",
	atLicenseID:                "license_id",
	atLicenseIDApp:             "licenseID",
	atLicenseIDUpgrade:         "license",
	atOrganizationID:           "organization_id",
	atOrganizationIDApp:        "organizationID",
	atWebhookID:                "webhook_id",
	atDate:                     "date",
	atRequester:                "requester",
	atRequesterUserID:          "requester.user_id",
	atChat:                     "chat",
	atChatID:                   "chat.id",
	atChatStarted:              "chat.started_timestamp",
	atChatEnded:                "chat.ended_timestamp",
	atChatMessages:             "chat.messages",
	atChatEvents:               "chat.events",
	atVisitor:                  "visitor",
	atVisitorName:              "visitor.name",
	atVisitorEmail:             "visitor.email",
	atVisitorCountry:           "visitor.country",
	atTicket:                   "ticket",
	atTicketEvents:             "ticket.events",
	atTicketDate:               "ticket.events.date",
	atPayload:                  "payload",
	atPayloadID:                "payload.id",
	atPayloadResource:          "payload.resource",
	atPayloadChatID:            "payload.chat_id",
	atPayloadThreadID:          "payload.thread_id",
	atPayloadEventID:           "payload.event_id",
	atPayloadCreatedAt:         "payload.created_at",
	atPayloadCustomer:          "payload.customer",
	atPayloadCustomerCreatedAt: "payload.customer.created_at",
	atPayloadChat:              "payload.chat",
	atPayloadChatChatID:        "payload.chat.id",
	atPayloadThread:            "payload.chat.thread",
	atPayloadThreadThreadID:    "payload.chat.thread.id",
	atPayloadThreadCreatedAt:   "payload.chat.thread.created_at",
	atPayloadThreadTimestamp:   "payload.chat.thread.timestamp",
	atPayloadActiveChat:        "payload.active_chat",
	atPayloadActiveChatID:      "payload.active_chat.chat_id",
	atPayloadActiveThreadID:    "payload.active_chat.thread_id",
	atPayloadTransferredFrom:   "payload.transferred_from",
	atPayloadEvent:             "payload.event",
	atPayloadEventEventID:      "payload.event.id",
	atPayloadEventCreatedAt:    "payload.event.created_at",
	atPayloadSummary:           "payload.summary",
	atPayloadSummaryUpdatedAt:  "payload.summary.updated_at",
}

// parts are the raw values of what the body has of paths.
type parts [partCount]jsontext.Value

// text returns the first of the parts that is a string or a number.
func (p *parts) text(of ...part) string {
	for _, i := range of {
		if s := text(p[i]); s != "" {
			return s
		}
	}
	return ""
}

// clock returns the first of the parts that is a time.
func (p *parts) clock(of ...part) time.Time {
	for _, i := range of {
		if t := clock(p[i]); !t.IsZero() {
			return t
		}
	}
	return time.Time{}
}

// span is where a value stands in a body.
type span struct{ start, end int }

// node is a member of the tree that paths spell.
type node struct {
	part    part
	members map[string]*node
	// credential says that the value must not be logged.
	credential bool
}

var root = tree()

func tree() *node {
	root := &node{part: atBody}
	for p := atBody + 1; p < partCount; p++ {
		n := root
		for name := range strings.SplitSeq(paths[p], ".") {
			if n.members == nil {
				n.members = make(map[string]*node)
			}
			if n.members[name] == nil {
				n.members[name] = &node{part: p}
			}
			n = n.members[name]
		}
	}
	root.members["data"] = root.members["payload"] // API 3.0 called it data
	root.members["secret_key"].credential = true
	root.members["token"].credential = true
	return root
}

// member returns the node for a name as it stands in the body, or nil.
func (n *node) member(quoted jsontext.Value) *node {
	if bytes.IndexByte(quoted, '\\') >= 0 {
		return n.members[text(quoted)]
	}
	return n.members[string(quoted[1:len(quoted)-1])]
}

// forget empties the node's part and those within.
func (n *node) forget(found *parts) {
	found[n.part] = nil
	for _, m := range n.members {
		m.forget(found)
	}
}

// reader walks a body once. Readers are pooled because a decoder is large.
type reader struct {
	body    []byte
	buf     bytes.Buffer // from which the decoder reads without copying
	decoder jsontext.Decoder
	webhook *Webhook
}

var readers = sync.Pool{New: func() any { return new(reader) }}

// lenient is what encoding/json accepts.
var lenient = json.JoinOptions(jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))

// read finds the parts of body and its credentials, or says what is wrong with
// it.
func (w *Webhook) read(body []byte) error {
	r := readers.Get().(*reader)
	defer r.release()
	r.body, r.buf, r.webhook = body, *bytes.NewBuffer(body), w
	r.decoder.Reset(&r.buf, lenient)
	return r.whole()
}

// release gives r back without the body.
func (r *reader) release() {
	r.body, r.buf, r.webhook = nil, bytes.Buffer{}, nil
	r.decoder.Reset(&r.buf)
	readers.Put(r)
}

// scan calls step before every element or member of v, an array or object that
// Parse has accepted.
func scan(v jsontext.Value, step func(*jsontext.Decoder) error) {
	r := readers.Get().(*reader)
	defer r.release()
	r.buf = *bytes.NewBuffer(v)
	r.decoder.Reset(&r.buf, lenient)
	_ = each(&r.decoder, func() error { return step(&r.decoder) })
}

// means reports whether a JSON value is a string that says s.
func means(quoted jsontext.Value, s string) bool {
	if quoted.Kind() != '"' {
		return false
	}
	if bytes.IndexByte(quoted, '\\') >= 0 {
		return text(quoted) == s
	}
	return string(quoted[1:len(quoted)-1]) == s
}

// whole reads the one value that a body is.
func (r *reader) whole() error {
	err := r.value(root)
	if err == io.EOF {
		return ErrEmpty
	}
	if err == nil {
		_, err = r.decoder.ReadToken() // there must be none
	}
	switch {
	case err != io.EOF:
		// The decoder's own words would quote the body.
		return fmt.Errorf("%w after byte %d", ErrSyntax, r.decoder.InputOffset())
	case r.webhook.found[atBody].Kind() != '{':
		return ErrNotObject
	}
	return nil
}

// value reads the next value, which is n's, or nobody's if n is nil. Of an
// array only the first element is looked into.
func (r *reader) value(n *node) (err error) {
	if n == nil {
		_, err = r.decoder.ReadValue()
		return err
	}
	found := &r.webhook.found
	if found[n.part] != nil {
		n.forget(found) // as the last of two members of one name counts
	}
	start := r.decoder.InputOffset()
	switch kind := r.decoder.PeekKind(); {
	case kind == '{' && n.members != nil:
		err = each(&r.decoder, func() error {
			name, err := r.decoder.ReadValue()
			if err != nil {
				return err
			}
			return r.value(n.member(name))
		})
	case kind == '[' && n.members != nil:
		first := n
		err = each(&r.decoder, func() error {
			element := first
			first = nil
			return r.value(element)
		})
	default:
		_, err = r.decoder.ReadValue()
	}
	end := r.decoder.InputOffset()
	found[n.part] = bytes.TrimLeft(r.body[start:end], " \t\r\n:,")
	if n.credential {
		r.webhook.credentials = append(r.webhook.credentials, span{int(end) - len(found[n.part]), int(end)})
	}
	return err
}
