package intake

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	_ "example.com/livechat-webhook/internal/golden"
)

// full is how many stalled bodies of 4 MiB the smallest budget holds.
const full = 5

// outcome is what became of a request.
type outcome struct {
	path  string
	text  string
	err   error
	after time.Duration
}

// server is an HTTP server that reads bodies by an Intake.
type server struct {
	*Intake
	connections chan net.Conn
	outcomes    chan outcome
	began       time.Time
	// written releases the body of each request to /held.
	written chan struct{}
}

// serve starts a server on connections in memory, for use with synctest.
func serve(t *testing.T, in *Intake) *server {
	s := &server{Intake: in, connections: make(chan net.Conn), outcomes: make(chan outcome, 100), began: time.Now(), written: make(chan struct{})}
	srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		Limit(w)
		body, release, err := in.Read(w, r)
		s.outcomes <- outcome{r.URL.Path, string(body), err, time.Since(s.began)}
		if err != nil {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		if r.URL.Path == "/held" {
			<-s.written
			if r.Context().Err() != nil {
				t.Error("the connection does not survive until the response")
			}
		}
		release()
	})}
	go srv.Serve(s)
	t.Cleanup(func() {
		srv.Close()
		time.Sleep(time.Second) // which the server gives its clients to read an answer
	})
	return s
}

func (s *server) Accept() (net.Conn, error) {
	if conn, ok := <-s.connections; ok {
		return conn, nil
	}
	return nil, net.ErrClosed
}

func (s *server) Close() error {
	close(s.connections)
	return nil
}

func (s *server) Addr() net.Addr { return &net.TCPAddr{} }

// send sends a request with the pieces of a body on a new connection, one each
// tenth of a second. It returns once the first was taken as far as it will be.
func (s *server) send(t *testing.T, path, length string, pieces ...string) {
	conn, far := net.Pipe()
	t.Cleanup(func() { conn.Close() })
	s.connections <- far
	go io.Copy(io.Discard, conn)
	go func() {
		fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: f\r\n%s\r\n\r\n", path, length)
		for i, piece := range pieces {
			if i > 0 {
				time.Sleep(100 * time.Millisecond)
			}
			if _, err := io.WriteString(conn, piece); err != nil {
				return
			}
		}
	}()
	synctest.Wait()
}

// whole sends a body of n bytes at once.
func (s *server) whole(t *testing.T, path string, n int) {
	s.send(t, path, fmt.Sprint("Content-Length: ", n), strings.Repeat("x", n))
}

// stalled sends all of a body of 4 MiB but its last byte.
func (s *server) stalled(t *testing.T) {
	s.send(t, "/stalled", fmt.Sprint("Content-Length: ", MaxBody), strings.Repeat("x", MaxBody-1))
}

// next checks what becomes of the next request.
func (s *server) next(t *testing.T, path string, err error, after time.Duration) {
	t.Helper()
	if o := <-s.outcomes; o.path != path || !errors.Is(o.err, err) || o.after != after {
		t.Errorf("%s: %v after %v, want %s: %v after %v", o.path, o.err, o.after, path, err, after)
	}
}

// all checks what has become of requests so far, in any order.
func (s *server) all(t *testing.T, want ...outcome) {
	t.Helper()
	count := map[string]int{}
	for _, o := range want {
		count[fmt.Sprint(o.path, ": ", o.err)]++
	}
	for len(s.outcomes) > 0 {
		o := <-s.outcomes
		count[fmt.Sprint(o.path, ": ", o.err)]--
	}
	for o, n := range count {
		if n != 0 {
			t.Errorf("%s: %d fewer than wanted", o, n)
		}
	}
}

// patience is how long a body waits before one larger than n bytes gives way.
func patience(n int) time.Duration { return time.Duration(n) * patiencePerByte }

