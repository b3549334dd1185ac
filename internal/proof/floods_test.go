package proof

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// instance is the memory in MB that deploy.sh asks for.
const instance = 512

// raceDetector is whether the program carries the race detector, which takes
// several times the memory.
var raceDetector = false

// dial opens a connection to the program and sends head on it.
func dial(t *testing.T, p *program, head string) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(p.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if _, err := io.WriteString(conn, head); err != nil {
		t.Fatal(err)
	}
	return conn
}

// descriptors returns how many files and connections the program has open:
// with each connection goes its goroutine.
func (p *program) descriptors(t *testing.T) int {
	t.Helper()
	files, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", p.cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	return len(files)
}

// real delivers webhooks until strangers are done, and returns how many.
func (p *program) real(t *testing.T, strangers *sync.WaitGroup) int {
	t.Helper()
	var done atomic.Bool
	go func() { strangers.Wait(); done.Store(true) }()
	n := 0
	for ; !done.Load() || n == 0; n++ {
		if status, err := post(p.url, webhook(fmt.Sprint("real-", n))); status != 200 || err != nil {
			t.Fatalf("a real webhook was kept out: status %d, %v", status, err)
		}
	}
	return n
}

// TestLargeBodies: memory is bounded by what is in flight, not by who asks,
// and small webhooks get through all the same.
func TestLargeBodies(t *testing.T) {
	const connections = 200
	for _, from := range []struct {
		name, secret string
		times        int
		status       int
	}{
		{"strangers", "guess", 3, http.StatusUnauthorized},
		{"LiveChat", secret, 1, http.StatusOK},
	} {
		t.Run("from "+from.name, func(t *testing.T) {
			log := standIn(t)
			p := run(t, log.Addr())
			var handled, turnedAway atomic.Int64
			var all sync.WaitGroup
			for i := range connections {
				body := fmt.Sprintf(`{"secret_key":%q,"n":%d,"text":"%s"}`, from.secret, i, strings.Repeat("x", 4<<20-100))
				all.Go(func() {
					for range from.times {
						// A client that is turned away before all is sent sees the
						// connection end. One of 200 may be too slow.
						switch status, err := post(p.url, body); {
						case status == from.status && err == nil:
							handled.Add(1)
						case status == http.StatusServiceUnavailable || status == http.StatusBadRequest || err != nil:
							turnedAway.Add(1)
						default:
							t.Errorf("status %d, want %d", status, from.status)
						}
					}
				})
			}
			n := p.real(t, &all)
			if handled.Load() == 0 {
				t.Error("none handled")
			}
			ids := listed(log)
			delete(ids, "") // the parts of large bodies
			if len(ids) != n {
				t.Errorf("%d of %d small webhooks in the log", len(ids), n)
			}
			if p.peak(t) >= instance && !raceDetector {
				t.Errorf("peak of %d MB on an instance of %d", p.peak(t), instance)
			}
			t.Logf("%d bodies of 4 MiB from %d connections: %d answered %d, %d turned away; %d real webhooks written meanwhile; peak %d MB",
				connections*from.times, connections, handled.Load(), from.status, turnedAway.Load(), n, p.peak(t))
		})
	}
}

// TestStrangersKeepNobodyOut: however strangers spend the memory for bodies, a
// real webhook larger than most is written at the first attempt.
func TestStrangersKeepNobodyOut(t *testing.T) {
	const webhooks = 12
	for _, test := range []struct {
		name        string
		connections int
		atOnce      int // bytes that a stranger sends at once,
		perTick     int // and then each tenth of a second
		declared    string
	}{
		{"slow", 40, 100_000, 16_500, "Content-Length: 4194304"},
		{"slow and chunked", 40, 100_000, 16_500, "Transfer-Encoding: chunked"},
		{"one byte at a time", 300, 1, 1, "Content-Length: 100000"},
		{"stalled", 40, 4<<20 - 1, 0, "Content-Length: 4194304"},
		{"as many as an instance is sent, stalled", 80, 4<<20 - 1, 0, "Content-Length: 4194304"},
	} {
		t.Run(test.name, func(t *testing.T) {
			log := standIn(t)
			p := run(t, log.Addr())
			ctx, stop := context.WithCancel(t.Context())
			var strangers, inPlace sync.WaitGroup
			var connections atomic.Int64
			for range test.connections {
				inPlace.Add(1)
				ready := sync.OnceFunc(inPlace.Done)
				strangers.Go(func() {
					for ctx.Err() == nil { // and again, once turned away
						connections.Add(1)
						p.dribble(ctx, test.declared, test.atOnce, test.perTick, ready)
					}
				})
			}
			inPlace.Wait()
			for i := range webhooks {
				body := strings.Replace(webhook(fmt.Sprint(i)), "{", `{"long":"`+strings.Repeat("x", 100_000)+`",`, 1)
				if status, err := post(p.url, body); status != 200 || err != nil {
					t.Errorf("webhook %d of 100 KB: status %d, %v", i, status, err)
				}
			}
			stop()
			strangers.Wait()
			if n := len(listed(log)); n != webhooks {
				t.Errorf("%d of %d webhooks in the log", n, webhooks)
			}
			if p.peak(t) >= instance && !raceDetector {
				t.Errorf("peak of %d MB on an instance of %d", p.peak(t), instance)
			}
			t.Logf("%d strangers, %d connections: %d of %d webhooks of 100 KB written; peak %d MB",
				test.connections, connections.Load(), len(listed(log)), webhooks, p.peak(t))
		})
	}
}

