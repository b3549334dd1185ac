package page

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"example.com/livechat-webhook/internal/redact"
	"example.com/livechat-webhook/payload"
)

// minMasked is the least number of bytes of an offered secret that is looked
// for elsewhere in a body too, as in package entry.
const minMasked = 8

// masked returns what is shown in the place of a secret.
func masked(secret string) string {
	if isMasked(secret) {
		return secret
	}
	return fmt.Sprintf("[secret, %d characters]", utf8.RuneCountInString(secret))
}

var mask = regexp.MustCompile(`^\[secret, \d+ characters\]$`)

// isMasked reports whether a value is what masked returns.
func isMasked(value string) bool { return mask.MatchString(value) }

// Body returns the body with secrets masked; every other byte is as it came.
func (p *Page) Body(w *Webhook) []byte {
	webhook, err := payload.Parse(w.Body)
	switch {
	case err != nil:
		return p.maskText(w.Body)
	case w.Logged: // what came in the place of a secret is redacted already
		return maskedBody(w.Body, p.config.Secrets)
	}
	offered := slices.DeleteFunc([]string{webhook.SecretKey, webhook.Token}, func(s string) bool { return s == "" })
	mark := redact.QuotedMark
	if len(offered) > 0 {
		mark = string(quote(masked(offered[0])))
	}
	secrets := slices.Clone(p.config.Secrets)
	for _, s := range offered {
		if len(s) >= minMasked && !isMasked(s) {
			secrets = append(secrets, s)
		}
	}
	return maskedBody(webhook.WithoutCredentials(mark), secrets)
}

// maskedBody masks secrets wherever they are in a body.
func maskedBody(text []byte, secrets []string) []byte {
	if len(secrets) == 0 {
		return text
	}
	if clean, found, err := (redact.Rules{Secrets: secrets}).Text(text); err == nil && found {
		return clean
	}
	return text
}

// credential finds a secret in text that is not JSON.
var credential = regexp.MustCompile(`(?i)("(?:secret_key|token)"\s*:\s*)("(?:[^"\\]|\\.)*"?|[^\s,}]*)`)

// maskText masks secrets in text that is not JSON.
func (p *Page) maskText(text []byte) []byte {
	text = credential.ReplaceAll(text, []byte(`$1"[secret]"`))
	return []byte(p.maskString(string(text)))
}

// maskString masks the function's secrets in a string.
func (p *Page) maskString(s string) string {
	for _, secret := range p.config.Secrets {
		s = strings.ReplaceAll(s, secret, masked(secret))
	}
	return s
}

// maskURI masks the function's secrets in a URI, where they may be escaped.
func (p *Page) maskURI(uri string) string {
	for _, secret := range p.config.Secrets {
		for _, escaped := range []string{secret, url.PathEscape(secret), url.QueryEscape(secret)} {
			uri = strings.ReplaceAll(uri, escaped, "[secret]")
		}
	}
	return uri
}

// credentials are the headers whose values are secret.
var credentials = []string{"Authorization", "Proxy-Authorization", "Cookie"}

// Header returns the headers with secrets masked.
func (p *Page) Header(w *Webhook) http.Header {
	shown := http.Header{}
	for name, values := range w.Header {
		for _, v := range values {
			if slices.Contains(credentials, name) {
				scheme, secret, _ := strings.Cut(v, " ")
				if secret == "" || name == "Cookie" {
					v = masked(v)
				} else {
					v = scheme + " " + masked(secret)
				}
			}
			shown[name] = append(shown[name], p.maskString(v))
		}
	}
	return shown
}

// quote returns s as a JSON string.
func quote(s string) jsontext.Value {
	q, _ := jsontext.AppendQuote(nil, s) // the error is invalid UTF-8, which becomes U+FFFD
	return q
}
