package entry

import (
	"errors"
	"fmt"
	"time"

	"cloud.google.com/go/logging/apiv2/loggingpb"
	"github.com/go-json-experiment/json"
	"google.golang.org/protobuf/proto"
)

const (
	// maxPiece is the maximum number of bytes of JSON text in a line that holds
	// part of a webhook. Quoting at most doubles it.
	maxPiece = 48 << 10
	// maxLine is the maximum number of bytes in a line that holds a whole
	// webhook. The platform documents no limit; lines of 100 KB are known to
	// arrive whole.
	maxLine = 2 * maxPiece
	// maxWhole is the maximum number of bytes of the entry, as protobuf, that
	// becomes one line. The line is stored as an entry too, and a list of short
	// numbers takes six times its text there.
	maxWhole = maxEntry / 2
)

var errTooLarge = errors.New("too large for one line")

// Copy returns the record as structured lines for stdout
// (https://docs.cloud.google.com/run/docs/logging), one JSON object each, where
// the platform keeps what Cloud Logging did not accept. notWritten is the
// cause, a gRPC code.
//
// The lines are made from the entries of [Record.Entries], so they hold what
// those would hold: insertId, time, labels, trace and every member of
// jsonPayload, with the same numbers and the same characters. A webhook too
// long for one line becomes several, split as Entries splits. A webhook that
// cannot be written as fields becomes text. [ReadCopy] and [Join] reverse this.
// The error means that there is no copy; it quotes nothing of the webhook.
func (r *Record) Copy(notWritten string) ([]byte, error) {
	if len(r.Webhook) <= maxLine {
		line, err := r.wholeLine(notWritten)
		if err == nil && len(line) <= maxLine {
			return line, nil
		}
	}
	var lines []byte
	for _, part := range r.parts(maxPiece) {
		line, err := copyLine(part, notWritten)
		if err != nil {
			return nil, err
		}
		lines = append(lines, line...)
	}
	return lines, nil
}

// wholeLine returns the record as one line.
func (r *Record) wholeLine(notWritten string) ([]byte, error) {
	whole, err := r.whole()
	if err != nil {
		return nil, err
	}
	if len(whole) > maxWhole {
		return nil, errTooLarge
	}
	return copyLine(whole, notWritten)
}

// line is an entry as the platform reads it from stdout. It moves the members
// with a prefix, severity and time into the fields of an entry, and leaves the
// rest in jsonPayload.
type line struct {
	Severity      string            `json:"severity"`
	Time          string            `json:"time"`
	Message       string            `json:"message"`
	NotWritten    string            `json:"not_written"`
	EntrySeverity string            `json:"entry_severity"`
	Split         *split            `json:"split,omitzero"`
	InsertID      string            `json:"logging.googleapis.com/insertId"`
	Trace         string            `json:"logging.googleapis.com/trace,omitzero"`
	SpanID        string            `json:"logging.googleapis.com/spanId,omitzero"`
	TraceSampled  bool              `json:"logging.googleapis.com/trace_sampled,omitzero"`
	Labels        map[string]string `json:"logging.googleapis.com/labels"`
	Payload       map[string]any    `json:",embed"`
}

// split says which part of a webhook a line holds. A line cannot set the field
// of that name of an entry.
type split struct {
	UID         string `json:"uid"`
	Index       int32  `json:"index"`
	TotalSplits int32  `json:"totalSplits"`
}

// copyLine returns the line for an entry in its wire form.
func copyLine(wire []byte, notWritten string) ([]byte, error) {
	e := new(loggingpb.LogEntry)
	if err := proto.Unmarshal(wire, e); err != nil {
		return nil, fmt.Errorf("copy of an entry: %w", err)
	}
	payload := e.GetJsonPayload().AsMap()
	delete(payload, "message") // has its own field, to come first
	l := line{
		Severity:      "ERROR",
		Time:          e.GetTimestamp().AsTime().Format(time.RFC3339Nano),
		Message:       e.GetJsonPayload().GetFields()["message"].GetStringValue(),
		NotWritten:    notWritten,
		EntrySeverity: e.GetSeverity().String(),
		InsertID:      e.GetInsertId(),
		Trace:         e.GetTrace(),
		SpanID:        e.GetSpanId(),
		TraceSampled:  e.GetTraceSampled(),
		Labels:        e.GetLabels(),
		Payload:       payload,
	}
	if s := e.GetSplit(); s != nil {
		l.Split = &split{s.GetUid(), s.GetIndex(), s.GetTotalSplits()}
	}
	text, err := json.Marshal(l, json.Deterministic(true))
	if err != nil {
		// The error may quote a member's name.
		return nil, errors.New("copy of an entry: not JSON")
	}
	return append(text, '\n'), nil
}
