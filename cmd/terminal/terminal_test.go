package terminal

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"cloud.google.com/go/logging/apiv2/loggingpb"
	ltype "google.golang.org/genproto/googleapis/logging/type"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"example.com/livechat-webhook/internal/console"

	_ "example.com/livechat-webhook/internal/golden"
)

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func entry(severity ltype.LogSeverity, message string, labels map[string]string) *loggingpb.LogEntry {
	return &loggingpb.LogEntry{
		Severity:  severity,
		Timestamp: timestamppb.New(time.Date(2026, 1, 2, 3, 4, 5, 0, time.Local)),
		Labels:    labels,
		Payload: &loggingpb.LogEntry_JsonPayload{JsonPayload: &structpb.Struct{Fields: map[string]*structpb.Value{
			"message": structpb.NewStringValue(message),
		}}},
	}
}

func TestEntryForPeople(t *testing.T) {
	tests := []struct {
		name, message, event string
		colors               Palette
		want                 string
	}{
		{"chat", "chat_painted C1", "chat_painted", false,
			"03:04:05 NOTICE chat_painted C1\n                       api=v3 event=chat_painted\n"},
		{"no id", "agent_approved: smith@example.com", "agent_approved", false,
			"03:04:05 NOTICE agent_approved: smith@example.com\n                       api=v3 event=agent_approved\n"},
		{"event not in the message", "unknown event x", "x", false,
			"03:04:05 NOTICE unknown event x\n                       api=v3 event=x\n"},
		{"no event, in colors", "unknown", "", true,
			dim + "03:04:05" + plain + " " + yellow + "NOTICE" + plain + " unknown\n                       " +
				dim + "api=v3 event=" + plain + "\n"},
		{"colors", "chat_painted C1", "chat_painted", true,
			dim + "03:04:05" + plain + " " + yellow + "NOTICE" + plain + " " + bold + "chat_painted" + plain + " C1\n                       " +
				dim + "api=v3 event=chat_painted" + plain + "\n"},
	}
	for _, test := range tests {
		e := entry(ltype.LogSeverity_NOTICE, test.message, map[string]string{"event": test.event, "api": "v3"})
		if got := forPeople(e, test.colors); got != test.want {
			t.Errorf("%s: %q, want %q", test.name, got, test.want)
		}
	}
}

