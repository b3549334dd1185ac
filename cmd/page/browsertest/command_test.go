package browsertest

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// root is the folder of the function.
const root = "../../.."

// secret is the one that the command is started with, if it is to have one.
const secret = "a-secret-of-LiveChat"

var (
	program string
	build   = sync.OnceValue(func() error {
		dir, err := os.MkdirTemp("", "browsertest")
		if err != nil {
			return err
		}
		program = filepath.Join(dir, "cmd")
		c := exec.Command("go", "build", "-o", program, "./cmd")
		c.Dir = root
		if text, err := c.CombinedOutput(); err != nil {
			return fmt.Errorf("go build ./cmd: %w\n%s", err, text)
		}
		return nil
	})
)

// local is a running command.
type local struct {
	*testing.T
	function, page string // URLs
	process        *exec.Cmd
}

// start starts the command on free ports and returns once it listens.
func start(t *testing.T, env []string, args ...string) *local {
	t.Helper()
	return startAt(t, freePort(t), "0", env, args...)
}

// startAt starts the command on the port of the function and the page's.
func startAt(t *testing.T, port, pagePort string, env []string, args ...string) *local {
	t.Helper()
	needBrowser(t)
	if err := build(); err != nil {
		t.Fatal(err)
	}
	l := &local{T: t, function: "http://localhost:" + port}
	l.process = exec.Command(program, append([]string{"-page", "localhost:" + pagePort}, args...)...)
	l.process.Env = append([]string{"PATH=" + os.Getenv("PATH"), "TZ=UTC", "PORT=" + port}, env...)
	l.process.Dir = t.TempDir()
	stderr, err := l.process.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := l.process.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.stop)
	lines := bufio.NewReader(stderr)
	for listens := false; !listens; {
		line, err := lines.ReadString('\n')
		if err != nil {
			t.Fatalf("the command ended with %v after %q", err, line)
		}
		if _, url, ok := strings.Cut(line, "page on "); ok {
			l.page = strings.TrimRight(url, "/\"}\n")
		}
		listens = strings.Contains(line, "listening on "+l.function)
	}
	go io.Copy(io.Discard, lines)
	return l
}

// stop ends the command as Ctrl-C does.
func (l *local) stop() {
	if l.process.ProcessState != nil {
		return
	}
	l.process.Process.Signal(os.Interrupt)
	defer time.AfterFunc(late, func() { l.process.Process.Kill() }).Stop()
	l.process.Wait()
}

// post sends a body to the function and returns the answer's status.
func (l *local) post(body string, headers ...string) int {
	l.Helper()
	r, err := http.NewRequest(http.MethodPost, l.function, strings.NewReader(body))
	if err != nil {
		l.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		l.Fatal(err)
	}
	defer resp.Body.Close()
	io.Copy(io.Discard, resp.Body)
	return resp.StatusCode
}

// sample sends a body of testdata.
func (l *local) sample(name string) int {
	l.Helper()
	body, err := os.ReadFile(filepath.Join(root, "testdata", name+".json"))
	if err != nil {
		l.Fatal(err)
	}
	return l.post(string(body))
}

// messages sends n messages, each with its number.
func (l *local) messages(from, to int) {
	l.Helper()
	for n := from; n <= to; n++ {
		if status := l.post(message(n, fmt.Sprintf("message number %d", n))); status != http.StatusOK {
			l.Fatalf("message %d: %d", n, status)
		}
	}
}

// chat sends a chat of testdata, or the complete one, at once.
func (l *local) chat(name string) {
	l.Helper()
	for _, d := range deliveries(l.T, name) {
		l.post(string(d.Body))
	}
}

// delivery is a webhook of a chat.
type delivery struct {
	Received time.Time
	Body     json.RawMessage
}

func deliveries(t *testing.T, name string) []delivery {
	t.Helper()
	file := filepath.Join(root, "testdata/chats", name, "deliveries.json")
	if name == "complete" {
		file = "../complete.json"
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var chat struct{ Deliveries []delivery }
	if err := json.Unmarshal(text, &chat); err != nil {
		t.Fatal(err)
	}
	return chat.Deliveries
}

// message is a webhook about a message.
func message(n int, text string) string {
	return fmt.Sprintf(`{"webhook_id":"1","secret_key":%q,"action":"incoming_event","payload":{"chat_id":"PS0X0L086G","thread_id":"PZ070E0W1B",`+
		`"event":{"id":"PZ070E0W1B_%d","created_at":%q,"type":"message","author_id":"smith@example.com","text":%s}}}`,
		secret, n, time.Now().UTC().Format(time.RFC3339Nano), quote(text))
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", ":0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// wire is between a browser and the page, and can be cut.
type wire struct {
	url string

	mu    sync.Mutex
	to    string
	is    bool // not cut
	conns map[net.Conn]bool
}

// wireTo returns a wire to the page.
func wireTo(t *testing.T, l *local) *wire {
	t.Helper()
	listener, err := net.Listen("tcp", "localhost:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	w := &wire{url: "http://localhost:" + port, to: strings.TrimPrefix(l.page, "http://"), is: true, conns: map[net.Conn]bool{}}
	t.Cleanup(w.cut)
	go func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			go w.carry(c)
		}
	}()
	return w
}

func (w *wire) carry(c net.Conn) {
	defer c.Close()
	far, err := net.Dial("tcp", w.to)
	if err != nil {
		return
	}
	defer far.Close()
	if !w.hold(c, far) {
		return
	}
	go func() {
		io.Copy(far, c)
		far.Close()
	}()
	io.Copy(c, far)
}

// hold remembers connections to cut. It is false if the wire is cut.
func (w *wire) hold(conns ...net.Conn) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range conns {
		w.conns[c] = true
	}
	return w.is
}

// cut breaks all connections, and those to come.
func (w *wire) cut() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.is = false
	for c := range w.conns {
		c.Close()
	}
	clear(w.conns)
}

// mend lets connections through again.
func (w *wire) mend() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.is = true
}
