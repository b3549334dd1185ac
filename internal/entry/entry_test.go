package entry

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
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
	"example.com/livechat-webhook/payload"
)

const (
	ours    = "our-secret-5d41402a"
	theirs  = "their-token-7d793037"
	private = "personal-data-9b74c989"
)

var (
	builder = NewBuilder("p", []string{"email", "text"}, []string{ours})
	// plain redacts no personal data.
	plain = NewBuilder("p", nil, []string{ours})
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
	r, err := builder.Record(w, Delivery{Received: time.Unix(1552126505, 0), Secret: 1, Header: http.Header{}})
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
		entries, err := record(t, body).Entries(overhead)
		if err != nil {
			t.Fatal(err)
		}
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

func TestLinesOfALargeBodyAreParts(t *testing.T) {
	body := []byte(`{"action":"incoming_event","secret_key":"` + ours + `","payload":{"t":"` + strings.Repeat(`é\n`, 100_000) + `"}}`)
	r := record(t, body)
	var joined strings.Builder
	ids := map[string]bool{}
	for text := range strings.Lines(string(r.Lines("Unavailable"))) {
		if len(text) > 110_000 {
			t.Errorf("a line of %d bytes", len(text))
		}
		var line map[string]any
		if err := json.Unmarshal([]byte(text), &line); err != nil {
			t.Fatal(err)
		}
		joined.WriteString(line["webhook_text"].(string))
		ids[line["logging.googleapis.com/insertId"].(string)] = true
	}
	if joined.String() != string(r.Webhook) {
		t.Error("the joined parts are not the body")
	}
	if len(ids) < 3 {
		t.Errorf("%d insertIds", len(ids))
	}
}

func TestInsertIDTellsNothingOfWhatWasRedacted(t *testing.T) {
	a := record(t, []byte(`{"action":"x","email":"a@example.com","secret_key":"1"}`))
	b := record(t, []byte(`{"action":"x","email":"b@example.com","secret_key":"2"}`))
	c := record(t, []byte(`{"action":"y","email":"a@example.com","secret_key":"1"}`))
	if a.InsertID != b.InsertID || a.InsertID == c.InsertID {
		t.Errorf("insertIds %s, %s, %s", a.InsertID, b.InsertID, c.InsertID)
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
		entries, err := r.Entries(200)
		if err != nil {
			t.Fatal(err)
		}
		out := string(r.Lines("Unavailable"))
		if strings.Count(out, "\n") == 0 || !json.Valid([]byte(out[:strings.IndexByte(out, '\n')])) {
			t.Errorf("not a JSON line: %.100q", out)
		}
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
		if _, err := builder.Record(w, Delivery{Received: time.Unix(1552126505, 0), Secret: 1}); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkEntries measures a record on its way to the wire.
func BenchmarkEntries(b *testing.B) {
	benchmarkSizes(b, func(b *testing.B, r *Record) {
		if _, err := r.Entries(200); err != nil {
			b.Fatal(err)
		}
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