func TestEscape(t *testing.T) {
	for text, want := range map[string]string{
		"👨\u200d👩\u200d👧 می\u200cخواهم": "👨\u200d👩\u200d👧 می\u200cخواهم", // joiners are part of words and emoji
		"\x1b]0;title\a":      `\u001b]0;title\u0007`,
		"\u009b31m \u202egpj": `\u009b31m \u202egpj`,
		"\U000e0041":          `\udb40\udc41`,
		"a\xffb":              "a\ufffdb",
	} {
		if got := escape(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

// TestNoEventTwice looks at the line of every sample.
func TestNoEventTwice(t *testing.T) {
	files, err := filepath.Glob("../../testdata/*/*.entry.json")
	if err != nil || len(files) < 100 {
		t.Fatalf("%d samples, %v", len(files), err)
	}
	for _, file := range files {
		e := new(loggingpb.LogEntry)
		if err := protojson.Unmarshal([]byte(read(t, file)), e); err != nil {
			t.Fatal(err)
		}
		line, _, _ := strings.Cut(forPeople(e, false), "\n")
		if message := e.GetJsonPayload().GetFields()["message"].GetStringValue(); !strings.HasSuffix(line, " INFO   "+message) && !strings.HasSuffix(line, " NOTICE "+message) {
			t.Errorf("%s: %s", file, line)
		}
	}
}

func TestMessageForPeople(t *testing.T) {
	tests := []struct {
		name string
		say  func(*console.Console)
		want string
	}{
		{"refused", func(c *console.Console) { c.Refused("wrong secret", 401, errors.New("wrong secret")) },
			" WARNING refused: wrong secret, answered 401\n"},
		{"failed", func(c *console.Console) { c.Refused("not written", 503, errors.New("not written: a\x1bb")) },
			" WARNING failed: not written: a\\u001bb, answered 503\n"},
		{"several", func(c *console.Console) {
			for range 20 {
				c.Refused("wrong secret", 401, errors.New("wrong secret"))
			}
		}, " WARNING refused: wrong secret, answered 401 (10 times)\n"},
		{"info", func(c *console.Console) { c.Say(console.Info, "listening") }, " INFO   listening\n"},
		{"error", func(c *console.Console) { c.Say(console.Error, "in use") }, " ERROR  in use\n"},
		{"panic", func(c *console.Console) { c.Panicked([]byte("goroutine 1:\n\tmain.go:1\n")) },
			" ERROR  panic while handling a webhook\n    goroutine 1:\n    \\u0009main.go:1\n"},
		{"control characters", func(c *console.Console) { c.Say(console.Error, "a\x1bb\u202ec\nd") }, ` ERROR  a\u001bb\u202ec\u000ad` + "\n"},
	}
	for _, test := range tests {
		var out bytes.Buffer
		test.say(console.New(io.Discard, messagePrinter{&out, false}))
		if !strings.HasSuffix(out.String(), test.want) {
			t.Errorf("%s: %q, want %q", test.name, &out, test.want)
		}
	}
	var out bytes.Buffer
	console.New(io.Discard, messagePrinter{&out, true}).Say(console.Error, "in use")
	if !strings.Contains(out.String(), " "+red+"ERROR "+plain+" in use\n") {
		t.Errorf("in colors: %q", &out)
	}
}

// TestJSONLine: protojson puts spaces behind commas in some builds, chosen by a
// hash of the binary.
func TestJSONLine(t *testing.T) {
	const want = `{"a":"x,  y","n":1e400,"m":90071992547409931}` + "\n"
	for _, text := range []string{want, `{"a":"x,  y", "n":1e400, "m":90071992547409931}`, "{\n \"a\": \"x,  y\", \"n\": 1e400, \"m\": 90071992547409931 }"} {
		if got, err := jsonLine([]byte(text)); err != nil || string(got) != want {
			t.Errorf("%q, %v, want %q", got, err, want)
		}
	}
}

func TestEntryThatIsNotJSON(t *testing.T) {
	var out, messages bytes.Buffer
	show := EntryPrinter(&out, true, false, console.New(io.Discard, &messages))
	show(entry(ltype.LogSeverity_INFO, "not \xff UTF-8", nil))
	if out.Len() > 0 || !strings.Contains(messages.String(), `"severity":"ERROR"`) || !strings.Contains(messages.String(), "cannot print an entry: ") {
		t.Errorf("printed %q, said %s", &out, &messages)
	}
}

// checkSafe fails t if a terminal might obey something in text, or read it in
// another order. Line breaks are counted.
func checkSafe(t *testing.T, what, text string, lineBreaks int) {
	t.Helper()
	if !utf8.ValidString(text) {
		t.Errorf("%s: invalid UTF-8 in %q", what, text)
	}
	if n := strings.Count(text, "\n"); n != lineBreaks {
		t.Errorf("%s: %d line breaks in %q, want %d", what, n, text, lineBreaks)
	}
	for _, r := range strings.ReplaceAll(text, "\n", "") {
		if r < 0x20 || r >= 0x7f && r <= 0x9f || r == '\u2028' || r == '\u2029' || unicode.Is(unicode.Bidi_Control, r) {
			t.Errorf("%s: %U in %q", what, r, text)
		}
	}
}

// FuzzStrangersText writes text of strangers everywhere where it can reach a
// terminal.
func FuzzStrangersText(f *testing.F) {
	for _, seed := range []string{
		"Hello", "", "👨\u200d👩\u200d👧 می\u200cخواهم", // both joiners
		"\x1b]0;title\a\x1b[2J", "\x1b]52;c;Zm9v\a", "a\r\nb\tc", "\x7f\b", "\u009b31m\u0085", "\u202egnp.exe\u2066\u200f\u061c",
		"\u2028\u2029\ufeff\u00ad\U000e0041", "\xff\xc2\xed\xa0\xbd", "event", "\\u001b", `"}`, "�",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		e := entry(ltype.LogSeverity_INFO, text, map[string]string{"event": text, "chat_id": "C" + text, text: "x"})
		checkSafe(t, "for people", forPeople(e, false), 2)

		line, err := asJSONLine(e)
		if err == nil {
			checkSafe(t, "-json", string(line), 1)
			got := new(loggingpb.LogEntry)
			if err := protojson.Unmarshal(line, got); err != nil || !proto.Equal(got, e) {
				t.Errorf("%v: %s is not %v", err, line, e)
			}
		} else if utf8.ValidString(text) {
			t.Error(err)
		}

		var copies, messages, people bytes.Buffer
		copied, err := json.Marshal(map[string]string{"webhook": text})
		if err != nil {
			t.Fatal(err)
		}
		c := console.New(safeLines{&copies}, safeLines{&messages})
		c.Copy(append(append(append(copied, '\n'), copied...), '\n'))
		c.Say(console.Error, text)
		console.New(nil, messagePrinter{&people, false}).Say(console.Error, text)
		checkSafe(t, "copies", copies.String(), 2)
		checkSafe(t, "message", messages.String(), 1)
		checkSafe(t, "message for people", people.String(), 1)
		for line := range strings.Lines(copies.String()) {
			var want, got any
			if json.Unmarshal(copied, &want); json.Unmarshal([]byte(line), &got) != nil || !equal(want, got) {
				t.Errorf("copy %s, want %s", line, copied)
			}
		}
	})
}

func equal(a, b any) bool {
	x, _ := json.Marshal(a)
	y, _ := json.Marshal(b)
	return bytes.Equal(x, y)
}

func TestColors(t *testing.T) {
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	if IsTerminal(null) || bool(Colors(null)) {
		t.Error("/dev/null is taken for a terminal")
	}
}

// TestConsoleIsSafe: what the function itself writes can quote strangers too.
func TestConsoleIsSafe(t *testing.T) {
	var files [2]*os.File
	for i := range files {
		f, err := os.CreateTemp(t.TempDir(), "")
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		files[i] = f
	}
	c := NewConsole(files[0], files[1])
	if err := c.Copy([]byte("{\"webhook\":\"a\x7f\u202eb\"}\n")); err != nil {
		t.Fatal(err)
	}
	c.Say(console.Error, "a\x7f\u202eb")
	for i, what := range []string{"stdout", "stderr"} {
		text := read(t, files[i].Name())
		checkSafe(t, what, text, 1)
		if !strings.Contains(text, `"a\u007f\u202eb"`) {
			t.Errorf("%s: %s", what, text)
		}
	}
}
