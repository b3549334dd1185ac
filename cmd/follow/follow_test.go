package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"cloud.google.com/go/logging/apiv2/loggingpb"
	"golang.org/x/time/rate"
	mrpb "google.golang.org/genproto/googleapis/api/monitoredres"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"example.com/livechat-webhook/internal/cloudlogtest"
	"example.com/livechat-webhook/internal/console"
	"example.com/livechat-webhook/internal/loglist"

	_ "example.com/livechat-webhook/internal/golden"
)

// TestMain lets the test binary be the command.
func TestMain(m *testing.M) {
	if os.Getenv("TEST_AS_COMMAND") != "" {
		main()
		return
	}
	time.Local = time.UTC
	os.Exit(m.Run())
}

// world is a stand-in for the Cloud Logging of a project, and the command, which
// are connected in memory, so that time passes only when both wait.
type world struct {
	*testing.T
	*cloudlogtest.Server
	listener *bufconn.Listener
	network  *network

	mu     sync.Mutex
	shown  []string // insertIds
	said   strings.Builder
	failed error
	ended  bool
}

// following runs test while the command follows the log of a project that has
// the history.
func following(t *testing.T, s settings, history func(w *world), test func(w *world)) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{T: t, listener: bufconn.Listen(1 << 20), network: &network{}}
		w.Server = cloudlogtest.Serve(w.listener, nil)
		if history != nil {
			history(w)
		}
		s.project, s.log, s.emulator = "my-project", "livechat-webhooks", "passthrough:memory"
		if s.since == 0 {
			s.since = loglist.Period(time.Hour)
		}
		s.pace = rate.NewLimiter(rate.Inf, 1)
		s.dial = func(ctx context.Context, _ string) (net.Conn, error) {
			if w.network.down.Load() {
				return nil, errors.New("no network")
			}
			conn, err := w.listener.DialContext(ctx)
			if err != nil {
				return nil, err
			}
			return w.network.add(conn), nil
		}
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			defer close(done)
			err := run(ctx, s, w.show, console.New(io.Discard, w))
			w.mu.Lock()
			defer w.mu.Unlock()
			w.failed, w.ended = err, true
		}()
		synctest.Wait()
		test(w)
		stop()
		<-done
		w.Close()
		w.listener.Close()
		w.network.close()
	})
}

// network is the connections of the command.
type network struct {
	down  atomic.Bool
	mu    sync.Mutex
	conns []*mortal
}

func (n *network) add(conn net.Conn) net.Conn {
	n.mu.Lock()
	defer n.mu.Unlock()
	c := &mortal{Conn: conn, closed: make(chan struct{})}
	n.conns = append(n.conns, c)
	return c
}

// die has the connections that are open deliver nothing any more, which neither
// side learns.
func (n *network) die() {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, c := range n.conns {
		c.dead.Store(true)
	}
}

func (n *network) close() {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, c := range n.conns {
		c.Close()
	}
}

// mortal is a connection that can die.
type mortal struct {
	net.Conn
	dead   atomic.Bool
	once   sync.Once
	closed chan struct{}
}

func (c *mortal) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if c.dead.Load() {
		<-c.closed
		return 0, net.ErrClosed
	}
	return n, err
}

func (c *mortal) Write(b []byte) (int, error) {
	if c.dead.Load() {
		return len(b), nil
	}
	return c.Conn.Write(b)
}

func (c *mortal) Close() error {
	c.once.Do(func() { close(c.closed) })
	return c.Conn.Close()
}

func (w *world) show(e *loggingpb.LogEntry) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.shown = append(w.shown, e.GetInsertId())
}

// Write takes what the command says.
func (w *world) Write(line []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.said.Write(line)
}

// write has the function write entries that happened so long ago.
func (w *world) write(ago time.Duration, ids ...string) {
	w.Helper()
	var entries []*loggingpb.LogEntry
	for _, id := range ids {
		entries = append(entries, entryOf(id, time.Now().Add(-ago)))
	}
	w.store(entries...)
}

func (w *world) store(entries ...*loggingpb.LogEntry) {
	w.Helper()
	if _, err := w.WriteLogEntries(w.Context(), &loggingpb.WriteLogEntriesRequest{Entries: entries}); err != nil {
		w.Fatal(err)
	}
}

