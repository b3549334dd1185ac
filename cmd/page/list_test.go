package page

import (
	"encoding/json"
	"net/url"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// listed returns the numbers that the list has, as JSON and as HTML.
func (r *run) listed(t *testing.T, query string) []int {
	t.Helper()
	var list struct {
		Webhooks []struct{ Number int }
	}
	_, _, text := r.get(t, "/webhooks"+query, "Accept", "application/json")
	if err := json.Unmarshal([]byte(text), &list); err != nil {
		t.Fatal(err)
	}
	var numbers []int
	for _, w := range list.Webhooks {
		numbers = append(numbers, w.Number)
	}
	return numbers
}

func TestFilters(t *testing.T) {
	r := start(t, secret, "")
	r.send(t, message("Where is my Bicycle?"))                                                                            // 1
	r.send(t, `{"secret_key":"`+secret+`","action":"agent_created","payload":{"id":"new@example.com"}}`)                  // 2
	r.send(t, `{"secret_key":"`+secret+`","action":"chat_painted","payload":{"note":"\u0413\u0434\u0435 \ud83d\ude00"}}`) // 3
	r.send(t, "{}")                                                                                                       // 4: 401
	r.send(t, `{"event_type":"chat_started","token":"`+secret+`","chat":{"id":"PO13"},"visitor":{"name":"NAME"}}`)        // 5
	r.act(t, "/faults", url.Values{"fault": {"denied"}})
	r.send(t, message("not written")) // 6
	for query, want := range map[string][]int{
		"":                             {6, 5, 4, 3, 2, 1},
		"?kind=message":                {6, 1},
		"?kind=config":                 {2},
		"?kind=unknown":                {3},
		"?kind=chat":                   {5},
		"?state=refused":               {4},
		"?state=failed":                {6},
		"?kind=message&state=ok":       {1},
		"?q=bicycle":                   {1},
		"?q=bicycle+where":             {1},
		"?q=bicycle+elsewhere":         nil,
		"?q=PO13":                      {5},
		"?q=%23" + "4":                 {4},
		"?q=" + url.QueryEscape("где"): {3},
		"?q=" + url.QueryEscape("😀"):   {3},
		"?q=401":                       {4},
		"?q=basic+are+empty":           {4},
	} {
		if got := r.listed(t, query); !slices.Equal(got, want) {
			t.Errorf("%q lists %v, want %v", query, got, want)
		}
	}
	_, _, text := r.get(t, "/webhooks/1?kind=message&q=bicycle")
	if !strings.Contains(text, `href="/webhooks/1?kind=message&amp;q=bicycle"`) || !strings.Contains(text, `value="bicycle"`) {
		t.Error("the filter is lost when a webhook is opened")
	}
	if _, _, text := r.get(t, "/webhooks/latest", "Accept", "application/json"); !strings.Contains(text, `"number":6,`) {
		t.Errorf("the latest: %.100s", text)
	}
	if status, _, _ := r.get(t, "/webhooks/99"); status != 404 {
		t.Errorf("one that is not here: %d", status)
	}
}

// TestJSON has the members that the contract names.
func TestJSON(t *testing.T) {
	r := start(t, "", "")
	r.send(t, message("Hello"))
	r.send(t, message("Hello"))
	var one map[string]any
	_, h, text := r.get(t, "/webhooks/2", "Accept", "application/json")
	if err := json.Unmarshal([]byte(text), &one); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"number", "received", "status", "answer", "millis", "event", "chat_id", "summary", "severity", "repeat_of", "headers", "body", "entries"} {
		if one[name] == nil {
			t.Errorf("%s is missing: %s", name, text)
		}
	}
	if one["repeat_of"] != 1.0 || one["answer"] != "ok" || one["summary"] != `agent smith@example.com wrote "Hello"` {
		t.Errorf("%s", text)
	}
	if got := h.Get("Content-Type"); got != "application/json; charset=utf-8" {
		t.Errorf("Content-Type %s", got)
	}
	if _, _, text := r.get(t, "/chats/PS0X0L086G", "Accept", "application/json"); !strings.HasPrefix(text, `{"chats":[{"api":"v3","chat_id":"PS0X0L086G"`) {
		t.Errorf("chat: %.200s", text)
	}
}

// TestOlder: the list goes on where it ends.
func TestOlder(t *testing.T) {
	r := start(t, "", "")
	for range perPage + 5 {
		r.store.add(&Webhook{Status: 200})
	}
	_, _, text := r.get(t, "/webhooks")
	if strings.Count(text, "<li data-number") != perPage || !strings.Contains(text, `href="/webhooks?before=6"`) {
		t.Error("not a page of rows, or no link to the rest")
	}
	if _, _, text := r.get(t, "/webhooks?before=6"); strings.Count(text, "<li data-number") != 5 {
		t.Error("the rest is not 5")
	}
}

// TestEveryControlHasAName on all pages.
func TestEveryControlHasAName(t *testing.T) {
	r := start(t, secret, "")
	r.send(t, message("Hello"))
	r.send(t, message("Hello"))
	r.act(t, "/faults", url.Values{"fault": {"down"}})
	for _, path := range []string{"/webhooks", "/webhooks/2", "/webhooks?q=nothing", "/webhooks/99", "/chats", "/chats/PS0X0L086G", "/chats/x", "/send", "/send?from=1"} {
		_, _, text := r.get(t, path)
		accessible(t, path, []byte(text))
		if root, err := html.Parse(strings.NewReader(text)); err != nil || !headed(root) {
			t.Errorf("%s has not one h1: %v", path, err)
		}
		onlyOurs(t, text)
	}
}

func headed(root *html.Node) bool {
	n := 0
	for e := range root.Descendants() {
		if e.Type == html.ElementNode && e.Data == "h1" {
			n++
		}
	}
	return n == 1
}
