package page

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
)

// listen opens the stream and returns a function that reads the next event as
// NAME ID DATA, and one that breaks the stream.
func (r *run) listen(t *testing.T, lastEventID string) (next func() string, hangUp func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	q, err := http.NewRequestWithContext(ctx, "GET", r.page.URL+"/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	if lastEventID != "" {
		q.Header.Set("Last-Event-ID", lastEventID)
	}
	resp, err := http.DefaultClient.Do(q)
	if err != nil {
		t.Fatal(err)
	}
	if got := resp.Header.Get("Content-Type"); got != "text/event-stream" {
		t.Fatalf("Content-Type %q", got)
	}
	lines := bufio.NewReader(resp.Body)
	next = func() string {
		var event []string
		for {
			line, err := lines.ReadString('\n')
			if err != nil {
				return "ended"
			}
			_, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
			switch {
			case line == "\n" && len(event) > 0:
				return strings.Join(event, " ")
			case line != "\n" && !strings.HasPrefix(line, ":"):
				event = append(event, value)
			}
		}
	}
	t.Cleanup(cancel)
	return next, cancel
}

func TestStreamResumes(t *testing.T) {
	r := start(t, "", "")
	next, hangUp := r.listen(t, "")
	r.send(t, message("one"))
	if got := next(); got != "webhook 1 1" {
		t.Errorf("first event: %s", got)
	}
	hangUp()
	r.send(t, message("two"))
	r.send(t, message("three"))
	next, _ = r.listen(t, "1")
	for _, want := range []string{"webhook 2 2", "webhook 3 3"} {
		if got := next(); got != want {
			t.Errorf("after a broken stream: %s, want %s", got, want)
		}
	}
	r.send(t, message("four"))
	if got := next(); got != "webhook 4 4" {
		t.Errorf("live again: %s", got)
	}
}

func TestStreamIsReset(t *testing.T) {
	r := start(t, "", "")
	r.send(t, message("one"))
	for name, lastEventID := range map[string]string{"by a restart": "1000"} {
		next, _ := r.listen(t, lastEventID)
		if got := next(); got != "reset 1 1" {
			t.Errorf("%s: %s", name, got)
		}
	}
	next, _ := r.listen(t, "1")
	r.store.Clear()
	if got := next(); got != "reset 1 1" {
		t.Errorf("by clearing: %s", got)
	}
	for range maxWebhooks + 5 {
		r.store.add(&Webhook{Status: 200})
	}
	next, _ = r.listen(t, "3")
	if got, want := next(), fmt.Sprintf("reset %[1]d %[1]d", maxWebhooks+6); got != want {
		t.Errorf("by what is gone: %s, want %s", got, want)
	}
}

func TestStreamEndsWithThePage(t *testing.T) {
	r := start(t, "", "")
	next, _ := r.listen(t, "")
	r.Close()
	if got := next(); got != "ended" {
		t.Errorf("after Close: %s", got)
	}
}

// TestNobodyWaitsForAReader: a browser that reads nothing holds up no webhook,
// and no other browser.
func TestNobodyWaitsForAReader(t *testing.T) {
	r := start(t, "", "")
	conn, err := net.Dial("tcp", r.page.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.(*net.TCPConn).SetReadBuffer(1)
	io.WriteString(conn, "GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n")
	next, _ := r.listen(t, "")
	const n = 20_000
	for range n {
		r.store.add(&Webhook{Status: 200})
	}
	if w := r.send(t, message("Hello")); w.Status != 200 {
		t.Errorf("answered %d", w.Status)
	}
	// The other browser may have been reset in between.
	for event := ""; !strings.HasSuffix(event, " "+strconv.Itoa(n+1)); {
		if event = next(); event == "ended" {
			t.Fatal("the other stream has ended")
		}
	}
}

func TestStreamTellsFaults(t *testing.T) {
	r := start(t, "", "")
	next, _ := r.listen(t, "")
	for _, fault := range []string{"down", ""} {
		r.act(t, "/faults", url.Values{"fault": {fault}})
		if got := strings.TrimSpace(next()); got != strings.TrimSpace("fault "+fault) {
			t.Errorf("event %q, want the fault %q", got, fault)
		}
	}
}
