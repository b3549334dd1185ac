package browsertest

import (
	"testing"
	"time"
)

// TestNewcomer does what somebody does who has read no more than the first line
// on the terminal: sees a chat arrive, reads it, opens a body and its entry, makes
// Cloud Logging fail, and replays a webhook. It clicks only what it reads.
func TestNewcomer(t *testing.T) {
	l := start(t, nil)
	began := time.Now()
	b := open(t, l, "/")
	b.save("newcomer-1")
	b.choose("Send a whole chat")
	b.has(".bubble", "Good afternoon Thomas, I'll look it up.")
	b.save("newcomer-2")
	b.has("#detail .tag", "ended")
	b.save("newcomer-3")
	b.choose("Webhooks")
	b.live()
	b.choose("b7eff798… wrote \"Never mind.")
	b.has("#detail h2", "Body, as it came")
	b.has("#detail h2", "jsonPayload.webhook of the entry")
	b.has(".json .line", "Never mind. Here is the label:")
	b.save("newcomer-4")
	b.choose("Send")
	b.live()
	b.choose("is down")
	b.has("#fault .banner", "Cloud Logging is down")
	b.live()
	b.save("newcomer-5")
	b.choose("Webhooks")
	b.live()
	b.choose("b7eff798… wrote \"Never mind.")
	// The eight seconds until the answer show on the button.
	eval[bool](b, `new MutationObserver(() => { sessionStorage.busy = document.querySelector("#replay").ariaBusy; })
		.observe(document, { attributes: true, subtree: true, attributeFilter: ["aria-busy"] }), true`)
	b.choose("Replay")
	b.until(`sessionStorage.busy === "true"`)
	b.has("#detail .reason", "Cloud Logging: Unavailable: you made it fail")
	b.live()
	b.save("newcomer-6")
	b.choose("Make it work again")
	b.until(`!document.querySelector("#fault .banner")`)
	b.choose("Replay")
	b.has("#detail .answered", "answered 200")
	b.save("newcomer-7")
	b.choose("chat ")
	b.has(".bubble", "Never mind. Here is the label:")
	b.save("newcomer-8")
	t.Logf("all in %v", time.Since(began).Round(time.Second))
}

// choose clicks the first link or button whose text starts with a text.
func (b *tab) choose(text string) {
	b.Helper()
	found := `[...document.querySelectorAll("a, button")].find((e) => e.checkVisibility() && e.innerText.trim().startsWith(` + quote(text) + `))`
	b.until(found)
	eval[bool](b, found+`.setAttribute("data-choose", ""), true`)
	b.click("[data-choose]")
	eval[bool](b, `document.querySelector("[data-choose]")?.removeAttribute("data-choose"), true`)
}