func entryOf(id string, at time.Time) *loggingpb.LogEntry {
	return &loggingpb.LogEntry{
		LogName: "projects/my-project/logs/livechat-webhooks", InsertId: id, Timestamp: timestamppb.New(at),
		Resource: &mrpb.MonitoredResource{Type: "global", Labels: map[string]string{"project_id": "my-project"}},
		Labels:   map[string]string{"event": "incoming_event", "chat_id": "PO13"},
		Payload: &loggingpb.LogEntry_JsonPayload{JsonPayload: &structpb.Struct{Fields: map[string]*structpb.Value{
			"message": structpb.NewStringValue("incoming_event PO13: wrote " + id),
		}}},
	}
}

// want fails the test if other entries were shown so far, each exactly once.
func (w *world) want(ids string) {
	w.Helper()
	synctest.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	if got := strings.Join(w.shown, " "); got != ids {
		w.Errorf("shown: %q, want %q; said %s", got, ids, w.said.String())
	}
}

// wantSaid fails the test if the command did not say it.
func (w *world) wantSaid(text string) {
	w.Helper()
	synctest.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	if !strings.Contains(w.said.String(), text) {
		w.Errorf("%q is not in %s", text, w.said.String())
	}
}

func TestHistoryThenWhatComes(t *testing.T) {
	following(t, settings{}, func(w *world) {
		w.write(2*time.Hour, "too-old")
		w.write(20*time.Minute, "b")
		w.write(30*time.Minute, "a")
	}, func(w *world) {
		w.want("a b")
		w.write(0, "c")
		w.want("a b c")
		w.write(3*time.Hour, "restored") // by cmd/restore, with the time at which it happened
		w.want("a b c restored")
		time.Sleep(time.Hour)
		w.want("a b c restored")
	})
}

// TestNothingFallsBetweenHistoryAndTail writes while history is listed: an entry
// that the list and the tail bring, and one that only the tail brings, because
// the list is past its time.
func TestNothingFallsBetweenHistoryAndTail(t *testing.T) {
	following(t, settings{}, func(w *world) {
		w.PageLimit = 1
		w.write(20*time.Minute, "b")
		w.write(30*time.Minute, "a")
		w.SetFaults(cloudlogtest.Faults{List: func(ctx context.Context, _ *loggingpb.ListLogEntriesRequest) error {
			if w.Lists() == 2 {
				for w.Tails() == 0 && ctx.Err() == nil {
					time.Sleep(time.Millisecond)
				}
				w.write(time.Minute, "both")
				w.write(40*time.Minute, "tail-only")
			}
			return nil
		}})
	}, func(w *world) {
		time.Sleep(time.Second)
		w.want("a b both tail-only")
	})
}

// TestHistoryEnds: entries that come while history is listed are left to the
// tail, or the list would not end if they came as fast as they are listed.
func TestHistoryEnds(t *testing.T) {
	following(t, settings{}, func(w *world) {
		w.PageLimit = 1
		w.write(time.Minute, "first")
		w.SetFaults(cloudlogtest.Faults{List: func(context.Context, *loggingpb.ListLogEntriesRequest) error {
			time.Sleep(2 * time.Second)
			w.write(0, fmt.Sprint(w.Lists()))
			return nil
		}})
	}, func(w *world) {
		time.Sleep(ahead + settling) // until what was not listed is looked for
		if n := w.Lists(); n > 35 {
			t.Errorf("%d calls", n)
		}
	})
}

// TestEntryThatNeitherListNorTailBrought is written while Cloud Logging opens the
// tail, and after history was listed.
func TestEntryThatNeitherListNorTailBrought(t *testing.T) {
	following(t, settings{}, func(w *world) {
		w.SetFaults(cloudlogtest.Faults{Tail: func(context.Context, *loggingpb.TailLogEntriesRequest) error {
			time.Sleep(5 * time.Second)
			return nil
		}})
	}, func(w *world) {
		w.write(time.Second, "between")
		time.Sleep(settling - time.Second)
		w.want("")
		time.Sleep(2 * time.Second)
		w.want("between")
	})
}

// TestTailEnds: what is written until the next tail is open is shown, once.
func TestTailEnds(t *testing.T) {
	for name, end := range map[string]error{
		"end of the stream": nil,
		"after an hour":     status.Error(codes.OutOfRange, "over"),
		"unavailable":       status.Error(codes.Unavailable, "over"),
		"internal":          status.Error(codes.Internal, "over"),
		"deadline":          status.Error(codes.DeadlineExceeded, "over"),
		"unknown":           status.Error(codes.Unknown, "over"),
	} {
		t.Run(name, func(t *testing.T) {
			following(t, settings{}, nil, func(w *world) {
				w.write(0, "a")
				w.write(0, "b")
				w.want("a b")
				w.EndTails(end)
				synctest.Wait()
				w.write(time.Minute, "gap")
				w.want("a b")
				time.Sleep(minPause)
				w.want("a b gap")
				w.wantSaid("opening it again in 1s")
				if synctest.Wait(); w.Tails() != 1 || w.Tailed() != 2 {
					t.Errorf("%d tails after %d calls", w.Tails(), w.Tailed())
				}
				w.write(0, "c")
				w.want("a b gap c")
			})
		})
	}
}

