// Package entry turns a verified webhook into what Cloud Logging will store.
//
// [Builder.Record] takes secrets and personal data out and collects what an
// entry says; [Record.Entries] turns that into entries of the Cloud Logging
// API, several if one would be too large; [Record.Copy] into structured lines
// for stdout, where the platform keeps what the API did not take. [ReadCopy] and
// [Join] make the record again of those.
package entry

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"

	ltype "google.golang.org/genproto/googleapis/logging/type"

	"example.com/livechat-webhook/internal/redact"
	"example.com/livechat-webhook/payload"
)

// How far the body's own clock is believed. Cloud Logging takes what is up to
// 24 h ahead and drops what is older than its bucket keeps
// (https://docs.cloud.google.com/logging/quotas); what is older than a day has
// lost its use as the time of an entry long before.
const (
	maxAge   = 24 * time.Hour
	maxAhead = time.Minute
)

// maxLabel is the maximum number of bytes in a label's value. Ids are far shorter; only a
// body made up by somebody who knows a secret has more, and has it whole in
// the payload.
const maxLabel = 512

// maxMessage is the maximum number of bytes of the message. Only a body made
// up by somebody who knows a secret needs more, and the message must leave room
// for the webhook in every part.
const maxMessage = 4 << 10

// minScrubbed is the minimum number of bytes of a secret that came with a body
// and is none of the function's own, from which on it is looked for in the
// rest of the body too. LiveChat's tokens have 32; to look for "1" would only
// spoil the entry.
const minScrubbed = 8

// Builder makes records of webhooks.
type Builder struct {
	project string
	rules   redact.Rules
	idKeys  []idKey // one per secret
}

// NewBuilder returns a Builder for a Google Cloud project. What rules name
// never leaves the function, the rules' secrets included. They also give the
// keys of [Builder.InsertID].
func NewBuilder(project string, rules redact.Rules) *Builder {
	b := &Builder{project: project, rules: rules}
	for _, s := range rules.Secrets {
		b.idKeys = append(b.idKeys, newIDKey(s))
	}
	return b
}

// InsertID returns the insertId of a body, by which Cloud Logging recognizes a
// repeated delivery. It is a hash, keyed with the secret of that number, from
// 1, which is the one that came with the delivery: a repeat has the same
// insertId as long as its secret is accepted, also after another was added.
// Number 0, for a webhook that is not verified, uses the first secret, and no
// key if there is none.
func (b *Builder) InsertID(body []byte, secret int) string {
	var key idKey
	if len(b.idKeys) > 0 {
		key = b.idKeys[max(secret, 1)-1]
	}
	return key.insertID(body)
}

// Delivery is what a record needs to know besides the body.
type Delivery struct {
	InsertID string
	// Received is the time of receipt, of the first delivery if this one is a
	// repeat.
	Received time.Time
	// Secret is the number of the secret that matched, from 1, or 0 if none did.
	Secret int
	// Header may name the trace that the request belongs to.
	Header http.Header
}

// Record is one webhook as it will be logged, in whatever form. What was
// redacted appears nowhere in it.
type Record struct {
	Severity ltype.LogSeverity
	Time     time.Time
	// InsertID and Time together let Cloud Logging list a repeated delivery
	// once.
	InsertID string
	Trace    Trace
	Labels   []Label
	// Message is the one line for people.
	Message string
	Facts   []payload.Fact
	// Webhook is the redacted body's JSON text, valid UTF-8.
	Webhook []byte
}

// Label is a pair that Logs Explorer and metrics filter by.
type Label struct{ Name, Value string }

// Record returns what is logged of the webhook w.
func (b *Builder) Record(w *payload.Webhook, d Delivery) (*Record, error) {
	rules := b.rulesFor(w)
	text, found, err := rules.Text(w.WithoutCredentials(redact.QuotedMark))
	if err != nil {
		return nil, err
	}
	if found {
		// What has gone from the body must not come back as a label or in the
		// message.
		if w, err = payload.Parse(text); err != nil {
			// Not the sender's fault, so the cause is not wrapped.
			return nil, fmt.Errorf("redacted body: %v", err)
		}
	}
	r := &Record{
		Severity: ltype.LogSeverity_INFO,
		Time:     happened(w.Time, d.Received),
		InsertID: d.InsertID,
		Trace:    traceOf(d.Header, b.project),
		Labels:   labels(w, d.Secret),
		Message:  clip(rules.String(w.Summary()), maxMessage),
		Facts:    w.Facts(),
		Webhook:  text,
	}
	if r.Trace.Name != rules.String(r.Trace.Name) {
		r.Trace = Trace{} // a header can hold anything
	}
	if !w.Known() {
		r.Severity = ltype.LogSeverity_NOTICE
	}
	return r, nil
}

// rulesFor adds the secrets that w brought with it, which may be LiveChat's
// credentials though they are none of the function's own.
func (b *Builder) rulesFor(w *payload.Webhook) redact.Rules {
	rules := b.rules
	for _, s := range []string{w.SecretKey, w.Token} {
		if len(s) >= minScrubbed && !slices.Contains(rules.Secrets, s) {
			rules.Secrets = append(slices.Clip(rules.Secrets), s)
		}
	}
	return rules
}

// happened returns when the webhook's event happened, if that can be believed,
// else when the webhook was received.
func happened(at, received time.Time) time.Time {
	if at.Before(received.Add(-maxAge)) || at.After(received.Add(maxAhead)) {
		return received
	}
	return at
}

// labels returns what Logs Explorer and metrics filter by, in the order of the
// names, which are part of the function's contract with its users.
func labels(w *payload.Webhook, secret int) []Label {
	labels := make([]Label, 0, 9)
	for _, l := range [...]Label{
		{"api", api(w.Family)},
		{"chat_id", w.ChatID},
		{"event", w.Event},
		{"event_id", w.EventID},
		{"license_id", w.LicenseID},
		{"organization_id", w.OrganizationID},
		{"secret", secretNumber(secret)},
		{"thread_id", w.ThreadID},
		{"webhook_id", w.WebhookID},
	} {
		if l.Value != "" {
			l.Value = clip(l.Value, maxLabel)
			labels = append(labels, l)
		}
	}
	return labels
}

// secretNumber is the value of the label, empty if no secret matched.
func secretNumber(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}

// api is the value of the label: an upgrade request comes from the same block
// of the Developer Console as an app's webhooks.
func api(f payload.Family) string {
	if f == payload.Upgrade {
		f = payload.App
	}
	return string(f)
}

// clip returns the longest start of s that is valid UTF-8 and has at most max
// bytes.
func clip[T string | []byte](s T, max int) T {
	if len(s) > max {
		for max > 0 && !utf8.RuneStart(s[max]) {
			max--
		}
		s = s[:max]
	}
	return s
}
