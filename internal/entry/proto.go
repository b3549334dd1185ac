package entry

import (
	"encoding/binary"
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

// aroundPayload is more than all of an entry but its payload takes, so that
// small entries need not be measured.
const aroundPayload = 8 << 10

// jsonPayload is the number of LogEntry.json_payload.
const jsonPayload protowire.Number = 6

// maxHeader is how many bytes the tag and the length of json_payload take at
// most.
const maxHeader = 1 + binary.MaxVarintLen32

// newPayload returns a json_payload without fields: room for its header, and
// for about size bytes to be appended.
func newPayload(size int) []byte {
	return make([]byte, maxHeader, maxHeader+size+128)
}

// withHeader returns the payload as a field of a LogEntry: the header put
// straight before the fields.
func withHeader(payload []byte) []byte {
	fields := len(payload) - maxHeader
	header := protowire.AppendTag(make([]byte, 0, maxHeader), jsonPayload, protowire.BytesType)
	header = protowire.AppendVarint(header, uint64(fields))
	copy(payload[maxHeader-len(header):], header)
	return payload[maxHeader-len(header):]
}

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
		if whole := r.entry(r.InsertID, fields); len(fields) < limit-aroundPayload || proto.Size(whole) < limit {
			return []*loggingpb.LogEntry{whole}, nil
		}
	}
	return r.parts(limit), nil
}

// parts returns the record split into entries under limit bytes.
func (r *Record) parts(limit int) []*loggingpb.LogEntry {
	room := limit - partRoom - len(r.Message) - proto.Size(r.entry(r.InsertID, newPayload(0)))
	pieces := cut(r.Webhook, room)
	entries := make([]*loggingpb.LogEntry, len(pieces))
	for i, piece := range pieces {
		fields := newPayload(len(piece) + len(r.Message) + partRoom)
		fields = structwire.AppendString(fields, "message", r.Message+partSuffix(i, len(pieces)))
		fields = structwire.AppendString(fields, "webhook_text", piece)
		entries[i] = r.entry(r.partID(i), fields)
		entries[i].Split = &loggingpb.LogSplit{Uid: r.InsertID, Index: int32(i), TotalSplits: int32(len(pieces))}
	}
	return entries
}

// structured returns the payload for the whole webhook.
func (r *Record) structured() ([]byte, error) {
	fields := newPayload(len(r.Webhook)*3/2 + len(r.Message))
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

// entry returns the record with payload, which newPayload began, as
// jsonPayload.
//
// The payload rides as bytes of a field that the generated type does not look
// into. They leave as they are and are json_payload to every reader; making
// the message structpb.Struct of them only to marshal it again would cost ten
// times as much (BenchmarkStructpb of internal/structwire).
func (r *Record) entry(insertID string, payload []byte) *loggingpb.LogEntry {
	e := &loggingpb.LogEntry{
		Severity:     r.Severity,
		Timestamp:    timestamppb.New(r.Time),
		InsertId:     insertID,
		Trace:        r.Trace.Name,
		SpanId:       r.Trace.SpanID,
		TraceSampled: r.Trace.Sampled,
		Labels:       r.Labels,
	}
	e.ProtoReflect().SetUnknown(withHeader(payload))
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
