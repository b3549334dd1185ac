package sqlcheck

import (
	"bytes"
	"encoding/json"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"google.golang.org/api/monitoring/v1"
	"google.golang.org/protobuf/encoding/protojson"

	"example.com/livechat-webhook/internal/golden"
)

func queries(t testing.TB) map[string]string {
	t.Helper()
	all, err := Queries("..")
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// TestEndingsShareTheQuery: each file in sql runs as it stands, because it has
// all of chats.sql in front of its ending.
func TestEndingsShareTheQuery(t *testing.T) {
	all := queries(t)
	for name, query := range all {
		if name == "chats" {
			continue
		}
		shared, err := share(query, all["chats"])
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		golden.Compare(t, filepath.Join("..", "sql", name+".sql"), []byte(shared))
	}
}

func TestDashboardIsMadeOfTheQueries(t *testing.T) {
	text, err := dashboard(queries(t))
	if err != nil {
		t.Fatal(err)
	}
	golden.Compare(t, "../chats.json", text)
}

// TestDashboardIsOneOfMonitoring finds misspelt members, and tiles that lie
// outside.
func TestDashboardIsOneOfMonitoring(t *testing.T) {
	var d monitoring.Dashboard
	decoder := json.NewDecoder(bytes.NewReader(readFile(t, "../chats.json")))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&d); err != nil {
		t.Fatal(err)
	}
	for _, tile := range d.MosaicLayout.Tiles {
		if tile.XPos+tile.Width > d.MosaicLayout.Columns {
			t.Errorf("%s lies outside", tile.Widget.Title)
		}
	}
	if len(d.MosaicLayout.Tiles) != len(charts) {
		t.Errorf("%d tiles, want %d", len(d.MosaicLayout.Tiles), len(charts))
	}
}

// TestPlaceholdersAreFilledIn: sed knows these, and no others.
func TestPlaceholdersAreFilledIn(t *testing.T) {
	filled := strings.NewReplacer("@PROJECT@", "my-project", "@LOCATION@", "global", "@BUCKET@", "_Default", "@SERVICE@", "livechat-webhook")
	texts := queries(t)
	texts["chats.json"] = string(readFile(t, "../chats.json"))
	for name, text := range texts {
		if left := regexp.MustCompile(`@[A-Z]+@`).FindString(filled.Replace(text)); left != "" {
			t.Errorf("%s: %s is not filled in", name, left)
		}
	}
}

// argument finds what the JSON functions read, member other paths from a body.
var (
	argument = regexp.MustCompile("JSON_(?:VALUE|QUERY_ARRAY|VALUE_ARRAY)\\(([a-z][\\w.`]*)")
	member   = regexp.MustCompile("\\b((?:w\\.body|webhook|u|q|i\\.now)\\.[\\w.`]+)")
)

// roots says what the names of the query stand for in an entry. An array stands
// for its elements.
var roots = map[string][]string{
	"labels":       {"labels"},
	"json_payload": {"jsonPayload"},
	"webhook":      {"jsonPayload.webhook"},
	"w.body":       {"jsonPayload.webhook.payload", "jsonPayload.webhook.data", "jsonPayload.webhook"},
	"v.body":       {"jsonPayload.webhook.payload"},
	"u":            {"jsonPayload.webhook.payload.chat.users", "jsonPayload.webhook.payload.user", "jsonPayload.webhook.payload", "details"},
	"s.user":       {"jsonPayload.webhook.payload.chat.users", "jsonPayload.webhook.payload.user"},
	"e":            {"jsonPayload.webhook.payload.event", "jsonPayload.webhook.payload.chat.thread.events", "jsonPayload.webhook.payload", "jsonPayload.webhook.chat.events"},
	"first.e":      {"jsonPayload.webhook.payload.event", "jsonPayload.webhook.payload.chat.thread.events"},
	"i.now":        {"jsonPayload.webhook.payload.event", "jsonPayload.webhook.payload.chat.thread.events"},
	"i.original":   {"jsonPayload.webhook.payload.event", "jsonPayload.webhook.payload.chat.thread.events"},
	"q":            {"jsonPayload.webhook.payload.queue", "jsonPayload.webhook.payload.chat.thread.queue"},
	"f":            {"jsonPayload.webhook.payload.event.fields", "jsonPayload.webhook.payload.chat.thread.events.fields"},
	"b.chat":       {"jsonPayload.webhook.chat"},
	"b.visitor":    {"jsonPayload.webhook.visitor"},
	"said.chat":    {"jsonPayload.webhook.chat"},
	"message":      {"jsonPayload.webhook.chat.messages"},
	"a": {
		"jsonPayload.webhook.payload.event.fields.answers", "jsonPayload.webhook.payload.chat.thread.events.fields.answers",
		"jsonPayload.webhook.payload.event.fields.options", "jsonPayload.webhook.payload.chat.thread.events.fields.options",
		"jsonPayload.webhook.chat.agents",
	},
}

// TestPathsExist: each JSON path that the queries read is in an entry, golden or rare.
func TestPathsExist(t *testing.T) {
	seen := paths(t)
	for name, query := range queries(t) {
		query = compact(query)
		if name != "chats" {
			_, query, _ = strings.Cut(query, "SELECT * FROM chats")
		}
		found := argument.FindAllStringSubmatch(query, -1)
		if name == "chats" && len(found) < 100 {
			t.Errorf("only %d paths", len(found))
		}
		for _, match := range append(found, member.FindAllStringSubmatch(query, -1)...) {
			path := strings.ReplaceAll(match[1], "`", "")
			if !exists(path, seen) {
				t.Errorf("%s: no entry has %s", name, path)
			}
		}
	}
}

// exists reports whether an entry has the path, whatever its root stands for.
// Without members a root is what was looked for elsewhere.
func exists(path string, seen map[string]bool) bool {
	for root, stands := range roots {
		if path == root {
			return true
		}
		rest, ok := strings.CutPrefix(path, root+".")
		if !ok {
			continue
		}
		for _, s := range stands {
			if seen[s+"."+rest] {
				return true
			}
		}
	}
	return false
}

// paths returns the path of each member of each golden entry, arrays left out.
func paths(t testing.TB) map[string]bool {
	t.Helper()
	seen := map[string]bool{}
	var walk func(path string, v any)
	walk = func(path string, v any) {
		seen[path] = true
		switch v := v.(type) {
		case map[string]any:
			for name, value := range v {
				walk(path+"."+name, value)
			}
		case []any:
			for _, value := range v {
				walk(path, value)
			}
		case string:
			// A system event's details are JSON in a string.
			var details map[string]any
			if strings.HasSuffix(path, ".details") && json.Unmarshal([]byte(v), &details) == nil {
				walk("details", details)
			}
		}
	}
	add := func(text []byte) {
		var e map[string]any
		if err := json.Unmarshal(text, &e); err != nil {
			t.Fatal(err)
		}
		for name, value := range e {
			walk(name, value)
		}
	}
	files, err := filepath.Glob("../../testdata/*/*.entry.json")
	if err != nil || len(files) < 60 {
		t.Fatalf("%d golden entries, %v", len(files), err)
	}
	for _, file := range files {
		add(readFile(t, file))
	}
	for _, entries := range logs(t) {
		for _, e := range entries {
			text, err := protojson.Marshal(e)
			if err != nil {
				t.Fatal(err)
			}
			add(text)
		}
	}
	// The contract has it of a webhook too large for one entry.
	seen["jsonPayload.webhook_text"] = true
	return seen
}
