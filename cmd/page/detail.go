package page

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"mime"
	"net/http"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"cloud.google.com/go/logging/apiv2/loggingpb"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"

	"example.com/livechat-webhook/payload"
)

// pair is a name and a value to list.
type pair struct{ Name, Value string }

// detail is one webhook as it is drawn.
type detail struct {
	*Webhook
	// Target is the URI, without secrets.
	Target  string
	Headers []pair
	Tree    *node
	// Text is the body if it is no JSON.
	Text  string
	Entry *entryView
	// Compared is how it differs from the delivery before.
	Compared *comparison
	Folds    string // what Cloud Logging makes of the repeat
	Curl     string
	Query    string
	File     string // name to save the body under
	EventID  string // of the chat's event that it is about, if it is about one
	Secret   string // which secret showed that LiveChat sent it
	Function string
	Local    int // what the function on this machine answered, 0: nothing sent
}

// entryView is what an entry says besides the webhook.
type entryView struct {
	Facts  []pair
	Labels []pair
	Parts  int
	Size   int
	Max    int
}

// maxEntry is the most bytes that an entry of Cloud Logging has
// (https://docs.cloud.google.com/logging/quotas).
const maxEntry = 256 << 10

func (p *Page) detail(w *Webhook) *detail {
	entries := w.Entries()
	d := &detail{Webhook: w, Target: p.maskURI(w.URI), Headers: pairs(p.Header(w)), Compared: p.compare(w), Curl: p.curl(w), Query: p.query(w), File: fixtureName(w), Function: p.function}
	body := p.Body(w)
	if d.Tree = tree(body); d.Tree == nil {
		d.Text = shown(bytes.ToValidUTF8(body, []byte("\uFFFD")))
	}
	if len(entries) > 0 {
		d.Entry = viewOf(entries)
		if webhook := webhookIn(entries); d.Tree != nil && webhook != nil {
			d.Tree.compare(webhook)
		}
		d.Secret = entries[0].GetLabels()["secret"]
	}
	if webhook, err := payload.Parse(body); err == nil { // masked
		d.EventID = webhook.EventID
	}
	d.Folds = p.folds(w, entries)
	return d
}

// folds says what Cloud Logging lists of a repeat.
func (p *Page) folds(w *Webhook, entries []*loggingpb.LogEntry) string {
	first := p.store.Get(w.RepeatOf)
	if first == nil || !w.Stored {
		return ""
	}
	before := first.Entries()
	switch {
	case !first.Stored || len(before) == 0:
		return "the first was not written, so Cloud Logging lists this one"
	case before[0].GetInsertId() == entries[0].GetInsertId() && before[0].GetTimestamp().AsTime().Equal(entries[0].GetTimestamp().AsTime()):
		return "Cloud Logging lists both once: same insertId, same timestamp"
	default:
		return "Cloud Logging lists both: the body does not say when it happened, so it may really have happened again"
	}
}

func pairs(h http.Header) []pair {
	var all []pair
	for _, name := range slices.Sorted(maps.Keys(h)) {
		for _, v := range h[name] {
			all = append(all, pair{name, strings.ToValidUTF8(v, "\uFFFD")})
		}
	}
	return all
}

// viewOf returns what the entries of a webhook say besides the webhook.
func viewOf(entries []*loggingpb.LogEntry) *entryView {
	e := entries[0]
	v := &entryView{Parts: len(entries), Max: maxEntry}
	for _, part := range entries {
		v.Size = max(v.Size, proto.Size(part))
	}
	v.Facts = []pair{
		{"severity", e.GetSeverity().String()},
		{"timestamp", e.GetTimestamp().AsTime().Format("2006-01-02T15:04:05.999999999Z")},
		{"jsonPayload.message", e.GetJsonPayload().GetFields()["message"].GetStringValue()},
	}
	fields := e.GetJsonPayload().GetFields()
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		if name != "message" && name != "webhook" && name != "webhook_text" {
			v.Facts = append(v.Facts, pair{"jsonPayload." + name, string(jsonOf(fields[name]))})
		}
	}
	v.Facts = append(v.Facts, pair{"insertId", e.GetInsertId()}, pair{"logName", e.GetLogName()}, pair{"resource", e.GetResource().GetType()})
	if e.GetTrace() != "" {
		v.Facts = append(v.Facts, pair{"trace", e.GetTrace()})
	}
	for _, name := range slices.Sorted(maps.Keys(e.GetLabels())) {
		v.Labels = append(v.Labels, pair{name, e.GetLabels()[name]})
	}
	return v
}

