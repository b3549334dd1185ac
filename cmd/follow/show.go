package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"strconv"
	"time"

	"cloud.google.com/go/logging/apiv2/loggingpb"

	"example.com/livechat-webhook/cmd/terminal"
	"example.com/livechat-webhook/internal/cloudlog"
	"example.com/livechat-webhook/internal/console"
	"example.com/livechat-webhook/internal/loglist"
)

// printer returns a function that prints entries to w, as the local run prints
// them.
func printer(w io.Writer, asJSON bool, p terminal.Palette, con *console.Console) func(*loggingpb.LogEntry) {
	print := terminal.EntryPrinter(w, asJSON, p, con)
	if asJSON {
		return print
	}
	refusals := terminal.MessagePrinter(w, p)
	return func(e *loggingpb.LogEntry) {
		fields := e.GetJsonPayload().GetFields()
		switch {
		case fields["status"] != nil:
			printRefusal(refusals, e, con)
		case fields["not_written"] != nil:
			print(marked(e, fields["not_written"].GetStringValue()))
		default:
			print(e)
		}
	}
}

// printRefusal prints a line of the function on stderr, which the platform stored
// as an entry.
func printRefusal(w io.Writer, e *loggingpb.LogEntry, con *console.Console) {
	text, err := json.Marshal(e.GetJsonPayload().AsMap())
	l := console.Line{}
	if err == nil {
		err = json.Unmarshal(text, &l)
	}
	if err != nil {
		con.Failed("cannot print a refusal", err)
		return
	}
	l.Severity, l.Time = e.GetSeverity().String(), e.GetTimestamp().AsTime()
	if text, err = json.Marshal(l); err == nil {
		w.Write(text)
	}
}

// marked returns a copy on stdout with the reason for it as a label, which is
// printed.
func marked(e *loggingpb.LogEntry, notWritten string) *loggingpb.LogEntry {
	labels := maps.Clone(e.GetLabels())
	if labels == nil {
		labels = map[string]string{}
	}
	labels["not_written"] = notWritten
	return &loggingpb.LogEntry{Timestamp: e.GetTimestamp(), Severity: e.GetSeverity(), Payload: e.GetPayload(), Labels: labels}
}

// answers looks up how requests were answered.
type answers struct {
	reader  *loglist.Reader
	project string
}

// around is how far from an entry its request is looked for. The platform's entry
// has the time at which the request came.
const around = time.Minute

// of returns what the platform's log of requests says of the request of a trace,
// which came at about that time. The status is 0 if it says nothing.
func (a answers) of(ctx context.Context, trace string, at time.Time) (status int, took time.Duration) {
	filter := fmt.Sprintf(`logName=%s AND trace=%s AND timestamp>=%q AND timestamp<=%q`,
		strconv.Quote(cloudlog.Destination{Project: a.project, LogID: "run.googleapis.com/requests"}.LogName()),
		strconv.Quote("projects/"+a.project+"/traces/"+trace),
		at.Add(-around).UTC().Format(time.RFC3339), at.Add(around).UTC().Format(time.RFC3339))
	for e, err := range a.reader.List(ctx, filter) {
		if err != nil {
			return 0, 0 // the page is drawn without it
		}
		if r := e.GetHttpRequest(); r.GetStatus() != 0 {
			status, took = int(r.GetStatus()), r.GetLatency().AsDuration()
		}
	}
	return status, took
}
