package browsertest

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/accessibility"
	"github.com/chromedp/chromedp"
)

// views are paths of pages that have all that the page can show.
func views(t *testing.T) (*local, []string) {
	t.Helper()
	l := start(t, []string{"LIVECHAT_SECRETS=" + secret + ",dummy_key"})
	l.chat("complete")
	l.chat("v2")
	l.sample("v3/incoming_event-filled_form-v3.6")
	l.sample("v3/incoming_event-v3.2")
	l.sample("v3/incoming_event-v3.2")
	l.post(strings.Replace(message(1, "x"), secret, "a-wrong-secret", 1))
	l.post(strings.Replace(message(2, "x"), "incoming_event", "chat_painted", 1))
	l.post("no JSON")
	if _, err := http.PostForm(l.page+"/faults", map[string][]string{"fault": {"denied"}}); err != nil {
		t.Fatal(err)
	}
	l.post(message(3, "not written"))
	return l, []string{"/webhooks", "/webhooks/latest", "/webhooks/1", "/webhooks/3", "/webhooks?state=refused", "/webhooks?q=nothing+matches", "/webhooks/9999",
		"/chats", "/chats/PJ0MRSHTDG", "/chats/NONE", "/send", "/send?from=1"}
}

// TestEveryControlHasAName asks the browser for the names that it gives to a
// screen reader.
func TestEveryControlHasAName(t *testing.T) {
	l, paths := views(t)
	b := newTab(t, l.page)
	b.expected = notHere
	controls := 0
	for _, path := range paths {
		b.visit(path)
		if path == "/send" {
			b.do(chromedp.Evaluate[chromedp.Void](`document.querySelector("#keys").showModal()`))
		}
		headings := 0
		for _, n := range call(b, accessibility.GetFullAXTree, accessibility.GetFullAXTreeParams{}).Nodes {
			role, name := text(n.Role), strings.TrimSpace(text(n.Name))
			switch role {
			case "heading":
				headings++
			case "button", "link", "searchbox", "textbox", "combobox", "checkbox", "option", "dialog", "image", "navigation", "alertdialog",
				"DisclosureTriangle", "region", "complementary", "table", "RootWebArea", "radio", "menuitem", "switch", "slider", "spinbutton", "tab":
			default:
				continue
			}
			if n.Ignored {
				continue
			}
			controls++
			if name == "" {
				t.Errorf("%s: %s without a name (node %s)", path, role, n.NodeID)
			}
		}
		if headings == 0 {
			t.Errorf("%s: no heading", path)
		}
	}
	t.Logf("%d controls and regions", controls)
	if controls < 200 {
		t.Errorf("only %d", controls)
	}
}

func text(v *accessibility.Value) string {
	if v == nil {
		return ""
	}
	return strings.Trim(string(v.Value), `"`)
}

// notHere are the messages of the browser about pages that are 404 on purpose.
func notHere(m string) bool { return strings.Contains(m, "404 (Not Found)") }

// TestReadableInLightAndDark measures the contrast of every text with what is
// behind it. 4.5 is WCAG's for text (https://www.w3.org/TR/WCAG22/#contrast-minimum).
func TestReadableInLightAndDark(t *testing.T) {
	l, paths := views(t)
	b := newTab(t, l.page)
	b.expected = notHere
	for _, scheme := range []string{"light", "dark"} {
		b.scheme(scheme)
		for _, path := range paths {
			b.visit(path)
			faint := eval[[]string](b, contrast)
			for _, f := range faint {
				t.Errorf("%s, %s: %s", scheme, path, f)
			}
			b.save(fmt.Sprintf("%s%s", scheme, strings.NewReplacer("/", "-", "?", "-").Replace(path)))
		}
		dark := eval[float64](b, `(`+luminance+`)(getComputedStyle(document.body).backgroundColor)`) < .2
		if dark != (scheme == "dark") {
			t.Errorf("%s is not %s", scheme, scheme)
		}
	}
}

const luminance = `(color) => {
	const c = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
	c.fillStyle = color; c.fillRect(0, 0, 1, 1);
	const [r, g, b] = [...c.getImageData(0, 0, 1, 1).data].slice(0, 3).map((v) => v / 255).map((v) => v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4);
	return .2126 * r + .7152 * g + .0722 * b;
}`