// TestLongGap: a laptop that slept for hours shows what it missed, once.
func TestLongGap(t *testing.T) {
	following(t, settings{}, nil, func(w *world) {
		w.write(0, "a1", "a2", "a3")
		w.want("a1 a2 a3")
		w.SetFaults(cloudlogtest.Faults{
			Tail: func(context.Context, *loggingpb.TailLogEntriesRequest) error {
				return status.Error(codes.Unavailable, "")
			},
			List: func(context.Context, *loggingpb.ListLogEntriesRequest) error {
				return status.Error(codes.Unavailable, "")
			},
		})
		w.EndTails(status.Error(codes.Unavailable, ""))
		time.Sleep(time.Hour)
		w.write(0, "b")
		time.Sleep(3 * time.Hour)
		w.write(0, "c")
		w.want("a1 a2 a3")
		w.SetFaults(cloudlogtest.Faults{})
		time.Sleep(10 * time.Minute)
		w.want("a1 a2 a3 b c")
	})
}

func TestBackOff(t *testing.T) {
	following(t, settings{}, func(w *world) {
		w.SetFaults(cloudlogtest.Faults{Tail: func(context.Context, *loggingpb.TailLogEntriesRequest) error {
			return status.Error(codes.Unavailable, "down")
		}})
	}, func(w *world) {
		var calls []string
		for began, n := time.Now(), 1; n < 8; {
			time.Sleep(500 * time.Millisecond)
			if synctest.Wait(); w.Tailed() > n {
				n = w.Tailed()
				calls = append(calls, time.Since(began).Round(time.Second).String())
			}
		}
		if got, want := strings.Join(calls, " "), "1s 3s 7s 15s 31s 1m1s 1m31s"; got != want {
			t.Errorf("opened again after %s, want %s", got, want)
		}
		w.SetFaults(cloudlogtest.Faults{})
		time.Sleep(5 * maxPause)
		n := w.Tailed()
		w.EndTails(nil)
		time.Sleep(minPause + time.Millisecond)
		if synctest.Wait(); w.Tailed() != n+1 {
			t.Error("the pause is not short again after a tail that lasted")
		}
	})
}

// TestOutOfQuota lists every 5 seconds, says so, and tries a tail again.
func TestOutOfQuota(t *testing.T) {
	following(t, settings{}, func(w *world) {
		w.SetFaults(cloudlogtest.Faults{Tail: func(context.Context, *loggingpb.TailLogEntriesRequest) error {
			return status.Error(codes.ResourceExhausted, "Quota exceeded for 'Tail sessions'")
		}})
	}, func(w *world) {
		w.wantSaid("no tail: Quota exceeded for 'Tail sessions'. A project has at most 10, and 60,000 entries per minute; listing every 5s instead")
		w.write(0, "a")
		time.Sleep(pollPause)
		w.want("a")
		before := w.Lists()
		time.Sleep(time.Minute)
		if synctest.Wait(); w.Lists() != before+12 {
			t.Errorf("%d calls in a minute", w.Lists()-before)
		}
		w.SetFaults(cloudlogtest.Faults{})
		time.Sleep(withoutTail)
		w.write(0, "b")
		w.want("a b")
	})
}

func TestErrorsThatStop(t *testing.T) {
	fail := func(code codes.Code) error { return status.Error(code, "no") }
	for name, test := range map[string]struct {
		tail, list codes.Code
		want       string
	}{
		"tail denied":  {codes.PermissionDenied, codes.OK, "your account needs roles/logging.viewer, and roles/logging.viewAccessor if the webhooks are kept in their own bucket"},
		"list denied":  {codes.OK, codes.PermissionDenied, "your account needs roles/logging.viewer, and roles/logging.viewAccessor if"},
		"polls denied": {codes.ResourceExhausted, codes.PermissionDenied, "your account needs roles/logging.viewer, and roles/logging.viewAccessor if"},
		"no login":     {codes.Unauthenticated, codes.OK, "gcloud auth application-default login"},
		"no project":   {codes.NotFound, codes.NotFound, "NotFound"},
	} {
		t.Run(name, func(t *testing.T) {
			following(t, settings{}, func(w *world) {
				w.SetFaults(cloudlogtest.Faults{
					Tail: func(context.Context, *loggingpb.TailLogEntriesRequest) error {
						if test.tail == codes.OK {
							return nil
						}
						return fail(test.tail)
					},
					List: func(context.Context, *loggingpb.ListLogEntriesRequest) error {
						if test.list == codes.OK || test.tail == codes.ResourceExhausted && w.Lists() == 1 {
							return nil
						}
						return fail(test.list)
					},
				})
			}, func(w *world) {
				time.Sleep(pollPause)
				synctest.Wait()
				w.mu.Lock()
				defer w.mu.Unlock()
				if !w.ended || w.failed == nil || !strings.Contains(w.failed.Error(), test.want) {
					t.Errorf("ended: %t, with %v, want %q", w.ended, w.failed, test.want)
				}
			})
		})
	}
}

