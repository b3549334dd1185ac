package sqlcheck

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"cloud.google.com/go/logging/apiv2/loggingpb"
	"example.com/livechat-webhook/internal/chats"
	"example.com/livechat-webhook/internal/chats/logentry"
	"example.com/livechat-webhook/internal/chatstest"
	"example.com/livechat-webhook/internal/golden"
)

const corpus = "../../testdata/chats"

// rare has what the golden chats do not: old versions, odd queues and forms.
const rare = "testdata/rare"

// load returns the golden and the rare chats.
func load(t testing.TB) []chatstest.Chat {
	t.Helper()
	var all []chatstest.Chat
	for _, dir := range []string{corpus, rare} {
		some, err := chatstest.Load(dir)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, some...)
	}
	return all
}

// logs returns what the log has of each chat, by name.
func logs(t testing.TB) map[string][]*loggingpb.LogEntry {
	t.Helper()
	byName := map[string][]*loggingpb.LogEntry{}
	for _, c := range load(t) {
		entries, err := c.Entries()
		if err != nil {
			t.Fatal(err)
		}
		byName[c.Name] = entries
	}
	return byName
}

// expected returns what package chats makes of the entries, as far as SQL has
// it.
func expected(entries []*loggingpb.LogEntry) []chats.Chat {
	var all []chats.Entry
	for _, e := range entries {
		all = append(all, logentry.Entry(e))
	}
	found := chats.From(all)
	for i := range found {
		c := &found[i]
		c.Transcript, c.Course, c.InsertIDs = nil, nil, nil
		for j := range c.Transfers {
			c.Transfers[j].InsertIDs = nil
		}
	}
	return found
}

// sqlRows decodes rows of chats.sql. Their columns are members of the JSON of a
// chat; another one is an error.
func sqlRows(t testing.TB, rows []json.RawMessage) []chats.Chat {
	t.Helper()
	var all []chats.Chat
	for _, row := range rows {
		var c chats.Chat
		d := json.NewDecoder(bytes.NewReader(row))
		d.DisallowUnknownFields()
		if err := d.Decode(&c); err != nil {
			t.Errorf("%v in %s", err, row)
		}
		all = append(all, c)
	}
	return all
}

var same = cmp.Options{cmpopts.EquateEmpty(), cmpopts.IgnoreUnexported(chats.Chat{})}

