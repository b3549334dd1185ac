package browsertest

import (
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

func TestFirstWebhookAppears(t *testing.T) {
	l := start(t, nil)
	b := open(t, l, "/")
	b.is("/webhooks")
	b.has("#detail h1", "No webhook yet")
	if status := l.sample("v2/chat_started"); status != http.StatusOK {
		t.Fatalf("answered %d", status)
	}
	b.has("#list .row .event", "chat_started")
	// What the page looked for when its stream began is over. The next one comes
	// by the stream.
	sent := time.Now()
	l.sample("v2/chat_ended")
	answered := time.Now()
	b.has("#list .row .event", "chat_ended")
	t.Logf("on the screen %v after its answer, %v after it was sent", time.Since(answered).Round(time.Millisecond), time.Since(sent).Round(time.Millisecond))
	b.has("#detail h1", "Choose a webhook")
	b.has("#news", "2 new webhooks") // for readers of the screen
	if got := b.text(".chip"); got != "all 2" {
		t.Errorf("chip %q", got)
	}
}

// TestListGrowsUnderTheReader keeps filter, place, focus and open webhook while
// others come.
func TestListGrowsUnderTheReader(t *testing.T) {
	l := start(t, nil)
	l.messages(1, 40)
	l.sample("v3/tag_created-v3.6")
	b := open(t, l, "/webhooks?kind=message&q=number")
	b.click(`#list li[data-number="38"] a`)
	b.is("/webhooks/38?kind=message&q=number")
	b.focused(`#list li[data-number="38"] a`)
	l.messages(42, 42)
	b.until(`document.querySelector("#list li")?.dataset.number === "42"`)
	b.focused(`#list li[data-number="38"] a[aria-current="true"]`)
	if n := b.count("#list li"); n != 41 {
		t.Errorf("%d rows, want 41: the filter is lost", n)
	}
	// Who reads further down is not moved, but told.
	const top = `document.querySelector('#list li[data-number="25"]').getBoundingClientRect().top`
	before := eval[float64](b, `document.querySelector(".list-pane").scrollTop = 600, `+top)
	l.messages(43, 44)
	b.has("#newer:not([hidden])", "2 new")
	b.until(`Math.abs(` + top + ` - ` + strconv.FormatFloat(before, 'f', -1, 64) + `) < 1`)
	b.click("#newer")
	b.until(`document.querySelector("#list li")?.dataset.number === "44" && document.querySelector(".list-pane").scrollTop === 0`)
}

func TestKeyboardAlone(t *testing.T) {
	l := start(t, nil)
	l.messages(1, 3)
	l.sample("v2/chat_started")
	b := open(t, l, "/webhooks")

	b.keys("j")
	b.focused(`li[data-number="4"] a`)
	b.keys("jj")
	b.focused(`li[data-number="2"] a`)
	b.keys("k" + kb.ArrowDown + kb.ArrowUp)
	b.focused(`li[data-number="3"] a`)
	b.enter()
	b.is("/webhooks/3")
	b.has("#detail h1", "message number 3")
	if !eval[bool](b, `getComputedStyle(document.activeElement).outlineStyle !== "none"`) {
		t.Error("the focus cannot be seen")
	}
	b.keys("j")
	b.enter()
	b.is("/webhooks/2")
	b.do(chromedp.NavigateBack())
	b.has("#detail h1", "message number 3")
	b.keys(kb.Escape)
	b.focused(`li[data-number="3"] a`)

	b.keys("/")
	b.focused("#search")
	b.keys("pz070e0w1b_2" + kb.Enter)
	b.is("/webhooks?q=pz070e0w1b_2")
	b.live()
	if n := b.count("#list li"); n != 1 {
		t.Errorf("%d rows of the search, want 1", n)
	}
	b.do(chromedp.Focus(chromedp.CSS("#search"))) // as the skip link and Tab do
	b.keys(kb.Escape + "j")
	b.focused(`li[data-number="2"] a`)

	b.keys("1")
	b.is("/webhooks")
	b.live()
	b.keys("/" + kb.Tab) // the first filter
	b.focused(".chip")
	b.keys(kb.Tab + kb.Enter)
	b.is("/webhooks?kind=message")
	b.live()
	if n := b.count("#list li"); n != 3 {
		t.Errorf("%d messages, want 3", n)
	}

	b.keys("j" + kb.Enter)
	b.has("#detail h1", "message number 3")
	b.keys("r")
	b.is("/webhooks/5")
	b.live()
	b.keys("e")
	b.is("/send?from=5")
	b.focused("#body")
	b.key('\r', kb.ModifierCtrl)
	b.is("/webhooks/6")
	b.live()
	b.keys("2")
	b.is("/chats")
	b.live()
	b.keys("j" + kb.Enter)
	b.until(`document.querySelector("#detail .bubble")`)
	b.keys("3")
	b.is("/send")
	b.live()
	b.keys("/")
	b.focused("#filter-samples")
	b.keys("tag_created")
	b.until(`[...document.querySelectorAll(".samples li")].filter((li) => !li.hidden).every((li) => li.dataset.name.includes("tag_created"))`)
	b.keys(kb.Escape + "?")
	b.until(`document.querySelector("#keys").open`)
	b.focused("#keys button")
	b.keys(kb.Escape)
	b.until(`!document.querySelector("#keys").open`)
	b.visit("/webhooks")
	b.keys(kb.Tab)
	b.focused(".skip")
}

func TestBodyBesideEntry(t *testing.T) {
	l := start(t, []string{"LIVECHAT_SECRETS=" + secret, "LIVECHAT_REDACT=author_id"})
	if status := l.post(message(1, "one")); status != http.StatusOK {
		t.Fatalf("answered %d", status)
	}
	b := open(t, l, "/webhooks/latest")
	// Lines of both sides are at the same height, body on the left.
	uneven := eval[[]string](b, `[...document.querySelectorAll(".json .line")].filter((line) => {
		const [body, entry] = [...line.children].map((c) => c.getBoundingClientRect());
		return body.height > 0 && (body.top !== entry.top || body.right > entry.left + 1);
	}).map((line) => line.textContent)`)
	if len(uneven) > 0 {
		t.Errorf("not side by side: %q", uneven)
	}
	for name, want := range map[string][]string{
		"secret_key": {`"[secret, 20 characters]"`, `"[redacted]"`},
		"author_id":  {`"smith@example.com"`, `"[redacted]"`},
	} {
		line := eval[[]string](b, `[...document.querySelectorAll(".json .line.changed")].filter((l) => l.textContent.startsWith('"`+name+`"'))
			.flatMap((l) => [...l.querySelectorAll("mark")].map((m) => m.textContent))`)
		if strings.Join(line, " ") != strings.Join(want, " ") {
			t.Errorf("%s is marked as %q, want %q", name, line, want)
		}
	}
	if html := eval[string](b, `document.documentElement.outerHTML`); strings.Contains(html, secret) {
		t.Error("the secret is on the page")
	}
	// What is folded opens by the keyboard.
	b.do(chromedp.Focus(chromedp.CSS(".json summary")))
	b.enter()
	b.until(`!document.querySelector(".json > details").open`)
}

func TestReplayJumpsToItsResult(t *testing.T) {
	l := start(t, nil)
	l.messages(1, 1)
	b := open(t, l, "/webhooks/1")
	b.click("#replay")
	b.is("/webhooks/2")
	b.has("#detail", "Sent again from #1")
	b.has("#detail", "Repeat of #1, byte by byte")
	b.has("#detail .compared", "the bodies are the same")
	b.has(`#list li[data-number="2"] a[aria-current="true"] .tag`, "↻ of #1")
}

func TestEditAndSend(t *testing.T) {
	l := start(t, nil)
	l.messages(1, 1)
	b := open(t, l, "/webhooks/1")
	b.click("#edit")
	b.is("/send?from=1")
	b.live()
	edit := func(from, to string) {
		t.Helper()
		b.do(chromedp.SetValue(chromedp.CSS("#body"), strings.Replace(eval[string](b, `document.querySelector("#body").value`), from, to, 1)))
	}
	edit(`"text":"message number 1"`, `"text":"written by hand" oops`)
	b.click("#send-body")
	b.has(".reason", "not JSON: line 1, column")
	b.has("#body", "written by hand") // what was written is not lost
	b.expected = func(m string) bool { return strings.Contains(m, "422") }
	b.live()
	edit(` oops`, ``)
	b.click("#send-body")
	b.is("/webhooks/2")
	b.has("#detail h1", "written by hand")
	b.has("#detail", "answered 200")
}

func TestRefusedInWords(t *testing.T) {
	l := start(t, []string{"LIVECHAT_SECRETS=" + secret + ",another-secret-of-ours"})
	b := open(t, l, "/webhooks")
	wrong := "wrong-secret-value"
	for _, c := range []struct {
		name, body string
		headers    []string
		status     int
		reason     string
	}{
		{"wrong secret", strings.Replace(message(1, "x"), secret, wrong, 1), nil, 401, "secret_key, 18 characters, equals none of your 2 secrets"},
		{"no secret", `{"action":"incoming_event"}`, nil, 401, "No secret: secret_key, token and HTTP Basic are empty"},
		{"not JSON", "{\n\"a\": x}", []string{"Authorization", "Basic bGl2ZWNoYXQ6YS1zZWNyZXQtb2YtTGl2ZUNoYXQ="}, 400, "line 2, column 6"},
		{"empty", "", nil, 400, "The body is empty"},
		{"large", `{"a":"` + strings.Repeat("x", 4<<20) + `"}`, nil, 413, "more than 4194304 bytes"},
	} {
		if status := l.post(c.body, c.headers...); status != c.status {
			t.Errorf("%s: answered %d, want %d", c.name, status, c.status)
		}
		b.has("#list .row.refused .what", c.reason)
	}
	b.click(`a.chip[href="/webhooks?state=refused"]`)
	b.is("/webhooks?state=refused")
	b.live()
	b.click(`#list li[data-number="1"] a`)
	b.has("#detail .reason.refused", "401 Unauthorized")
	b.has("#detail .reason.refused", "equals none of your 2 secrets")
	if html := eval[string](b, `document.documentElement.outerHTML`); strings.Contains(html, wrong) || strings.Contains(html, secret) {
		t.Error("a secret is on the page")
	}
}

func TestCloudLoggingFails(t *testing.T) {
	l := start(t, nil)
	b := open(t, l, "/send")
	b.click(`.faults button[value="denied"]`)
	b.has("#fault .banner", "Cloud Logging denies permission")
	b.live()
	b.click("#send-thrice")
	b.is("/webhooks/3")
	b.has("#fault .banner", "because you made it fail")
	b.has("#detail .reason.failed", "Cloud Logging: PermissionDenied: you made it fail")
	b.has("#detail .reason.failed", "LiveChat repeats the webhook")
	b.has("#list .row.failed .tag", "copy on stdout")
	b.live()
	b.click("#fault button")
	b.until(`!document.querySelector("#fault .banner")`)
	b.is("/webhooks/3") // still
	b.click("#replay")
	b.is("/webhooks/4")
	b.has("#detail .answered", "answered 200")
	b.has("#detail .compared", "answered 503 then, 200 now")
}

// TestBannerElsewhere shows the banner in the other tabs too.
func TestBannerElsewhere(t *testing.T) {
	l := start(t, nil)
	other := open(t, l, "/webhooks")
	b := open(t, l, "/send")
	b.click(`.faults button[value="down"]`)
	b.has("#fault .banner", "is down")
	other.has("#fault .banner", "is down")
	b.live()
	b.click("#fault button")
	other.until(`!document.querySelector("#fault .banner")`)
}

func TestStreamBreaksAndLosesNothing(t *testing.T) {
	l := start(t, nil)
	w := wireTo(t, l)
	b := newTab(t, w.url)
	b.expected = func(m string) bool { return strings.Contains(m, "/events") && strings.Contains(m, "net::ERR_") }
	b.visit("/webhooks")
	l.messages(1, 2)
	b.has("#list .what", "message number 2")
	w.cut()
	b.has("#live", "reconnecting")
	l.messages(3, 9)
	w.mend()
	b.live()
	b.until(`document.querySelectorAll("#list li").length === 9`)
	numbers := eval[string](b, `[...document.querySelectorAll("#list li")].map((li) => li.dataset.number).join(" ")`)
	if numbers != "9 8 7 6 5 4 3 2 1" {
		t.Errorf("the list is %s", numbers)
	}
	l.messages(10, 10)
	b.has("#list .what", "message number 10")
}

// TestRestart shows what a new run gets, in a tab of the one before it.
func TestRestart(t *testing.T) {
	l := start(t, nil)
	l.messages(1, 2)
	b := open(t, l, "/webhooks")
	b.expected = func(m string) bool { return strings.Contains(m, "/events") && strings.Contains(m, "net::ERR_") }
	b.has("#list .what", "message number 2")
	l.stop()
	b.has("#live", "reconnecting")
	port := func(url string) string { return url[strings.LastIndexByte(url, ':')+1:] }
	l = startAt(t, port(l.function), port(l.page), nil)
	l.messages(11, 12)
	b.live()
	b.has("#list .what", "message number 11")
	b.has("#list .what", "message number 12")
	if n := b.count("#list li"); n != 2 {
		t.Errorf("%d rows, want 2", n)
	}
}

func TestKeptOverARestart(t *testing.T) {
	dir := t.TempDir()
	l := start(t, []string{"LIVECHAT_SECRETS=" + secret}, "-keep", dir)
	l.messages(1, 2)
	l.stop()
	l = start(t, []string{"LIVECHAT_SECRETS=" + secret}, "-keep", dir)
	b := open(t, l, "/webhooks/2")
	b.has("#detail h1", "message number 2")
	b.has(".where", "kept in")
	b.click("#replay")
	b.is("/webhooks/3")
	b.has("#detail", "answered 200")
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		if text, err := os.ReadFile(file); err != nil || strings.Contains(string(text), secret) {
			t.Errorf("%s: %v, or the secret is in it", file, err)
		}
	}
}

