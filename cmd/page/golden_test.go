package page

import (
	"bytes"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"example.com/livechat-webhook/internal/chats"
	"example.com/livechat-webhook/internal/chats/logentry"
	"example.com/livechat-webhook/internal/chatstest"
	"example.com/livechat-webhook/internal/golden"
)

// example returns a webhook as the function answers a sample.
func example(p *Page, body []byte) *Webhook {
	w := &Webhook{
		Number: 1, Received: time.Date(2026, 11, 24, 2, 44, 24, 0, time.UTC), Took: 3 * time.Millisecond,
		Method: "POST", URI: "/", Header: http.Header{"Content-Type": {"application/json"}}, Body: body, Status: 200, Answer: "ok",
	}
	p.describe(w, p.expected(w))
	return w
}

// TestEverySample compares how each body of testdata is drawn with a file that
// shows it: its row in the list, and itself.
func TestEverySample(t *testing.T) {
	p := New(Options{Store: NewStore(), Config: configOf(t, "dummy_key_of_samples", ""), Function: "http://localhost:8080"})
	if n := len(samples()); n < 100 {
		t.Fatalf("%d samples", n)
	}
	for _, s := range samples() {
		body, ok := sampleBody(s.Name)
		if !ok {
			t.Fatal(s.Name)
		}
		w := example(p, body)
		var drawn bytes.Buffer
		for name, data := range map[string]any{"detail": p.detail(w)} {
			must(0, templates.ExecuteTemplate(&drawn, "row", w))
			must(0, templates.ExecuteTemplate(&drawn, name, data))
		}
		accessible(t, s.Name, drawn.Bytes())
		golden.Compare(t, filepath.Join("testdata", "webhooks", strings.ReplaceAll(s.Name, "/", "-")+".html"), drawn.Bytes())
	}
}

// TestEveryChat does the same for the chats of testdata.
func TestEveryChat(t *testing.T) {
	all, err := chatstest.Load("../../testdata/chats")
	if err != nil {
		t.Fatal(err)
	}
	first := chatstest.Chat{Name: "complete"}
	if err := json.Unmarshal(complete, &first); err != nil {
		t.Fatal(err)
	}
	for _, c := range append(all, first) {
		entries, err := c.Entries()
		if err != nil {
			t.Fatal(err)
		}
		view := chatView{Numbers: map[string]int{}}
		var list []chats.Entry
		for i, e := range entries {
			list = append(list, logentry.Entry(e))
			if view.Numbers[e.GetInsertId()] == 0 {
				view.Numbers[e.GetInsertId()] = i + 1
			}
		}
		var drawn bytes.Buffer
		for _, view.One = range conversationsOf(chats.From(list)) {
			must(0, templates.ExecuteTemplate(&drawn, "conversation", view))
			drawn.WriteString("\n--- transcript.txt\n" + view.One.Text() + "\n--- transcript.md\n" + view.One.Markdown())
		}
		golden.Compare(t, filepath.Join("testdata", "chats", c.Name+".html"), drawn.Bytes())
	}
}

// TestGoldenFilesAreOfSamples: nothing is left of a sample that is gone.
func TestGoldenFilesAreOfSamples(t *testing.T) {
	files, err := os.ReadDir("testdata/webhooks")
	if err != nil {
		t.Fatal(err)
	}
	if len(files) != len(samples()) {
		t.Errorf("%d golden files, %d samples", len(files), len(samples()))
	}
}

// accessible fails t if a control has no name.
func accessible(t *testing.T, page string, text []byte) {
	t.Helper()
	root, err := html.Parse(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	for n := range root.Descendants() {
		switch n.Data {
		case "a", "button", "summary":
		case "input", "select", "textarea":
			if attribute(n, "type") == "hidden" || within(n, "label") {
				continue
			}
		default:
			continue
		}
		if n.Type == html.ElementNode && strings.TrimSpace(textOf(n)) == "" && attribute(n, "aria-label") == "" {
			t.Errorf("%s: <%s id=%q> has no name", page, n.Data, attribute(n, "id"))
		}
	}
}

func attribute(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

func within(n *html.Node, element string) bool {
	for p := range n.Ancestors() {
		if p.Data == element {
			return true
		}
	}
	return false
}

func textOf(n *html.Node) string {
	var b strings.Builder
	for c := range n.Descendants() {
		if c.Type == html.TextNode {
			b.WriteString(c.Data)
		}
	}
	return b.String()
}
