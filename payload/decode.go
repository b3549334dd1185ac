package payload

import (
	"errors"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	jsonv1 "github.com/go-json-experiment/json/v1"
)

// ErrUnknownEvent is returned by [Webhook.Decode] for an event that is not in
// the table, for instance because LiveChat has added it since.
var ErrUnknownEvent = errors.New("unknown event")

// Known reports whether the package has a type for the webhook's event.
func (w *Webhook) Known() bool { return w.row() != nil }

// Decode returns the webhook as a pointer to the type listed for its event in
// the package documentation. In v3 the type describes the payload, in the other
// families the whole body.
//
// Missing members, and those of an undocumented kind, are left zero; the rest is
// still decoded. The only error is [ErrUnknownEvent].
//
// All of the body is decoded, which can take a few hundred times its size in
// memory if it is an array of empty objects. [Webhook.Summary] and
// [Webhook.Facts] do not decode.
func (w *Webhook) Decode() (any, error) {
	row := w.row()
	if row == nil {
		return nil, ErrUnknownEvent
	}
	typed := row.blank()
	fill(typed, w.event())
	return typed, nil
}

// event returns the part of the body that the event's type describes.
func (w *Webhook) event() jsontext.Value {
	if w.Family == V3 {
		return w.raw(atPayload)
	}
	return jsontext.Value(w.body)
}

// tolerant accepts what Parse accepts, and skips values of the wrong kind.
var tolerant = json.JoinOptions(lenient, jsonv1.ReportErrorsWithLegacySemantics(true))

// fill reads v into t as far as v fits. Parse has checked v, so an error can
// only be about values of a wrong kind, which stay zero.
func fill(t any, v jsontext.Value) {
	_ = json.Unmarshal(v, t, tolerant)
}