// dribble sends an endless body on a connection of its own: atOnce bytes, and
// perTick more each tenth of a second, until the connection or ctx ends. It
// calls ready after the first bytes.
func (p *program) dribble(ctx context.Context, declared string, atOnce, perTick int, ready func()) {
	defer ready()
	conn, err := net.Dial("tcp", strings.TrimPrefix(p.url, "http://"))
	if err != nil {
		return
	}
	defer conn.Close()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		io.Copy(io.Discard, conn) // until the program closes it
		cancel()
	}()
	context.AfterFunc(ctx, func() { conn.Close() })
	write := func(n int) error {
		chunk := strings.Repeat("x", n)
		if strings.Contains(declared, "chunked") {
			chunk = fmt.Sprintf("%x\r\n%s\r\n", n, chunk)
		}
		_, err := io.WriteString(conn, chunk)
		return err
	}
	if _, err := io.WriteString(conn, "POST / HTTP/1.1\r\nHost: f\r\n"+declared+"\r\n\r\n"); err != nil {
		return
	}
	err = write(atOnce)
	ready()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for err == nil {
		select {
		case <-tick.C:
			if perTick > 0 {
				err = write(perTick)
			}
		case <-ctx.Done():
			return
		}
	}
}

// TestSlowSenders: who does not send the body in time is answered, and leaves
// nothing behind.
func TestSlowSenders(t *testing.T) {
	log := standIn(t)
	p := run(t, log.Addr())
	before := p.descriptors(t)
	var all sync.WaitGroup
	for range 50 {
		for head, status := range map[string]string{
			"POST / HTTP/1.1\r\nHost: f\r\nContent-Length: 1000\r\n\r\n{":            "400", // the body does not come
			"POST / HTTP/1.1\r\nHost: f\r\nContent-Length: 5000000\r\n\r\n{":         "413", // nor need it
			"PUT / HTTP/1.1\r\nHost: f\r\nContent-Length: 1000\r\n\r\n{":             "405",
			"POST / HTTP/1.1\r\nHost: f\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{": "400",
		} {
			conn := dial(t, p, head)
			all.Go(func() {
				answer, _ := io.ReadAll(conn) // until the program closes it
				if !strings.HasPrefix(string(answer), "HTTP/1.1 "+status+" ") {
					t.Errorf("answer %.100q, want %s", answer, status)
				}
				conn.Close()
			})
		}
	}
	n := p.real(t, &all)
	client.CloseIdleConnections()
	until(t, func() bool { return p.descriptors(t) <= before+1 })
	if got := len(log.Listed()); got != n {
		t.Errorf("%d entries, want those of %d real webhooks", got, n)
	}
}

// TestLiesAboutTheLength: no length that is not the body's does any harm.
func TestLiesAboutTheLength(t *testing.T) {
	log := standIn(t)
	p := run(t, log.Addr())
	const head = "POST / HTTP/1.1\r\nHost: f\r\n"
	for name, test := range map[string]struct{ request, status string }{
		"longer":    {head + "Content-Length: 100\r\n\r\n{}", "400"},
		"shorter":   {head + "Content-Length: 1\r\n\r\n{}", "400"},
		"huge":      {head + "Content-Length: 9000000000\r\n\r\n{}", "413"},
		"negative":  {head + "Content-Length: -1\r\n\r\n{}", "400"},
		"two":       {head + "Content-Length: 1\r\nContent-Length: 2\r\n\r\n{}", "400"},
		"no chunk":  {head + "Transfer-Encoding: chunked\r\n\r\nxyz\r\n{}", "400"},
		"half":      {head + "Transfer-Encoding: chunked\r\n\r\n10\r\n{}", "400"},
		"oversized": {head + "Transfer-Encoding: chunked\r\n\r\n400001\r\n" + strings.Repeat(" ", 4<<20+1) + "\r\n0\r\n\r\n", "413"},
	} {
		t.Run(name, func(t *testing.T) {
			conn := dial(t, p, test.request)
			conn.(*net.TCPConn).CloseWrite()
			answer, _ := io.ReadAll(conn)
			if !strings.HasPrefix(string(answer), "HTTP/1.1 "+test.status+" ") {
				t.Errorf("answer %.100q, want %s", answer, test.status)
			}
		})
	}
	if log.Calls() != 0 {
		t.Error("something was written")
	}
}

// TestIdleConnections: thousands of connections that say nothing keep nobody
// out, and are gone when they are closed.
func TestIdleConnections(t *testing.T) {
	log := standIn(t)
	p := run(t, log.Addr())
	before := p.descriptors(t)
	var idle []net.Conn
	for range 3000 {
		idle = append(idle, dial(t, p, ""))
	}
	var none sync.WaitGroup
	if p.real(t, &none) == 0 {
		t.Error("no webhook got through")
	}
	for _, conn := range idle {
		conn.Close()
	}
	client.CloseIdleConnections()
	until(t, func() bool { return p.descriptors(t) <= before+1 })
}

// TestRefusedByTheThousand: no call to the API, and few lines on stderr.
func TestRefusedByTheThousand(t *testing.T) {
	const refused = 20_000
	log := standIn(t)
	p := run(t, log.Addr())
	each(refused, 64, func(i int) {
		body, want := `{"action":"incoming_event","secret_key":"guess"}`, http.StatusUnauthorized
		if i%2 == 0 {
			body, want = `{"action":`, http.StatusBadRequest
		}
		if status, err := post(p.url, body); status != want || err != nil {
			t.Errorf("status %d, %v, want %d", status, err, want)
		}
	})
	if log.Calls() != 0 {
		t.Error("something was written")
	}
	lines := strings.Count(p.stderr.String(), "{")
	if lines > 100 {
		t.Errorf("%d lines on stderr", lines)
	}
	t.Logf("%d refused requests are %d lines on stderr; peak %d MB", refused, lines, p.peak(t))
}
