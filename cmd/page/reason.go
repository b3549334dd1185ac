package page

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"unicode/utf8"

	"cloud.google.com/go/logging/apiv2/loggingpb"
	"google.golang.org/protobuf/proto"

	"example.com/livechat-webhook/internal/entry"
	"example.com/livechat-webhook/internal/intake"
	"example.com/livechat-webhook/internal/secrets"
	"example.com/livechat-webhook/payload"
)

// expected returns what Cloud Logging would store of a webhook, nothing if the
// body is no webhook.
func (p *Page) expected(w *Webhook) []*loggingpb.LogEntry {
	webhook, err := payload.Parse(w.Body)
	if err != nil {
		return nil
	}
	secret := secrets.New(p.config.Secrets).Match(webhook.SecretKey, webhook.Token, password(w.Header))
	record, err := p.entries.Record(webhook, entry.Delivery{
		InsertID: p.entries.InsertID(w.Body, secret), Received: w.Received, Secret: secret, Header: w.Header,
	})
	if err != nil {
		return nil
	}
	var all []*loggingpb.LogEntry
	for _, wire := range record.Entries(writeOverhead) {
		e := new(loggingpb.LogEntry)
		if err := proto.Unmarshal(wire, e); err != nil {
			return nil
		}
		e.LogName = "projects/" + p.config.Project + "/logs/" + strings.ReplaceAll(p.config.LogID, "/", "%2F")
		e.Resource = p.config.Resource
		all = append(all, e)
	}
	return all
}

// writeOverhead is about what a write adds to every entry: log name and
// resource.
const writeOverhead = 512

// password returns the password of HTTP Basic, or nothing.
func password(h http.Header) string {
	_, password, _ := (&http.Request{Header: h}).BasicAuth()
	return password
}

// reason returns in words why a webhook was not answered 200, or why its entry
// is a copy on stdout. It holds no secret.
func (p *Page) reason(w *Webhook) string {
	switch w.Status {
	case http.StatusOK:
		if w.NotWritten != "" {
			return "Cloud Logging refuses this entry for good (" + w.NotWritten + p.byFault(w) + "), so a repeat would not help. A copy is on stdout."
		}
		return ""
	case http.StatusMethodNotAllowed:
		return "The method is " + w.Method + ". LiveChat sends POST."
	case http.StatusRequestEntityTooLarge:
		return fmt.Sprintf("The body has more than %d bytes, 4 MiB.", intake.MaxBody)
	case http.StatusBadRequest:
		return notWebhook(w.Body)
	case http.StatusUnauthorized:
		return p.notVerified(w)
	case http.StatusForbidden:
		if w.API == "app" {
			return "An in-app upgrade request: answering it with 200 would accept a purchase. It is written to the log."
		}
		return "A browser sent this for a website (Origin " + quoted(w.Header.Get("Origin")) + "), and without LIVECHAT_SECRETS anybody's webhooks would be accepted."
	case http.StatusServiceUnavailable:
		if w.NotWritten == "" {
			return "Too many bytes were in flight. LiveChat repeats the webhook up to three times within about a minute."
		}
		return "Cloud Logging: " + w.NotWritten + p.byFault(w) + ". A copy is on stdout, and LiveChat repeats the webhook up to three times within about a minute."
	default:
		return "A fault of the function. Its cause is on stderr."
	}
}

func (p *Page) byFault(w *Webhook) string {
	if w.Fault == "" {
		return ""
	}
	return ": you made it fail"
}

// notVerified says what came in the places where LiveChat puts a secret.
func (p *Page) notVerified(w *Webhook) string {
	var webhook payload.Webhook
	if parsed, err := payload.Parse(w.Body); err == nil {
		webhook = payload.Webhook{SecretKey: parsed.SecretKey, Token: parsed.Token}
	}
	var wrong []string
	for _, place := range []struct{ name, value string }{
		{"secret_key", webhook.SecretKey},
		{"token", webhook.Token},
		{"the password of HTTP Basic", password(w.Header)},
	} {
		if place.value != "" {
			wrong = append(wrong, fmt.Sprintf("%s, %d characters, equals %s", place.name, utf8.RuneCountInString(place.value), p.noneOfSecrets()))
		}
	}
	if len(wrong) == 0 {
		return "No secret: secret_key, token and HTTP Basic are empty."
	}
	return strings.Join(wrong, "; ") + "."
}

func (p *Page) noneOfSecrets() string {
	switch n := len(p.config.Secrets); n {
	case 1:
		return "not your secret"
	default:
		return fmt.Sprintf("none of your %d secrets", n)
	}
}

// notWebhook says why a body is not a JSON object, and where.
func notWebhook(body []byte) string {
	_, err := payload.Parse(body)
	var syntax *json.SyntaxError
	switch {
	case err == nil:
		return "The body did not arrive whole."
	case errors.Is(err, payload.ErrEmpty):
		return "The body is empty."
	case errors.Is(err, payload.ErrNotObject):
		return "The body is JSON, but not an object."
	case errors.As(json.Unmarshal(body, new(json.RawMessage)), &syntax):
		line, column := position(body, int(syntax.Offset)-1)
		return fmt.Sprintf("The body is not JSON: line %d, column %d: %s.", line, column, syntaxWords(syntax))
	default:
		return "The body is not JSON."
	}
}

// syntaxWords is the error without the character that it quotes, which comes
// from the body.
func syntaxWords(err *json.SyntaxError) string {
	words, after, found := strings.Cut(err.Error(), "' ")
	if !found || !strings.HasPrefix(words, "invalid character") {
		return err.Error()
	}
	return "unexpected character " + after
}

// position returns line and column, from 1, of an offset into text.
func position(text []byte, offset int) (line, column int) {
	before := text[:max(0, min(offset, len(text)))]
	line = bytes.Count(before, []byte("\n")) + 1
	return line, utf8.RuneCount(before[bytes.LastIndexByte(before, '\n')+1:]) + 1
}

func quoted(s string) string {
	if s == "" {
		return "unknown"
	}
	return fmt.Sprintf("%.100q", s)
}
