package page

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"
)

// ours are the elements of the templates, each with its attributes.
var ours = map[string]string{
	"html": "lang", "head": "", "meta": "charset name content", "title": "", "link": "rel href", "script": "src defer", "body": "class data-view",
	"header": "class", "nav": "class aria-label", "main": "id class", "section": "id class aria-label aria-labelledby tabindex", "footer": "class",
	"article": "class data-number data-chat", "aside": "class aria-label", "div": "id class role dir data-waits", "p": "class role dir",
	"h1": "id", "h2": "id class", "a": "class href aria-current title id download rel target aria-label",
	"span": "id class role title dir", "b": "", "i": "", "bdi": "", "code": "id class", "pre": "class dir", "mark": "", "small": "class", "time": "class datetime",
	"q": "dir", "del": "dir", "kbd": "", "ol": "id class data-top data-query aria-label", "ul": "class", "li": "class id data-number data-name",
	"dl": "class aria-label", "dt": "dir", "dd": "class dir", "table": "class aria-label", "thead": "", "tbody": "", "tr": "", "th": "scope", "td": "",
	"form": "class method action role", "input": "id type name value placeholder aria-label autocomplete spellcheck checked",
	"button": "type id class aria-haspopup aria-label hidden name value data-copy data-copy-from aria-pressed title disabled",
	"select": "name", "option": "value selected", "textarea": "name id rows spellcheck dir required", "label": "class hidden",
	"details": "id class open", "summary": "", "dialog": "id aria-labelledby",
	"svg": "class viewBox preserveAspectRatio role aria-label", "g": "", "rect": "class x y width height",
}

// onlyOurs fails t if a page has an element or an attribute that is not the
// templates' own, or a link that leads anywhere but to this page or, in a new
// tab, to a website.
func onlyOurs(t *testing.T, text string) {
	t.Helper()
	root, err := html.Parse(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	scripts := 0
	for n := range root.Descendants() {
		if n.Type == html.CommentNode {
			t.Errorf("comment %q", n.Data)
		}
		if n.Type != html.ElementNode {
			continue
		}
		allowed, ok := ours[n.Data]
		if !ok {
			t.Errorf("<%s>", n.Data)
		}
		if n.Data == "script" {
			scripts++
		}
		for _, a := range n.Attr {
			if !strings.Contains(" "+allowed+" ", " "+a.Key+" ") {
				t.Errorf("<%s %s=%q>", n.Data, a.Key, a.Val)
			}
		}
		switch href := attribute(n, "href"); {
		case n.Data == "link" || href == "" || strings.HasPrefix(href, "/") && !strings.HasPrefix(href, "//") || href == "#main":
		case attribute(n, "rel") == "noreferrer noopener" && (strings.HasPrefix(href, "https://") || strings.HasPrefix(href, "http://")):
		default:
			t.Errorf("<%s href=%q>", n.Data, href)
		}
	}
	if scripts != 1 {
		t.Errorf("%d scripts", scripts)
	}
}

// FuzzPages draws everything about any request, and finds nothing of it to be
// markup, and no secret.
func FuzzPages(f *testing.F) {
	for _, s := range samples() {
		body, _ := sampleBody(s.Name)
		f.Add(body, "text/html", true)
	}
	for _, c := range scenarios() {
		for _, d := range c.Deliveries {
			f.Add([]byte(d.Body), "application/json", true)
		}
	}
	for _, hostile := range []string{
		`</script><script>alert(1)</script>`, `<img src=x onerror=alert(1)>`, `" onmouseover="alert(1)`, `javascript:alert(1)`, `javascript://a.example/%0aalert(1)`,
		"\u202Egnp.exe", "<!-- ", "]]>", `{{.}}`, `&lt;b&gt;`, "\x00\x1b[2J", secret,
	} {
		f.Add([]byte(message(hostile)), hostile, true)
		f.Add([]byte(`{"action":`+string(quote(hostile))+`,"payload":{"chat_id":`+string(quote(hostile))+`,"event":{"id":`+string(quote(hostile))+
			`,"type":"file","url":`+string(quote(hostile))+`,"name":`+string(quote(hostile))+`}},`+string(quote(hostile))+`:1}`), hostile, true)
		f.Add([]byte(hostile), hostile, false)
		f.Add([]byte(event("PS0X0L086G", "incoming_event", `"chat_id":"CHAT","event":{"id":"E1","type":"file","url":`+string(quote(hostile))+`}`)), "", true)
	}
	f.Add([]byte(`{"secret_key":"`+secret), "", false)
	c := configOf(f, secret+","+other, "")
	f.Fuzz(func(t *testing.T, body []byte, header string, verified bool) {
		p := New(Options{Store: NewStore(), Config: c, Function: "http://localhost:8080"})
		for i := range 2 { // the second is a repeat
			w := &Webhook{
				Received: time.Unix(1e9, 0), Method: "POST", URI: "/?" + header, Body: body, Status: 401, Answer: "no",
				Header: http.Header{"Content-Type": {header}, "Authorization": {"Basic " + header}, "Origin": {header}},
			}
			if verified {
				w.Status = 200 + 303*i
			}
			p.describe(w, nil)
			p.store.add(w)
		}
		pages := []string{"/webhooks", "/webhooks/2", "/chats", "/send?from=2"}
		for _, c := range conversationsOf(p.allChats()) {
			pages = append(pages, urlOf(c))
		}
		for _, path := range pages {
			text := fetch(t, p, path, "text/html")
			onlyOurs(t, text)
			if strings.Contains(html.UnescapeString(text), secret) {
				t.Errorf("%s has the secret", path)
			}
		}
		for _, path := range append(pages, "/webhooks/2/body") {
			if strings.Contains(fetch(t, p, path, "application/json"), secret) {
				t.Errorf("%s as JSON has the secret", path)
			}
		}
	})
}

func fetch(t *testing.T, p *Page, path, accept string) string {
	t.Helper()
	r := httptest.NewRequest("GET", "http://localhost/", nil)
	r.URL.Path, r.URL.RawQuery, _ = strings.Cut(path, "?")
	r.Header.Set("Accept", accept)
	w := httptest.NewRecorder()
	p.Handler().ServeHTTP(w, r)
	if w.Code == 500 {
		t.Fatalf("%s: %d %s", path, w.Code, w.Body)
	}
	return string(bytes.ToValidUTF8(w.Body.Bytes(), nil))
}

func urlOf(c *conversation) string { return "/chats/" + c.ID }
