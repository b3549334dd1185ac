package entry

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"cloud.google.com/go/logging/apiv2/loggingpb"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	ltype "google.golang.org/genproto/googleapis/logging/type"
	"google.golang.org/protobuf/types/known/structpb"

	"example.com/livechat-webhook/payload"
)

// instanceID is the label that Cloud Run adds to what an instance prints.
const instanceID = "instanceId"

// errNotCopy is wrapped by the error for an entry that is no line of a copy.
var errNotCopy = errors.New("not a copy of an entry")

// Copied is one line of a copy, read back: a whole webhook or, if Total is more
// than 1, a part of it.
type Copied struct {
	// Record is the webhook's. A part has just the part's text, and the facts
	// only if it is the first.
	*Record
	// NotWritten is what [Record.Copy] was given.
	NotWritten string
	// Index is the part's position, from 0.
	Index, Total int
}

// ReadCopy reads a line of a copy from the entry in which the platform stored
// it. The error quotes nothing of the webhook.
func ReadCopy(e *loggingpb.LogEntry) (Copied, error) {
	members := maps.Clone(e.GetJsonPayload().GetFields())
	take := func(name string) *structpb.Value {
		v := members[name]
		delete(members, name)
		return v
	}
	severity, known := ltype.LogSeverity_value[take("entry_severity").GetStringValue()]
	message := take("message").GetStringValue()
	notWritten := take("not_written").GetStringValue()
	if !known || notWritten == "" || e.GetInsertId() == "" || e.GetTimestamp() == nil {
		return Copied{}, fmt.Errorf("%w: without insertId, timestamp, not_written or entry_severity", errNotCopy)
	}
	r := &Record{
		Severity: ltype.LogSeverity(severity),
		Time:     e.GetTimestamp().AsTime(),
		InsertID: e.GetInsertId(),
		Trace:    Trace{Name: e.GetTrace(), SpanID: e.GetSpanId(), Sampled: e.GetTraceSampled()},
		Labels:   copiedLabels(e.GetLabels()),
		Message:  message,
	}
	c := Copied{Record: r, NotWritten: notWritten, Total: 1}
	if s := take("split").GetStructValue().GetFields(); s != nil {
		c.Index, c.Total = int(s["index"].GetNumberValue()), int(s["totalSplits"].GetNumberValue())
		r.InsertID = s["uid"].GetStringValue()
		if c.Index < 0 || c.Index >= c.Total || r.partID(c.Index, c.Total) != e.GetInsertId() {
			return Copied{}, fmt.Errorf("%w: its split is not valid", errNotCopy)
		}
		r.Message = strings.TrimSuffix(r.Message, partSuffix(c.Index, c.Total))
	}
	var err error
	if r.Webhook, err = copiedWebhook(take("webhook"), take("webhook_text")); err != nil {
		return Copied{}, err
	}
	r.Facts, err = copiedFacts(members)
	return c, err
}

// Join returns the record that the lines of a copy were made of. They must be
// all of its lines, in order.
func Join(lines []Copied) *Record {
	r := *lines[0].Record
	for _, line := range lines[1:] {
		r.Webhook = append(r.Webhook, line.Webhook...)
	}
	return &r
}

// copiedLabels returns the labels of an entry, without the platform's own, in
// the order of their names.
func copiedLabels(of map[string]string) []Label {
	var labels []Label
	for _, name := range slices.Sorted(maps.Keys(of)) {
		if name != instanceID {
			labels = append(labels, Label{name, of[name]})
		}
	}
	return labels
}

// copiedFacts returns the facts that the members are, in the order of their
// names.
func copiedFacts(members map[string]*structpb.Value) ([]payload.Fact, error) {
	var facts []payload.Fact
	for _, name := range slices.Sorted(maps.Keys(members)) {
		f := payload.Fact{Name: name, Word: members[name].GetStringValue(), Number: members[name].GetNumberValue()}
		if _, number := members[name].GetKind().(*structpb.Value_NumberValue); !number && f.Word == "" {
			return nil, fmt.Errorf("%w: a member is neither a number nor a word", errNotCopy)
		}
		facts = append(facts, f)
	}
	return facts, nil
}

// copiedWebhook returns the JSON text of a webhook that a line holds as fields
// or as text.
func copiedWebhook(fields, text *structpb.Value) ([]byte, error) {
	switch {
	case text != nil:
		return []byte(text.GetStringValue()), nil
	case fields == nil:
		return nil, fmt.Errorf("%w: without a webhook", errNotCopy)
	}
	webhook, err := json.Marshal(fields.AsInterface(), json.Deterministic(true), json.WithMarshalers(sameNumber))
	if err != nil {
		// The error may quote a member's name.
		return nil, fmt.Errorf("%w: its webhook is not JSON", errNotCopy)
	}
	return webhook, nil
}

// sameNumber writes large numbers with an exponent. Digits alone would become a
// string in the entry, as those of an id do, and this number was not one.
var sameNumber = json.MarshalToFunc(func(e *jsontext.Encoder, f float64) error {
	if math.Abs(f) <= 1<<53 {
		return errors.ErrUnsupported // the usual form
	}
	return e.WriteValue(strconv.AppendFloat(nil, f, 'e', -1, 64))
})