// webhookIn returns jsonPayload.webhook, joined if it was split.
func webhookIn(entries []*loggingpb.LogEntry) *structpb.Value {
	fields := entries[0].GetJsonPayload().GetFields()
	if v := fields["webhook"]; v != nil {
		return v
	}
	var text strings.Builder
	for _, e := range entries {
		text.WriteString(e.GetJsonPayload().GetFields()["webhook_text"].GetStringValue())
	}
	v := new(structpb.Value)
	if err := protojson.Unmarshal([]byte(text.String()), v); err != nil {
		return nil // it nests too deep, or has a member twice
	}
	return v
}

// numbered returns the webhook that a request names, nil if it is not here.
func (p *Page) numbered(r *http.Request) *Webhook {
	if r.PathValue("number") == "latest" {
		all := p.store.All()
		if len(all) == 0 {
			return nil
		}
		return all[len(all)-1]
	}
	n, err := strconv.Atoi(r.PathValue("number"))
	if err != nil {
		return nil
	}
	return p.store.Get(n)
}

// one answers with one webhook, beside the list.
func (p *Page) one(w http.ResponseWriter, r *http.Request) {
	webhook := p.numbered(r)
	if webhook != nil {
		webhook = p.answered(r.Context(), webhook)
	}
	switch {
	case webhook == nil && wantsJSON(r):
		http.Error(w, `{"error":"no such webhook"}`, http.StatusNotFound)
	case webhook == nil:
		l := p.listing(filterOf(r.URL.Query()), "Not here")
		render(w, http.StatusNotFound, "webhooks.html", l)
	case wantsJSON(r):
		renderJSON(w, p.whole(webhook))
	default:
		l := p.listing(filterOf(r.URL.Query()), fmt.Sprintf("#%d %s", webhook.Number, webhook.Event))
		l.Detail = p.detail(webhook)
		l.Detail.Local = sentLocal(r)
		render(w, http.StatusOK, "webhooks.html", l)
	}
}

// whole is a webhook in JSON.
type whole struct {
	row
	Method  string            `json:"method"`
	Headers http.Header       `json:"headers"`
	Body    string            `json:"body"`
	Entries []json.RawMessage `json:"entries"`
}

func (p *Page) whole(w *Webhook) whole {
	return whole{rowOf(w), w.Method, p.Header(w), string(p.Body(w)), entriesJSON(w.Entries())}
}

func entriesJSON(entries []*loggingpb.LogEntry) []json.RawMessage {
	all := []json.RawMessage{}
	for _, e := range entries {
		if text, err := protojson.Marshal(e); err == nil {
			all = append(all, text)
		}
	}
	return all
}

// body answers with the body, secrets masked, as it came otherwise.
func (p *Page) body(w http.ResponseWriter, r *http.Request) {
	webhook := p.numbered(r)
	if webhook == nil {
		http.NotFound(w, r)
		return
	}
	// Never as what it says it is: strangers wrote it.
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Content-Disposition", mime.FormatMediaType("inline", map[string]string{"filename": fixtureName(webhook)}))
	w.Write(p.Body(webhook))
}

// fixtureName returns the name of a file for the body, as in testdata.
func fixtureName(w *Webhook) string {
	name := strings.Map(func(r rune) rune {
		if r < utf8.RuneSelf && (r == '_' || r == '-' || '0' <= r && r <= '9' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z') {
			return r
		}
		return -1
	}, clip(w.Event, 80))
	ext := ".json"
	if !json.Valid(w.Body) {
		ext = ".txt"
	}
	if name == "" {
		name = "webhook"
	}
	return filepath.Base(name) + ext
}
