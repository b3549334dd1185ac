package browsertest

import (
	"flag"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

var update = flag.Bool("update", false, "draw docs/page.png again")

// TestPicture draws docs/page.png with -update: four chats at real speed, each
// with its own customer. It takes three minutes, and ports 8080 and 8081.
func TestPicture(t *testing.T) {
	if !*update {
		t.Skip("without -update")
	}
	l := startAt(t, "8080", "8081", []string{"LIVECHAT_SECRETS=dummy_key"}, "-keep", "webhooks")
	now := time.Now()
	for i, c := range []struct{ chat, id, name, first, email, city, country string }{
		{"complete", "NSGM6W7VN0", "Thomas Anderson", "Thomas", "t.anderson@example.com", "Wroclaw", "Poland"},
		{"bot-then-human", "P0AJXXJVDW", "María García", "María", "maria@example.com", "Sevilla", "Spain"},
		{"ordinary", "LZ43RUXKZS", "Amélie Laurent", "Amélie", "amelie@example.com", "Lyon", "France"},
		{"edits", "O4DEKOE3A8", "Kim Ji-woo", "Ji-woo", "jiwoo@example.com", "Seoul", "South Korea"},
	} {
		all := deliveries(t, c.chat)
		change := strings.NewReplacer("Thomas Anderson", c.name, "Thomas", c.first, "t.anderson@example.com", c.email,
			"Wroclaw", c.city, "Poland", c.country, "PJ0MRSHTDG", c.id, "K600PKZON8", "T"+c.id[1:])
		began := all[0].Received
		start := now.Add(time.Duration(i) * time.Second)
		go func() {
			for _, d := range all {
				time.Sleep(time.Until(start.Add(d.Received.Sub(began))))
				body := change.Replace(moved(string(d.Body), start.Sub(began)))
				if resp, err := http.Post(l.function, "application/json", strings.NewReader(body)); err == nil {
					resp.Body.Close()
				}
			}
		}()
	}
	b := newTab(t, l.page)
	b.patience = 5 * time.Minute
	b.size(1200, 940)
	b.scheme("light")
	b.visit("/chats/NSGM6W7VN0")
	b.has("#detail .gist", "Summary") // the last webhook
	b.do(chromedp.Evaluate[chromedp.Void](`document.querySelector("#detail").scrollTop = 0`))
	png, err := chromedp.Run(b.ctx, chromedp.CaptureScreenshot())
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(root, "docs/page.png"), png, 0o644); err != nil {
		t.Fatal(err)
	}
}

var clock = regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z`)

// moved returns a body with its times moved.
func moved(body string, by time.Duration) string {
	return clock.ReplaceAllStringFunc(body, func(text string) string {
		at, err := time.Parse(time.RFC3339Nano, text)
		if err != nil {
			return text
		}
		return at.Add(by).UTC().Format("2006-01-02T15:04:05.000000Z")
	})
}