func TestBodyAsSent(t *testing.T) {
	in := newIntake(0)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		Limit(w)
		body, release, err := in.Read(w, r)
		if err != nil {
			http.Error(w, err.Error(), http.StatusTeapot)
			return
		}
		defer release()
		w.Write(body)
	}))
	defer srv.Close()
	for _, n := range []int{MaxBody + 1, 0, 1, 1000, firstBuffer, firstBuffer + 1, step - 1, step, step + 1, 100_000, stepwise, stepwise + 1, MaxBody, 10} {
		sent := make([]byte, n)
		for i := range sent {
			sent[i] = byte(i >> 8)
		}
		for name, body := range map[string]io.Reader{"declared": bytes.NewReader(sent), "chunked": bufio.NewReader(bytes.NewReader(sent))} {
			resp, err := http.Post(srv.URL, "application/json", body)
			if err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(resp.Body)
			resp.Body.Close()
			if err != nil {
				t.Fatal(err)
			}
			if n > MaxBody {
				if !strings.Contains(string(got), ErrTooLarge.Error()) {
					t.Errorf("%d bytes, %s: %.100q", n, name, got)
				}
			} else if !bytes.Equal(got, sent) {
				t.Errorf("%d bytes, %s: %d come, or others", n, name, len(got))
			}
		}
	}
	if fresh := newIntake(0); in.arriving != fresh.arriving || in.working != fresh.working || in.leaving != 0 || len(in.bodies) != 0 {
		t.Errorf("not all memory is returned: %+v", in)
	}
}

func TestCutShort(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(t, newIntake(0))
		conn, far := net.Pipe()
		s.connections <- far
		io.WriteString(conn, "POST /cut HTTP/1.1\r\nHost: f\r\nContent-Length: 10\r\n\r\n{}")
		conn.Close()
		s.next(t, "/cut", ErrCutShort, 0)
	})
}

// TestSlow: a body needs a minimum rate, and has five seconds.
func TestSlow(t *testing.T) {
	for name, test := range map[string]struct {
		piece, n int
		err      error
		after    time.Duration
	}{
		"nothing":                   {0, 1, ErrCutShort, 2 * time.Second},
		"a byte at a time":          {1, 60, ErrCutShort, 2 * time.Second},
		"just fast enough":          {5000, 40, nil, 3900 * time.Millisecond},
		"fast, but for too long":    {16_500, 100, ErrCutShort, 5 * time.Second},
		"fast at first, then stops": {100_000, 3, ErrCutShort, 2200 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := serve(t, newIntake(0))
				pieces := make([]string, test.n)
				for i := range pieces {
					pieces[i] = strings.Repeat("x", test.piece)
				}
				length := test.piece * test.n
				if test.err != nil {
					length = 3 << 20
				}
				s.send(t, "/slow", fmt.Sprint("Content-Length: ", length), pieces...)
				s.next(t, "/slow", test.err, test.after)
			})
		})
	}
}

// fill sends stalled bodies until they hold all memory.
func (s *server) fill(t *testing.T) {
	for s.arriving >= MaxBody+2*bytes.MinRead {
		s.stalled(t)
	}
	for s.arriving >= stepwise {
		s.send(t, "/smaller", "Content-Length: 250000", strings.Repeat("x", 200_000))
	}
}

// TestLargestGivesWay: stalled bodies that hold all memory keep out no smaller
// one, which does not wait long. Only one of them gives way, and none that is
// being worked on.
func TestLargestGivesWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(t, newIntake(0))
		s.whole(t, "/held", MaxBody)
		s.next(t, "/held", nil, 0)
		s.fill(t)
		s.whole(t, "/real", 240_000)
		time.Sleep(patience(240_000) + patience(200_000))
		synctest.Wait()
		s.all(t, outcome{path: "/stalled", err: ErrBusy}, outcome{path: "/real"})
		for range 20 {
			now := time.Since(s.began)
			s.whole(t, "/real", 240_000)
			s.next(t, "/real", nil, now)
		}
		close(s.written)
	})
}

// TestBodiesGiveWayAgainAndAgain: what those that gave way have returned counts
// as free.
func TestBodiesGiveWayAgainAndAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(t, newIntake(0))
		for round := range 10 {
			s.fill(t)
			s.whole(t, "/real", 240_000)
			time.Sleep(patience(240_000) + patience(200_000))
			synctest.Wait()
			read := 0
			for len(s.outcomes) > 0 {
				if o := <-s.outcomes; o.path == "/real" && o.err == nil {
					read++
				}
			}
			if read != 1 {
				t.Fatalf("round %d: nobody gave way", round)
			}
		}
	})
}

