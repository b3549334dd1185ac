package payload

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-json-experiment/json"
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

// unquoted returns the value of a JSON string, as part of it if possible.
func unquoted(quoted jsontext.Value) []byte {
	if bytes.IndexByte(quoted, '\\') >= 0 {
		s, _ := jsontext.AppendUnquote(nil, quoted) // its error is invalid UTF-8
		return s
	}
	return quoted[1 : len(quoted)-1]
}

// span is the offsets of a value in a body. The zero span means no value.
type span struct{ start, end uint32 }

// maxBody is the size in bytes that spans can address.
const maxBody = math.MaxUint32

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

// read finds the parts of body and its credentials. It returns the errors of
// [Parse].
func (w *Webhook) read(body []byte) error {
	if uint64(len(body)) > maxBody {
		return fmt.Errorf("%w after byte %d", ErrSyntax, uint64(maxBody))
	}
	r := open(body)
	defer r.release()
	r.webhook = w
	return r.readBody()
}

// open returns a reader of text, which must be released.
func open(text []byte) *reader {
	r := readers.Get().(*reader)
	r.body, r.buf = text, *bytes.NewBuffer(text)
	r.decoder.Reset(&r.buf, lenient)
	return r
}

// release returns r to the pool.
func (r *reader) release() {
	r.body, r.buf, r.webhook = nil, bytes.Buffer{}, nil
	r.decoder.Reset(&r.buf)
	readers.Put(r)
}

// errStop ends a scan early.
var errStop = errors.New("stop")

// scan calls use with each element of an array until use returns false. It does
// nothing if list is not an array, and stops where list is not JSON.
func scan(list jsontext.Value, use func(element jsontext.Value) bool) {
	scanEach(list, '[', func(r *reader) error {
		element, err := r.next()
		if err == nil && !use(element) {
			err = errStop
		}
		return err
	})
}

// scanMembers is like [scan] for the members of an object.
func scanMembers(object jsontext.Value, use func(name string, value jsontext.Value) bool) {
	scanEach(object, '{', func(r *reader) error {
		name, err := r.next()
		if err != nil {
			return err
		}
		value, err := r.next()
		if err == nil && !use(short(name), value) {
			err = errStop
		}
		return err
	})
}

// scanObjects is like [scan] but calls use with the members of these names of
// each element, nil where there is none. The slice is reused.
func scanObjects(list jsontext.Value, names []string, use func(members []jsontext.Value) bool) {
	members := make([]jsontext.Value, len(names))
	scanEach(list, '[', func(r *reader) error {
		clear(members)
		err := r.members(names, members)
		if err == nil && !use(members) {
			err = errStop
		}
		return err
	})
}

// members returns the members of these names of an object, nil where there is
// none.
func members(object jsontext.Value, names ...string) []jsontext.Value {
	members := make([]jsontext.Value, len(names))
	if object.Kind() == '{' {
		r := open(object)
		defer r.release()
		_ = r.members(names, members)
	}
	return members
}

// scanEach calls step before every element or member of v, if v is of that
// kind, until step fails.
func scanEach(v jsontext.Value, kind jsontext.Kind, step func(*reader) error) {
	if v.Kind() != kind {
		return
	}
	r := open(v)
	defer r.release()
	_ = each(&r.decoder, func() error { return step(r) })
}

// members reads the next value. If that is an object, it sets values to its
// members of these names.
func (r *reader) members(names []string, values []jsontext.Value) error {
	if r.decoder.PeekKind() != '{' {
		return r.decoder.SkipValue()
	}
	return each(&r.decoder, func() error {
		quoted, err := r.decoder.ReadValue()
		if err != nil {
			return err
		}
		name := unquoted(quoted)
		i := slices.IndexFunc(names, func(s string) bool { return string(name) == s })
		value, err := r.next()
		if i >= 0 {
			values[i] = value
		}
		return err
	})
}

// next reads the next value. Unlike the decoder's, it stays valid.
func (r *reader) next() (jsontext.Value, error) {
	v, err := r.decoder.ReadValue()
	end := int(r.decoder.InputOffset())
	return r.body[end-len(v) : end], err
}

// isString reports whether a JSON value is the string s.
func isString(v jsontext.Value, s string) bool {
	return v.Kind() == '"' && string(unquoted(v)) == s
}

// readBody reads a body's only value.
func (r *reader) readBody() error {
	kind := r.decoder.PeekKind()
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
	case kind != '{':
		return ErrNotObject
	}
	return nil
}

// value reads the next value and keeps it for n unless n is nil. Only the first
// element of an array is searched.
func (r *reader) value(n *node) (err error) {
	if n == nil {
		_, err = r.decoder.ReadValue()
		return err
	}
	r.webhook.clear(n)
	start := r.decoder.InputOffset()
	switch kind := r.decoder.PeekKind(); {
	case kind == '{' && n.members != nil:
		err = each(&r.decoder, func() error {
			name, err := r.decoder.ReadValue()
			if err != nil {
				return err
			}
			return r.value(n.lookup(name))
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
	r.keep(n, int(start), int(r.decoder.InputOffset()))
	return err
}

// keep makes what the body has from start to end the value of n, without the
// white space and punctuation before it.
func (r *reader) keep(n *node, start, end int) {
	if n.part == none {
		return
	}
	start = end - len(bytes.TrimLeft(r.body[start:end], " \t\r\n:,"))
	found := span{uint32(start), uint32(end)}
	r.webhook.found[n.part] = found
	if n.credential {
		r.webhook.credentials = append(r.webhook.credentials, found)
	}
}

// clear forgets what was found within n, because the last of repeated members
// counts.
func (w *Webhook) clear(n *node) {
	if n.part != none && w.raw(n.part) == nil {
		return // not repeated
	}
	for _, p := range n.within {
		w.found[p] = span{}
	}
}