// contrast returns each kind of text that is too faint.
const contrast = `(() => {
	const canvas = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
	const over = (colors) => { // the last on top
		canvas.clearRect(0, 0, 1, 1);
		for (const [color, alpha] of colors) { canvas.globalAlpha = alpha; canvas.fillStyle = color; canvas.fillRect(0, 0, 1, 1); }
		return [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3).map((v) => v / 255).map((v) => v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4);
	};
	const light = ([r, g, b]) => .2126 * r + .7152 * g + .0722 * b;
	const seen = new Map(), faint = [];
	const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
	while (texts.nextNode()) {
		const e = texts.currentNode.parentElement;
		if (!texts.currentNode.data.trim() || !e.checkVisibility() || e.closest(":disabled")) continue;
		const behind = [];
		let alpha = 1;
		for (let a = e; a; a = a.parentElement) {
			behind.unshift([getComputedStyle(a).backgroundColor, 1]);
			alpha *= Number(getComputedStyle(a).opacity);
		}
		const color = getComputedStyle(e).color, key = color + alpha + behind.join();
		if (seen.has(key)) continue;
		seen.set(key, true);
		const [x, y] = [light(over([["#fff", 1], ...behind])), light(over([["#fff", 1], ...behind, [color, alpha]]))];
		const ratio = (Math.max(x, y) + .05) / (Math.min(x, y) + .05);
		if (ratio < 4.5) faint.push(ratio.toFixed(2) + " " + e.localName + "." + e.className + " " + e.textContent.slice(0, 40));
	}
	return faint;
})()`

// TestNarrow reads everything on a phone, without scrolling sideways.
func TestNarrow(t *testing.T) {
	l, paths := views(t)
	b := newTab(t, l.page)
	b.expected = notHere
	for _, width := range []int64{400, 320, 801, 1001} {
		b.size(width, 800)
		for _, path := range paths {
			b.visit(path)
			wide := eval[[]string](b, `[...document.querySelectorAll("body *")].filter((e) => {
				const r = e.getBoundingClientRect();
				return r.width > 0 && r.right > document.documentElement.clientWidth + 1 && e.checkVisibility() && !e.closest(".skip");
			}).slice(0, 5).map((e) => e.localName + "." + e.className + " " + e.textContent.slice(0, 40))`)
			if scrolls := eval[int](b, `document.documentElement.scrollWidth - innerWidth`); scrolls > 0 || len(wide) > 0 {
				t.Errorf("%d px, %s: %d px too wide, %q", width, path, scrolls, wide)
			}
			if width == 400 {
				b.save("narrow" + strings.NewReplacer("/", "-", "?", "-").Replace(path))
			}
		}
	}
}

// TestNarrowBackAndForth opens a webhook in place of the list, and goes back.
func TestNarrowBackAndForth(t *testing.T) {
	l := start(t, nil)
	l.messages(1, 3)
	b := newTab(t, l.page)
	b.size(400, 800)
	b.visit("/webhooks")
	b.click(`#list li[data-number="2"] a`)
	b.until(`document.querySelector("#detail h1")?.checkVisibility() && !document.querySelector("#list").checkVisibility()`)
	if top := eval[float64](b, `document.querySelector("#detail h1").getBoundingClientRect().top`); top < 0 || top > 400 {
		t.Errorf("the heading is at %v px", top)
	}
	b.click(".back a")
	b.until(`document.readyState === "complete" && document.querySelector("#list")?.checkVisibility()`)
	b.is("/webhooks")
}

// TestAlarms proves that the tests would notice: what the policy blocks and what
// a script throws is on the console.
func TestAlarms(t *testing.T) {
	l := start(t, nil)
	b := open(t, l, "/webhooks")
	want := []string{"TrustedHTML", "oops", "img-src"}
	b.expected = func(m string) bool {
		for _, w := range want {
			if strings.Contains(m, w) {
				return true
			}
		}
		return false
	}
	b.do(chromedp.Evaluate[chromedp.Void](`setTimeout(() => { document.body.innerHTML = "<b>"; })`),
		chromedp.Evaluate[chromedp.Void](`setTimeout(() => { throw new Error("oops"); })`),
		chromedp.Evaluate[chromedp.Void](`setTimeout(() => { const i = new Image(); i.src = "https://example.com/x.png"; })`))
	for _, w := range want {
		b.onConsole(w)
	}
	if eval[int](b, `document.querySelectorAll("b").length`) != b.count(".where b") {
		t.Error("the policy let markup in")
	}
}

// save saves a picture of the page in the folder named by PICTURES, to look at.
func (b *tab) save(name string) {
	b.Helper()
	dir := os.Getenv("PICTURES")
	if dir == "" {
		return
	}
	png, err := chromedp.Run(b.ctx, chromedp.CaptureScreenshot())
	if err != nil {
		b.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, name+".png"), png, 0o644); err != nil {
		b.Fatal(err)
	}
}
