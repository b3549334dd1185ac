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

// part is a value that Parse keeps, by its index in [Webhook.found].
type part int

// The parts of a body. Whatever contains one needs no part itself.
var (
	atEventType                = at("event_type")
	atAction                   = at("action")
	atEvent                    = at("event")
	atApplicationID            = at("applicationID")
	atTransaction              = at("transaction")
	atUpgradeType              = at("type")
	atSecretKey                = at("secret_key")
	atToken                    = at("token")
	atLicenseID                = at("license_id")
	atLicenseIDApp             = at("licenseID")
	atLicenseIDUpgrade         = at("license")
	atOrganizationID           = at("organization_id")
	atOrganizationIDApp        = at("organizationID")
	atWebhookID                = at("webhook_id")
	atDate                     = at("date")
	atRequesterUserID          = at("requester.user_id")
	atChatID                   = at("chat.id")
	atChatStarted              = at("chat.started_timestamp")
	atChatEnded                = at("chat.ended_timestamp")
	atChatMessages             = at("chat.messages")
	atChatEvents               = at("chat.events")
	atVisitorName              = at("visitor.name")
	atVisitorEmail             = at("visitor.email")
	atVisitorCountry           = at("visitor.country")
	atTicketDate               = at("ticket.events.date")
	atPayload                  = at("payload")
	atPayloadID                = at("payload.id")
	atPayloadResource          = at("payload.resource")
	atPayloadChatID            = at("payload.chat_id")
	atPayloadThreadID          = at("payload.thread_id")
	atPayloadEventID           = at("payload.event_id")
	atPayloadCreatedAt         = at("payload.created_at")
	atPayloadCustomerCreatedAt = at("payload.customer.created_at")
	atPayloadChatChatID        = at("payload.chat.id")
	atPayloadThreadThreadID    = at("payload.chat.thread.id")
	atPayloadThreadCreatedAt   = at("payload.chat.thread.created_at")
	atPayloadThreadTimestamp   = at("payload.chat.thread.timestamp")
	atPayloadActiveChatID      = at("payload.active_chat.chat_id")
	atPayloadActiveThreadID    = at("payload.active_chat.thread_id")
	atPayloadTransferredFrom   = at("payload.transferred_from")
	atPayloadEventEventID      = at("payload.event.id")
	atPayloadEventCreatedAt    = at("payload.event.created_at")
	atPayloadSummaryUpdatedAt  = at("payload.summary.updated_at")
)

// maxParts bounds the number of parts. It is a constant so that a Webhook needs
// no second allocation for them.
const maxParts = 48

// root is the tree that the paths of all parts spell.
var root = &node{part: none}

// parts is how many of maxParts are taken.
var parts part

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
	root.members["data"] = root.members["payload"] // its name in API 3.0
	root.members["secret_key"].credential = true
	root.members["token"].credential = true
}

// lookup returns the member of a quoted name, or nil.
func (n *node) lookup(quoted jsontext.Value) *node {
	if bytes.IndexByte(quoted, '\\') >= 0 {
		return n.members[text(quoted)]
	}
	return n.members[string(quoted[1:len(quoted)-1])]
}

// span is the offsets of a value in a body. The zero span means no value.
type span struct{ start, end int }

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
	r := readers.Get().(*reader)
	defer r.release()
	r.body, r.buf, r.webhook = body, *bytes.NewBuffer(body), w
	r.decoder.Reset(&r.buf, lenient)
	return r.readBody()
}

// release returns r to the pool.
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

// isString reports whether a JSON value is the string s.
func isString(quoted jsontext.Value, s string) bool {
	if quoted.Kind() != '"' {
		return false
	}
	if bytes.IndexByte(quoted, '\\') >= 0 {
		return text(quoted) == s
	}
	return string(quoted[1:len(quoted)-1]) == s
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
	r.webhook.found[n.part] = span{start, end}
	if n.credential {
		r.webhook.credentials = append(r.webhook.credentials, span{start, end})
	}
}

// clear forgets what was found within n, because the last of repeated members
// counts.
func (w *Webhook) clear(n *node) {
	for _, p := range n.within {
		w.found[p] = span{}
	}
}
