package page

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"regexp"
	"strings"
	"time"

	"cloud.google.com/go/logging/apiv2/loggingpb"
	"google.golang.org/protobuf/proto"

	"example.com/livechat-webhook/internal/intake"
)

// flight is a webhook that is being handled, with what Cloud Logging has stored
// of it so far.
type flight struct {
	entries    []*loggingpb.LogEntry
	notWritten string
}

// Record returns a handler that lets next handle a request, and then has it on
// the page. The answer has left by then.
//
// Request and entries are joined by span, as the platform joins them in
// production: it keeps the trace of a request and gives it a span, and so does
// Record.
func (p *Page) Record(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		trace, span, flags := traceOf(r.Header)
		traced := r.WithContext(r.Context())
		traced.Header = r.Header.Clone()
		traced.Header.Set("traceparent", "00-"+trace+"-"+span+"-"+flags)
		body := &teed{ReadCloser: r.Body}
		body.grow(r.ContentLength)
		traced.Body = body
		answer := &answer{ResponseWriter: w, status: http.StatusOK, began: p.recording.RLock}

		p.store.begin(span)
		received := time.Now()
		fault := p.faults.name()
		next.ServeHTTP(answer, traced)
		took := time.Since(received)
		if answer.decided {
			defer p.recording.RUnlock()
		}
		f := p.store.end(span)

		done := &Webhook{
			Received: received, Took: took, Method: r.Method, URI: r.RequestURI,
			Header: r.Header, Body: body.copied.Bytes(), Status: answer.status, Answer: answer.text.String(),
			Fault: fault, NotWritten: f.notWritten, trace: trace,
		}
		p.describe(done, f.entries)
		p.store.add(done)
		if p.Recorded != nil {
			p.Recorded(done)
		}
	})
}

// describe fills in what the webhook is about and its entries.
func (p *Page) describe(w *Webhook, stored []*loggingpb.LogEntry) {
	w.Stored = len(stored) > 0
	if !w.Stored {
		stored = p.expected(w)
	}
	if len(stored) > 0 {
		w.learn(stored[0])
	}
	if w.State() == "refused" && w.Status != http.StatusForbidden {
		stored = nil // nothing would have been stored
	}
	for _, e := range stored {
		if wire, err := proto.Marshal(e); err == nil {
			w.entries = append(w.entries, wire)
		}
	}
	w.Reason = p.maskString(p.reason(w))
}

func (s *Store) begin(span string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.flights[span] = &flight{}
}

func (s *Store) end(span string) *flight {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.flights[span]
	delete(s.flights, span)
	return f
}

// Written takes note of an entry that Cloud Logging has stored.
func (s *Store) Written(e *loggingpb.LogEntry) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if f := s.flights[e.GetSpanId()]; f != nil {
		f.entries = append(f.entries, e)
	}
}

// Copies returns a writer that takes note of the copies on stdout.
func (s *Store) Copies() io.Writer { return copies{s} }

type copies struct{ store *Store }

func (c copies) Write(lines []byte) (int, error) {
	for line := range bytes.Lines(lines) {
		var l struct {
			NotWritten string `json:"not_written"`
			Span       string `json:"logging.googleapis.com/spanId"`
		}
		if json.Unmarshal(line, &l) == nil && l.Span != "" {
			c.store.copied(l.Span, l.NotWritten)
		}
	}
	return len(lines), nil
}

func (s *Store) copied(span, notWritten string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if f := s.flights[span]; f != nil {
		f.notWritten = notWritten
	}
}

// teed is a body that is copied while it is read.
type teed struct {
	io.ReadCloser
	copied bytes.Buffer
}

// grow makes room for a body of that length, unless it is unusually long.
func (t *teed) grow(length int64) {
	if 0 < length && length <= 64<<10 {
		t.copied.Grow(int(length))
	}
}

func (t *teed) Read(b []byte) (int, error) {
	n, err := t.ReadCloser.Read(b)
	t.copied.Write(b[:min(n, intake.MaxBody-t.copied.Len())])
	return n, err
}

// answer notes what is answered.
type answer struct {
	http.ResponseWriter
	status  int
	text    strings.Builder
	decided bool
	began   func() // is called when the answer begins
}

// Unwrap lets the function set deadlines and flush.
func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }

func (a *answer) WriteHeader(status int) {
	a.decide(status)
	a.ResponseWriter.WriteHeader(status)
}

func (a *answer) decide(status int) {
	if !a.decided {
		a.status, a.decided = status, true
		a.began()
	}
}

func (a *answer) Write(b []byte) (int, error) {
	a.decide(http.StatusOK)
	if a.text.Len()+len(b) <= 64<<10 {
		a.text.Write(b)
	}
	return a.ResponseWriter.Write(b)
}

var (
	traceparent  = regexp.MustCompile(`^[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-([0-9a-f]{2})`)
	cloudContext = regexp.MustCompile(`^([0-9a-f]{32})(/|$)`)
)

const noTrace = "00000000000000000000000000000000"

// traceOf returns the trace that a request belongs to, a new one if it names
// none, a new span in it, and its flags.
func traceOf(h http.Header) (trace, span, flags string) {
	span = randomHex(8)
	if m := traceparent.FindStringSubmatch(h.Get("traceparent")); m != nil && m[1] != noTrace {
		return m[1], span, m[2]
	}
	if m := cloudContext.FindStringSubmatch(h.Get("X-Cloud-Trace-Context")); m != nil && m[1] != noTrace {
		return m[1], span, "00"
	}
	return randomHex(16), span, "00"
}

func randomHex(bytes int) string {
	b := make([]byte, bytes)
	rand.Read(b)
	return hex.EncodeToString(b)
}
