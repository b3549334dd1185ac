// Package redact takes secrets and personal data out of JSON text and leaves
// every other byte as it was.
package redact

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// Mark stands in the text where something was taken out, as a JSON string or
// part of one.
const Mark = "[redacted]"

// QuotedMark is Mark as a JSON string.
const QuotedMark = `"` + Mark + `"`

// Rules say what has to go.
type Rules struct {
	// Members are names of members whose values go, at any depth.
	Members map[string]bool
	// Secrets go wherever they stand: in a string, a number or a member's name.
	Secrets []string
}

// Text returns the JSON text body without what r names, as valid UTF-8: a
// value that goes becomes [Mark], and so does each secret inside a string or
// name. Names and strings are compared by their meaning, so that escapes hide
// nothing. found reports whether anything went. Body, which stays as it is,
// must be valid JSON but for its UTF-8; the error for other text, where it is
// noticed, does not quote it.
func (r Rules) Text(body []byte) (text []byte, found bool, err error) {
	if !utf8.Valid(body) {
		// Each byte at fault becomes U+FFFD, as in what payload makes of a secret.
		body = []byte(string([]rune(string(body))))
	}
	if len(r.Members) > 0 || r.secretIn(body) || r.secretMayHideIn(body) {
		return r.walk(body)
	}
	return body, false, nil
}

// secretMayHideIn reports whether body has escapes that may stand for a part
// of a secret. Most bodies have none but \n and \", which cannot, and need no
// walk.
func (r Rules) secretMayHideIn(body []byte) bool {
	if bytes.IndexByte(body, '\\') < 0 {
		return false
	}
	return bytes.Contains(body, []byte(`\u`)) || slices.ContainsFunc(r.Secrets, func(secret string) bool {
		return strings.ContainsFunc(secret, func(c rune) bool { return c < ' ' || strings.ContainsRune(`"\/`, c) })
	})
}

// walk goes through body.
func (r Rules) walk(body []byte) (text []byte, found bool, err error) {
	w := walks.Get().(*walk)
	defer w.release()
	w.rules, w.body = r, body
	w.Reset(bytes.NewBuffer(body), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	if err := w.value(); err != nil {
		return nil, false, fmt.Errorf("redact: not JSON from byte %d on", w.InputOffset())
	}
	if w.copied == 0 {
		return body, false, nil
	}
	return append(w.text, body[w.copied:]...), true, nil
}

func (r Rules) secretIn(text []byte) bool {
	for _, s := range r.Secrets {
		if bytes.Contains(text, []byte(s)) {
			return true
		}
	}
	return false
}

// walk is one way through a body: text is the result for body[:copied].
type walk struct {
	jsontext.Decoder
	rules  Rules
	body   []byte
	text   []byte
	copied int
}

var walks = sync.Pool{New: func() any { return new(walk) }}

func (w *walk) release() {
	w.rules, w.body, w.text, w.copied = Rules{}, nil, nil, 0
	walks.Put(w)
}

// value goes through the value that comes next.
func (w *walk) value() error {
	switch w.PeekKind() {
	case '{':
		return w.object()
	case '[':
		return w.array()
	default:
		value, err := w.ReadValue()
		if err != nil {
			return err
		}
		w.scalar(value)
		return nil
	}
}

func (w *walk) object() error {
	if _, err := w.ReadToken(); err != nil {
		return err
	}
	for w.PeekKind() != '}' {
		name, err := w.ReadValue()
		if err != nil {
			return err
		}
		w.scalar(name)
		if !w.rules.Members[string(unquote(name))] {
			if err := w.value(); err != nil {
				return err
			}
			continue
		}
		value, err := w.ReadValue()
		if err != nil {
			return err
		}
		w.replace(value, QuotedMark)
	}
	_, err := w.ReadToken()
	return err
}

func (w *walk) array() error {
	if _, err := w.ReadToken(); err != nil {
		return err
	}
	for w.PeekKind() != ']' {
		if err := w.value(); err != nil {
			return err
		}
	}
	_, err := w.ReadToken()
	return err
}

// scalar takes the secrets out of a string, a name or a number, which was just
// read.
func (w *walk) scalar(value jsontext.Value) {
	switch value.Kind() {
	case '"':
		if meaning := unquote(value); w.rules.secretIn(meaning) {
			text := string(meaning)
			for _, s := range w.rules.Secrets {
				text = strings.ReplaceAll(text, s, Mark)
			}
			quoted, _ := jsontext.AppendQuote(nil, text)
			w.replace(value, string(quoted))
		}
	case '0':
		if w.rules.secretIn(value) {
			w.replace(value, QuotedMark)
		}
	}
}

// replace puts mark in the place of value, which was just read.
func (w *walk) replace(value jsontext.Value, mark string) {
	end := int(w.InputOffset())
	if w.text == nil {
		w.text = make([]byte, 0, len(w.body)+len(mark))
	}
	w.text = append(w.text, w.body[w.copied:end-len(value)]...)
	w.text = append(w.text, mark...)
	w.copied = end
}

// unquote returns what the JSON string text means; without escapes, a part of
// text itself.
func unquote(text jsontext.Value) []byte {
	if bytes.IndexByte(text, '\\') < 0 {
		return text[1 : len(text)-1]
	}
	meaning, _ := jsontext.AppendUnquote(nil, text)
	return meaning
}
