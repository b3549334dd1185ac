package entry

import (
	"fmt"

	"cloud.google.com/go/logging/apiv2/loggingpb"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"example.com/livechat-webhook/internal/structwire"
)

// maxEntry is what proto.Size of an entry stays under. The published limit is
// 256 KiB of an "approximate, internal size"
// (https://docs.cloud.google.com/logging/quotas); 256,000 is what Google's own
// OpenTelemetry exporter stays under.
const maxEntry = 256_000

// partRoom is what a part needs beside its piece of text and what all entries
// of a record have: the split itself, the suffixes of insertId and message,
// tags and lengths.
const partRoom = 256

// jsonPayload is the number of LogEntry.json_payload.
const jsonPayload protowire.Number = 6

// Entries returns the record as entries for one write to the Cloud Logging
// API: one, or as many as it takes to keep each under maxEntry bytes, of which
// overhead are kept free for what the write adds to every entry.
func (r *Record) Entries(overhead int) ([]*loggingpb.LogEntry, error) {
	limit := maxEntry - overhead
	if len(r.Webhook) < limit {
		fields, err := r.structured()
		if err != nil {
			return nil, err
		}
		whole := r.entry(r.InsertID, fields)
		if proto.Size(whole) < limit {
			return []*loggingpb.LogEntry{whole}, nil
		}
	}
	room := limit - partRoom - len(r.Message) - proto.Size(r.entry(r.InsertID, nil))
	pieces := cut(r.Webhook, room)
	entries := make([]*loggingpb.LogEntry, len(pieces))
	for i, piece := range pieces {
		fields := structwire.AppendString(nil, "message", r.Message+partSuffix(i, len(pieces)))
		fields = structwire.AppendString(fields, "webhook_text", string(piece))
		entries[i] = r.entry(r.partID(i), fields)
		entries[i].Split = &loggingpb.LogSplit{Uid: r.InsertID, Index: int32(i), TotalSplits: int32(len(pieces))}
	}
	return entries, nil
}

// structured returns the wire form of jsonPayload for the whole webhook.
func (r *Record) structured() ([]byte, error) {
	fields := make([]byte, 0, len(r.Webhook)*3/2+len(r.Message)+128)
	fields = structwire.AppendString(fields, "message", r.Message)
	for _, n := range r.numbers() {
		fields = structwire.AppendNumber(fields, n.name, n.value)
	}
	return structwire.AppendJSON(fields, "webhook", r.Webhook)
}

// number is a member of jsonPayload to plot.
type number struct {
	name  string
	value float64
}

func (r *Record) numbers() []number {
	var numbers []number
	if s := r.Numbers.ChatSeconds; s != nil {
		numbers = append(numbers, number{"chat_seconds", *s})
	}
	if s := r.Numbers.FirstReplySeconds; s != nil {
		numbers = append(numbers, number{"first_reply_seconds", *s})
	}
	if n := r.Numbers.Messages; n != nil {
		numbers = append(numbers, number{"messages", float64(*n)})
	}
	return numbers
}

// entry returns the record with fields, the wire form of a Struct, as
// jsonPayload.
//
// The fields ride as bytes of a field that the generated type does not look
// into. They leave as they are and are json_payload to every reader; making
// the message structpb.Struct of them only to marshal it again would cost ten
// times as much (BenchmarkEntries).
func (r *Record) entry(insertID string, fields []byte) *loggingpb.LogEntry {
	e := &loggingpb.LogEntry{
		Severity:     r.Severity,
		Timestamp:    timestamppb.New(r.Time),
		InsertId:     insertID,
		Trace:        r.Trace.Name,
		SpanId:       r.Trace.SpanID,
		TraceSampled: r.Trace.Sampled,
		Labels:       r.Labels,
	}
	wire := make([]byte, 0, len(fields)+8)
	wire = protowire.AppendTag(wire, jsonPayload, protowire.BytesType)
	wire = protowire.AppendBytes(wire, fields)
	e.ProtoReflect().SetUnknown(wire)
	return e
}

// partID puts the index behind insertId, so that the parts, which share their
// time, are listed in order.
func (r *Record) partID(i int) string { return fmt.Sprintf("%s-%02d", r.InsertID, i) }

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
