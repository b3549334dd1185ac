package entry

import (
	"context"
	"encoding/binary"
	"net/http"
	"strconv"
	"strings"

	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

// Trace joins an entry with the platform's own entry of the same request. Its
// zero value is no trace.
type Trace struct {
	// Name is the resource name, projects/P/traces/ID.
	Name string
	// SpanID is 16 hex digits.
	SpanID  string
	Sampled bool
}

// traceOf returns the trace that h names: in traceparent
// (https://www.w3.org/TR/trace-context/), else in X-Cloud-Trace-Context
// (https://docs.cloud.google.com/trace/docs/trace-context), else none.
func traceOf(h http.Header, project string) Trace {
	span := spanContext(h.Get("traceparent"))
	if !span.HasTraceID() {
		span = cloudSpanContext(h.Get("X-Cloud-Trace-Context"))
	}
	if !span.HasTraceID() {
		return Trace{}
	}
	t := Trace{Name: "projects/" + project + "/traces/" + span.TraceID().String(), Sampled: span.IsSampled()}
	if span.HasSpanID() {
		t.SpanID = span.SpanID().String()
	}
	return t
}

func spanContext(traceparent string) trace.SpanContext {
	if traceparent == "" {
		return trace.SpanContext{}
	}
	carrier := propagation.MapCarrier{"traceparent": traceparent}
	return trace.SpanContextFromContext(propagation.TraceContext{}.Extract(context.Background(), carrier))
}

// cloudSpanContext reads TRACE_ID/SPAN_ID;o=OPTIONS, of which all but the
// first may be missing; the span is a decimal number.
func cloudSpanContext(header string) trace.SpanContext {
	id, rest, _ := strings.Cut(header, "/")
	span, options, _ := strings.Cut(rest, ";")
	traceID, err := trace.TraceIDFromHex(strings.ToLower(id))
	if err != nil {
		return trace.SpanContext{}
	}
	c := trace.SpanContextConfig{TraceID: traceID}
	if n, err := strconv.ParseUint(span, 10, 64); err == nil {
		binary.BigEndian.PutUint64(c.SpanID[:], n)
	}
	if options == "o=1" {
		c.TraceFlags = trace.FlagsSampled
	}
	return trace.NewSpanContext(c)
}
