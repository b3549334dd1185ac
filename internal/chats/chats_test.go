package chats_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/logging/apiv2/loggingpb"
	"github.com/google/go-cmp/cmp"

	"example.com/livechat-webhook/internal/chats"
	"example.com/livechat-webhook/internal/chats/logentry"
	"example.com/livechat-webhook/internal/chatstest"
	"example.com/livechat-webhook/internal/golden"
)

const corpus = "../../testdata/chats"

// load returns the golden chats as the log has them, by name.
func load(t testing.TB) map[string][]chats.Entry {
	t.Helper()
	all, err := chatstest.Load(corpus)
	if err != nil {
		t.Fatal(err)
	}
	byName := map[string][]chats.Entry{}
	for _, c := range all {
		byName[c.Name] = entries(t, c)
	}
	return byName
}

func entries(t testing.TB, c chatstest.Chat) []chats.Entry {
	t.Helper()
	logged, err := c.Entries()
	if err != nil {
		t.Fatal(err)
	}
	return convert(logged)
}

func convert(logged []*loggingpb.LogEntry) []chats.Entry {
	var all []chats.Entry
	for _, e := range logged {
		all = append(all, logentry.Entry(e))
	}
	return all
}

func text(t testing.TB, all []chats.Chat) string {
	t.Helper()
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	if err := e.Encode(all); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestGolden compares what becomes of each sequence of webhooks with the chat
// beside it, where insertIds are numbers of deliveries.
func TestGolden(t *testing.T) {
	for name, entries := range load(t) {
		t.Run(name, func(t *testing.T) {
			got := numbered(entries).Replace(text(t, chats.From(entries)))
			golden.Compare(t, filepath.Join(corpus, name, "chats.json"), []byte(got))
		})
	}
}

// TestBodiesAsTheyCame gives the chats from bodies that were in no log, which is
// what a local run has.
func TestBodiesAsTheyCame(t *testing.T) {
	all, err := chatstest.Load(corpus)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range all {
		if c.Redact != nil || c.Name == "form-file" { // which has numbers that the log keeps as text
			continue
		}
		logged := entries(t, c)
		want := text(t, chats.From(logged))
		for i, d := range c.Deliveries {
			logged[i].Webhook = d.Body
		}
		if diff := cmp.Diff(want, text(t, chats.From(logged))); diff != "" {
			t.Errorf("%s (-log +body):\n%s", c.Name, diff)
		}
	}
}

// numbered replaces each insertId by the number, from 1, of the first delivery
// that has it.
func numbered(entries []chats.Entry) *strings.Replacer {
	var pairs []string
	for i, e := range entries {
		pairs = append(pairs, e.InsertID, fmt.Sprintf("delivery %d", i+1))
	}
	return strings.NewReplacer(pairs...)
}

// TestNumbers has what the numbers of the golden chats are by hand, so that
// -update alone cannot change what they mean.
func TestNumbers(t *testing.T) {
	const none = -1
	type numbers struct {
		seconds, agent, bot, wait float64
		missed, rating, closedBy  string
		handled, lacks            string
	}
	want := map[string][]numbers{
		"ordinary":               {{140.4, 39.5, none, none, "false", "good", "customer", "manual", ""}},
		"queued-transferred-bad": {{190.5, 74, none, 93.75, "false", "bad", "agent", "manual", ""}},
		"bot-then-human":         {{1295.4, 57, 1, none, "false", "", "livechat", "assisted", ""}},
		"ai-agent":               {{25.4, none, 3.199999, none, "false", "", "customer", "automated", ""}},
		"missed":                 {{300.35, none, none, 300.25, "true", "", "livechat", "", ""}},
		"two-threads":            {{40.2, 19.999999, none, none, "false", "good", "agent", "manual", ""}, {100.2, 29.999999, none, none, "false", "", "agent", "manual", ""}},
		"disorder":               {{90.2, 14.999999, none, none, "false", "", "agent", "manual", ""}},
		"began-before":           {{none, none, none, none, "unknown", "", "agent", "assisted", "author_unknown began_before_log original_missing"}},
		"v2":                     {{91, 39, none, none, "false", "", "customer", "manual", ""}},
		"v2-whisper":             {{1456, none, none, none, "true", "", "", "", ""}},
		"redacted-words":         {{190.5, 74, none, 93.75, "false", "bad", "agent", "manual", ""}},
		"redacted-people":        {{190.5, none, none, 93.8, "unknown", "bad", "agent", "", "author_unknown"}},
		"redacted-all":           {{none, none, none, none, "unknown", "", "", "", "began_before_log"}},
		"edits":                  {{60.2, 11.999999, none, none, "false", "", "agent", "manual", ""}},
		"form-file":              {{81.2, 30, none, none, "false", "", "customer", "manual", ""}},
		"three-actions":          {{190.5, 74, none, none, "false", "bad", "agent", "manual", "wait_unknown"}},
		"v3.1":                   {{20.2, 6, none, none, "false", "good", "agent", "manual", ""}},
	}
	for name, entries := range load(t) {
		var got []numbers
		for _, c := range chats.From(entries) {
			n := numbers{none, none, none, none, "unknown", "", "", c.Handled, ""}
			if c.Seconds != nil {
				n.seconds = *c.Seconds
			}
			if c.FirstAgentReply != nil {
				n.agent = c.FirstAgentReply.Seconds
			}
			if c.FirstBotReply != nil {
				n.bot = c.FirstBotReply.Seconds
			}
			if c.Queue != nil && c.Queue.Seconds != nil {
				n.wait = *c.Queue.Seconds
			}
			if c.Missed != nil {
				n.missed = fmt.Sprint(*c.Missed)
			}
			if c.Rating != nil {
				n.rating = c.Rating.Score
			}
			if c.ClosedBy != nil {
				n.closedBy = string(c.ClosedBy.Kind)
			}
			for _, l := range c.Incomplete {
				n.lacks = strings.TrimSpace(n.lacks + " " + string(l))
			}
			got = append(got, n)
		}
		if diff := cmp.Diff(want[name], got, cmp.AllowUnexported(numbers{})); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// TestOrderDoesNotMatter shuffles and duplicates the entries of each golden
// chat, all of them or those left after some were lost.
func TestOrderDoesNotMatter(t *testing.T) {
	for name, entries := range load(t) {
		for seed := range uint64(200) {
			r := rand.New(rand.NewPCG(seed, 1))
			lost := float64(seed%4) / 10
			entries := slices.DeleteFunc(slices.Clone(entries), func(chats.Entry) bool { return r.Float64() < lost })
			want := text(t, chats.From(entries))
			if got := text(t, chats.From(disorder(r, entries))); got != want {
				t.Fatalf("%s, seed %d (-want +got):\n%s", name, seed, cmp.Diff(want, got))
			}
		}
	}
}

// disorder returns the entries in another order, some of them several times:
// as Cloud Logging may have them and, of what happens only once, as a repeated
// delivery without a clock has them.
func disorder(r *rand.Rand, entries []chats.Entry) []chats.Entry {
	all := slices.Clone(entries)
	for _, e := range entries {
		for range r.IntN(3) {
			switch e.Labels["event"] {
			case "incoming_chat", "incoming_event", "event_deleted", "chat_deactivated", "thread_summary_set", "chat_started", "chat_ended":
				e.Timestamp = e.Timestamp.Add(time.Duration(r.Int64N(int64(time.Hour))))
			case "chat_transferred":
				e.Timestamp = e.Timestamp.Add(time.Duration(r.Int64N(int64(time.Minute))))
			}
			all = append(all, e)
		}
	}
	r.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return all
}

// TestChatsApart puts all golden chats into one log, each under ids of its own.
func TestChatsApart(t *testing.T) {
	var all []chats.Entry
	want := 0
	for name, entries := range load(t) {
		want += len(chats.From(entries))
		for _, e := range entries {
			e.Webhook = bytes.ReplaceAll(e.Webhook, []byte("PJ0MRSHTDG"), []byte(name))
			e.Webhook = bytes.ReplaceAll(e.Webhook, []byte("K600PKZO"), []byte("T"+name))
			all = append(all, e)
		}
	}
	rand.New(rand.NewPCG(1, 1)).Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	got := chats.From(all)
	if len(got) != want {
		t.Errorf("%d chats, want %d", len(got), want)
	}
}

// large returns a chat whose second webhook is too large for one entry.
func large(t *testing.T, asCopy bool) []chats.Entry {
	t.Helper()
	c := chatstest.Chat{Deliveries: []chatstest.Delivery{
		{Received: at(1), Body: body(`{"id":"T1_1","type":"message","author_id":"smith@example.com","created_at":"2026-03-09T15:46:51Z","text":"Hello"}`)},
		{Received: at(2), Copy: asCopy, Body: body(`{"id":"T1_2","type":"custom","author_id":"smith@example.com","created_at":"2026-03-09T15:46:52Z","content":{"long":"` + strings.Repeat("é", 300_000) + `"}}`)},
	}}
	return entries(t, c)
}

func at(s float64) time.Time {
	return time.Date(2026, 3, 9, 15, 46, 50, 0, time.UTC).Add(time.Duration(s * float64(time.Second)))
}

// body is an incoming_event of thread T1.
func body(event string) json.RawMessage {
	return json.RawMessage(`{"action":"incoming_event","secret_key":"dummy_key","payload":{"chat_id":"C1","thread_id":"T1","event":` + event + `}}`)
}

func TestSplitEntriesAreJoined(t *testing.T) {
	whole, onStdout := large(t, false), large(t, true)
	if len(whole) < 3 || len(onStdout) < 4 {
		t.Fatalf("%d and %d entries: not split", len(whole), len(onStdout))
	}
	late := onStdout[2]
	late.Timestamp = late.Timestamp.Add(time.Minute)
	for name, entries := range map[string][]chats.Entry{
		"entries":            whole,
		"copies":             onStdout,
		"both":               append(slices.Clone(whole), onStdout...),
		"entries and a copy": append(slices.Clone(whole), late),
		"entries twice":      append(slices.Clone(whole), whole...),
	} {
		slices.Reverse(entries)
		got := chats.From(entries)
		if len(got) != 1 || len(got[0].Transcript) != 2 || len(got[0].Transcript[1].Data) < 300_000 {
			t.Errorf("%s: not one chat of two whole events", name)
			continue
		}
		if ids := got[0].Transcript[1].InsertIDs; len(ids) != 1 || strings.Contains(ids[0], "-") {
			t.Errorf("%s: insertIds %q, want one without a part", name, ids)
		}
		if slices.Contains(got[0].Incomplete, chats.MissingPart) {
			t.Errorf("%s: a part is said to be missing", name)
		}
	}
}

func TestMissingPartIsSaid(t *testing.T) {
	entries := large(t, false)
	got := chats.From(entries[:len(entries)-1])
	if len(got) != 1 || len(got[0].Transcript) != 1 || !slices.Contains(got[0].Incomplete, chats.MissingPart) || len(got[0].InsertIDs) != 2 {
		t.Errorf("got %s", text(t, got))
	}
}

// TestWholeEntryOutweighsPartsOfItsCopy: a webhook can be small enough for one
// entry and too large for one line on stdout.
func TestWholeEntryOutweighsPartsOfItsCopy(t *testing.T) {
	event := body(`{"id":"T1_1","type":"message","author_id":"smith@example.com","created_at":"2026-03-09T15:46:51Z","text":"` + strings.Repeat("x", 100_000) + `"}`)
	entry := entries(t, chatstest.Chat{Deliveries: []chatstest.Delivery{{Received: at(2), Body: event}}})
	onStdout := entries(t, chatstest.Chat{Deliveries: []chatstest.Delivery{{Received: at(1), Copy: true, Body: event}}})
	if len(entry) != 1 || len(onStdout) < 2 || entry[0].InsertID != onStdout[0].InsertID {
		t.Fatalf("%d entries and %d copies", len(entry), len(onStdout))
	}
	onStdout[0].Timestamp = entry[0].Timestamp.Add(-time.Second)
	got := chats.From([]chats.Entry{onStdout[0], entry[0]})
	if len(got) != 1 || len(got[0].Transcript) != 1 || slices.Contains(got[0].Incomplete, chats.MissingPart) {
		t.Errorf("got %d chats, incomplete: %v", len(got), got[0].Incomplete)
	}
}

func TestUnreadableWebhookIsSaid(t *testing.T) {
	for _, thread := range []string{"T1", "[redacted]"} {
		got := chats.From([]chats.Entry{{InsertID: "a", Timestamp: at(0), Webhook: []byte(`"x"`),
			Labels: map[string]string{"api": "v3", "event": "incoming_event", "chat_id": "C1", "thread_id": thread}}})
		if len(got) != 1 || !slices.Contains(got[0].Incomplete, chats.Unreadable) {
			t.Errorf("got %s", text(t, got))
		}
	}
}

func TestEntriesOfNoChatAreLeftOut(t *testing.T) {
	got := chats.From([]chats.Entry{
		{},
		{InsertID: "a", Webhook: []byte(`{"action":"routing_status_set","payload":{"agent_id":"smith@example.com","status":"offline"}}`)},
		{InsertID: "b", Webhook: []byte(`{"event":"application_installed","applicationID":"x"}`)},
		{InsertID: "c", Webhook: []byte(`{"action":"chat_access_updated","payload":{"id":"C1","access":{"group_ids":[1]}}}`)},
		{InsertID: "d", Webhook: []byte(`{"action":"incoming_event","payload":{"chat_id":"[redacted]","thread_id":"[redacted]"}}`)},
		{InsertID: "e", Webhook: []byte(`{"event_type":"visitor_queued","visitor":{"name":"NAME"}}`)},
	})
	if len(got) != 0 {
		t.Errorf("got %s", text(t, got))
	}
}

// TestRanking has the figures of LiveChat's reference and help article.
func TestRanking(t *testing.T) {
	for _, test := range []struct {
		good, bad int
		want      float64
	}{{0, 0, 0}, {0, 2, 0.114734824257859}, {13, 6, 0.423267130314633}, {10, 2, 0.5194}, {2, 0, 0.3313}} {
		if got := chats.Ranking(test.good, test.bad); math.Abs(got-test.want) > 0.00005 {
			t.Errorf("Ranking(%d, %d) = %v, want %v", test.good, test.bad, got, test.want)
		}
	}
}

// BenchmarkFrom measures chats of nine webhooks each, as JSON on their way from
// the log.
func BenchmarkFrom(b *testing.B) {
	pattern := load(b)["ordinary"]
	for _, n := range []int{1_000, 10_000, 100_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			entries := repeat(pattern, n)
			b.ReportAllocs()
			for b.Loop() {
				chats.From(entries)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/entry")
		})
	}
}

// repeat returns n entries of as many chats like the pattern as that takes.
func repeat(pattern []chats.Entry, n int) []chats.Entry {
	var all []chats.Entry
	for i := range n {
		e := pattern[i%len(pattern)]
		id := fmt.Sprintf("%08d", i/len(pattern))
		e.InsertID = fmt.Sprintf("%032d", i)
		e.Timestamp = e.Timestamp.Add(time.Duration(i/len(pattern)) * time.Minute)
		e.Webhook = bytes.ReplaceAll(e.Webhook, []byte("PJ0MRSHTDG"), []byte("PJ"+id))
		e.Webhook = bytes.ReplaceAll(e.Webhook, []byte("K600PKZON8"), []byte("K6"+id))
		all = append(all, e)
	}
	return all
}
