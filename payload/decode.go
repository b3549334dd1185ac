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

// Decode returns the webhook as a pointer to the type that the tour of the
// package names for its event, the same pointer each time. In v3 the type holds
// the payload, in the other families the whole body.
//
// What the body lacks, or has as another kind of value than LiveChat documents,
// is left zero and never costs the rest. The only error is [ErrUnknownEvent].
func (w *Webhook) Decode() (any, error) {
	if t := w.decode(); t != nil {
		return t, nil
	}
	return nil, ErrUnknownEvent
}

func (w *Webhook) decode() any {
	w.decodeOnce.Do(func() {
		if row := w.row(); row != nil {
			w.typed = row.blank()
			fill(w.typed, w.event())
		}
	})
	return w.typed
}

// event returns the part of the body that the event's type describes.
func (w *Webhook) event() jsontext.Value {
	if w.Family == V3 {
		return w.raw(atPayload)
	}
	return jsontext.Value(w.body)
}

// tolerant reads what Parse accepted, and goes on after a value of a wrong kind.
var tolerant = json.JoinOptions(lenient, jsonv1.ReportErrorsWithLegacySemantics(true))

// fill reads v into t as far as v fits. Parse has checked v, so an error can
// only be about values of a wrong kind, which stay zero.
func fill(t any, v jsontext.Value) {
	_ = json.Unmarshal(v, t, tolerant)
}
