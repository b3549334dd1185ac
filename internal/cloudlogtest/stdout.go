package cloudlogtest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"

	"cloud.google.com/go/logging/apiv2/loggingpb"
	mrpb "google.golang.org/genproto/googleapis/api/monitoredres"
	ltype "google.golang.org/genproto/googleapis/logging/type"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// instanceID is the label that Cloud Run adds to what an instance prints.
const instanceID = "instanceId"

// Print stores what a service prints to stdout, as Cloud Run does: each line as
// one entry, received now, of the log run.googleapis.com/stdout of the project
// in the resource's labels. A line that Cloud Run would not store as the object
// that it is, is an error, and ends Print.
func (s *Server) Print(resource *mrpb.MonitoredResource, stdout []byte) error {
	return s.print(resource, "stdout", stdout)
}

// PrintError stores what a service prints to stderr, as Print does.
func (s *Server) PrintError(resource *mrpb.MonitoredResource, stderr []byte) error {
	return s.print(resource, "stderr", stderr)
}

func (s *Server) print(resource *mrpb.MonitoredResource, stream string, lines []byte) error {
	var entries []*loggingpb.LogEntry
	for line := range bytes.Lines(lines) {
		if line = bytes.TrimSpace(line); len(line) == 0 {
			continue // the functions framework prints one after each request
		}
		e, err := Lift(line)
		if err != nil {
			return fmt.Errorf("line %.40q: %w", line, err)
		}
		e.LogName = "projects/" + resource.GetLabels()["project_id"] + "/logs/run.googleapis.com%2F" + stream
		e.Resource = resource
		e.ReceiveTimestamp = timestamppb.New(s.Now())
		if e.Timestamp == nil {
			e.Timestamp = e.ReceiveTimestamp
		}
		if err := limits(e, s.Now()); err != nil {
			return fmt.Errorf("line %.40q: %w", line, err)
		}
		entries = append(entries, e)
	}
	s.write(entries)
	return nil
}

// special are the members of a line that the platform moves into fields of the
// entry (https://docs.cloud.google.com/run/docs/logging,
// https://docs.cloud.google.com/logging/docs/agent/logging/configuration#special-fields).
type special struct {
	Severity     string            `json:"severity"`
	Time         *time.Time        `json:"time"`
	InsertID     string            `json:"logging.googleapis.com/insertId"`
	Labels       map[string]string `json:"logging.googleapis.com/labels"`
	Trace        string            `json:"logging.googleapis.com/trace"`
	SpanID       string            `json:"logging.googleapis.com/spanId"`
	TraceSampled bool              `json:"logging.googleapis.com/trace_sampled"`
}

// Lift returns the entry that the platform makes of a structured line, without
// log, resource and time of receipt. Numbers become doubles. What is not special
// stays in jsonPayload.
func Lift(line []byte) (*loggingpb.LogEntry, error) {
	var s special
	if err := json.Unmarshal(line, &s); err != nil {
		return nil, err
	}
	var rest map[string]any
	if err := json.Unmarshal(line, &rest); err != nil {
		return nil, err
	}
	for _, name := range []string{
		"severity", "time", "logging.googleapis.com/insertId", "logging.googleapis.com/labels", "logging.googleapis.com/trace",
		"logging.googleapis.com/spanId", "logging.googleapis.com/trace_sampled",
	} {
		delete(rest, name)
	}
	severity, ok := ltype.LogSeverity_value[s.Severity]
	if !ok {
		return nil, fmt.Errorf("severity %q", s.Severity)
	}
	if s.Labels == nil {
		s.Labels = map[string]string{}
	}
	s.Labels[instanceID] = "0069c7a988d7a3b1"
	payload, err := structpb.NewStruct(rest)
	if err != nil {
		return nil, err
	}
	e := &loggingpb.LogEntry{
		Severity: ltype.LogSeverity(severity), InsertId: s.InsertID, Labels: s.Labels,
		Trace: s.Trace, SpanId: s.SpanID, TraceSampled: s.TraceSampled,
		Payload: &loggingpb.LogEntry_JsonPayload{JsonPayload: payload},
	}
	if s.Time != nil {
		e.Timestamp = timestamppb.New(*s.Time)
	}
	return e, nil
}
