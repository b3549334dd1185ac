package payload

import (
	"bytes"
	"encoding/json"
	"maps"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// worst are the bodies that cost most for their size: a unit, repeated as often as
// the size allows.
var worst = map[string]struct{ before, unit, after string }{
	"users":                  {`{"action":"incoming_chat","payload":{"chat":{"users":[`, `{},`, `0]}}}`},
	"users with sessions":    {`{"action":"incoming_chat","payload":{"chat":{"users":[`, `{"fields":[{"":0}],"visit":{"last_pages":[{}]}},`, `0]}}}`},
	"users of no type":       {`{"action":"incoming_chat","payload":{"chat":{"users":[`, `0,`, `0]}}}`},
	"thread events":          {`{"action":"incoming_chat","payload":{"chat":{"thread":{"events":[`, `{},`, `0]}}}}`},
	"threads":                {`{"action":"incoming_chat","payload":{"chat":{"threads":[`, `{},`, `0]}}}`},
	"threads with events":    {`{"action":"incoming_chat","payload":{"chat":{"threads":[`, `{"events":[{},{}]},`, `0]}}}`},
	"groups":                 {`{"action":"incoming_chat","payload":{"transferred_from":{"group_ids":[`, `1,`, `0]}}}`},
	"agents":                 {`{"action":"incoming_chat","payload":{"transferred_from":{"agent_ids":[`, `"",`, `0]}}}`},
	"wrong kinds":            {`{"action":"incoming_event","payload":{"event":{`, `"type":{},`, `"text":0}}}`},
	"wrong kinds in list":    {`{"action":"incoming_event","payload":{"event":{"type":"filled_form","fields":[`, `{"type":{}},`, `0]}}}`},
	"form fields":            {`{"action":"incoming_event","payload":{"event":{"type":"filled_form","fields":[`, `{},`, `0]}}}`},
	"form answers":           {`{"action":"incoming_event","payload":{"event":{"type":"filled_form","fields":[{"answers":[`, `{},`, `0]}]}}}`},
	"filled form fields":     {`{"action":"incoming_event","payload":{"event":{"type":"filled_form","fields":[`, `{"label":"a","answer":"b"},`, `0]}}}`},
	"details":                {`{"action":"incoming_event","payload":{"event":{"type":"system","source":"cdp","subtype":"store_product_added_to_cart","details":"{\"cart_lines\":[`, `{},`, `0]}"}}}`},
	"escaped details":        {`{"action":"incoming_event","payload":{"event":{"type":"system","source":"cdp","subtype":"store_product_added_to_cart","details":"`, `\u0020`, `0"}}}`},
	"text":                   {`{"action":"incoming_event","payload":{"event":{"type":"message","text":"`, `a`, `"}}}`},
	"escaped text":           {`{"action":"incoming_event","payload":{"event":{"type":"message","text":"`, `\n`, `"}}}`},
	"lone surrogates":        {`{"action":"incoming_event","payload":{"event":{"type":"message","text":"`, `\ud800`, `"}}}`},
	"event":                  {`{"action":"`, `\u0061`, `"}`},
	"chat id":                {`{"action":"chat_deactivated","payload":{"chat_id":"`, `\"`, `"}}`},
	"long chat id":           {`{"action":"chat_deactivated","payload":{"chat_id":"`, `a`, `"}}`},
	"time":                   {`{"action":"incoming_event","payload":{"event":{"created_at":"`, `a`, `"}}}`},
	"ID of invalid UTF-8":    {`{"action":"incoming_event","payload":{"chat_id":"`, "\xe7\xe7\xe7\\\"", `"}}`},
	"type of invalid UTF-8":  {`{"action":"incoming_event","payload":{"event":{"type":"`, "\x8d\x8d\x8d\\n", `"}}}`},
	"JSON of invalid UTF-8":  {`{"action":"incoming_event","payload":{"event":{"type":"system","subtype":"store_product_added_to_cart","details":"`, "{\xe3\xe3\xe3\\n", `"}}}`},
	"time of invalid UTF-8":  {`{"action":"incoming_event","payload":{"event":{"created_at":"`, "\x83", `"}}}`},
	"escaped time":           {`{"action":"incoming_event","payload":{"event":{"created_at":"`, `\"`, `"}}}`},
	"properties":             {`{"action":"chat_properties_updated","payload":{"properties":{`, `"":{},`, `"a":0}}}`},
	"named properties":       {`{"action":"chat_properties_updated","payload":{"properties":{"a":{`, `"b":0,`, `"c":0}}}}`},
	"deleted properties":     {`{"action":"chat_properties_deleted","payload":{"properties":{"a":[`, `"b",`, `"c"]}}}`},
	"updated namespaces":     {`{"action":"chat_properties_updated","payload":{"properties":{`, `"":{"b":0},`, `"a":0}}}`},
	"deleted namespaces":     {`{"action":"chat_properties_deleted","payload":{"properties":{`, `"":["b"],`, `"a":0}}}`},
	"long namespaces":        {`{"action":"chat_properties_updated","payload":{"properties":{`, longNamespace + `{` + strings.Repeat(`"b":0,`, 200) + `"c":0},`, `"a":0}}}`},
	"long names to delete":   {`{"action":"chat_properties_deleted","payload":{"properties":{`, longNamespace + `[` + strings.Repeat(`"b",`, 200) + `"c"],`, `"a":0}}}`},
	"session fields":         {`{"action":"customer_session_fields_updated","payload":{"session_fields":[`, `{"":0},`, `0]}}`},
	"nested session fields":  {`{"action":"customer_session_fields_updated","payload":{"session_fields":[`, `[[[{}]]],`, `0]}}`},
	"statistics":             {`{"action":"incoming_customer","payload":{"statistics":{`, `"":0,`, `"a":0}}}`},
	"customers":              {`{"action":"incoming_customer","payload":{`, `"customer":{},`, `"name":0}}`},
	"rules":                  {`{"action":"auto_accesses_updated","payload":[`, `{},`, `{}]}`},
	"agent priorities":       {`{"action":"group_created","payload":{"agent_priorities":{`, `"":"",`, `"a":0}}}`},
	"agent's groups":         {`{"action":"agent_created","payload":{"groups":[`, `{},`, `0]}}`},
	"groups of a tag":        {`{"action":"tag_created","payload":{"group_ids":[`, `1,`, `0]}}`},
	"ticket events":          {`{"event_type":"ticket_created","ticket":{"events":[`, `{},`, `0]}}`},
	"tags":                   {`{"event_type":"chat_changed","chat":{"tags":[`, `"",`, `0]}}`},
	"messages of chat tags":  {`{"event_type":"chat_changed","chat":{"messages":[`, `{},`, `0]}}`},
	"custom variables":       {`{"event_type":"visitor_queued","visitor":{"custom_variables":[`, `{},`, `0]}}`},
	"messages":               {`{"event_type":"chat_ended","chat":{"messages":[`, `{},`, `0]}}`},
	"replies without time":   {`{"event_type":"chat_ended","chat":{"messages":[{"user_type":"visitor"},`, `{"user_type":"agent","timestamp":"2019-03-09T10:15:03X"},`, `0]}}`},
	"closing events":         {`{"event_type":"chat_ended","chat":{"events":[`, `{"type":"closed","user_type":"a"},`, `0]}}`},
	"repeated payload":       {`{"action":"incoming_chat",`, `"payload":1,"data":2,`, `"payload":0}`},
	"repeated empty payload": {`{"action":"incoming_chat",`, `"data":{},`, `"payload":0}`},
	"repeated chat":          {`{"action":"incoming_chat","payload":{`, `"chat":0,`, `"chat":0}}`},
	"repeated secret":        {`{`, `"secret_key":"",`, `"token":0}`},
	"escaped names":          {`{`, `"\u0061":0,`, `"a":0}`},
	"nested":                 {`{"action":"incoming_event","payload":[`, `[[[[[[[[[[0]]]]]]]]]],`, `0]}`},
	"upgrade":                {`{"transaction":"t","type":"ENABLE","name":"`, `\\`, `"}`},
}

// longNamespace costs much if it is copied for each property in it.
var longNamespace = `"` + strings.Repeat("n", 4800) + `":`

// grow returns a body of about size bytes.
func grow(before, unit, after string, size int) []byte {
	n := max(0, size-len(before)-len(after)) / max(1, len(unit))
	return []byte(before + strings.Repeat(unit, n) + after)
}

// cost returns how many bytes are allocated to parse and summarize body, or 0 if
// it cannot be parsed.
func cost(body []byte) int {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	w, err := Parse(body)
	if err != nil {
		return 0
	}
	w.Summary()
	w.Facts()
	runtime.ReadMemStats(&after)
	return int(after.TotalAlloc - before.TotalAlloc)
}

// raceDetector is set if it runs: it makes pools drop what they hold, so that
// what is allocated does not count.
var raceDetector = false

func skipWithRaceDetector(t testing.TB) {
	if raceDetector {
		t.Skip("the race detector changes what is allocated")
	}
}

// mostCost is what parsing and summarizing a body of n bytes may allocate: 32 MB
// for the largest. An ID of invalid UTF-8 becomes three times as long, and is
// copied once.
func mostCost(n int) int { return 8*n + 64<<10 }

func TestWorstBodiesBoundedInMemory(t *testing.T) {
	skipWithRaceDetector(t)
	for _, name := range slices.Sorted(maps.Keys(worst)) {
		w := worst[name]
		body := grow(w.before, w.unit, w.after, 4<<20)
		if n := cost(body); n == 0 || n > mostCost(len(body)) {
			t.Errorf("%s: %d KB for %d KB", name, n>>10, len(body)>>10)
		}
	}
}

// TestEachMemberBoundedInMemory makes each value of each body large in turn.
func TestEachMemberBoundedInMemory(t *testing.T) {
	skipWithRaceDetector(t)
	const size = 32 << 10
	var large []string
	for _, w := range [][3]string{{`[`, `{},`, `{}]`}, {`[`, `"",`, `0]`}, {`{`, `"":{},`, `"a":[]}`}, {`"`, `\u0041`, `"`}} {
		large = append(large, string(grow(w[0], w[1], w[2], size)))
	}
	const mark = "value to replace"
	for name, text := range bodies(t) {
		var tree any
		if err := json.Unmarshal(text, &tree); err != nil {
			t.Fatal(err)
		}
		replaceEach(tree, mark, func() {
			marked, err := json.Marshal(tree)
			if err != nil {
				t.Fatal(err)
			}
			for _, large := range large {
				body := bytes.Replace(marked, []byte(`"`+mark+`"`), []byte(large), 1)
				if n := cost(body); n > mostCost(len(body)) {
					t.Errorf("%s: %d KB for %d KB: %.100s", name, n>>10, len(body)>>10, marked)
				}
			}
		})
	}
}

// FuzzCost looks for units that make a body expensive when repeated.
func FuzzCost(f *testing.F) {
	skipWithRaceDetector(f)
	for _, w := range worst {
		f.Add(w.before, w.unit, w.after)
	}
	f.Fuzz(func(t *testing.T, before, unit, after string) {
		body := grow(before, unit, after, 128<<10)
		if n := cost(body); n > mostCost(len(body)) {
			t.Errorf("%d KB for %d KB", n>>10, len(body)>>10)
		}
	})
}

func BenchmarkWorst(b *testing.B) {
	for _, name := range slices.Sorted(maps.Keys(worst)) {
		b.Run(strings.ReplaceAll(name, " ", "_"), func(b *testing.B) {
			w := worst[name]
			body := grow(w.before, w.unit, w.after, 4<<20)
			b.SetBytes(int64(len(body)))
			b.ReportAllocs()
			for b.Loop() {
				w := mustParse(b, body)
				w.Summary()
				w.Facts()
			}
		})
	}
}
