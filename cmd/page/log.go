package page

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"path"
	"slices"
	"strconv"
	"time"

	"cloud.google.com/go/logging/apiv2/loggingpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	"example.com/livechat-webhook/internal/chats/logentry"
)

// Log says that the page is about the log of a project, which it only reads.
type Log struct {
	// Since is how far back the log is shown, such as 1h.
	Since string
	// Answer returns how the request of a trace, which came at about that time,
	// was answered. The status is 0 if that is not known.
	Answer func(ctx context.Context, trace string, at time.Time) (status int, took time.Duration)
}

// notWritten is the reason in a line about a webhook that Cloud Logging did not
// take, and of which there is a copy.
const notWritten = "not written"

// maxSets is how many webhooks may wait for the rest of their parts.
const maxSets = 20

// lookup is how long the page waits for how a request was answered.
const lookup = 3 * time.Second

// set is the parts of one webhook that have come.
type set struct {
	id      string
	total   int
	entries map[int]*loggingpb.LogEntry
}

// Show puts an entry of the log on the page: a webhook, a copy of one on stdout,
// or a line about a refused request. The parts of a split webhook become one
// webhook. It must not be called concurrently.
func (p *Page) Show(e *loggingpb.LogEntry) {
	if fields := e.GetJsonPayload().GetFields(); fields["status"] != nil {
		if fields["reason"].GetStringValue() != notWritten { // the copy says so
			p.store.add(refusal(e))
		}
		return
	}
	part := logentry.Entry(e)
	if part.Parts == 0 {
		p.store.add(p.logged([]*loggingpb.LogEntry{e}))
		return
	}
	id := fmt.Sprint(e.GetLogName(), part.InsertID, part.Parts, part.Timestamp)
	i := slices.IndexFunc(p.sets, func(s *set) bool { return s.id == id })
	if i < 0 {
		p.sets = append(p.sets, &set{id, part.Parts, map[int]*loggingpb.LogEntry{}})
		i = len(p.sets) - 1
	}
	p.sets[i].entries[part.Part] = e
	if len(p.sets[i].entries) == p.sets[i].total {
		p.showSet(i)
	} else if len(p.sets) > maxSets {
		p.showSet(0)
	}
}

// showSet shows what has come of a split webhook.
func (p *Page) showSet(i int) {
	s := p.sets[i]
	p.sets = slices.Delete(p.sets, i, i+1)
	var entries []*loggingpb.LogEntry
	for n := range s.total {
		if e := s.entries[n]; e != nil {
			entries = append(entries, e)
		}
	}
	p.store.add(p.logged(entries))
}

// logged returns the webhook of entries, whose body is the one in the log.
func (p *Page) logged(entries []*loggingpb.LogEntry) *Webhook {
	first := entries[0]
	w := &Webhook{Logged: true, Stored: true, Method: http.MethodPost, URI: "/", Received: received(first), trace: path.Base(first.GetTrace())}
	w.learn(first)
	for _, e := range entries {
		part := logentry.Entry(e)
		w.InsertID = part.InsertID
		w.Body = append(w.Body, part.Webhook...)
		w.keepEntry(e)
	}
	if code := first.GetJsonPayload().GetFields()["not_written"].GetStringValue(); code != "" {
		w.Stored, w.NotWritten, w.Status = false, code, http.StatusServiceUnavailable
		if code == codes.InvalidArgument.String() {
			w.Status = http.StatusOK
		}
		w.Reason = p.reason(w)
	}
	return w
}

// refusal returns what a line on stderr says of one or more refused requests.
func refusal(e *loggingpb.LogEntry) *Webhook {
	fields := e.GetJsonPayload().GetFields()
	w := &Webhook{
		Logged: true, Stored: true, Method: http.MethodPost, URI: "/", Received: received(e), Status: int(fields["status"].GetNumberValue()),
	}
	w.Severity, w.InsertID = e.GetSeverity().String(), e.GetInsertId()
	w.Reason = cmp.Or(fields["cause"].GetStringValue(), fields["reason"].GetStringValue())
	if n := fields["count"].GetNumberValue(); n > 1 {
		w.Reason += fmt.Sprintf(" (%.0f times)", n)
	}
	w.keepEntry(e)
	return w
}

func (w *Webhook) keepEntry(e *loggingpb.LogEntry) {
	if wire, err := proto.Marshal(e); err == nil {
		w.entries = append(w.entries, wire)
	}
}

// received returns when an entry was received or, for want of that, its time.
func received(e *loggingpb.LogEntry) time.Time {
	return cmp.Or(e.GetReceiveTimestamp(), e.GetTimestamp()).AsTime()
}

// answered returns w with what the platform's log of requests says of its
// answer, which comes after the entry. What was found once is kept.
func (p *Page) answered(ctx context.Context, w *Webhook) *Webhook {
	if !w.Logged || w.Status != 0 || w.trace == "." || p.log.Answer == nil {
		return w
	}
	ctx, cancel := context.WithTimeout(ctx, lookup)
	defer cancel()
	status, took := p.log.Answer(ctx, w.trace, w.Received)
	if status == 0 {
		return w
	}
	return p.store.answered(w.Number, status, took)
}

// answered replaces the webhook of that number by one that says how it was
// answered, and returns that.
func (s *Store) answered(number, status int, took time.Duration) *Webhook {
	s.mu.Lock()
	defer s.mu.Unlock()
	w := s.find(number)
	if w == nil {
		return nil
	}
	replaced := *w
	replaced.Status, replaced.Took = status, took
	s.webhooks[slices.Index(s.webhooks, w)] = &replaced
	return &replaced
}

// sendLocal sends a webhook of the log to the function on this machine, as the
// log has it, with that function's secret.
func (p *Page) sendLocal(w http.ResponseWriter, r *http.Request) {
	webhook := p.numbered(r)
	if webhook == nil || len(webhook.Body) == 0 {
		http.NotFound(w, r)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), wait)
	defer cancel()
	status, err := p.do(ctx, p.withSecret(webhookRequest(webhook.Body)), randomHex(16))
	switch {
	case err != nil:
		http.Error(w, "No function on this machine took it. Start one with go run ./cmd: "+err.Error(), http.StatusBadGateway)
	case wantsJSON(r):
		renderJSON(w, map[string]int{"answered": status})
	default:
		http.Redirect(w, r, fmt.Sprintf("/webhooks/%d?answered=%d", webhook.Number, status), http.StatusSeeOther)
	}
}

// sentLocal returns what the function on this machine answered, by the URL to
// which sendLocal redirects, 0 for nothing.
func sentLocal(r *http.Request) int {
	status, err := strconv.Atoi(r.URL.Query().Get("answered"))
	if err != nil || status < 100 || status > 599 {
		return 0
	}
	return status
}
