package entry

import (
	"bytes"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// maxLine is about the most bytes of text that a line on stdout holds. The
// platform documents no limit; lines of 100 KB are known to arrive whole.
const maxLine = 48 << 10

// Lines returns the record as structured lines
// (https://docs.cloud.google.com/run/docs/logging), one JSON object each, for
// stdout: the copy of a webhook that Cloud Logging did not take. notWritten is
// why, a gRPC code. A long webhook becomes several lines, split as
// [Record.Entries] splits.
func (r *Record) Lines(notWritten string) []byte {
	var buf bytes.Buffer
	if len(r.Webhook) <= 2*maxLine {
		r.line(&buf, notWritten, r.InsertID, "", "webhook", jsontext.Value(r.Webhook))
		return buf.Bytes()
	}
	pieces := cut(r.Webhook, maxLine)
	for i, piece := range pieces {
		text, _ := jsontext.AppendQuote(nil, piece)
		r.line(&buf, notWritten, r.partID(i), partSuffix(i, len(pieces)), "webhook_text", text)
	}
	return buf.Bytes()
}

// line writes one line that holds webhook as the member of that name.
func (r *Record) line(buf *bytes.Buffer, notWritten, insertID, suffix, name string, webhook jsontext.Value) {
	e := jsontext.NewEncoder(buf, jsontext.AllowDuplicateNames(true))
	member := func(name string, value jsontext.Token) {
		e.WriteToken(jsontext.String(name))
		e.WriteToken(value)
	}
	e.WriteToken(jsontext.BeginObject)
	member("severity", jsontext.String("ERROR"))
	member("time", jsontext.String(r.Time.UTC().Format(time.RFC3339Nano)))
	member("message", jsontext.String(r.Message+suffix))
	member("not_written", jsontext.String(notWritten))
	for _, n := range r.numbers() {
		member(n.name, jsontext.Float(n.value))
	}
	member("logging.googleapis.com/insertId", jsontext.String(insertID))
	if r.Trace.Name != "" {
		member("logging.googleapis.com/trace", jsontext.String(r.Trace.Name))
		if r.Trace.SpanID != "" {
			member("logging.googleapis.com/spanId", jsontext.String(r.Trace.SpanID))
		}
		member("logging.googleapis.com/trace_sampled", jsontext.Bool(r.Trace.Sampled))
	}
	e.WriteToken(jsontext.String("logging.googleapis.com/labels"))
	e.WriteToken(jsontext.BeginObject)
	for _, l := range r.Labels {
		member(l.Name, jsontext.String(l.Value))
	}
	e.WriteToken(jsontext.EndObject)
	e.WriteToken(jsontext.String(name))
	e.WriteValue(webhook)
	e.WriteToken(jsontext.EndObject)
}
