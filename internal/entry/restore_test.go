package entry

import (
	"fmt"
	"math"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/logging/apiv2/loggingpb"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/structpb"

	"example.com/livechat-webhook/internal/cloudlogtest"
	"example.com/livechat-webhook/payload"
)

// restored returns the entries of a record that was printed, stored by the
// platform and read back, and how many lines it took.
func restored(t *testing.T, r *Record) (entries [][]byte, lines int) {
	t.Helper()
	text, err := r.Copy("Unavailable")
	if err != nil {
		t.Fatal(err)
	}
	var copied []Copied
	for line := range strings.Lines(string(text)) {
		e, err := cloudlogtest.Lift([]byte(line))
		if err != nil {
			t.Fatalf("%v in %.200q", err, line)
		}
		if n := proto.Size(e); n >= maxEntry {
			t.Errorf("a line of %d bytes becomes an entry of %d, which the platform does not take", len(line), n)
		}
		c, err := ReadCopy(e)
		if err != nil {
			t.Fatal(err)
		}
		if c.NotWritten != "Unavailable" || c.Index != len(copied) {
			t.Errorf("line %d is %d of %d, not written because of %q", len(copied), c.Index, c.Total, c.NotWritten)
		}
		copied = append(copied, c)
	}
	if n := copied[0].Total; n != len(copied) {
		t.Errorf("%d lines say that they are %d", len(copied), n)
	}
	return Join(copied).Entries(200), len(copied)
}

// compareRestored holds the entries that are restored from the copy of r
// against those that were not written.
func compareRestored(t *testing.T, r *Record) (lines int) {
	t.Helper()
	wire, lines := restored(t, r)
	got, want := read(t, wire), read(t, r.Entries(200))
	if len(got) != len(want) {
		t.Fatalf("%d entries restored, want %d", len(got), len(want))
	}
	for i := range want {
		switch {
		case proto.Equal(want[i], got[i]):
		case proto.Size(want[i]) > 10_000: // too large to be compared for people
			t.Fatalf("entry %d of %d bytes is restored as another", i, proto.Size(want[i]))
		default:
			t.Errorf("entry %d (-not written +restored):\n%s", i, cmp.Diff(want[i], got[i], protocmp.Transform()))
		}
	}
	return lines
}