func TestSuppressedEntries(t *testing.T) {
	following(t, settings{}, nil, func(w *world) {
		w.Suppress(loggingpb.TailLogEntriesResponse_SuppressionInfo_RATE_LIMIT, 7)
		w.wantSaid("at least 7 entries are not shown: more than 60,000 came in a minute")
		w.Suppress(loggingpb.TailLogEntriesResponse_SuppressionInfo_NOT_CONSUMED, 8)
		w.wantSaid("at least 8 entries are not shown: they were not read fast enough")
		w.Suppress(9, 1)
		w.wantSaid("at least 1 entries are not shown: 9")
	})
}

// TestStall: a tail that is open and brings nothing is noticed by what a list
// brings.
func TestStall(t *testing.T) {
	following(t, settings{}, nil, func(w *world) {
		time.Sleep(2 * checkPause)
		w.write(0, "a")
		time.Sleep(checkPause)
		w.StallTails()
		w.write(0, "b")
		w.want("a")
		time.Sleep(2 * checkPause)
		w.want("a b")
		w.wantSaid("it brought nothing of what was listed")
		time.Sleep(minPause)
		w.write(0, "c")
		w.want("a b c")
	})
}

// TestBusyLog: a tail that brings something costs no more lists.
func TestBusyLog(t *testing.T) {
	following(t, settings{}, nil, func(w *world) {
		for i := range 60 {
			w.write(0, fmt.Sprint(i))
			time.Sleep(time.Minute)
		}
		if w.Lists() != 2 || w.Tailed() != 1 {
			t.Errorf("%d lists, %d tails, want one at the start and one after settling, one tail", w.Lists(), w.Tailed())
		}
	})
}

// TestLastWords: what a tail brings just before it ends is shown, though no list
// would bring it: it happened long ago.
func TestLastWords(t *testing.T) {
	for range 20 {
		following(t, settings{}, func(w *world) {
			w.SetFaults(cloudlogtest.Faults{List: func(context.Context, *loggingpb.ListLogEntriesRequest) error {
				if w.Lists() == 1 {
					time.Sleep(time.Second)
					w.write(3*time.Hour, "restored")
					w.EndTails(status.Error(codes.OutOfRange, "over"))
					time.Sleep(time.Second)
				}
				return nil
			}})
		}, func(w *world) {
			time.Sleep(3 * time.Second)
			w.want("restored")
		})
	}
}

// TestCopyAndEntry: an entry that was written after its copy is news, though
// insertId and time are the same.
func TestCopyAndEntry(t *testing.T) {
	following(t, settings{}, nil, func(w *world) {
		e, now := entryOf("same", time.Now()), time.Now().Format(time.RFC3339Nano)
		line := fmt.Sprintf(`{"severity":"ERROR","time":%q,"message":"m","not_written":"Unavailable","entry_severity":"INFO","logging.googleapis.com/insertId":"same"}`, now)
		if err := w.Print(e.GetResource(), []byte(line)); err != nil {
			t.Fatal(err)
		}
		w.want("same")
		w.store(e)
		w.want("same same")
	})
}

// TestQuietLog: a tail that brings nothing, because there is nothing, stays open.
func TestQuietLog(t *testing.T) {
	following(t, settings{}, nil, func(w *world) {
		time.Sleep(12 * time.Hour)
		if w.Tailed() != 1 {
			t.Errorf("%d calls", w.Tailed())
		}
	})
}

// TestDeadConnection: neither side learns that nothing is delivered any more.
func TestDeadConnection(t *testing.T) {
	following(t, settings{}, nil, func(w *world) {
		w.write(0, "a")
		w.want("a")
		w.network.die()
		w.write(0, "b")
		time.Sleep(8 * time.Minute)
		w.want("a b")
		w.write(0, "c")
		w.want("a b c")
	})
}

