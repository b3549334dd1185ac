// Package redact takes secrets and personal data out of JSON text and leaves
// every other byte as it was.
//
// What it finds, it finds by meaning: escapes, the notation of a number and
// JSON inside a string hide nothing. Out of scope is what only another decoder
// finds, such as base64, percent-encoding or JSON that is cut short, and a copy
// of a redacted value in a member that is not redacted.
package redact

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Mark replaces what was removed, as a JSON string or part of one.
const Mark = "[redacted]"

// QuotedMark is Mark as a JSON string.
const QuotedMark = `"` + Mark + `"`

// maxNesting is how many strings may be nested, each holding the JSON text of
// the next, until one is redacted as a whole. LiveChat nests one. Without a
// limit, 4 MiB could have 20, each to be read again.
const maxNesting = 4

// maxLevels is how many levels of JSON are read. Text of a string with more may
// be JSON for another reader, so it is redacted as a whole.
const maxLevels = 10_000

// Rules say what is redacted.
type Rules struct {
	// Members are the members whose values are redacted: a name, or a path of
	// names such as visitor.email. Both match at any depth, arrays and strings of
	// JSON between the names do not count, and case does.
	Members map[string]bool
	// Secrets are redacted wherever they are: in a string, a number or a member's
	// name.
	Secrets []string
}

// CheckMember returns an error if name can match no member: it is meant as some
// other notation for paths.
func CheckMember(name string) error {
	if slices.Contains(strings.Split(name, "."), "") || strings.ContainsAny(name, `/[]*$"';|`) {
		return fmt.Errorf("%q is neither the name of a member, such as email, nor a path of names, such as visitor.email", name)
	}
	return nil
}

// CheckSecret returns an error, which does not quote secret, if redacting it
// would put it into the text.
func CheckSecret(secret string) error {
	if strings.Contains(Mark, secret) {
		return fmt.Errorf("it is part of %q, which replaces what is redacted", Mark)
	}
	return nil
}

// Text returns the JSON text body with everything r names redacted, as valid
// UTF-8. A redacted value becomes [Mark], and so does each secret in a string or
// name. A string that holds JSON text is redacted inside, and quoted again; the
// rest of what it says stays as it is. found reports whether anything was
// redacted.
//
// body is not modified. It must be valid JSON except for its UTF-8; errors
// never quote it.
func (r Rules) Text(body []byte) (text []byte, found bool, err error) {
	if !utf8.Valid(body) {
		// Each invalid byte becomes U+FFFD, as payload does when it reads a secret.
		body = []byte(string([]rune(string(body))))
	}
	if len(r.Members) == 0 && !r.secretIn(body) && !r.secretMayHideIn(body) {
		return body, false, nil
	}
	w := walks.Get().(*walk)
	defer w.release()
	w.prepare(r)
	text, found, err = w.redact(body)
	if err != nil {
		return nil, false, fmt.Errorf("redact: not JSON from byte %d on", w.InputOffset())
	}
	return text, found, nil
}

// secretMayHideIn reports whether a secret may be in body in other bytes than
// its own: as a number in another notation, or with escapes. Most bodies have no
// escapes except \n and \", which hide few secrets, and need no walk.
func (r Rules) secretMayHideIn(body []byte) bool {
	if slices.ContainsFunc(r.Secrets, isNumber) {
		return true
	}
	if bytes.IndexByte(body, '\\') < 0 {
		return false
	}
	return bytes.Contains(body, []byte(`\u`)) || slices.ContainsFunc(r.Secrets, func(secret string) bool {
		return strings.ContainsFunc(secret, func(c rune) bool { return c < ' ' || strings.ContainsRune(`"\/`, c) })
	})
}

// String returns text, which is not JSON, without the secrets.
func (r Rules) String(text string) string {
	if !r.secretIn([]byte(text)) {
		return text
	}
	return string(r.withoutSecrets([]byte(text)))
}

func (r Rules) secretIn(text []byte) bool {
	for _, s := range r.Secrets {
		if bytes.Contains(text, []byte(s)) {
			return true
		}
	}
	return false
}

// withoutSecrets returns text without secrets. Where secrets overlap, or one
// contains another, one mark replaces them all.
func (r Rules) withoutSecrets(text []byte) []byte {
	next := make([]int, len(r.Secrets)) // where each secret is found next
	find := func(i, from int) {
		next[i] = len(text)
		if at := bytes.Index(text[from:], []byte(r.Secrets[i])); at >= 0 && r.Secrets[i] != "" {
			next[i] = from + at
		}
	}
	for i := range next {
		find(i, 0)
	}
	result := make([]byte, 0, len(text)+len(Mark))
	copied := 0
	for start := slices.Min(next); start < len(text); start = slices.Min(next) {
		if start >= copied {
			result = append(append(result, text[copied:start]...), Mark...)
		}
		i := slices.Index(next, start)
		end := start + len(r.Secrets[i])
		copied = max(copied, end)
		find(i, end)
	}
	return append(result, text[copied:]...)
}

// walk is one pass over a text: result is what becomes of text[:copied].
type walk struct {
	jsontext.Decoder
	rules   Rules
	paths   []string // those of the rules' members with several names
	longest int      // in bytes
	numbers []number // those of the rules' secrets that are numbers
	nesting int      // how many strings the text is nested in

	text   []byte
	result []byte
	copied int
	path   []byte // the names that lead to the next value, joined by dots, if there are paths
}