// delivered returns the record of a body that came with a trace.
func delivered(t *testing.T, b *Builder, body []byte) *Record {
	t.Helper()
	w, err := payload.Parse(body)
	if err != nil {
		t.Fatal(err)
	}
	header := http.Header{"Traceparent": {"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"}}
	r, err := b.Record(w, Delivery{
		InsertID: b.InsertID(body, 1), Received: time.Date(2026, 1, 2, 3, 4, 5, 678_901_234, time.UTC), Secret: 1, Header: header,
	})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestRestoredEntryEqualsTheOneNotWritten(t *testing.T) {
	files, err := filepath.Glob("../../testdata/*/*.json")
	if err != nil {
		t.Fatal(err)
	}
	bodies := map[string]string{}
	for _, file := range files {
		if strings.HasSuffix(file, ".entry.json") {
			continue
		}
		body, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		bodies[file] = string(body)
	}
	if len(bodies) < 60 {
		t.Fatalf("only %d bodies", len(bodies))
	}
	for name, body := range bodies {
		for _, b := range []*Builder{plain, builder} {
			t.Run(fmt.Sprint(name, b == builder), func(t *testing.T) { compareRestored(t, delivered(t, b, []byte(body))) })
		}
	}
}

func TestRestoredThoughEasyToDamage(t *testing.T) {
	const ended = `{"event_type":"chat_ended","chat":{"id":"C","started_timestamp":1552126412,"ended_timestamp":1552126503,"messages":[{"user_type":"visitor","text":"%s","timestamp":1552126451}]}}`
	for name, test := range map[string]struct {
		body  string
		lines int // 0 for any number
	}{
		"half an emoji":         {`{"action":"incoming_event","payload":{"event":{"type":"message","a":"\ud83d","\ud83d":"b"}}}`, 1},
		"invalid UTF-8":         {"{\"action\":\"incoming_event\",\"a\":\"\xff\"}", 1},
		"U+0000":                {`{"action":"x","\u0000":"\u0000"}`, 1},
		"big numbers":           {`{"action":"x","n":[9007199254740991,9007199254740992,9007199254740993,12345678901234567890,-9007199254740993,1e400,-1e999]}`, 1},
		"large doubles":         {`{"action":"x","n":[1e20,1E5,1.5e300,-2e16,9.007199254740994e15,1e21,123456789012345680000.0]}`, 1},
		"small doubles":         {`{"action":"x","n":[0.1,-0,-0.0,0e5,5e-324,1e-400,0.30000000000000004,100.50,1e-7]}`, 1},
		"repeated names":        {`{"action":"x","a":1,"a":2,"":{"":null,"b":[],"c":{}}}`, 1},
		"own names":             {`{"severity":"DEBUG","message":"m","not_written":"x","time":"never","split":{},"logging.googleapis.com/labels":{"a":"b"},"entry_severity":"EMERGENCY"}`, 1},
		"32 levels":             {strings.Repeat(`{"a":`, 32) + "1" + strings.Repeat("}", 32), 1},
		"33 levels":             {strings.Repeat(`{"a":`, 33) + "1e20" + strings.Repeat("}", 33), 1},
		"10,000 levels":         {strings.Repeat(`{"a":`, 10_000) + "1" + strings.Repeat("}", 10_000), 1},
		"levels in a large one": {`{"s":"` + strings.Repeat("x", 300_000) + `","a":` + strings.Repeat(`[`, 9_000) + strings.Repeat("]", 9_000) + `}`, 7},
		"control characters":    {`{"a":"` + strings.Repeat(`\u0001`, 15_000) + `"}`, 1},
		"quotes":                {`{"a":` + strings.Repeat(`[`, 40) + `"` + strings.Repeat(`\"`, 40_000) + `"` + strings.Repeat("]", 40) + `}`, 0},
		"many short numbers":    {`{"action":"x","n":[0` + strings.Repeat(",1", 40_000) + `]}`, 2},
		"several lines for one entry with numbers": {fmt.Sprintf(ended, strings.Repeat(`é\n`, 30_000)), 3},
		"several lines for several entries":        {fmt.Sprintf(ended, strings.Repeat(`é\n`, 100_000)), 9},
		"emoji at the cuts":                        {`{"action":"x","payload":{"t":"` + strings.Repeat(`a😀`, 60_000) + `"}}`, 7},
		"4 MiB":                                    {`{"action":"x","t":"` + strings.Repeat("x", 4<<20-30) + `"}`, 86},
	} {
		for _, b := range []*Builder{plain, builder} {
			t.Run(fmt.Sprint(name, b == builder), func(t *testing.T) {
				lines := compareRestored(t, delivered(t, b, []byte(test.body)))
				if b == plain && test.lines != 0 && lines != test.lines {
					t.Errorf("%d lines, want %d, or the test is about something else", lines, test.lines)
				}
			})
		}
	}
}

func TestRestoredThoughUnwritableAsFields(t *testing.T) {
	r := delivered(t, plain, []byte(`{"action":"x"}`))
	r.Webhook = []byte(`{"action":`) // which no Parse accepts
	compareRestored(t, r)
}

// FuzzRestore holds what is restored from the copy of a body, byte for byte as
// it came, against its entries.
func FuzzRestore(f *testing.F) {
	for _, body := range []string{
		`{"a":"\ud83d"}`, `{"\udc00":1,"a":"\ud83d\u0000\ud83d"}`, "{\"a\":\"\xed\xa0\x80\"}", `{"n":[12345678901234567890,1e999,-0.0,1E5,1e20]}`,
		`{"a":1,"a":{"b":2,"b":3}}`, strings.Repeat(`{"a":[`, 40) + `"\ud83d\n"` + strings.Repeat(`]}`, 40), ` {"":{"":null}} `,
		`{"event_type":"chat_ended","chat":{"started_timestamp":1,"ended_timestamp":3,"messages":[{"user_type":"visitor","timestamp":2}]}}`,
	} {
		f.Add([]byte(body), false)
		f.Add([]byte(body), true)
	}
	f.Fuzz(func(t *testing.T, body []byte, large bool) {
		if large {
			body = append([]byte(`{"filler":"`+strings.Repeat(`é\n`, 20_000)+`","body":`), append(body, '}')...)
		}
		if _, err := payload.Parse(body); err == nil {
			compareRestored(t, delivered(t, plain, body))
			compareRestored(t, delivered(t, builder, body))
		}
	})
}

// FuzzNumber holds that any double comes back as itself.
func FuzzNumber(f *testing.F) {
	for _, n := range []float64{0, math.Copysign(0, -1), 0.1, 1 << 53, 1<<53 + 2, -1 << 53, 1e20, 1e21, math.MaxFloat64, 5e-324, 1e-7, 123456789.123456789} {
		f.Add(n)
	}
	f.Fuzz(func(t *testing.T, n float64) {
		if math.IsNaN(n) || math.IsInf(n, 0) {
			return
		}
		compareRestored(t, delivered(t, plain, []byte(`{"n":`+strconv.FormatFloat(n, 'e', -1, 64)+`}`)))
	})
}

func TestOthersAreNoCopies(t *testing.T) {
	text, err := record(t, []byte(`{"action":"x"}`)).Copy("Unavailable")
	if err != nil {
		t.Fatal(err)
	}
	for name, damage := range map[string]func(e *loggingpb.LogEntry, fields map[string]*structpb.Value){
		"no insertId":       func(e *loggingpb.LogEntry, _ map[string]*structpb.Value) { e.InsertId = "" },
		"no timestamp":      func(e *loggingpb.LogEntry, _ map[string]*structpb.Value) { e.Timestamp = nil },
		"text":              func(e *loggingpb.LogEntry, _ map[string]*structpb.Value) { e.Payload = nil },
		"no cause":          func(_ *loggingpb.LogEntry, f map[string]*structpb.Value) { delete(f, "not_written") },
		"no severity":       func(_ *loggingpb.LogEntry, f map[string]*structpb.Value) { delete(f, "entry_severity") },
		"no webhook":        func(_ *loggingpb.LogEntry, f map[string]*structpb.Value) { delete(f, "webhook") },
		"another's member":  func(_ *loggingpb.LogEntry, f map[string]*structpb.Value) { f["other"] = structpb.NewBoolValue(true) },
		"part of another":   func(_ *loggingpb.LogEntry, f map[string]*structpb.Value) { f["split"] = splitOf("other", 0, 2) },
		"part beyond all":   func(_ *loggingpb.LogEntry, f map[string]*structpb.Value) { f["split"] = splitOf("i", 2, 2) },
		"part of a fortune": func(_ *loggingpb.LogEntry, f map[string]*structpb.Value) { f["split"] = splitOf("i", -1, 1<<40) },
	} {
		t.Run(name, func(t *testing.T) {
			e, err := cloudlogtest.Lift(text)
			if err != nil {
				t.Fatal(err)
			}
			damage(e, e.GetJsonPayload().GetFields())
			if _, err := ReadCopy(e); err == nil {
				t.Errorf("error %v", err)
			}
		})
	}
}

func splitOf(uid string, index, total float64) *structpb.Value {
	s, err := structpb.NewStruct(map[string]any{"uid": uid, "index": index, "totalSplits": total})
	if err != nil {
		panic(err)
	}
	return structpb.NewStructValue(s)
}