func TestNoNetworkAtFirst(t *testing.T) {
	following(t, settings{}, func(w *world) {
		w.network.down.Store(true)
		w.write(time.Minute, "a")
	}, func(w *world) {
		w.wantSaid("the tail ended: Unavailable: ")
		time.Sleep(time.Minute)
		w.want("")
		w.network.down.Store(false)
		time.Sleep(3 * time.Minute) // the client tries less and less often to connect
		w.want("a")
		w.write(0, "b")
		w.want("a b")
	})
}

// TestChosenEntries: copies and refusals are shown too, unless webhooks are chosen.
func TestChosenEntries(t *testing.T) {
	resource := &mrpb.MonitoredResource{Type: "cloud_run_revision", Labels: map[string]string{"project_id": "my-project"}}
	with := func(id, label, value string) *loggingpb.LogEntry {
		e := entryOf(id, time.Now())
		e.Labels[label] = value
		return e
	}
	for _, test := range []struct {
		settings settings
		want     string
	}{
		{settings{}, "plain other-event other-chat copy refusal"},
		{settings{chat: "PO13"}, "plain other-event copy"},
		{settings{event: "chat_ended"}, "other-event"},
		{settings{chat: "PO13", event: "incoming_event"}, "plain copy"},
	} {
		following(t, test.settings, nil, func(w *world) {
			other := entryOf("other log", time.Now())
			other.LogName = "projects/my-project/logs/others"
			w.store(entryOf("plain", time.Now()), with("other-event", "event", "chat_ended"), with("other-chat", "chat_id", "Q"), other)
			if err := w.Print(resource, []byte(`{"severity":"INFO","message":"no copy","logging.googleapis.com/insertId":"x"}
{"severity":"ERROR","message":"m","not_written":"Unavailable","entry_severity":"INFO","logging.googleapis.com/insertId":"copy","logging.googleapis.com/labels":{"chat_id":"PO13","event":"incoming_event"}}
`)); err != nil {
				t.Fatal(err)
			}
			if err := w.PrintError(resource, []byte(`{"severity":"INFO","message":"starting","logging.googleapis.com/insertId":"x"}
{"severity":"WARNING","message":"refused: no secret","reason":"no secret","status":401,"count":1,"logging.googleapis.com/insertId":"refusal"}
`)); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			w.mu.Lock()
			shown := slices.Clone(w.shown)
			w.mu.Unlock()
			slices.Sort(shown)
			want := strings.Fields(test.want)
			slices.Sort(want)
			if !slices.Equal(shown, want) {
				t.Errorf("%+v: %q, want %q", test.settings, shown, want)
			}
		})
	}
}

func TestFoldForgets(t *testing.T) {
	now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	f := newFold(now)
	for i := range 600 {
		at := now.Add(time.Duration(i) * time.Minute)
		e := entryOf("same", at)
		if !f.first(e, at) || f.first(e, at) {
			t.Fatalf("minute %d: not told apart", i)
		}
	}
	if n := len(f.seen); n > 10 {
		t.Errorf("%d entries are remembered", n)
	}
	old, late := entryOf("old", now), now.Add(20*time.Hour)
	f.first(old, late)
	f.first(entryOf("new", late), late.Add(remembered-time.Second)) // forgets what it may
	if f.first(old, late.Add(remembered)) {
		t.Error("what came just now is forgotten, because it happened long ago")
	}
	ahead := entryOf("ahead", now.Add(24*time.Hour))
	if f.first(ahead, now.Add(21*time.Hour)); f.latest.After(now.Add(21 * time.Hour)) {
		t.Error("the time of an entry that is ahead would leave a gap")
	}
}

func TestWrongArguments(t *testing.T) {
	for name, test := range map[string]struct {
		args []string
		want string
	}{
		"no project":   {nil, "-project is missing"},
		"wrong period": {[]string{"-project", "p", "-since", "1"}, "it must be a period such as 12h or 30d"},
		"all faults":   {[]string{"-project", "P!", "-log", "a b", "more"}, "-project is \"P!\": it must be a project id\n-log is \"a b\": it must be letters, digits and / _ - . only\n[\"more\"] is not a flag"},
		"unknown flag": {[]string{"-follow"}, "flag provided but not defined: -follow"},
	} {
		_, err := parse(test.args, func(string) string { return "" }, io.Discard)
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %s", name, err, test.want)
		}
	}
	if _, err := parse([]string{"-help"}, func(string) string { return "" }, io.Discard); err == nil {
		t.Error("-help is no help")
	}
}
