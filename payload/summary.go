package payload

import (
	"strings"
	"unicode"
)

const (
	// maxQuote is how many characters of a text a summary quotes.
	maxQuote = 100
	// maxSummary is how many characters a summary has.
	maxSummary = 400
)

// Summary says in one line of at most 400 characters who did what and where, for
// example
//
//	incoming_event PJ0MRSHTDG: agent smith@example.com wrote "Hello"
//
// It never holds secret_key or token, unless somebody wrote them in a chat.
func (w *Webhook) Summary() string {
	return oneLine(w.sentence(), maxSummary)
}

func (w *Webhook) sentence() string {
	row := w.row()
	if row == nil {
		return words("unknown event", w.Event)
	}
	where, what := row.about(w)
	what = clauses(what, w.by(atRequesterUserID))
	return words(w.kind(), where) + label(": ", what)
}

// kind is the webhook's name. An upgrade request's type says too little alone.
func (w *Webhook) kind() string {
	if w.Family == Upgrade {
		return "in-app upgrade " + w.Event
	}
	return w.Event
}

// person returns name, followed by details in parentheses.
func person(name string, details ...string) string {
	about := clauses(details...)
	switch {
	case name == "":
		return about
	case about == "":
		return name
	}
	return name + " (" + about + ")"
}

// quote returns text, truncated and quoted, or "" if text is empty.
func quote(text string) string {
	if text = oneLine(text, maxQuote); text == "" {
		return ""
	}
	return `"` + text + `"`
}

// label returns word followed by text, or "" if text is empty.
func label(word, text string) string {
	if text == "" {
		return ""
	}
	return word + text
}

// words joins the non-empty parts with spaces.
func words(parts ...string) string { return join(parts, " ") }

// clauses joins the non-empty parts with commas.
func clauses(parts ...string) string { return join(parts, ", ") }

func join(parts []string, separator string) string {
	var b strings.Builder
	for _, p := range parts {
		if p != "" && b.Len() > 0 {
			b.WriteString(separator)
		}
		b.WriteString(p)
	}
	return b.String()
}

// oneLine returns at most max characters of text and then an ellipsis. White
// space, and all that would break or reorder a line of a log, becomes one
// space.
func oneLine(text string, max int) string {
	if len(text) <= max && isLine(text) {
		return text
	}
	var b strings.Builder
	gap := false
	for _, r := range text {
		if unicode.IsSpace(r) || unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) {
			gap = b.Len() > 0
			continue
		}
		if gap {
			b.WriteByte(' ')
			max--
			gap = false
		}
		if max--; max < 0 {
			return strings.TrimRight(b.String(), " ") + "…"
		}
		b.WriteRune(r)
	}
	return b.String()
}

// isLine reports whether oneLine would surely return text unchanged. It is a fast
// path and may say false too often.
func isLine(text string) bool {
	for i := range len(text) {
		switch c := text[i]; {
		case c < ' ' || c > '~':
			return false
		case c == ' ' && (i == 0 || i == len(text)-1 || text[i+1] == ' '):
			return false
		}
	}
	return true
}
