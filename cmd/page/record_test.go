package page

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"cloud.google.com/go/logging/apiv2/loggingpb"
)

// TestRequestsOfOneTrace: each gets its own entry, and the trace that it came
// with.
func TestRequestsOfOneTrace(t *testing.T) {
	r := start(t, "", "")
	const trace = "4bf92f3577b34da6a3ce929d0e0e4736"
	const n = 50
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			q, _ := http.NewRequest("POST", r.function.URL, strings.NewReader(message(fmt.Sprint("no. ", i))))
			q.Header.Set("traceparent", "00-"+trace+"-00f067aa0ba902b7-01")
			resp, err := http.DefaultClient.Do(q)
			if err != nil {
				t.Error(err)
				return
			}
			resp.Body.Close()
		})
	}
	all.Wait()
	r.until(t, "all webhooks", func() bool { return len(r.store.All()) == n })
	for _, w := range r.store.All() {
		entries := w.Entries()
		if !w.Stored || len(entries) != 1 {
			t.Fatalf("%d entries", len(entries))
		}
		text := entries[0].GetJsonPayload().GetFields()["webhook"].GetStructValue().GetFields()["payload"].GetStructValue().
			GetFields()["event"].GetStructValue().GetFields()["text"].GetStringValue()
		if !strings.Contains(string(w.Body), string(quote(text))) || entries[0].GetTrace() != "projects/my-project/traces/"+trace || !entries[0].GetTraceSampled() {
			t.Errorf("%s has the entry of %q, trace %s", w.Body, text, entries[0].GetTrace())
		}
		if got := w.Header.Get("traceparent"); got != "00-"+trace+"-00f067aa0ba902b7-01" {
			t.Errorf("the header is shown as %s", got)
		}
	}
	if n := len(r.store.flights); n != 0 {
		t.Errorf("%d requests are not forgotten", n)
	}
}

// TestExpectedEntry: what the page says of an entry that it did not see stored
// is what the function stores.
func TestExpectedEntry(t *testing.T) {
	r := start(t, secret, "")
	for _, s := range samples() {
		body, _ := sampleBody(s.Name)
		o := r.outgoing(body, "")
		w := r.send(t, string(o.body), "Authorization", o.header.Get("Authorization"))
		if !w.Stored {
			t.Errorf("%s: not stored", s.Name)
			continue
		}
		got, want := r.expected(w)[0], w.Entries()[0]
		for _, e := range []*loggingpb.LogEntry{got, want} {
			e.Trace, e.SpanId, e.TraceSampled = "", "", false
			if w.Received.Sub(e.Timestamp.AsTime()).Abs() < time.Minute {
				e.Timestamp = nil // of receipt
			}
		}
		if got.String() != want.String() {
			t.Errorf("%s:\n%v\n%v", s.Name, got, want)
		}
	}
}

// TestRecorderIsTransparent: the handler keeps its deadlines, and may answer in
// any way.
func TestRecorderIsTransparent(t *testing.T) {
	p := New(Options{Store: NewStore(), Config: configOf(t, "", "")})
	server := httptest.NewServer(p.Record(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := http.NewResponseController(w).SetReadDeadline(time.Now().Add(time.Hour)); err != nil {
			t.Error(err)
		}
		io.WriteString(w, "just text")
	})))
	defer server.Close()
	resp, err := http.Get(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	text, _ := io.ReadAll(resp.Body)
	p.Close() // waits for it
	if w := p.store.Get(1); w == nil || w.Status != 200 || w.Answer != string(text) {
		t.Errorf("recorded %+v", w)
	}
}

// TestCloseWaitsForWhatWasAnswered, so that it is kept.
func TestCloseWaitsForWhatWasAnswered(t *testing.T) {
	p := New(Options{Store: NewStore(), Config: configOf(t, "", "")})
	goOn := make(chan struct{})
	server := httptest.NewServer(p.Record(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, "ok")
		http.NewResponseController(w).Flush()
		<-goOn
	})))
	defer server.Close()
	if _, err := http.Get(server.URL); err != nil {
		t.Fatal(err)
	}
	closed := make(chan struct{})
	go func() {
		p.Close()
		close(closed)
	}()
	// The lock is wanted once no other reader gets it.
	for early := false; !early && p.recording.TryRLock(); {
		p.recording.RUnlock()
		select {
		case <-closed:
			t.Error("closed before the request was on the page")
			early = true
		default:
		}
	}
	close(goOn)
	<-closed
	if p.store.Get(1) == nil {
		t.Error("the request is not on the page")
	}
}
