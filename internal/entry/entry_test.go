package entry

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/logging/apiv2/loggingpb"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	_ "example.com/livechat-webhook/internal/golden"
	"example.com/livechat-webhook/internal/redact"
	"example.com/livechat-webhook/payload"
)

const (
	ours    = "our-secret-5d41402a"
	theirs  = "their-token-7d793037"
	private = "personal-data-9b74c989"
)

var (
	builder = NewBuilder("p", redact.Rules{Members: map[string]bool{"email": true, "text": true}, Secrets: []string{ours}})
	// plain redacts no personal data.
	plain = NewBuilder("p", redact.Rules{Secrets: []string{ours}})
)

func record(t testing.TB, body []byte) *Record {
	t.Helper()
	return recordBy(t, builder, body)
}

func recordBy(t testing.TB, builder *Builder, body []byte) *Record {
	t.Helper()
	w, err := payload.Parse(body)
	if err != nil {
		t.Fatal(err)
	}
	r, err := builder.Record(w, Delivery{
		InsertID: builder.InsertID(body, 1), Received: time.Unix(1552126505, 0), Secret: 1, Header: http.Header{},
	})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// read returns entries as a reader of the wire sees them.
func read(t testing.TB, entries [][]byte) []*loggingpb.LogEntry {
	t.Helper()
	var read []*loggingpb.LogEntry
	for _, wire := range entries {
		e := new(loggingpb.LogEntry)
		if err := proto.Unmarshal(wire, e); err != nil {
			t.Fatalf("an entry that cannot be read: %v", err)
		}
		read = append(read, e)
	}
	return read
}

// generated returns the whole record as the types of loggingpb, but for the
// payload, which e has.
func generated(r *Record, e *loggingpb.LogEntry) *loggingpb.LogEntry {
	labels := map[string]string{}
	for _, l := range r.Labels {
		labels[l.Name] = l.Value
	}
	return &loggingpb.LogEntry{
		InsertId: r.InsertID, Timestamp: timestamppb.New(r.Time), Severity: r.Severity, Labels: labels,
		Trace: r.Trace.Name, SpanId: r.Trace.SpanID, TraceSampled: r.Trace.Sampled, Payload: e.GetPayload(),
	}
}

func TestSizeNearTheLimit(t *testing.T) {
	const overhead = 300
	for size := maxEntry - 20_000; size < maxEntry+1000; size += 97 {
		body := []byte(`{"action":"incoming_event","payload":{"chat_id":"C","t":"` + strings.Repeat("é", size/2) + `"}}`)
		entries := record(t, body).Entries(overhead)
		for _, e := range entries {
			if n := len(e) + overhead; n >= maxEntry {
				t.Fatalf("a body of %d bytes becomes an entry of %d", len(body), n)
			}
		}
		if len(entries) > 2 {
			t.Fatalf("a body of %d bytes becomes %d entries", len(body), len(entries))
		}
	}
}

func TestLongLabelsCutBetweenCharacters(t *testing.T) {
	r := record(t, []byte(`{"action":"`+strings.Repeat("é", 1000)+`"}`))
	if got := r.Labels[1]; got != (Label{"event", strings.Repeat("é", maxLabel/2)}) {
		t.Errorf("%s has %d bytes: %.20q…", got.Name, len(got.Value), got.Value)
	}
}

func TestCopyOfALargeBodyIsSplit(t *testing.T) {
	body := []byte(`{"action":"incoming_event","secret_key":"` + ours + `","payload":{"t":"` + strings.Repeat(`é\n`, 100_000) + `"}}`)
	r := record(t, body)
	lines := copyOf(t, r)
	if len(lines) < 3 {
		t.Errorf("%d lines", len(lines))
	}
	compareCopy(t, r, lines)
}

func TestFactsOfALargeBodyCountedOnce(t *testing.T) {
	body := `{"event_type":"chat_ended","chat":{"id":"C","started_timestamp":1,"ended_timestamp":3,"messages":[` +
		strings.Repeat(`{"user_type":"visitor","n":"hello"},`, 10_000) + `{}]}}`
	r := record(t, []byte(body))
	parts := read(t, r.Entries(200))
	lines := copyOf(t, r)
	if len(parts) < 2 || len(lines) < 2 {
		t.Fatalf("%d parts, %d lines", len(parts), len(lines))
	}
	for i, part := range parts {
		messages := part.GetJsonPayload().GetFields()["messages"]
		if (messages.GetNumberValue() == 10_001) != (i == 0) || (messages == nil) != (i > 0) {
			t.Errorf("part %d: messages %v", i, messages)
		}
	}
	for i, line := range lines {
		if (line["messages"] != nil) != (i == 0) {
			t.Errorf("line %d: messages %v", i, line["messages"])
		}
	}
}

func TestPartsSortedByInsertIDAreInOrder(t *testing.T) {
	body := `{"action":"x","t":[` + strings.Repeat(`{"email":1},`, 350_000) + `{}]}`
	lines := copyOf(t, record(t, []byte(body)))
	if len(lines) < 101 {
		t.Fatalf("only %d lines", len(lines))
	}
	byID := func(a, b map[string]any) int {
		return strings.Compare(a["logging.googleapis.com/insertId"].(string), b["logging.googleapis.com/insertId"].(string))
	}
	if !slices.IsSortedFunc(lines, byID) {
		t.Error("a query does not list the parts in order")
	}
}

// TestCopyHoldsWhatTheEntryHolds is about bodies that are easy to damage on the
// way to a line of JSON.
func TestCopyHoldsWhatTheEntryHolds(t *testing.T) {
	for name, body := range map[string]string{
		"half an emoji":         `{"action":"incoming_event","payload":{"event":{"type":"message","a":"\ud83d","\ud83d":"b"}}}`,
		"invalid UTF-8":         "{\"action\":\"incoming_event\",\"a\":\"\xff\"}",
		"big numbers":           `{"action":"incoming_event","n":[9007199254740993,12345678901234567890,1e400,0.1,-0,1.5e300]}`,
		"repeated names":        `{"action":"incoming_event","a":1,"a":2}`,
		"10,000 levels":         strings.Repeat(`{"a":`, 10_000) + "1" + strings.Repeat("}", 10_000),
		"levels in a large one": `{"s":"` + strings.Repeat("x", 300_000) + `","a":` + strings.Repeat(`[`, 9_000) + strings.Repeat("]", 9_000) + `}`,
		"control characters":    `{"a":"` + strings.Repeat(`\u0001`, 15_000) + `"}`,
		"quotes":                `{"a":` + strings.Repeat(`[`, 40) + `"` + strings.Repeat(`\"`, 40_000) + `"` + strings.Repeat("]", 40) + `}`,
		"own names":             `{"severity":"DEBUG","message":"m","not_written":"x","time":"never","split":{}}`,
	} {
		t.Run(name, func(t *testing.T) {
			r := record(t, []byte(body))
			compareCopy(t, r, copyOf(t, r))
		})
	}
}

// copyOf returns the copy of r, decoded line by line.
func copyOf(t *testing.T, r *Record) []map[string]any {
	t.Helper()
	text, err := r.Copy("Unavailable")
	if err != nil {
		t.Fatal(err)
	}
	var lines []map[string]any
	for text := range strings.Lines(string(text)) {
		if len(text) > maxLine+maxLine/8 || !strings.HasSuffix(text, "\n") {
			t.Fatalf("a line of %d bytes that ends in %q", len(text), text[len(text)-1:])
		}
		var line map[string]any
		if err := json.Unmarshal([]byte(text), &line); err != nil {
			t.Fatalf("%v in %.200q", err, text)
		}
		lines = append(lines, line)
	}
	return lines
}

// compareCopy holds the lines of a copy against the entries of the same record.
func compareCopy(t *testing.T, r *Record, lines []map[string]any) {
	t.Helper()
	entries := read(t, r.Entries(200))
	if len(entries) == 1 && len(lines) == 1 && lines[0]["split"] == nil {
		if diff := cmp.Diff(asLine(entries[0]), lines[0]); diff != "" {
			t.Errorf("copy (-entry +copy):\n%s", diff)
		}
		return
	}
	var joined strings.Builder
	for i, line := range lines {
		joined.WriteString(line["webhook_text"].(string))
		split := map[string]any{"uid": r.InsertID, "index": float64(i), "totalSplits": float64(len(lines))}
		if diff := cmp.Diff(split, line["split"]); diff != "" {
			t.Errorf("split of line %d (-want +got):\n%s", i, diff)
		}
		if got, want := line["logging.googleapis.com/insertId"], r.partID(i, len(lines)); got != want {
			t.Errorf("insertId of line %d: %s, want %s", i, got, want)
		}
		want := asLine(entries[0])
		for _, name := range []string{"severity", "entry_severity", "time", "not_written", "logging.googleapis.com/labels"} {
			if diff := cmp.Diff(want[name], line[name]); diff != "" {
				t.Errorf("%s of line %d (-entry +copy):\n%s", name, i, diff)
			}
		}
	}
	if joined.String() != string(r.Webhook) {
		t.Errorf("the joined lines are not the body: %.100q, want %.100q", joined.String(), r.Webhook)
	}
}

// asLine returns what a line must say to become e again.
func asLine(e *loggingpb.LogEntry) map[string]any {
	line := e.GetJsonPayload().AsMap()
	labels := map[string]any{}
	for name, value := range e.GetLabels() {
		labels[name] = value
	}
	line["severity"] = "ERROR"
	line["entry_severity"] = e.GetSeverity().String()
	line["time"] = e.GetTimestamp().AsTime().Format(time.RFC3339Nano)
	line["not_written"] = "Unavailable"
	line["logging.googleapis.com/insertId"] = e.GetInsertId()
	line["logging.googleapis.com/labels"] = labels
	return line
}

func TestUnwritableBodyIsWrittenAsText(t *testing.T) {
	r := record(t, []byte(`{"action":"x"}`))
	r.Webhook = []byte(`{"action":`) // which no Parse accepts
	lines := copyOf(t, r)
	if lines[0]["webhook_text"] != `{"action":` {
		t.Errorf("copy %v", lines)
	}
	if text := read(t, r.Entries(200))[0].GetJsonPayload().GetFields()["webhook_text"].GetStringValue(); text != `{"action":` {
		t.Errorf("entry with text %q", text)
	}
}

func TestCopyThatCannotBeWrittenIsAnError(t *testing.T) {
	r := record(t, []byte(`{"action":"x"}`))
	r.Webhook = []byte("\xff private")
	if text, err := r.Copy("Unavailable"); err == nil || strings.Contains(err.Error(), "private") {
		t.Errorf("copy %q, %v", text, err)
	}
}

func TestLongMessageLeavesRoomForTheWebhook(t *testing.T) {
	r := record(t, []byte(`{"action":"chat_properties_updated","payload":{"properties":{"`+strings.Repeat("n", 300_000)+`":{"v":1}}}}`))
	if len(r.Message) > maxMessage {
		t.Errorf("a message of %d bytes", len(r.Message))
	}
	compareCopy(t, r, copyOf(t, r))
}

// TestSecretThatIsMadeOfPartsRedacted: the message joins names, and a header can
// hold anything.
func TestSecretThatIsMadeOfPartsRedacted(t *testing.T) {
	const secret, hex = "abcdefgh.ijklmnopq", "4bf92f3577b34da6a3ce929d0e0e4736"
	b := NewBuilder("p", redact.Rules{Secrets: []string{secret, hex}})
	body := []byte(`{"action":"chat_properties_updated","payload":{"properties":{"abcdefgh":{"ijklmnopq":1}}}}`)
	w, err := payload.Parse(body)
	if err != nil {
		t.Fatal(err)
	}
	r, err := b.Record(w, Delivery{Header: http.Header{"Traceparent": {"00-" + hex + "-00f067aa0ba902b7-01"}}})
	if err != nil {
		t.Fatal(err)
	}
	if r.Message != "chat_properties_updated: [redacted]" || r.Trace != (Trace{}) {
		t.Errorf("message %q, trace %v", r.Message, r.Trace)
	}
}

// TestPartsOfACopyAreNoneOfTheEntry: a query over both logs would fold them.
func TestPartsOfACopyAreNoneOfTheEntry(t *testing.T) {
	r := record(t, []byte(`{"action":"x","t":"`+strings.Repeat("x", 540_000)+`"}`))
	ids := map[string]bool{}
	for _, e := range read(t, r.Entries(200)) {
		ids[e.GetInsertId()] = true
	}
	for _, line := range copyOf(t, r) {
		if id := line["logging.googleapis.com/insertId"].(string); ids[id] {
			t.Errorf("%s is part of the entry and of its copy, with different text", id)
		}
	}
}

func TestInsertID(t *testing.T) {
	const tag = `{"action":"tag_created","payload":{"name":"%s","created_at":"2026-01-02T03:04:05.000000Z"}}`
	vip, spam := []byte(fmt.Sprintf(tag, "vip")), []byte(fmt.Sprintf(tag, "spam"))
	both := redact.Rules{Members: map[string]bool{"name": true}, Secrets: []string{"the-new-secret", "the-old-secret"}}
	rotating := NewBuilder("p", both)
	before := NewBuilder("p", redact.Rules{Members: both.Members, Secrets: both.Secrets[1:]})
	none := NewBuilder("p", redact.Rules{})
	plain := sha256.Sum256(vip)
	unkeyed := hex.EncodeToString(plain[:16])
	if rotating.InsertID(vip, 1) == rotating.InsertID(spam, 1) {
		t.Error("two webhooks that differ in what is redacted have the same insertId")
	}
	if before.InsertID(vip, 1) != rotating.InsertID(vip, 2) {
		t.Error("a repeat with the old secret has another insertId once there is a new one")
	}
	for number := range 3 {
		if rotating.InsertID(vip, number) == unkeyed {
			t.Errorf("secret %d: a reader of the log can test guesses about what was redacted", number)
		}
	}
	if none.InsertID(vip, 0) != unkeyed {
		t.Error("without a secret the insertId is not the hash of the body")
	}
}

// FuzzRecord plants secrets and personal data in a body and looks for them in
// all that leaves the function, which must be what loggingpb reads and writes.
func FuzzRecord(f *testing.F) {
	for _, body := range []string{
		`{"email":1}`, `{"a":[{"text":{}}],"b":"\ud800"}`, `{"secret_key":"x","payload":{"secret_key":"x"}}`,
		"{\"a\":\"\xff\",\"email\":\"\xff\"}", `{"n":12345678901234567890,"m":1e400}`,
		strings.Repeat(`{"a":[`, 50) + strings.Repeat(`]}`, 50),
		`{"action":"incoming_event","payload":{"event":{"type":"message","text":"hi","author_id":"a@example.com"}}}`,
	} {
		f.Add([]byte(body), byte(0))
		f.Add([]byte(body), byte(1|2|4|8|32))
	}
	bodies, err := filepath.Glob("../../testdata/*/*.json")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range bodies {
		body, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(body, byte(len(body)))
	}
	f.Fuzz(func(t *testing.T, seed []byte, how byte) {
		var object map[string]any
		if json.Unmarshal(seed, &object) != nil || object == nil {
			return
		}
		body := plant(t, object, how)
		gone, builder := []string{ours, theirs, private}, builder
		if how&32 != 0 {
			gone, builder = []string{ours, theirs}, plain
		}
		r := recordBy(t, builder, body)
		entries := r.Entries(200)
		copied, err := r.Copy("Unavailable")
		if err != nil {
			t.Fatal(err)
		}
		out := string(copied)
		var joined strings.Builder
		read := read(t, entries)
		for i, e := range read {
			if n := len(entries[i]) + 200; n >= maxEntry {
				t.Errorf("an entry of %d bytes", n)
			}
			text, err := protojson.Marshal(e)
			if err != nil {
				t.Fatal(err)
			}
			out += string(text)
			joined.WriteString(e.GetJsonPayload().GetFields()["webhook_text"].GetStringValue())
		}
		if len(entries) > 1 && joined.String() != string(r.Webhook) {
			t.Error("the joined parts are not the body")
		}
		if len(entries) == 1 {
			if read[0].GetJsonPayload().GetFields()["webhook"].GetStructValue() == nil {
				t.Error("no webhook in the entry")
			}
			if want := generated(r, read[0]); !proto.Equal(read[0], want) {
				t.Errorf("not what loggingpb makes of the record (-want +got):\n%s", cmp.Diff(want, read[0], protocmp.Transform()))
			}
		}
		for _, gone := range gone {
			if strings.Contains(out, gone) {
				t.Errorf("%s has left the function, from %s", gone, body)
			}
		}
	})
}

// FuzzCopy holds the copy of a body, byte for byte as it came, against its
// entries.
func FuzzCopy(f *testing.F) {
	for _, body := range []string{
		`{"a":"\ud83d"}`, `{"\udc00":1,"a":"\ud83d\u0000\ud83d"}`, "{\"a\":\"\xed\xa0\x80\"}", `{"n":[12345678901234567890,1e999,-0.0,1E5]}`,
		`{"a":1,"a":{"b":2,"b":3}}`, strings.Repeat(`{"a":[`, 40) + `"\ud83d\n"` + strings.Repeat(`]}`, 40), ` {"":{"":null}} `,
	} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		w, err := payload.Parse(body)
		if err != nil {
			return
		}
		r, err := builder.Record(w, Delivery{InsertID: builder.InsertID(body, 1), Received: time.Unix(1552126505, 0), Secret: 1})
		if err != nil {
			t.Fatal(err)
		}
		compareCopy(t, r, copyOf(t, r))
	})
}

