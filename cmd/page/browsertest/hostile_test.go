package browsertest

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// hostile are strings that try to be something else than text.
var hostile = []string{
	`</script><script>window.hacked = 1</script>`,
	`<img src=x onerror="window.hacked = 1">`,
	`" onmouseover="window.hacked = 1" autofocus onfocus="window.hacked = 1`,
	`' style='position:fixed;inset:0' x='`,
	`javascript:window.hacked = 1`,
	`</textarea></title></style></bdi></code><iframe srcdoc="<script>parent.hacked = 1</script>">`,
	`<form id=keys><input name=submit></form><a id=list href="//evil.example">`,
	`<!--`, `]]>`, `{{.Secret}}`, "${window.hacked = 1}", "&lt;b&gt;", "<svg/onload=window.hacked=1>",
	"\u202Egnp.exe\u202D \u2066isolated", "שלום \u200F<b>", "\x00\x1b[2J\u0007", "\uFFFE\uFFFF",
	strings.Repeat("wide", 50_000), strings.Repeat("line\n", 20_000), strings.Repeat("͟͟͟͟", 500),
}

// chatOf returns the webhooks of a chat in which every text, name and id that a
// stranger chooses is s.
func chatOf(n int, s string) []string {
	q, id := quote(s), fmt.Sprintf("PHOSTILE%02d", n)
	events := func(kind, members string) string {
		return fmt.Sprintf(`{"id":"%s_1","created_at":"2026-11-24T02:44:24Z","type":%q,"author_id":"c"%s}`, id, kind, members)
	}
	webhook := func(action, payload string) string {
		return fmt.Sprintf(`{"webhook_id":%s,"secret_key":%q,"action":%q,"payload":%s,%s:%s}`, q, secret, action, payload, quote("member "+s), q)
	}
	event := func(kind, members string) string {
		return webhook("incoming_event", fmt.Sprintf(`{"chat_id":%q,"thread_id":%q,"event":%s}`, id, id, events(kind, members)))
	}
	return []string{
		webhook("incoming_chat", fmt.Sprintf(`{"chat":{"id":%q,"users":[{"id":"c","type":"customer","name":%s,"email":%s,"last_visit":{"geolocation":{"city":%s,"country":%s}}}],`+
			`"thread":{"id":%q,"tags":[%s],"events":[%s]}}}`, id, q, q, q, q, id, q, events("message", `,"text":`+q))),
		event("message", `,"text":`+q),
		event("file", `,"name":`+q+`,"url":`+q+`,"content_type":`+q),
		event("rich_message", `,"template_id":"cards","elements":[{"title":`+q+`,"subtitle":`+q+`,"image":{"url":`+q+`},"buttons":[{"text":`+q+`,"type":"url","value":`+q+`}]}]`),
		event("filled_form", `,"fields":[{"type":"question","label":`+q+`,"answer":`+q+`}]`),
		event("system_message", `,"text":`+q+`,"system_message_type":`+q),
		event("custom", `,"content":{`+q+`:`+q+`}`),
		fmt.Sprintf(`{"webhook_id":"1","secret_key":%q,"action":%s,"payload":{"chat_id":%s,"thread_id":%s,"event":{"id":%s,"text":%s}}}`, secret, q, q, q, q, q),
	}
}

// TestStrangersPutNoMarkupOnThePage looks at every page, as the browser and the
// script of the page made it, of webhooks that are all attacks.
func TestStrangersPutNoMarkupOnThePage(t *testing.T) {
	l := start(t, []string{"LIVECHAT_SECRETS=" + secret})
	for n, s := range hostile {
		for _, body := range chatOf(n, s) {
			if status := l.post(body, "User-Agent", printable(s), "X-Strange", printable(s)); status != http.StatusOK {
				t.Errorf("%.60q: %d", s, status)
			}
		}
		l.post(s)                                       // no JSON, refused
		l.post(`{"secret_key":` + quote(s) + `,"a":1}`) // a wrong secret
	}
	l.post(message(1, "nested") + "\n") // and one that is deep
	l.post(strings.Repeat(`{"a":[`, 5_000)+strings.Repeat(`]}`, 5_000), "Authorization", "Basic bGl2ZWNoYXQ6YS1zZWNyZXQtb2YtTGl2ZUNoYXQ=")

	b := open(t, l, "/webhooks")
	paths := []string{"/webhooks", "/webhooks?q=%3Cimg+src%3Dx+onerror%3D1%3E", "/chats", "/chats?q=%22%3E%3Cscript%3E", "/send"}
	numbers := eval[[]string](b, `[...document.querySelectorAll("#list li")].map((li) => li.dataset.number)`)
	for i, n := range numbers {
		paths = append(paths, "/webhooks/"+n+"?state=failed") // beside an empty list
		if i%5 == 0 {
			paths = append(paths, "/send?from="+n)
		}
	}
	b.visit("/chats")
	for _, path := range eval[[]string](b, `[...document.querySelectorAll("#list a")].map((a) => a.getAttribute("href"))`) {
		paths = append(paths, path+"?state=missed")
	}
	b.visit("/webhooks?state=failed")
	ours := ofTemplates(t)
	for i, path := range paths {
		page := loaded(b, path)
		if i < 5 || i%12 == 0 { // as the browser shows it, with the script
			b.visit(path)
			page = `document`
			if eval[bool](b, `"hacked" in window`) {
				t.Errorf("%s: a script of a stranger ran", path)
			}
			if wide := eval[int](b, `document.documentElement.scrollWidth - innerWidth`); wide > 0 {
				t.Errorf("%s: %d px wider than the window", path, wide)
			}
		}
		onlyOurs(b, path, page, ours)
		if t.Failed() {
			return
		}
	}
	t.Logf("%d pages", len(paths))
}

