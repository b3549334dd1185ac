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

// Summary tells in one line of at most 400 characters who did what and where,
// such as
//
//	incoming_event PJ0MRSHTDG: customer wrote "Hello"
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
	about := row.about
	if about == nil {
		about = func(w *Webhook) (where, what string) { return w.decode().(typed).about() }
	}
	where, what := about(w)
	what = clauses(what, label("by ", w.requester()))
	if what != "" {
		what = ": " + what
	}
	return words(w.kind(), where) + what
}

// kind is what the webhook is called. The types of upgrade requests say little
// alone.
func (w *Webhook) kind() string {
	if w.Family == Upgrade {
		return "in-app upgrade " + w.Event
	}
	return w.Event
}

// requester returns who changed the configuration, since 3.6.
func (w *Webhook) requester() string {
	return actor(Text(w.text(atRequesterUserID)))
}

// person returns a name with what else there is about its owner in brackets.
func person(name string, more ...string) string {
	about := clauses(more...)
	switch {
	case name == "":
		return about
	case about == "":
		return name
	}
	return name + " (" + about + ")"
}

// quote returns a text that somebody wrote, cut and in quotation marks, or "".
func quote(text string) string {
	if text = oneLine(text, maxQuote); text == "" {
		return ""
	}
	return `"` + text + `"`
}

// label puts a word before a text, if there is one.
func label(word, text string) string {
	if text == "" {
		return ""
	}
	return word + text
}

// words joins what is not empty by spaces.
func words(parts ...string) string { return join(parts, " ") }

// clauses joins what is not empty by commas.
func clauses(parts ...string) string { return join(parts, ", ") }

func join(parts []string, by string) string {
	var b strings.Builder
	for _, p := range parts {
		if p != "" && b.Len() > 0 {
			b.WriteString(by)
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

// isLine reports whether text is what oneLine would make of it, which it is
// nearly always; some that are, it does not see.
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