// plant hides secrets and personal data in the object by the bits of how, and
// returns its text, large if the highest bit is set.
func plant(t *testing.T, object map[string]any, how byte) []byte {
	t.Helper()
	overwrite(object)
	object["secret_key"], object["token"] = ours, theirs
	if how&1 != 0 {
		object["copy"] = map[string]any{"secret_key": ours, "token": []any{theirs}, "note": "Bearer " + ours + "!"}
	}
	if how&2 != 0 {
		object["payload"] = map[string]any{"chat_id": theirs, "event": map[string]any{"type": "message", "text": private, "author_id": ours}}
	}
	if how&4 != 0 {
		object["visitor"] = map[string]any{"name": "N", "email": private, ours: 1}
	}
	if how&128 != 0 {
		object["filler"] = strings.Repeat("é\n", 100_000)
	}
	body, err := json.Marshal(object)
	if err != nil {
		t.Fatal(err)
	}
	text := string(body)
	if how&8 != 0 { // by escapes
		text = strings.ReplaceAll(text, ours, `\u006f`+ours[1:])
		text = strings.ReplaceAll(text, private, `\u0070`+private[1:])
		text = strings.ReplaceAll(text, `"token"`, `"tok\u0065n"`)
		text = strings.ReplaceAll(text, `"email"`, `"\u0065mail"`)
	}
	if how&16 != 0 { // repeated
		text = `{"secret_key":"` + ours + `",` + text[1:]
	}
	return []byte(text)
}

