package entry

import (
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"

	"example.com/livechat-webhook/internal/structwire"
)

// maxEntry is how many bytes an entry, as protobuf, stays under. The published
// limit is 256 KiB of an "approximate, internal size"
// (https://docs.cloud.google.com/logging/quotas); 256,000 is what Google's own
// OpenTelemetry exporter stays under.
const maxEntry = 256_000

// aroundWebhook is about what all of an entry but the webhook takes. The
// webhook takes about a quarter more than its text.
const aroundWebhook = 512

// partRoom is the number of bytes that a part needs besides its piece of text
// and what all entries of a record have: the split itself, the suffixes of
// insertId and message, facts, tags and lengths.
const partRoom = 1024

// The fields of an entry, by their numbers in
// https://github.com/googleapis/googleapis/blob/master/google/logging/v2/log_entry.proto
const (
	insertIDField     protowire.Number = 4
	severityField     protowire.Number = 10
	traceField        protowire.Number = 22
	spanIDField       protowire.Number = 27
	traceSampledField protowire.Number = 30
	splitField        protowire.Number = 35

	// Those that are opened and shut, with their wire type.
	jsonPayloadTag = 6<<3 | byte(protowire.BytesType)
	timestampTag   = 9<<3 | byte(protowire.BytesType)
	labelTag       = 11<<3 | byte(protowire.BytesType)
)

// Entries returns the record as entries for the Cloud Logging API, each the
// wire form of a google.logging.v2.LogEntry: one, or as many as it takes to
// keep each under maxEntry bytes, overhead included, which is what the write
// adds to every entry. A webhook that cannot be written as fields becomes text
// in the same way.
//
// The bytes mean the same as a marshaled loggingpb.LogEntry (FuzzRecord), but
// are written directly: building the message with its map of labels and the
// structpb.Struct of its payload, measuring it and marshaling it takes ten
// times as long (BenchmarkEntries against BenchmarkLoggingpb).
func (r *Record) Entries(overhead int) [][]byte {
	limit := maxEntry - overhead
	if len(r.Webhook) < limit {
		if whole, err := r.whole(); err == nil && len(whole) < limit {
			return [][]byte{whole}
		}
	}
	return r.parts(limit - partRoom - len(r.Message) - len(r.appendAround(nil, r.InsertID)))
}

// whole returns the one entry for the whole webhook, however large.
func (r *Record) whole() ([]byte, error) {
	e := r.appendAround(make([]byte, 0, aroundWebhook+len(r.Webhook)*5/4), r.InsertID)
	e, payload := structwire.Open(e, jsonPayloadTag)
	e = structwire.AppendString(e, "message", r.Message)
	e = r.appendFacts(e)
	e, err := structwire.AppendJSON(e, "webhook", r.Webhook)
	return structwire.Shut(e, payload), err
}

// parts returns the record split into entries with at most size bytes of the
// webhook's JSON text each.
func (r *Record) parts(size int) [][]byte {
	pieces := cut(r.Webhook, size)
	entries := make([][]byte, len(pieces))
	for i, piece := range pieces {
		e := r.appendAround(make([]byte, 0, len(piece)+len(r.Message)+aroundWebhook), r.partID(i, len(pieces)))
		e = appendSplit(e, r.InsertID, i, len(pieces))
		e, payload := structwire.Open(e, jsonPayloadTag)
		e = structwire.AppendString(e, "message", r.Message+partSuffix(i, len(pieces)))
		if i == 0 {
			e = r.appendFacts(e) // once, for metrics count entries
		}
		e = structwire.AppendString(e, "webhook_text", piece)
		entries[i] = structwire.Shut(e, payload)
	}
	return entries
}

// appendAround appends all of an entry but payload and split.
func (r *Record) appendAround(e []byte, insertID string) []byte {
	e = appendString(e, insertIDField, insertID)
	e, timestamp := structwire.Open(e, timestampTag)
	e = appendVarint(e, 1, r.Time.Unix())
	e = appendVarint(e, 2, int64(r.Time.Nanosecond()))
	e = structwire.Shut(e, timestamp)
	e = appendVarint(e, severityField, int64(r.Severity))
	for _, l := range r.Labels {
		var label int
		e, label = structwire.Open(e, labelTag)
		e = appendString(e, 1, l.Name)
		e = appendString(e, 2, l.Value)
		e = structwire.Shut(e, label)
	}
	if r.Trace.Name != "" {
		e = appendString(e, traceField, r.Trace.Name)
		e = appendString(e, spanIDField, r.Trace.SpanID)
		e = appendVarint(e, traceSampledField, int64(protowire.EncodeBool(r.Trace.Sampled)))
	}
	return e
}

// appendSplit appends which of how many entries this one is.
func appendSplit(e []byte, uid string, index, total int) []byte {
	split := appendString(nil, 1, uid)
	split = appendVarint(split, 2, int64(index))
	split = appendVarint(split, 3, int64(total))
	return protowire.AppendBytes(protowire.AppendTag(e, splitField, protowire.BytesType), split)
}

func appendString(dst []byte, field protowire.Number, value string) []byte {
	return protowire.AppendString(protowire.AppendTag(dst, field, protowire.BytesType), value)
}

func appendVarint(dst []byte, field protowire.Number, value int64) []byte {
	return protowire.AppendVarint(protowire.AppendTag(dst, field, protowire.VarintType), uint64(value))
}

// appendFacts appends the members of jsonPayload to filter and chart by.
func (r *Record) appendFacts(e []byte) []byte {
	for _, f := range r.Facts {
		if f.Word != "" {
			e = structwire.AppendString(e, f.Name, f.Word)
		} else {
			e = structwire.AppendNumber(e, f.Name, f.Number)
		}
	}
	return e
}

// partID appends which of n parts it is to insertId. The index comes first, so
// that the parts, which share their time, are listed in order: Cloud Logging
// sorts by insertId as text. The longest copy, of 4 MiB that redaction made three
// times as long, has fewer than 300 parts. The number keeps apart the parts of
// an entry and those of its copy, which are shorter.
func (r *Record) partID(i, n int) string { return fmt.Sprintf("%s-%03dof%03d", r.InsertID, i, n) }

func partSuffix(i, n int) string { return fmt.Sprintf(" (part %d of %d)", i+1, n) }

// cut returns text in pieces of at most size bytes, none of which ends within
// a character.
func cut(text []byte, size int) [][]byte {
	var pieces [][]byte
	for len(text) > 0 {
		piece := clip(text, size)
		pieces = append(pieces, piece)
		text = text[len(piece):]
	}
	return pieces
}
