package page

import (
	"net/http"
	"strings"
	"time"

	"cloud.google.com/go/logging/apiv2/loggingpb"
	"google.golang.org/protobuf/proto"
)

// Webhook is one request to the function, and what became of it. It is not
// changed once it is in a [Store].
type Webhook struct {
	Number   int
	Received time.Time
	Took     time.Duration
	// Method, URI, Header and Body are as they came. Of a webhook that a former
	// run kept, secrets are masked.
	Method, URI string
	Header      http.Header
	Body        []byte
	// Status and Answer are what was answered.
	Status int
	Answer string
	// Fault is what Cloud Logging was made to do meanwhile, or empty.
	Fault string
	// NotWritten is the gRPC code because of which a copy went to stdout, or
	// empty.
	NotWritten string
	// Stored says that the entries are what Cloud Logging stored. Otherwise
	// they are what it would have stored.
	Stored bool
	// Kept says that a former run kept it, so that its secrets are gone.
	Kept bool
	// Logged says that it was read from a log: Body is what the log has, and of
	// the request just Status and Took may be known, 0 if they are not.
	Logged bool
	// RepeatOf is the number of the first webhook with the same body, and
	// ReplayOf of the one that was sent again. 0: none.
	RepeatOf, ReplayOf int

	gist
	entries [][]byte // wire form
	trace   string   // id
	hash    uint64
}

// gist is what a row in the list needs.
type gist struct {
	// API, Event and ChatID are the entry's labels.
	API, Event, ChatID string
	// Summary is the entry's message without the event, or why the request was
	// refused.
	Summary  string
	Severity string
	InsertID string
	// Reason is why the request was refused or failed, in words.
	Reason string
}

// overhead is about what a webhook takes in memory beside body and entries.
const overhead = 2 << 10

// size returns about how many bytes the webhook takes, its part in the chats
// included, which is made when somebody looks.
func (w *Webhook) size() int {
	n := overhead + len(w.Body)
	for _, e := range w.entries {
		n += 2 * len(e)
	}
	for name, values := range w.Header {
		n += len(name)
		for _, v := range values {
			n += len(v)
		}
	}
	return n
}

// Entries returns what Cloud Logging stored, or would have.
func (w *Webhook) Entries() []*loggingpb.LogEntry {
	var all []*loggingpb.LogEntry
	for _, wire := range w.entries {
		e := new(loggingpb.LogEntry)
		if err := proto.Unmarshal(wire, e); err == nil {
			all = append(all, e)
		}
	}
	return all
}

// Millis returns how long the answer took, in whole milliseconds.
func (w *Webhook) Millis() int64 { return w.Took.Milliseconds() }

// State is ok, refused or failed.
func (w *Webhook) State() string {
	switch {
	case w.Status < 400:
		return "ok"
	case w.Status < 500:
		return "refused"
	default:
		return "failed"
	}
}

// Kind is message, chat, config, app, unknown or, if the body says nothing,
// other.
func (w *Webhook) Kind() string {
	switch {
	case w.Event == "":
		return "other"
	case w.Severity == "NOTICE":
		return "unknown"
	case w.API == "app":
		return "app"
	}
	for _, k := range kinds {
		for _, start := range k.starts {
			if strings.HasPrefix(w.Event, start) {
				return k.kind
			}
		}
	}
	return "chat"
}

// kinds are how the names of events start. What is not here is about chats.
var kinds = []struct {
	kind   string
	starts []string
}{
	{"message", []string{"incoming_event", "event_", "events_", "incoming_rich_message", "last_seen"}},
	{"config", []string{"agent_", "bot_", "group_", "tag_", "auto_access", "routing_", "canned_"}},
}

// learn fills in the gist by an entry.
func (w *Webhook) learn(e *loggingpb.LogEntry) {
	labels := e.GetLabels()
	w.API, w.Event, w.ChatID = labels["api"], labels["event"], labels["chat_id"]
	w.Severity = e.GetSeverity().String()
	w.InsertID = e.GetInsertId()
	if s := e.GetSplit(); s != nil {
		w.InsertID = s.GetUid()
	}
	message := e.GetJsonPayload().GetFields()["message"].GetStringValue()
	w.Summary = strings.TrimPrefix(message, w.Event)
	if rest, ok := strings.CutPrefix(w.Summary, " "+w.ChatID); ok && w.ChatID != "" {
		w.Summary = rest
	}
	w.Summary = strings.TrimPrefix(strings.TrimPrefix(w.Summary, ":"), " ")
}
