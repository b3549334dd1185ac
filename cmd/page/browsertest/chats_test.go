package browsertest

import (
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// TestWholeChatBecomesAConversation sends a chat from the first page that a
// newcomer sees, and reads it while it grows.
func TestWholeChatBecomesAConversation(t *testing.T) {
	l := start(t, nil)
	b := open(t, l, "/webhooks")
	b.click("#detail button.primary")
	b.until(`location.pathname.startsWith("/chats/") && document.querySelector("#detail h1")?.innerText === "Thomas Anderson"`)
	b.has(".bubbles .theirs .bubble", "Hi, where is order 4711?")
	b.has(".bubbles .ours .bubble", "Good afternoon Thomas")
	b.has(".bubbles .whisper .who", "whisper, agents only")
	b.has(".bubbles .ours .bubble del", "It will arive tomorrow.") // edited: both are there
	b.has(".bubbles .ours .bubble", "It will arrive tomorrow.")
	b.has(".bubbles .deleted .bubble", "deleted")
	b.has(".bubbles .file", "label.pdf")
	b.has(".bubbles .system", "transferred")
	b.has(".steps", "queued, position")
	b.has("#detail .tag", "ended")
	b.has(".numbers", "first reply")
	b.has(".numbers", "good")
	b.has(".gist", "Summary")
	b.has("#list .conversation .state", "ended")
	b.has("#summary .today", "started today")
	if !eval[bool](b, `[...document.querySelectorAll(".bubbles .text")].some((e) => /[\u0600-\u06ff]/.test(e.textContent) &&
		getComputedStyle(e.closest(".bubble")).direction === "rtl")`) {
		t.Error("no bubble is written from right to left")
	}
	// On its own side: the customer's left, the agents' right.
	if !eval[bool](b, `(() => { const left = (s) => document.querySelector(s).getBoundingClientRect().left;
		return left(".bubbles .theirs .bubble") < left(".bubbles .ours .bubble"); })()`) {
		t.Error("customer and agents are on the same side")
	}
	for file, want := range map[string]string{"transcript.txt": "] Thomas Anderson: Hi, where is order 4711?", "transcript.md": "**Thomas Anderson**"} {
		text := eval[string](b, `document.querySelector('a[href$="/`+file+`"]').href`)
		got, err := chromedp.Run(b.ctx, chromedp.Evaluate[string](`fetch(`+quote(text)+`).then((r) => r.text())`, chromedp.EvalAwaitPromise))
		if err != nil || !strings.Contains(got, want) {
			t.Errorf("%s: %v, %.200q does not contain %q", file, err, got, want)
		}
	}
}

// TestBubbleAndWebhook goes from a bubble to its webhook and back.
func TestBubbleAndWebhook(t *testing.T) {
	l := start(t, nil)
	l.chat("complete")
	b := open(t, l, "/chats/PJ0MRSHTDG")
	b.click(`#e-K600PKZON8_7 a.at`)
	b.has("#detail h1", "Never mind. Here is the label")
	b.live()
	b.click("#detail .to-chat")
	b.is("/chats/PJ0MRSHTDG")
	b.until(`document.querySelector("#e-K600PKZON8_7:target")`)
	visible := eval[bool](b, `(() => { const r = document.querySelector("#e-K600PKZON8_7").getBoundingClientRect();
		return r.top >= 0 && r.bottom <= innerHeight; })()`)
	if !visible {
		t.Error("the bubble is not in sight")
	}
	b.live()
	b.click(`.facts a[href="/webhooks?q=PJ0MRSHTDG"]`)
	b.is("/webhooks?q=PJ0MRSHTDG")
	b.live()
	if n := b.count("#list li"); n < 20 {
		t.Errorf("%d webhooks of the chat", n)
	}
}

// TestManyChats chooses among conversations by state and by words.
func TestManyChats(t *testing.T) {
	l := start(t, nil)
	for _, name := range []string{"missed", "v2", "v2-whisper"} {
		l.chat(name)
	}
	l.messages(1, 1)
	b := open(t, l, "/chats")
	if n := b.count("#list li"); n != 4 {
		t.Errorf("%d conversations, want 4", n)
	}
	b.click(`.chip[href*="state=missed"]`)
	b.is("/chats?state=missed")
	b.live()
	if n := b.count("#list li"); n != 2 || b.text(".chip[aria-current] .count") != "2" {
		t.Errorf("%d missed, want 2, and the filter says %s", n, b.text(".chip[aria-current] .count"))
	}
	b.visit("/chats?q=message+NUMBER")
	if n := b.count("#list li"); n != 1 {
		t.Errorf("%d conversations with these words, want 1", n)
	}
	// A message that comes is in the conversation that is open.
	b.visit("/chats/PS0X0L086G")
	l.messages(2, 2)
	b.has(".bubble", "message number 2")
}

func TestWithoutJavaScript(t *testing.T) {
	l := start(t, []string{"LIVECHAT_SECRETS=" + secret})
	l.messages(1, 2)
	b := newTab(t, l.page)
	call(b, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
	// shows waits for what the next page has; there is no script to ask.
	shows := func(selector string) {
		t.Helper()
		b.do(chromedp.WaitReady(chromedp.CSS(selector)))
	}
	click := func(selector, shown string) {
		t.Helper()
		b.click(selector)
		shows(shown)
	}
	b.do(chromedp.Navigate(b.at + "/"))
	shows(`#list li[data-number="2"]`)
	if b.count(`button:not([hidden]).needs-script, #live[data-state]`) != 0 {
		t.Error("shows what needs the script")
	}
	click(`#list li[data-number="1"] a`, `article[data-number="1"]`)
	click("#replay", `article[data-number="3"]`)
	click("#edit", `textarea#body`)
	click("#send-body", `article[data-number="4"]`)
	b.do(chromedp.SendKeys(chromedp.CSS("#search"), "PZ070E0W1B_2\n"))
	shows(`#list[data-query="?q=PZ070E0W1B_2"]`)
	if n := b.count("#list li"); n != 1 {
		t.Errorf("%d rows of the search, want 1", n)
	}
	click(`nav a[href="/send"]`, "#send-wrong")
	click("#send-wrong", `.row.refused`)
	click(`nav a[href="/send"]`, "#send-wrong")
	click(`.faults button[value="refused"]`, "#fault .banner")
	click("#fault button", `body:not(:has(.banner))`)
	click("#send-chat", ".talk")
	for range 100 { // reloads show how it grows
		if b.count(".talk .bubble") > 0 {
			break
		}
		b.do(chromedp.Reload())
	}
	click(".talk a.at", "article.detail")
}