// loaded has the browser parse a page without showing it, as the script does,
// and returns an expression for the document.
func loaded(b *tab, path string) string {
	b.Helper()
	_, err := chromedp.Run(b.ctx, chromedp.Evaluate[bool](`load(`+quote(path)+`).then((l) => { window.loadedPage = l.page; return true; })`, chromedp.EvalAwaitPromise))
	if err != nil {
		b.Fatal(err)
	}
	return `window.loadedPage`
}

// onlyOurs fails the test if a page has an element or attribute that is not the
// templates' own, an id twice, or a link to anything but this page and websites.
func onlyOurs(b *tab, path, page string, ours map[string]bool) {
	b.Helper()
	found := eval[struct {
		Markup, Twice, Links []string
		Scripts              int
	}](b, `((page) => {
		const markup = new Set(), ids = [];
		for (const e of page.querySelectorAll("*")) {
			markup.add(e.localName);
			for (const a of e.attributes) markup.add(e.localName + " " + a.name);
			if (e.id) ids.push(e.id);
		}
		const links = [...page.querySelectorAll("[href], [src], [action]")].map((e) => new URL(e.getAttribute("href") ?? e.getAttribute("src") ?? e.getAttribute("action"), location));
		return {
			Markup: [...markup], Scripts: page.scripts.length, Twice: ids.filter((id, i) => ids.indexOf(id) !== i),
			Links: links.filter((u) => u.origin !== location.origin && u.protocol !== "https:" && u.protocol !== "http:").map(String).filter((u) => !u.startsWith("data:image/svg+xml,")),
		};
	})(`+page+`)`)
	for _, name := range found.Markup {
		if !ours[name] {
			b.Errorf("%s: <%s>", path, name)
		}
	}
	if found.Scripts != 1 || len(found.Links) > 0 || len(found.Twice) > 0 {
		b.Errorf("%s: %d scripts, links %.200q, ids that are there twice %.200q", path, found.Scripts, found.Links, found.Twice)
	}
}

// TestOverridesEndWithTheirText turns the direction of a text, and of nothing
// beside it.
func TestOverridesEndWithTheirText(t *testing.T) {
	l := start(t, nil)
	const turn = "\u202Eevil\u2067"
	l.post(`{"action":` + quote("a"+turn) + `,` + quote("b"+turn) + `:` + quote(turn) + `,"payload":{"chat_id":` + quote("c"+turn) + `,"event":{"text":` + quote(turn) + `}}}`)
	b := open(t, l, "/webhooks/1")
	turned := eval[[]string](b, `(() => {
		const wrong = [];
		for (const line of document.querySelectorAll(".row .about, .facts, .labels, .json .line > code")) {
			const parts = [...line.children].map((e) => e.getBoundingClientRect()).filter((r) => r.width > 0);
			if (parts.some((r, i) => i > 0 && r.top < parts[i - 1].bottom - 4 && r.left < parts[i - 1].right - 1)) wrong.push(line.textContent);
		}
		return wrong;
	})()`)
	if len(turned) > 0 {
		t.Errorf("turned: %q", turned)
	}
}

// ofTemplates returns the elements and, as "element attribute", the attributes
// that templates and script have.
func ofTemplates(t *testing.T) map[string]bool {
	t.Helper()
	files, err := filepath.Glob("../templates/*.html")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	// What the browser adds, and the script.
	ours := map[string]bool{"tbody": true, "li class": true, "button data-name": true, "span data-state": true, "a aria-current": true}
	element := regexp.MustCompile(`<([a-z][a-z0-9]*)([^<>]*(?:\{\{[^}]*\}\}[^<>]*)*)>`)
	attribute := regexp.MustCompile(`(?:^|[\s}"])([a-zA-Z-]+)(?:=|[\s{/]|$)`)
	values := regexp.MustCompile(`"[^"]*"`)
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range element.FindAllStringSubmatch(string(text), -1) {
			ours[m[1]] = true
			for _, a := range attribute.FindAllStringSubmatch(values.ReplaceAllString(actions.ReplaceAllString(m[2], " "), `"" `), -1) {
				ours[m[1]+" "+a[1]] = true
			}
		}
	}
	return ours
}

var actions = regexp.MustCompile(`\{\{[^}]*\}\}`)

// printable returns what can be a header.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return -1
		}
		return r
	}, s[:min(len(s), 200)])
}
