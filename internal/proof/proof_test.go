// Package proof shows what holds under load and failure. It runs the function
// as the platform does, as a process of its own behind the real functions
// framework, with a stand-in for Cloud Logging behind it.
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
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/GoogleCloudPlatform/functions-framework-go/funcframework"

	_ "example.com/livechat-webhook"
	"example.com/livechat-webhook/internal/cloudlogtest"
	_ "example.com/livechat-webhook/internal/golden"
)

const secret = "proof-secret-4f7a"

// patience is longer than any answer may take: LiveChat waits about 10 s.
const patience = 9 * time.Second

// TestMain is a program itself if the environment says so: what the buildpack
// generates, around the package that the import registers, or a yardstick.
func TestMain(m *testing.M) {
	if os.Getenv("PROOF_PROGRAM") != "" {
		registerYardsticks()
		fmt.Fprintln(os.Stderr, funcframework.Start(os.Getenv("PORT")))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// program is the running function.
type program struct {
	url            string
	cmd            *exec.Cmd
	stdout, stderr *buffer
}

// run starts the program in PROGRAM, or else this one, with the environment
// that Cloud Run sets, and waits until it listens.
func run(t testing.TB, logging string, environment ...string) *program {
	t.Helper()
	path, args := os.Getenv("PROGRAM"), []string(nil)
	if path == "" {
		path, args = os.Args[0], []string{"-test.run=^$"}
	}
	port := freePort(t)
	p := &program{url: "http://127.0.0.1:" + port, cmd: exec.Command(path, args...), stdout: new(buffer), stderr: new(buffer)}
	p.cmd.Env = append([]string{
		"PROOF_PROGRAM=self",
		"K_SERVICE=livechat-webhook", "K_REVISION=livechat-webhook-00001-abc", "K_CONFIGURATION=livechat-webhook",
		"FUNCTION_TARGET=LiveChatWebhook", "FUNCTION_SIGNATURE_TYPE=http", "PORT=" + port,
		"GOOGLE_CLOUD_PROJECT=proof", "GCE_METADATA_HOST=127.0.0.1:1",
		"GOMAXPROCS=1", "GOGC=400", "GOMEMLIMIT=384MiB", // as deploy.sh
		"LIVECHAT_SECRETS=" + secret, "LOGGING_EMULATOR_HOST=" + logging,
	}, environment...)
	p.cmd.Stdout, p.cmd.Stderr = p.stdout, p.stderr
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.end(syscall.SIGKILL) })
	until(t, func() bool {
		conn, err := net.Dial("tcp", "127.0.0.1:"+port)
		if err == nil {
			conn.Close()
		}
		return err == nil
	})
	return p
}

// end ends the program by a signal and waits for it.
func (p *program) end(s syscall.Signal) {
	p.cmd.Process.Signal(s)
	p.cmd.Wait()
}

// peak returns the most memory, in MB, that the program has had. The kernel's
// other figure, that of a process that ended, counts this one's memory too.
func (p *program) peak(t testing.TB) int {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(status), "VmHWM:")
	var kB int
	if _, err := fmt.Sscan(rest, &kB); err != nil {
		t.Fatal(err)
	}
	return kB / 1024
}

// copies returns the ids of the webhooks that are on stdout, and checks that
// each line is whole.
func (p *program) copies(t *testing.T) map[string]bool {
	t.Helper()
	ids := map[string]bool{}
	for line := range strings.Lines(p.stdout.String()) {
		if line == "\n" || !strings.HasSuffix(line, "\n") {
			continue // the framework's, after each request; or on its way
		}
		var l struct {
			Severity string
			Webhook  struct {
				Action  string
				Secret  string `json:"secret_key"`
				Payload struct {
					Thread string `json:"thread_id"`
					Event  struct{ Text string }
				}
			}
		}
		if err := json.Unmarshal([]byte(line), &l); err != nil {
			t.Fatalf("on stdout: %v in %.200q", err, line)
		}
		if l.Severity != "ERROR" || l.Webhook.Secret != "[redacted]" || l.Webhook.Action == "incoming_event" && l.Webhook.Payload.Event.Text != text {
			t.Fatalf("not a whole copy: %s", line)
		}
		ids[l.Webhook.Payload.Thread] = true
	}
	return ids
}

// text is what the customer says in each webhook.
var text = strings.Repeat("Hello? ", 100)

// began is when the events of all webhooks happened, so that a repeated one
// has the same timestamp.
var began = time.Now().UTC()

// webhook returns a body about the thread of that id: a message, which has its
// own clock.
func webhook(id string) string {
	return fmt.Sprintf(`{"webhook_id":"w","secret_key":%q,"action":"incoming_event","license_id":1,"payload":{"chat_id":"C","thread_id":%q,`+
		`"event":{"id":"1","type":"message","text":%q,"created_at":%q,"author_id":"345f8235-d60d-433e-63c5-7f813a6ffe25"}}}`,
		secret, id, text, began.Format("2006-01-02T15:04:05.000000Z"))
}

// deactivated returns a body about the thread of that id: its end, without any
// clock, as most actions are.
func deactivated(id string) string {
	return fmt.Sprintf(`{"webhook_id":"w","secret_key":%q,"action":"chat_deactivated","organization_id":"o","payload":{"chat_id":"C","thread_id":%q}}`, secret, id)
}

var client = &http.Client{Timeout: patience, Transport: &http.Transport{MaxIdleConnsPerHost: 1000}}

// post returns the status of the answer to body, and an error if none came in
// time.
func post(url, body string) (int, error) {
	resp, err := client.Post(url, "application/json", strings.NewReader(body))
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode, err
}

// deliver posts a webhook as LiveChat does: up to four times, until the answer
// is 200.
func deliver(url, body string) (acknowledged bool, err error) {
	for range 4 {
		status, err := post(url, body)
		if err != nil || status == 200 {
			return status == 200, err
		}
		if status != 503 {
			return false, fmt.Errorf("status %d", status)
		}
	}
	return false, nil
}

// each calls do for 0 to n-1 from that many connections.
func each(n, connections int, do func(i int)) {
	next := make(chan int)
	var all sync.WaitGroup
	for range connections {
		all.Go(func() {
			for i := range next {
				do(i)
			}
		})
	}
	for i := range n {
		next <- i
	}
	close(next)
	all.Wait()
}

// until waits for something that can be observed.
func until(t testing.TB, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for limit := time.Now().Add(2 * patience); !ok(); <-tick.C {
		if time.Now().After(limit) {
			t.Fatal("never observed")
		}
	}
}

func standIn(t testing.TB) *cloudlogtest.Server {
	t.Helper()
	s, err := cloudlogtest.Start("127.0.0.1:0", nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

func freePort(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
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

// buffer is what a process prints, readable while it prints.
type buffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// tally counts what became of webhooks, by id.
type tally struct {
	mu           sync.Mutex
	acknowledged map[string]bool
	refused      map[string]bool
}

func newTally() *tally {
	return &tally{acknowledged: map[string]bool{}, refused: map[string]bool{}}
}

func (c *tally) add(id string, acknowledged bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if acknowledged {
		c.acknowledged[id] = true
	} else {
		c.refused[id] = true
	}
}

func (c *tally) count() (acknowledged int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.acknowledged)
}

// listed returns how often a query shows each webhook.
func listed(s *cloudlogtest.Server) map[string]int {
	n := map[string]int{}
	for _, e := range s.Listed() {
		n[e.GetLabels()["thread_id"]]++
	}
	return n
}

// hang waits until the caller gives up.
func hang(ctx context.Context) error {
	<-ctx.Done()
	return ctx.Err()
}