func readFile(t testing.TB, file string) []byte {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// What the engine gave, by name of the golden chat and of the ending.
const (
	rowsFile    = "testdata/rows.json"
	answersFile = "testdata/answers.json"
)

// The engine's tests come first, because they write the golden rows.

// TestEngineGivesTheGoldenRows: the SQL gives them today.
func TestEngineGivesTheGoldenRows(t *testing.T) {
	needEngine(t)
	questions := map[string]string{}
	for name, entries := range logs(t) {
		questions[name] = onLog(t, queries(t)["chats"], entries)
	}
	golden.Compare(t, rowsFile, indented(t, execute(t, questions)))
}

func TestEngineGivesTheGoldenAnswers(t *testing.T) {
	needEngine(t)
	log := many(t, 1, 4)
	questions := map[string]string{}
	for _, name := range names() {
		questions[name] = onLog(t, strings.ReplaceAll(queries(t)[name], "name@example.com", customer), log)
	}
	golden.Compare(t, answersFile, indented(t, execute(t, questions)))
}

// TestGoldenRowsAreTheChats: what the engine gave for the golden chats is what
// package chats makes of them.
func TestGoldenRowsAreTheChats(t *testing.T) {
	var rows map[string][]json.RawMessage
	if err := json.Unmarshal(readFile(t, rowsFile), &rows); err != nil {
		t.Fatal(err)
	}
	all := logs(t)
	if len(rows) != len(all) {
		t.Errorf("rows of %d golden chats, want %d", len(rows), len(all))
	}
	for name, entries := range all {
		if diff := cmp.Diff(expected(entries), sqlRows(t, rows[name]), same); diff != "" {
			t.Errorf("%s (-package chats +SQL):\n%s", name, diff)
		}
	}
}

// TestGoldenAnswersAreCountedInGo: what the endings gave for a log of many chats
// is what a count in Go gives.
func TestGoldenAnswersAreCountedInGo(t *testing.T) {
	var answers map[string][]row
	if err := json.Unmarshal(readFile(t, answersFile), &answers); err != nil {
		t.Fatal(err)
	}
	for name := range queries(t) {
		if name != "chats" && counts[name] == nil {
			t.Errorf("%s.sql is not counted", name)
		}
	}
	all := expected(many(t, 1, 4))
	for _, name := range names() {
		want := counts[name](all)
		if len(want) == 0 {
			t.Errorf("%s: nothing to count", name)
		}
		if diff := cmp.Diff(want, answers[name], inAnyOrder, cmpopts.EquateApprox(1e-9, 0)); diff != "" {
			t.Errorf("%s (-Go +SQL):\n%s", name, diff)
		}
	}
}

var inAnyOrder = cmpopts.SortSlices(func(a, b row) bool { return fmt.Sprint(a) < fmt.Sprint(b) })

func indented(t testing.TB, v any) []byte {
	t.Helper()
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", " ")
	if err := e.Encode(v); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// members are what LIVECHAT_REDACT may name in the test of disorder.
var members = []string{"name", "text", "id", "author_id", "user_id", "type", "user_type", "created_at", "chat_id", "thread_id", "tag", "score",
	"visibility", "queue", "access", "users", "system_message_type", "text_vars", "properties", "requester_id", "transferred_to", "started_timestamp", "timestamp"}

// variant returns a chat as another log might have it: under other ids,
// with less of it, in disorder, some of it twice and some redacted.
func variant(t testing.TB, c chatstest.Chat, r *rand.Rand, id string) []*loggingpb.LogEntry {
	t.Helper()
	for range r.IntN(3) {
		c.Redact = append(slices.Clone(c.Redact), members[r.IntN(len(members))])
	}
	lost := r.IntN(3) * 10 // per cent
	entries, err := c.Entries()
	if err != nil {
		t.Fatal(err)
	}
	ids := strings.NewReplacer("PJ0MRSHTDG", "C"+id, "K600PKZO", "T"+id, "PO13", "P"+id, "MH022RD0K5", "M"+id,
		"2026-03-09T", fmt.Sprintf("2026-03-%02dT", 9+r.IntN(3)))
	var log []*loggingpb.LogEntry
	for _, e := range entries {
		if r.IntN(100) < lost {
			continue
		}
		text, err := protojson.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		for range 1 + r.IntN(3) {
			again := &loggingpb.LogEntry{}
			if err := protojson.Unmarshal([]byte(ids.Replace(string(text))), again); err != nil {
				t.Fatal(err)
			}
			again.InsertId = id + again.InsertId
			again.Timestamp = timestamppb.New(again.Timestamp.AsTime().Add(delay(r, e.Labels["event"])))
			log = append(log, again)
		}
	}
	return log
}

// many returns a log of some variants of each chat.
func many(t testing.TB, seed uint64, times int) []*loggingpb.LogEntry {
	r := rand.New(rand.NewPCG(seed, 1))
	var log []*loggingpb.LogEntry
	for _, c := range load(t) {
		for i := range times {
			log = append(log, variant(t, c, r, fmt.Sprintf("%s-%d-", c.Name, i))...)
		}
	}
	r.Shuffle(len(log), func(i, j int) { log[i], log[j] = log[j], log[i] })
	return log
}

// delay returns how much later a repeat of the event may be in the log.
func delay(r *rand.Rand, event string) time.Duration {
	switch event {
	case "incoming_chat", "incoming_event", "event_deleted", "chat_deactivated", "thread_summary_set", "chat_started", "chat_ended":
		return time.Duration(r.Int64N(int64(time.Hour))).Truncate(time.Microsecond)
	case "chat_transferred":
		return time.Duration(r.Int64N(int64(5 * time.Minute))).Truncate(time.Microsecond)
	}
	return 0
}

// TestEngineAgreesOnDisorder compares the SQL with package chats on logs that no
// golden file has.
func TestEngineAgreesOnDisorder(t *testing.T) {
	needEngine(t)
	logs := map[string][]*loggingpb.LogEntry{}
	questions := map[string]string{}
	for seed := range uint64(4) {
		name := fmt.Sprint("seed ", seed)
		logs[name] = many(t, seed, 6)
		questions[name] = onLog(t, queries(t)["chats"], logs[name])
	}
	rows := execute(t, questions)
	for name, log := range logs {
		want, got := expected(log), sqlRows(t, rows[name])
		if len(got) < 90 {
			t.Errorf("%s: only %d rows", name, len(got))
		}
		if diff := cmp.Diff(byID(want), byID(got), same); diff != "" {
			t.Errorf("%s (-package chats +SQL):\n%s", name, diff)
		}
	}
}

// TestEngineJoinsParts: a webhook too large for one entry is in several, as are
// copies on stdout, whose parts are smaller.
func TestEngineJoinsParts(t *testing.T) {
	needEngine(t)
	large, largeCopies := said(t, 300_000, false), said(t, 300_000, true)
	medium, mediumCopies := said(t, 100_000, false), said(t, 100_000, true)
	if len(large) < 2 || len(largeCopies) <= len(large) || len(medium) != 1 || len(mediumCopies) < 2 {
		t.Fatalf("%d, %d, %d and %d entries", len(large), len(largeCopies), len(medium), len(mediumCopies))
	}
	early := proto.Clone(mediumCopies[0]).(*loggingpb.LogEntry)
	early.Timestamp = timestamppb.New(early.Timestamp.AsTime().Add(-time.Second))
	logs := map[string][]*loggingpb.LogEntry{
		"entries":                  large,
		"copies":                   largeCopies,
		"both, twice":              slices.Concat(largeCopies, large, large, largeCopies),
		"entries and a copy":       append(largeCopies[1:2:2], large...),
		"a part less":              large[1:],
		"one entry and a copy":     append(mediumCopies[1:2:2], medium...),
		"a copy and one entry":     append(medium[:1:1], mediumCopies[0]),
		"early copy, one entry":    append(medium[:1:1], early),
		"one entry and its copies": append(medium[:1:1], mediumCopies...),
	}
	questions := map[string]string{}
	for name, entries := range logs {
		questions[name] = onLog(t, queries(t)["chats"], entries)
	}
	rows := execute(t, questions)
	for name, entries := range logs {
		if diff := cmp.Diff(expected(entries), sqlRows(t, rows[name]), same); diff != "" {
			t.Errorf("%s (-package chats +SQL):\n%s", name, diff)
		}
	}
}

// said returns the entries, or copies, of a message of that many bytes.
func said(t *testing.T, size int, copied bool) []*loggingpb.LogEntry {
	t.Helper()
	at := time.Date(2026, 3, 9, 15, 46, 52, 0, time.UTC)
	body := fmt.Sprintf(`{"action":"incoming_event","secret_key":"dummy_key","payload":{"chat_id":"C1","thread_id":"T1","event":{
		"id":"T1_1","type":"message","author_id":"smith@example.com","created_at":"2026-03-09T15:46:52Z","text":"%s"}}}`, strings.Repeat("é", size/2))
	entries, err := chatstest.Chat{Deliveries: []chatstest.Delivery{{Received: at, Copy: copied, Body: json.RawMessage(body)}}}.Entries()
	if err != nil {
		t.Fatal(err)
	}
	return entries
}

func byID(all []chats.Chat) map[string][]chats.Chat {
	m := map[string][]chats.Chat{}
	for _, c := range all {
		id := c.API + " " + c.ChatID + " " + c.ThreadID
		m[id] = append(m[id], c)
	}
	return m
}
