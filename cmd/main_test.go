package main

import (
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/logging/apiv2/loggingpb"
	ltype "google.golang.org/genproto/googleapis/logging/type"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	_ "example.com/livechat-webhook/internal/golden"
)

var sample = &loggingpb.LogEntry{
	Severity:  ltype.LogSeverity_NOTICE,
	Timestamp: timestamppb.New(time.Date(2026, 1, 2, 3, 4, 5, 0, time.Local)),
	Labels:    map[string]string{"event": "chat_painted", "api": "v3", "chat_id": "C1"},
	Payload: &loggingpb.LogEntry_JsonPayload{JsonPayload: &structpb.Struct{Fields: map[string]*structpb.Value{
		"message": structpb.NewStringValue("chat_painted C1"),
	}}},
}

func TestEntryForPeople(t *testing.T) {
	const want = "03:04:05 NOTICE chat_painted C1\n" +
		"                       api=v3 chat_id=C1 event=chat_painted\n"
	if got := forPeople(sample, false); got != want {
		t.Errorf("%q, want %q", got, want)
	}
	coloured := forPeople(sample, true)
	if !strings.Contains(coloured, yellow+"NOTICE"+plain) || !strings.Contains(coloured, bold+"chat_painted"+plain) {
		t.Errorf("no colours in %q", coloured)
	}
}

func TestEntryAsJSON(t *testing.T) {
	var out strings.Builder
	entryPrinter(&out, true, true)(sample)
	got := new(loggingpb.LogEntry)
	if err := protojson.Unmarshal([]byte(out.String()), got); err != nil || strings.Count(out.String(), "\n") != 1 {
		t.Errorf("%v: %s", err, &out)
	}
}

// TestFirstWebhook does what the README says: run, post, look; and ends it.
func TestFirstWebhook(t *testing.T) {
	l, err := net.Listen("tcp", "localhost:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	ctx, ctrlC := context.WithCancel(context.Background())
	shown, ended := make(chan *loggingpb.LogEntry, 1), make(chan error, 1)
	go func() {
		ended <- run(ctx, "localhost", port, "", func(e *loggingpb.LogEntry) { shown <- e })
	}()
	body, err := os.ReadFile("../testdata/v2/chat_started.json")
	if err != nil {
		t.Fatal(err)
	}
	for {
		resp, err := http.Post("http://localhost:"+port, "application/x-www-form-urlencoded", strings.NewReader(string(body)))
		if err != nil {
			if len(ended) > 0 {
				t.Fatal(<-ended)
			}
			continue // not listening yet
		}
		answer, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || string(answer) != "ok" {
			t.Fatalf("answer %q, %v", answer, err)
		}
		break
	}
	if line := forPeople(<-shown, false); !strings.Contains(line, "chat_started PO13: NAME (name@gmail.com, Japan)") {
		t.Errorf("shown: %s", line)
	}
	ctrlC()
	if err := <-ended; err != nil {
		t.Errorf("ended with %v", err)
	}
}
