package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/logging/apiv2/loggingpb"
	"golang.org/x/time/rate"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"example.com/livechat-webhook/internal/cloudlogtest"
	"example.com/livechat-webhook/internal/console"
	"example.com/livechat-webhook/internal/loglist"
)

// BenchmarkFollow measures how many entries per minute come from Cloud Logging,
// live or as history, to the terminal and onto the page. A tail has at most 60,000
// (https://docs.cloud.google.com/logging/docs/view/streaming-live-tailing), and the
// quota of lists as many.
func BenchmarkFollow(b *testing.B) {
	for name, s := range map[string]settings{
		"live/lines":      {},
		"live/json":       {asJSON: true},
		"live/page":       {page: "127.0.0.1:0"},
		"history/to page": {page: "127.0.0.1:0", since: loglist.Period(time.Hour)},
	} {
		b.Run(name, func(b *testing.B) { follows(b, s, strings.HasPrefix(name, "live")) })
	}
}

func follows(b *testing.B, s settings, live bool) {
	server, err := cloudlogtest.Start("127.0.0.1:0", nil)
	if err != nil {
		b.Fatal(err)
	}
	defer server.Close()
	entries := samples(b, b.N)
	s.project, s.log, s.emulator, s.pace, s.port = "my-project", "livechat-webhooks", server.Addr(), rate.NewLimiter(rate.Inf, 1), "8080"
	s.since = loglist.Period(time.Hour)
	con := console.New(io.Discard, io.Discard)
	show, n, all := printer(io.Discard, s.asJSON, false, con), 0, make(chan struct{})
	write := func() {
		for start := 0; start < len(entries); start += 1000 {
			r := &loggingpb.WriteLogEntriesRequest{Entries: entries[start:min(start+1000, len(entries))]}
			if _, err := server.WriteLogEntries(context.Background(), r); err != nil {
				b.Fatal(err)
			}
		}
	}
	if !live {
		write()
	}
	ctx, stop := context.WithCancel(b.Context())
	defer stop()
	b.ResetTimer()
	go run(ctx, s, func(e *loggingpb.LogEntry) {
		show(e)
		if n++; n == len(entries) {
			close(all)
		}
	}, con)
	if live {
		for server.Tails() == 0 {
			time.Sleep(time.Millisecond)
		}
		b.ResetTimer()
		write()
	}
	<-all
	b.ReportMetric(float64(b.N)/b.Elapsed().Minutes(), "entries/min")
}

// samples returns entries as the function writes them, each another.
func samples(b *testing.B, n int) []*loggingpb.LogEntry {
	files, err := filepath.Glob("../../testdata/v3/*.entry.json")
	if err != nil || len(files) < 50 {
		b.Fatalf("%d samples, %v", len(files), err)
	}
	var all []*loggingpb.LogEntry
	for i := range n {
		e := new(loggingpb.LogEntry)
		if i < len(files) {
			if err := protojson.Unmarshal(must(os.ReadFile(files[i])), e); err != nil {
				b.Fatal(err)
			}
			e.LogName = "projects/my-project/logs/livechat-webhooks"
		} else {
			e = proto.CloneOf(all[i%len(files)])
		}
		e.InsertId, e.Timestamp = fmt.Sprintf("%032d", i), timestamppb.New(time.Now())
		all = append(all, e)
	}
	return all
}