// TestWholeBodyGivesWay: so does one that is whole and waits to be worked on.
func TestWholeBodyGivesWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(t, newIntake(0))
		s.whole(t, "/held", MaxBody)
		s.next(t, "/held", nil, 0)
		s.whole(t, "/waits", MaxBody)
		time.Sleep(time.Second)
		s.fill(t)
		s.whole(t, "/real", 240_000)
		time.Sleep(patience(240_000) + patience(200_000))
		synctest.Wait()
		s.all(t, outcome{path: "/waits", err: ErrBusy}, outcome{path: "/real"})
		close(s.written)
	})
}

// TestConnectionSurvivesASlowWrite, also after a body that exactly fills its
// buffer.
func TestConnectionSurvivesASlowWrite(t *testing.T) {
	for _, size := range []int{firstBuffer, firstBuffer + 1, firstBuffer + 2} {
		synctest.Test(t, func(t *testing.T) {
			s := serve(t, newIntake(0))
			s.whole(t, "/held", size)
			s.next(t, "/held", nil, 0)
			time.Sleep(timePerBody + timePerStep)
			close(s.written)
			synctest.Wait()
		})
	}
}

// TestMemoryAboutToBeFree: nothing gives way if a short wait will do.
func TestMemoryAboutToBeFree(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(t, newIntake(0))
		s.fill(t)
		var want []outcome
		for b := range s.bodies {
			o := outcome{path: "/stalled", err: ErrCutShort}
			if b.arriving < MaxBody {
				o.path = "/smaller"
			}
			want = append(want, o)
		}
		time.Sleep(timePerStep - patience(100_000)/2)
		s.whole(t, "/real", 240_000)
		time.Sleep(patience(100_000))
		synctest.Wait()
		s.all(t, append(want, outcome{path: "/real"})...)
	})
}

// TestTooLargeUnread: a body that declares too much is not read.
func TestTooLargeUnread(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(t, newIntake(0))
		s.send(t, "/large", fmt.Sprint("Content-Length: ", MaxBody+1))
		s.next(t, "/large", ErrTooLarge, 0)
	})
}

// TestEqualsWait: a body does not drive out others of its size, and gets the
// memory of one that stalls too long.
func TestEqualsWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(t, newIntake(0))
		for range full {
			s.stalled(t)
		}
		time.Sleep(time.Second)
		s.whole(t, "/real", MaxBody)
		s.all(t)
		time.Sleep(time.Second)
		synctest.Wait()
		want := []outcome{{path: "/real"}}
		for range full {
			want = append(want, outcome{path: "/stalled", err: ErrCutShort})
		}
		s.all(t, want...)
	})
}

// TestManyLargeBodies: those that there is no memory for wait until others are
// whole, instead of each waiting for memory that another holds.
func TestManyLargeBodies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(t, newIntake(0))
		const first = 200_000
		for range 4 * full {
			s.send(t, "/large", fmt.Sprint("Content-Length: ", MaxBody), strings.Repeat("x", first), strings.Repeat("x", MaxBody-first))
		}
		for i := range 4 * full { // as many at a time as there is memory for
			s.next(t, "/large", nil, time.Duration(1+i/full)*100*time.Millisecond)
		}
	})
}

// TestWholeBodies: one that is being worked on leaves room for smaller ones. A
// larger one waits for it.
func TestWholeBodies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(t, newIntake(0))
		s.whole(t, "/held", MaxBody)
		s.next(t, "/held", nil, 0)
		s.whole(t, "/never", MaxBody)
		for range 100 {
			s.whole(t, "/held", 20_000)
			s.next(t, "/held", nil, 0)
		}
		s.next(t, "/never", ErrBusy, timePerBody)
		s.whole(t, "/later", MaxBody)
		time.Sleep(time.Second)
		close(s.written)
		s.next(t, "/later", nil, timePerBody+time.Second)
	})
}

// BenchmarkRead reads an ordinary webhook.
func BenchmarkRead(b *testing.B) {
	in := newIntake(0)
	body := bytes.NewReader(make([]byte, 1500))
	r := httptest.NewRequest(http.MethodPost, "/", body)
	r.Body = io.NopCloser(body)
	w := httptest.NewRecorder()
	b.ReportAllocs()
	for b.Loop() {
		body.Seek(0, io.SeekStart)
		_, release, err := in.Read(w, r)
		if err != nil {
			b.Fatal(err)
		}
		release()
	}
}
