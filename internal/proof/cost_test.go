package proof

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
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
	"google.golang.org/protobuf/proto"

	"example.com/livechat-webhook/internal/cloudlog"
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
	functions.HTTP("Write", writeAlone)
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

// writeAlone writes the body as one entry, again and again, and answers how
// many milliseconds that took in the median.
func writeAlone(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(err)
	}
	writer, err := cloudlog.Open(r.Context(), cloudlog.Destination{Project: "proof", LogID: "livechat-webhooks",
		Emulator: os.Getenv("LOGGING_EMULATOR_HOST"), Resource: &mrpb.MonitoredResource{Type: "global"}})
	if err != nil {
		panic(err)
	}
	defer writer.Close()
	entry, err := proto.Marshal(&loggingpb.LogEntry{Payload: &loggingpb.LogEntry_TextPayload{TextPayload: string(body)}})
	if err != nil {
		panic(err)
	}
	took, err := alone(func() error { return writer.Write(r.Context(), [][]byte{entry}) })
	if err != nil {
		panic(err)
	}
	fmt.Fprint(w, took)
}

// alone returns how many milliseconds do takes in the median, one at a time.
func alone(do func() error) (float64, error) {
	var took []time.Duration
	for range 200 {
		began := time.Now()
		if err := do(); err != nil {
			return 0, err
		}
		took = append(took, time.Since(began))
	}
	return milliseconds(median(took)), nil
}

// goVariables returns the variables of Go's runtime for a receiver: those of
// this process if they are set; else for the function what run sets, as
// deploy.sh does, and none for the others.
func goVariables(target string) []string {
	var variables []string
	for _, name := range []string{"GOMAXPROCS", "GOGC", "GOMEMLIMIT"} {
		if value := os.Getenv(name); value != "" || target != "LiveChatWebhook" {
			variables = append(variables, name+"="+value)
		}
	}
	return variables
}

// BenchmarkReceivers measures receivers as processes of their own, each write
// taking 10 ms, with the chat_ended of 2019 without white space: the CPU of a
// webhook and the median answer at 64 connections, the median answer with one,
// the time from the start to the first 200, and the peak of memory. Write is the
// write itself, by a process of its own too: the least that an answer takes.
// GOMAXPROCS, GOGC and GOMEMLIMIT apply to the receivers too (goVariables).
func BenchmarkReceivers(b *testing.B) {
	const write = 10 * time.Millisecond
	original, err := os.ReadFile("../../testdata/v2/chat_ended.json")
	if err != nil {
		b.Fatal(err)
	}
	var body bytes.Buffer
	if err := json.Compact(&body, original); err != nil {
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
	b.Run("Write", func(b *testing.B) {
		p := run(b, log.Addr(), "FUNCTION_TARGET=Write", "K_SERVICE=")
		resp, err := client.Post(p.url, "application/json", bytes.NewReader(body.Bytes()))
		if err != nil {
			b.Fatal(err)
		}
		defer resp.Body.Close()
		var alone float64
		if _, err := fmt.Fscan(resp.Body, &alone); err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(alone, "ms-alone")
		b.ReportMetric(0, "ns/op")
		p.end(syscall.SIGTERM)
	})
	for _, target := range []string{"Hello", "LogSync", "LiveChatWebhook"} {
		b.Run(target, func(b *testing.B) {
			var p *program
			var starts []time.Duration
			for range 5 {
				if p != nil {
					p.end(syscall.SIGTERM)
				}
				began := time.Now()
				p = run(b, log.Addr(), append(goVariables(target), "FUNCTION_TARGET="+target, "K_SERVICE=", "LIVECHAT_SECRETS=an-old-secret,f791db42")...)
				if err := connect(b, p, body.Bytes()).post(); err != nil {
					b.Fatal(err)
				}
				starts = append(starts, time.Since(began))
			}
			crowd(b, p, body.Bytes(), 5000) // warm
			used := p.used(b)
			b.ResetTimer()
			took := crowd(b, p, body.Bytes(), b.N)
			b.StopTimer()
			used = p.used(b) - used
			one, err := alone(connect(b, p, body.Bytes()).post)
			if err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(one, "ms-alone")
			b.ReportMetric(milliseconds(median(took)), "ms-of-64")
			b.ReportMetric(milliseconds(median(starts)), "ms-cold")
			b.ReportMetric(float64(used.Microseconds())/float64(b.N), "cpu-µs/webhook")
			b.ReportMetric(float64(p.peak(b)), "MB-peak")
			b.ReportMetric(0, "ns/op") // says more of this process than of that
			p.end(syscall.SIGTERM)
		})
	}
}

// crowd posts a body n times from 64 connections and returns how long each took.
func crowd(b *testing.B, p *program, body []byte, n int) []time.Duration {
	b.Helper()
	took := make([]time.Duration, n)
	var next atomic.Int64
	var all sync.WaitGroup
	for range 64 {
		s := connect(b, p, body)
		all.Go(func() {
			for i := next.Add(1) - 1; i < int64(n); i = next.Add(1) - 1 {
				began := time.Now()
				if err := s.post(); err != nil {
					b.Error(err)
					return
				}
				took[i] = time.Since(began)
			}
		})
	}
	all.Wait()
	return took
}

// sender posts the same body over one connection. The client of net/http would
// take more of the machine than the receivers do.
type sender struct {
	conn    net.Conn
	request []byte
	answer  [1 << 10]byte
}

func connect(b *testing.B, p *program, body []byte) *sender {
	b.Helper()
	host := strings.TrimPrefix(p.url, "http://")
	conn, err := net.Dial("tcp", host)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { conn.Close() })
	return &sender{conn: conn, request: fmt.Appendf(nil,
		"POST / HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", host, len(body), body)}
}

// post returns an error unless the answer is 200, ok.
func (s *sender) post() error {
	s.conn.SetDeadline(time.Now().Add(patience)) // another answer ends otherwise
	if _, err := s.conn.Write(s.request); err != nil {
		return err
	}
	n := 0
	for !bytes.HasSuffix(s.answer[:n], []byte("\r\n\r\nok")) {
		more, err := s.conn.Read(s.answer[n:])
		if n += more; err != nil || n == len(s.answer) {
			return fmt.Errorf("%q, %v", s.answer[:n], err)
		}
	}
	if !bytes.HasPrefix(s.answer[:n], []byte("HTTP/1.1 200 ")) {
		return fmt.Errorf("%q", s.answer[:n])
	}
	return nil
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

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

func median(d []time.Duration) time.Duration {
	slices.Sort(d)
	return d[len(d)/2]
}