var walks = sync.Pool{New: func() any { return new(walk) }}

func (w *walk) release() {
	w.rules, w.longest, w.nesting, w.text, w.result, w.copied = Rules{}, 0, 0, nil, nil, 0
	w.paths, w.numbers, w.path = w.paths[:0], w.numbers[:0], w.path[:0]
	w.Reset(new(bytes.Buffer)) // and let go of the text
	walks.Put(w)
}

// lenient is what encoding/json accepts.
var lenient = json.JoinOptions(jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))

// prepare readies w for rules.
func (w *walk) prepare(rules Rules) {
	w.rules = rules
	for m := range rules.Members {
		if strings.Contains(m, ".") {
			w.paths = append(w.paths, m)
			w.longest = max(w.longest, len(m))
		}
	}
	for _, s := range rules.Secrets {
		if n, ok := parseNumber(s); ok {
			w.numbers = append(w.numbers, n)
		}
	}
}

// redact goes through text, which is one JSON value or several.
func (w *walk) redact(text []byte) (result []byte, found bool, err error) {
	w.text = text
	w.Reset(bytes.NewBuffer(text), lenient)
	for err = w.value(); err == nil; {
		if err = w.value(); err == io.EOF {
			return append(w.result, text[w.copied:]...), w.copied > 0, nil
		}
	}
	return nil, false, err
}

// value goes through the next value.
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
	outer := len(w.path)
	for w.PeekKind() != '}' {
		name, err := w.ReadValue()
		if err != nil {
			return err
		}
		redacted := w.enter(unquote(name))
		w.scalar(name)
		if redacted {
			err = w.member()
		} else {
			err = w.value()
		}
		if err != nil {
			return err
		}
		w.path = w.path[:outer]
	}
	_, err := w.ReadToken()
	return err
}

// member redacts the next value.
func (w *walk) member() error {
	value, err := w.ReadValue()
	if err == nil {
		w.replace(value, QuotedMark)
	}
	return err
}

// enter reports whether the value of the member with that name is redacted, and
// adds the name to the path.
func (w *walk) enter(name []byte) bool {
	if w.rules.Members[string(name)] {
		return true
	}
	if len(w.paths) == 0 {
		return false
	}
	w.path = append(append(w.path, '.'), name...)
	return slices.ContainsFunc(w.paths, func(p string) bool {
		before, ok := bytes.CutSuffix(w.path, []byte(p))
		return ok && bytes.HasSuffix(before, []byte("."))
	})
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

// scalar redacts in a string, a name or a number, which was just read.
func (w *walk) scalar(value jsontext.Value) {
	switch value.Kind() {
	case '"':
		if said, changed := w.string(unquote(value)); changed {
			quoted, _ := jsontext.AppendQuote(nil, said)
			w.replace(value, string(quoted))
		}
	case '0':
		if w.rules.secretIn(value) || w.isSecretNumber(value) {
			w.replace(value, QuotedMark)
		}
	}
}

// string redacts in what a string says.
func (w *walk) string(said []byte) (result []byte, changed bool) {
	result = said
	if mayBeJSON(said) {
		if w.nesting == maxNesting {
			return []byte(Mark), true
		}
		result, changed = w.inside(said)
	}
	if w.rules.secretIn(result) {
		return w.rules.withoutSecrets(result), true
	}
	return result, changed
}

// mayBeJSON reports whether text starts like a JSON object, array or string.
func mayBeJSON(text []byte) bool {
	for _, c := range text {
		switch c {
		case ' ', '\t', '\r', '\n':
		default:
			return c == '{' || c == '[' || c == '"'
		}
	}
	return false
}

// inside redacts in the JSON text that a string holds. Text that is not JSON
// stays as it is.
func (w *walk) inside(text []byte) (result []byte, changed bool) {
	inner := walks.Get().(*walk)
	defer inner.release()
	inner.rules, inner.longest, inner.nesting = w.rules, w.longest, w.nesting+1
	inner.paths = append(inner.paths, w.paths...)
	inner.numbers = append(inner.numbers, w.numbers...)
	// More of the path than that can match no rule.
	inner.path = append(inner.path, w.path[max(0, len(w.path)-w.longest-1):]...)
	result, changed, err := inner.redact(text)
	switch {
	case err == nil:
		return result, changed
	case inner.StackDepth() >= maxLevels:
		return []byte(Mark), true
	}
	return text, false
}

func (w *walk) isSecretNumber(value jsontext.Value) bool {
	return slices.ContainsFunc(w.numbers, func(secret number) bool {
		if len(value) < len(secret.digits) {
			return false
		}
		n, ok := parseNumber(string(value))
		return ok && n == secret
	})
}

// replace puts mark in the place of value, which was just read.
func (w *walk) replace(value jsontext.Value, mark string) {
	end := int(w.InputOffset())
	if w.result == nil {
		w.result = make([]byte, 0, len(w.text)+len(mark))
	}
	w.result = append(w.result, w.text[w.copied:end-len(value)]...)
	w.result = append(w.result, mark...)
	w.copied = end
}

// unquote returns what the JSON string text says; without escapes, a part of
// text itself.
func unquote(text jsontext.Value) []byte {
	if bytes.IndexByte(text, '\\') < 0 {
		return text[1 : len(text)-1]
	}
	said, _ := jsontext.AppendUnquote(nil, text)
	return said
}
