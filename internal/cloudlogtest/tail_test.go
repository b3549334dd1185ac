package cloudlogtest

import (
	"context"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	logging "cloud.google.com/go/logging/apiv2"
	"cloud.google.com/go/logging/apiv2/loggingpb"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"
	"google.golang.org/protobuf/types/known/durationpb"
)

// inMemory runs test with a server and the real client, which are connected in
// memory, so that time passes only when both wait.
func inMemory(t *testing.T, test func(t *testing.T, s *Server, c *logging.Client)) {
	synctest.Test(t, func(t *testing.T) {
		l := bufconn.Listen(1 << 20)
		s := Serve(l, nil)
		s.Now = func() time.Time { return noon }
		client, err := logging.NewClient(t.Context(), option.WithEndpoint("passthrough:memory"), option.WithoutAuthentication(), option.WithTelemetryDisabled(),
			option.WithGRPCDialOption(grpc.WithTransportCredentials(insecure.NewCredentials())),
			option.WithGRPCDialOption(grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return l.DialContext(ctx) })))
		if err != nil {
			t.Fatal(err)
		}
		test(t, s, client)
		client.Close()
		s.Close()
		l.Close()
	})
}

// tailing opens a session.
func tailing(t *testing.T, c *logging.Client, filter string, window time.Duration) loggingpb.LoggingServiceV2_TailLogEntriesClient {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	stream, err := c.TailLogEntries(ctx)
	if err != nil {
		t.Fatal(err)
	}
	err = stream.Send(&loggingpb.TailLogEntriesRequest{ResourceNames: []string{"projects/p"}, Filter: filter, BufferWindow: durationpb.New(window)})
	if err != nil {
		t.Fatal(err)
	}
	synctest.Wait() // until the server has it
	return stream
}

// next returns the insertIds of the next response.
func next(t *testing.T, stream loggingpb.LoggingServiceV2_TailLogEntriesClient) string {
	t.Helper()
	r, err := stream.Recv()
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, e := range r.GetEntries() {
		ids = append(ids, e.GetInsertId())
	}
	return strings.Join(ids, " ")
}

func TestTailBringsWhatIsWritten(t *testing.T) {
	inMemory(t, func(t *testing.T, s *Server, c *logging.Client) {
		write(t, c, "before", time.Second)
		stream := tailing(t, c, `labels.event="chat_ended"`, 2*time.Second)
		write(t, c, "b", time.Second)
		write(t, c, "a", time.Minute)
		write(t, c, "other event", time.Second, func(e *loggingpb.LogEntry) { e.Labels["event"] = "other" })
		write(t, c, "other project", time.Second, func(e *loggingpb.LogEntry) { e.LogName = "projects/q/logs/webhooks" })
		began := time.Now()
		if got := next(t, stream); got != "a b" {
			t.Errorf("got %q, want them in order of time", got)
		}
		if d := time.Since(began); d != 2*time.Second {
			t.Errorf("took %s, the buffer window is 2s", d)
		}
		if s.Tails() != 1 || s.Tailed() != 1 {
			t.Errorf("%d sessions, %d calls", s.Tails(), s.Tailed())
		}
		stream.CloseSend()
		if _, err := stream.Recv(); err != io.EOF {
			t.Errorf("closed: %v", err)
		}
		if synctest.Wait(); s.Tails() != 0 {
			t.Errorf("%d sessions after the end", s.Tails())
		}
	})
}

func TestTailThatEnds(t *testing.T) {
	for _, end := range []error{nil, status.Error(codes.OutOfRange, "over")} {
		inMemory(t, func(t *testing.T, s *Server, c *logging.Client) {
			stream := tailing(t, c, "", 0)
			write(t, c, "last", time.Second)
			s.EndTails(end)
			if got := next(t, stream); got != "last" {
				t.Errorf("got %q", got)
			}
			_, err := stream.Recv()
			if end == nil && err != io.EOF || end != nil && status.Code(err) != codes.OutOfRange {
				t.Errorf("ended with %v, want %v", err, end)
			}
		})
	}
}

