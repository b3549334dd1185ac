package proof

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"cloud.google.com/go/logging"
	"cloud.google.com/go/logging/apiv2/loggingpb"
	"github.com/GoogleCloudPlatform/functions-framework-go/functions"
	"google.golang.org/api/option"
	mrpb "google.golang.org/genproto/googleapis/api/monitoredres"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"example.com/livechat-webhook/internal/cloudlogtest"
)

// registerYardsticks registers what the function is measured against: Hello
// reads the body and answers, the least that the framework can do; LogSync is
// what the documentation of cloud.google.com/go/logging leads to.
func registerYardsticks() {
	functions.HTTP("Hello", func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		io.WriteString(w, "ok")
	})
	if os.Getenv("FUNCTION_TARGET") != "LogSync" {
		return
	}
	conn, err := grpc.NewClient(os.Getenv("LOGGING_EMULATOR_HOST"), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		panic(err)
	}
	client, err := logging.NewClient(context.Background(), "projects/proof", option.WithGRPCConn(conn))
	if err != nil {
		panic(err)
	}
	log := client.Logger("livechat-webhooks", logging.CommonResource(&mrpb.MonitoredResource{Type: "global"}))
	functions.HTTP("LogSync", func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err == nil {
			err = log.LogSync(r.Context(), logging.Entry{Payload: json.RawMessage(body), Severity: logging.Info})
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		io.WriteString(w, "ok")
	})
}

// BenchmarkReceivers measures receivers as processes of their own, each write
// taking 10 ms, with the chat_ended of 2019 without white space: the CPU of a
// webhook at 64 connections, the median answer with one connection beyond the
// write, the time from the start to the first 200, and the peak of memory.
func BenchmarkReceivers(b *testing.B) {
	const write = 10 * time.Millisecond
	original, err := os.ReadFile("../../testdata/v2/chat_ended.json")
	if err != nil {
		b.Fatal(err)
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, original); err != nil {
		b.Fatal(err)
	}
	log, err := cloudlogtest.Start("127.0.0.1:0", func(*loggingpb.LogEntry) {})
	if err != nil {
		b.Fatal(err)
	}
	defer log.Close()
	log.SetFaults(cloudlogtest.Faults{Before: func(context.Context, *loggingpb.WriteLogEntriesRequest) error {
		time.Sleep(write) // what a call costs
		return nil
	}})
	for _, target := range []string{"Hello", "LogSync", "LiveChatWebhook"} {
		b.Run(target, func(b *testing.B) {
			environment := []string{"FUNCTION_TARGET=" + target, "K_SERVICE=", "LIVECHAT_SECRETS=an-old-secret,f791db42"}
			send := func(p *program) {
				if status, err := post(p.url, compact.String()); status != 200 || err != nil {
					b.Fatalf("status %d, %v", status, err)
				}
			}
			var starts []time.Duration
			var p *program
			for range 5 {
				if p != nil {
					p.end(syscall.SIGTERM)
				}
				began := time.Now()
				p = run(b, log.Addr(), environment...)
				send(p)
				starts = append(starts, time.Since(began))
			}
			var alone []time.Duration
			for range 200 {
				began := time.Now()
				send(p)
				alone = append(alone, time.Since(began))
			}
			each(2000, 64, func(int) { send(p) }) // warm
			used := p.used(b)
			b.ResetTimer()
			each(b.N, 64, func(int) { send(p) })
			b.StopTimer()
			b.ReportMetric(float64((p.used(b)-used).Microseconds())/float64(b.N), "cpu-µs/webhook")
			b.ReportMetric(float64(median(alone).Microseconds())/1000, "ms-alone")
			b.ReportMetric(float64(median(starts).Microseconds())/1000, "ms-cold")
			b.ReportMetric(float64(p.peak(b)), "MB-peak")
			b.ReportMetric(0, "ns/op") // says more of this process than of that
			p.end(syscall.SIGTERM)
		})
	}
}

// used returns the CPU time, user and system, that the program has used.
func (p *program) used(b *testing.B) time.Duration {
	b.Helper()
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.cmd.Process.Pid))
	if err != nil {
		b.Fatal(err)
	}
	// The name of the program, in brackets, may hold anything.
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	var user, system int64
	if _, err := fmt.Sscan(fields[11]+" "+fields[12], &user, &system); err != nil {
		b.Fatal(err)
	}
	const tick = 10 * time.Millisecond // USER_HZ is 100 on Linux
	return time.Duration(user+system) * tick
}

func median(d []time.Duration) time.Duration {
	slices.Sort(d)
	return d[len(d)/2]
}