// overwrite makes personal data of every member that the builder redacts.
func overwrite(v any) {
	switch v := v.(type) {
	case map[string]any:
		for name, value := range v {
			if name == "email" || name == "text" {
				v[name] = map[string]any{"deep": []any{private}}
			} else {
				overwrite(value)
			}
		}
	case []any:
		for _, value := range v {
			overwrite(value)
		}
	}
}

// BenchmarkRecord measures a body on its way to a record, where nothing but
// secret_key and token is redacted, and where personal data is.
func BenchmarkRecord(b *testing.B) {
	for _, size := range []int{1, 10, 100} {
		b.Run(fmt.Sprintf("%dKB", size), func(b *testing.B) { benchmarkRecord(b, plain, chatEnded(b, size<<10)) })
	}
	b.Run("10KB-redacted", func(b *testing.B) { benchmarkRecord(b, builder, chatEnded(b, 10<<10)) })
}

func benchmarkRecord(b *testing.B, builder *Builder, body []byte) {
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		w, err := payload.Parse(body)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := builder.Record(w, Delivery{InsertID: builder.InsertID(body, 1), Received: time.Unix(1552126505, 0), Secret: 1}); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkEntries measures a record on its way to the wire.
func BenchmarkEntries(b *testing.B) {
	benchmarkSizes(b, func(b *testing.B, r *Record) {
		r.Entries(200)
	})
}

// BenchmarkLoggingpb measures the same by the generated types.
func BenchmarkLoggingpb(b *testing.B) {
	benchmarkSizes(b, func(b *testing.B, r *Record) {
		var webhook map[string]any
		if err := json.Unmarshal(r.Webhook, &webhook); err != nil {
			b.Fatal(err)
		}
		fields, err := structpb.NewStruct(map[string]any{"message": r.Message, "webhook": webhook})
		if err != nil {
			b.Fatal(err)
		}
		e := generated(r, &loggingpb.LogEntry{Payload: &loggingpb.LogEntry_JsonPayload{JsonPayload: fields}})
		if proto.Size(e) >= maxEntry {
			b.Fatal("too large")
		}
		if _, err := proto.Marshal(e); err != nil {
			b.Fatal(err)
		}
	})
}

func benchmarkSizes(b *testing.B, do func(*testing.B, *Record)) {
	for _, size := range []int{1, 10, 100} {
		b.Run(fmt.Sprintf("%dKB", size), func(b *testing.B) {
			r := record(b, chatEnded(b, size<<10))
			b.SetBytes(int64(len(r.Webhook)))
			b.ReportAllocs()
			for b.Loop() {
				do(b, r)
			}
		})
	}
}

// chatEnded returns the chat_ended of 2019, without white space and with as
// many messages as make size bytes.
func chatEnded(b *testing.B, size int) []byte {
	b.Helper()
	original, err := os.ReadFile("../../testdata/v2/chat_ended.json")
	if err != nil {
		b.Fatal(err)
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, original); err != nil {
		b.Fatal(err)
	}
	const first, message = `"messages":[`, `{"user_type":"visitor","author_name":"NAME","text":"hello! how's it going?","json":"","timestamp":1552126451},`
	more := strings.Repeat(message, max(0, size-compact.Len())/len(message))
	return bytes.Replace(compact.Bytes(), []byte(first), []byte(first+more), 1)
}
