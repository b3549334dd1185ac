// Package chatstest turns the chats in testdata/chats into log entries, as the
// function does, for tests of code that reads the log.
package chatstest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"cloud.google.com/go/logging/apiv2/loggingpb"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"example.com/livechat-webhook/internal/entry"
	"example.com/livechat-webhook/internal/redact"
	"example.com/livechat-webhook/payload"
)

// Chat is one chat as LiveChat sends it, the content of a deliveries.json.
type Chat struct {
	// Name is the name of the folder.
	Name  string `json:"-"`
	About string `json:"about"`
	// Redact is LIVECHAT_REDACT.
	Redact     []string   `json:"redact"`
	Deliveries []Delivery `json:"deliveries"`
}

// Delivery is a POST request.
type Delivery struct {
	Received time.Time `json:"received"`
	// Copy: the entry was not written, so the log has the copy on stdout.
	Copy bool            `json:"copy"`
	Body json.RawMessage `json:"body"`
}

// Load returns the chats in dir, testdata/chats, sorted by name.
func Load(dir string) ([]Chat, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*", "deliveries.json"))
	if err != nil || len(files) == 0 {
		return nil, fmt.Errorf("no chats in %s: %v", dir, err)
	}
	var chats []Chat
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		c := Chat{Name: filepath.Base(filepath.Dir(file))}
		if err := json.Unmarshal(text, &c); err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		chats = append(chats, c)
	}
	return chats, nil
}

// Entries returns the log entries of the chat, in the order of the deliveries.
func (c Chat) Entries() ([]*loggingpb.LogEntry, error) {
	rules := redact.Rules{Members: map[string]bool{}, Secrets: []string{"dummy_key"}}
	for _, name := range c.Redact {
		rules.Members[name] = true
	}
	builder := entry.NewBuilder("my-project", rules)
	var all []*loggingpb.LogEntry
	for i, d := range c.Deliveries {
		entries, err := d.entries(builder)
		if err != nil {
			return nil, fmt.Errorf("%s, delivery %d: %w", c.Name, i, err)
		}
		all = append(all, entries...)
	}
	return all, nil
}

func (d Delivery) entries(builder *entry.Builder) ([]*loggingpb.LogEntry, error) {
	webhook, err := payload.Parse(d.Body)
	if err != nil {
		return nil, err
	}
	record, err := builder.Record(webhook, entry.Delivery{InsertID: builder.InsertID(d.Body, 1), Received: d.Received, Secret: 1})
	if err != nil {
		return nil, err
	}
	read := written
	if d.Copy {
		read = copied
	}
	entries, err := read(record)
	for _, e := range entries {
		e.ReceiveTimestamp = timestamppb.New(d.Received)
	}
	return entries, err
}

// written returns the entries that the function writes.
func written(record *entry.Record) ([]*loggingpb.LogEntry, error) {
	var all []*loggingpb.LogEntry
	for _, wire := range record.Entries(0) {
		e := new(loggingpb.LogEntry)
		if err := proto.Unmarshal(wire, e); err != nil {
			return nil, err
		}
		e.LogName = "projects/my-project/logs/livechat-webhooks"
		all = append(all, e)
	}
	return all, nil
}

// copied returns the entries that Cloud Run makes of the function's lines on
// stdout (https://docs.cloud.google.com/logging/docs/agent/logging/configuration,
// special fields).
func copied(record *entry.Record) ([]*loggingpb.LogEntry, error) {
	lines, err := record.Copy("Unavailable")
	if err != nil {
		return nil, err
	}
	var all []*loggingpb.LogEntry
	for line := range bytes.Lines(lines) {
		var special struct {
			Time     time.Time         `json:"time"`
			InsertID string            `json:"logging.googleapis.com/insertId"`
			Labels   map[string]string `json:"logging.googleapis.com/labels"`
		}
		fields := &structpb.Struct{}
		if err := json.Unmarshal(line, &special); err != nil {
			return nil, err
		}
		if err := protojson.Unmarshal(line, fields); err != nil {
			return nil, err
		}
		for _, name := range []string{"severity", "time", "logging.googleapis.com/insertId", "logging.googleapis.com/labels"} {
			delete(fields.Fields, name)
		}
		all = append(all, &loggingpb.LogEntry{
			LogName: "projects/my-project/logs/run.googleapis.com%2Fstdout", InsertId: special.InsertID,
			Timestamp: timestamppb.New(special.Time), Labels: special.Labels,
			Payload: &loggingpb.LogEntry_JsonPayload{JsonPayload: fields},
		})
	}
	return all, nil
}