func TestTailThatStalls(t *testing.T) {
	inMemory(t, func(t *testing.T, s *Server, c *logging.Client) {
		stream := tailing(t, c, "", 0)
		s.StallTails()
		write(t, c, "a", time.Second)
		came := make(chan error)
		go func() {
			_, err := stream.Recv()
			came <- err
		}()
		select {
		case err := <-came:
			t.Errorf("it goes on: %v", err)
		case <-time.After(time.Hour):
		}
		s.EndTails(nil)
		if err := <-came; err != io.EOF {
			t.Errorf("after the end: %v", err)
		}
	})
}

func TestTailThatSuppresses(t *testing.T) {
	inMemory(t, func(t *testing.T, s *Server, c *logging.Client) {
		stream := tailing(t, c, "", 0)
		s.Suppress(loggingpb.TailLogEntriesResponse_SuppressionInfo_RATE_LIMIT, 7)
		r, err := stream.Recv()
		if err != nil || fmt.Sprint(r.GetSuppressionInfo()[0].GetReason(), r.GetSuppressionInfo()[0].GetSuppressedCount()) != "RATE_LIMIT 7" {
			t.Errorf("%v, %v", r, err)
		}
	})
}

// TestTailThatIsNotRead: what the client does not read in time is left out, and
// counted.
func TestTailThatIsNotRead(t *testing.T) {
	inMemory(t, func(t *testing.T, s *Server, c *logging.Client) {
		stream := tailing(t, c, "", time.Minute)
		e := &loggingpb.LogEntry{LogName: "projects/p/logs/webhooks"}
		s.write(slices.Repeat([]*loggingpb.LogEntry{e}, maxPending+3))
		n := 0
		for {
			r, err := stream.Recv()
			if err != nil {
				t.Fatal(err)
			}
			n += len(r.GetEntries())
			if info := r.GetSuppressionInfo(); info != nil {
				if n != maxPending || info[0].GetSuppressedCount() != 3 || info[0].GetReason() != loggingpb.TailLogEntriesResponse_SuppressionInfo_NOT_CONSUMED {
					t.Errorf("%d entries, %v", n, info)
				}
				return
			}
		}
	})
}

func TestTailsOverQuota(t *testing.T) {
	inMemory(t, func(t *testing.T, s *Server, c *logging.Client) {
		for range maxTails {
			tailing(t, c, "", 0)
		}
		if _, err := tailing(t, c, "", 0).Recv(); status.Code(err) != codes.ResourceExhausted {
			t.Errorf("one more: %v", err)
		}
	})
}

func TestTailOnRequest(t *testing.T) {
	inMemory(t, func(t *testing.T, s *Server, c *logging.Client) {
		for name, r := range map[string]*loggingpb.TailLogEntriesRequest{
			"no project":     {},
			"wrong filter":   {ResourceNames: []string{"projects/p"}, Filter: "a ~ b"},
			"long window":    {ResourceNames: []string{"projects/p"}, BufferWindow: durationpb.New(61 * time.Second)},
			"past beginning": {ResourceNames: []string{"projects/p"}, BufferWindow: durationpb.New(-1)},
		} {
			stream, err := c.TailLogEntries(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			stream.Send(r)
			if _, err := stream.Recv(); status.Code(err) != codes.InvalidArgument {
				t.Errorf("%s: %v", name, err)
			}
		}
		s.SetFaults(Faults{Tail: func(context.Context, *loggingpb.TailLogEntriesRequest) error {
			return status.Error(codes.PermissionDenied, "no")
		}})
		if _, err := tailing(t, c, "", 0).Recv(); status.Code(err) != codes.PermissionDenied {
			t.Errorf("denied: %v", err)
		}
	})
}
