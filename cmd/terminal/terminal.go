// Package terminal writes entries and messages for the person who runs a
// command: as lines for people, or as JSON. What strangers wrote cannot reach the
// terminal as something that it obeys.
package terminal

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf16"

	"cloud.google.com/go/logging/apiv2/loggingpb"
	"golang.org/x/term"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/go-json-experiment/json/jsontext"

	"example.com/livechat-webhook/internal/console"
)

// IsTerminal reports whether f is a terminal.
func IsTerminal(f *os.File) bool { return term.IsTerminal(int(f.Fd())) }

// NewConsole returns a Console that writes copies to out. Messages go to err,
// as lines for people if it is a terminal.
func NewConsole(out io.Writer, err *os.File) *console.Console {
	var messages io.Writer = safeLines{err}
	if IsTerminal(err) {
		messages = messagePrinter{err, Colors(err)}
	}
	return console.New(safeLines{out}, messages)
}

// EntryPrinter returns a function that prints entries to w, as lines for people
// or as JSON. It reports entries that it cannot print to con.
func EntryPrinter(w io.Writer, asJSON bool, p Palette, con *console.Console) func(*loggingpb.LogEntry) {
	if !asJSON {
		return func(e *loggingpb.LogEntry) { io.WriteString(w, forPeople(e, p)) }
	}
	return func(e *loggingpb.LogEntry) {
		line, err := asJSONLine(e)
		if err != nil {
			con.Failed("cannot print an entry", err)
			return
		}
		w.Write(line)
	}
}

// asJSONLine returns e in one line of JSON.
func asJSONLine(e *loggingpb.LogEntry) ([]byte, error) {
	text, err := protojson.Marshal(e)
	if err != nil {
		return nil, err
	}
	return jsonLine(text)
}

// jsonLine returns text without white space, which protojson adds differently
// in every build, and without control characters. Numbers stay as they are.
func jsonLine(text jsontext.Value) ([]byte, error) {
	if err := text.Compact(); err != nil {
		return nil, err
	}
	return append([]byte(escape(string(text))), '\n'), nil
}

// forPeople returns time, severity and message of e in one line and its labels
// in the next.
func forPeople(e *loggingpb.LogEntry, p Palette) string {
	labels := e.GetLabels()
	var pairs []string
	for _, name := range slices.Sorted(maps.Keys(labels)) {
		pairs = append(pairs, name+"="+labels[name])
	}
	message := escape(e.GetJsonPayload().GetFields()["message"].GetStringValue())
	if event := escape(labels["event"]); strings.HasPrefix(message, event) {
		message = p.paint(bold, event) + message[len(event):]
	}
	return fmt.Sprintf("%s %s\n                       %s\n",
		p.start(e.GetTimestamp().AsTime(), e.GetSeverity().String()), message,
		p.paint(dim, escape(strings.Join(pairs, " "))))
}

// BodyLines returns a body indented, its members in the order in which they
// came, without control characters but line breaks. What is no JSON stays as it
// is.
func BodyLines(body []byte) string {
	text := jsontext.Value(slices.Clone(body))
	if err := text.Indent(jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true), jsontext.WithIndent("  ")); err != nil {
		text = body
	}
	var lines strings.Builder
	for line := range strings.Lines(string(text)) {
		lines.WriteString("  " + escape(strings.TrimRight(line, "\r\n")) + "\n")
	}
	return lines.String()
}

// MessagePrinter returns a writer that writes the structured lines of a Console
// to w as lines for people.
func MessagePrinter(w io.Writer, p Palette) io.Writer { return messagePrinter{w, p} }

// messagePrinter rewrites the structured lines of a Console as lines for
// people.
type messagePrinter struct {
	w io.Writer
	p Palette
}

func (m messagePrinter) Write(line []byte) (int, error) {
	var l console.Line
	if err := json.Unmarshal(line, &l); err != nil {
		return 0, err
	}
	text := m.p.start(l.Time, l.Severity) + " " + escape(l.Message)
	if l.Cause != "" { // usually reason: more
		text += ": " + escape(strings.TrimPrefix(l.Cause, l.Reason+": "))
	}
	if l.Status != 0 {
		text += fmt.Sprintf(", answered %d", l.Status)
	}
	if l.Count > 1 {
		text += fmt.Sprintf(" (%d times)", l.Count)
	}
	for frame := range strings.Lines(l.Stack) {
		text += "\n    " + escape(strings.TrimSuffix(frame, "\n"))
	}
	if _, err := io.WriteString(m.w, text+"\n"); err != nil {
		return 0, err
	}
	return len(line), nil
}

// safeLines is a writer of lines of JSON that escapes what a terminal might
// obey.
type safeLines struct{ w io.Writer }

func (s safeLines) Write(lines []byte) (int, error) {
	var safe strings.Builder
	for line := range strings.Lines(string(lines)) {
		text, found := strings.CutSuffix(line, "\n")
		safe.WriteString(escape(text))
		if found {
			safe.WriteByte('\n')
		}
	}
	if _, err := io.WriteString(s.w, safe.String()); err != nil {
		return 0, err
	}
	return len(lines), nil
}

// escape returns text with every character that a terminal might obey, or that
// changes the order in which the others are displayed, replaced by its JSON
// escape. Escaping JSON text as a whole does not change the value that it
// encodes. Invalid UTF-8 becomes U+FFFD.
func escape(text string) string {
	var safe strings.Builder
	for _, r := range text {
		if !isControl(r) {
			safe.WriteRune(r)
			continue
		}
		for _, unit := range utf16.AppendRune(nil, r) {
			fmt.Fprintf(&safe, `\u%04x`, unit)
		}
	}
	return safe.String()
}

// isControl reports whether r is a control character (C0, DEL, C1), a line or
// paragraph separator, or an invisible format character such as those that
// override the direction of text. The two joiners are harmless, and needed in
// words and emoji.
func isControl(r rune) bool {
	const zeroWidthNonJoiner, zeroWidthJoiner = '\u200c', '\u200d'
	return unicode.In(r, unicode.Cc, unicode.Zl, unicode.Zp, unicode.Cf) && r != zeroWidthNonJoiner && r != zeroWidthJoiner
}

// A Palette is true if colors are used.
type Palette bool

// ANSI escape sequences.
const (
	bold   = "\x1b[1m"
	dim    = "\x1b[2m"
	red    = "\x1b[31m"
	yellow = "\x1b[33m"
	plain  = "\x1b[0m"
)

// Colors returns the Palette for f (https://no-color.org).
func Colors(f *os.File) Palette {
	return Palette(IsTerminal(f) && os.Getenv("NO_COLOR") == "")
}

func (p Palette) paint(code, text string) string {
	if !p || text == "" {
		return text
	}
	return code + text + plain
}

// start returns the start of every line for people: local time and severity.
func (p Palette) start(at time.Time, severity string) string {
	text := fmt.Sprintf("%-6s", severity)
	switch severity {
	case console.Info:
	case console.Error:
		text = p.paint(red, text)
	default:
		text = p.paint(yellow, text)
	}
	return p.paint(dim, at.Local().Format(time.TimeOnly)) + " " + text
}