func TestClearAndUndo(t *testing.T) {
	l := start(t, nil)
	l.messages(1, 3)
	b := open(t, l, "/webhooks")
	b.click(`form[action="/clear"] button`)
	b.until(`document.readyState === "complete" && document.querySelectorAll("#list li").length === 0`)
	b.live()
	b.click(`form[action="/clear"] button[name="undo"]`)
	b.until(`document.readyState === "complete" && document.querySelectorAll("#list li").length === 3`)
}

// TestCopies puts into the clipboard what a terminal and the Logs Explorer take.
func TestCopies(t *testing.T) {
	l := start(t, []string{"LIVECHAT_SECRETS=" + secret})
	body := message(1, "it's 50% & \"quoted\"")
	l.post(body)
	b := open(t, l, "/webhooks/1")
	eval[bool](b, `navigator.clipboard.writeText = async (text) => { window.copied = text; }, true`)
	for button, want := range map[string]string{"#copy-curl": "curl ", "#copy-query": "insertId=", "#copy-body": strings.Replace(body, secret, "[secret, 20 characters]", 1)} {
		b.click(button)
		b.until(`window.copied?.includes(` + quote(want) + `)`)
		b.has(button, "Copied")
	}
	if curl := b.text("#curl"); strings.Contains(curl, secret) {
		t.Error("the secret is in the curl command: " + strconv.Quote(curl))
	}
}
