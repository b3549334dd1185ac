package page

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	livechatwebhook "example.com/livechat-webhook"
	"example.com/livechat-webhook/internal/cloudlogtest"
	"example.com/livechat-webhook/internal/console"
)

// full returns a page with as many webhooks as it holds, of 10 MB of bodies in
// 100 chats.
func full(b *testing.B) *Page {
	b.Helper()
	p := New(Options{Store: NewStore(), Config: configOf(b, secret, ""), Function: "http://localhost:8080"})
	for i := range maxWebhooks {
		chat := fmt.Sprintf("CHAT%d", i%100)
		body := said(chat, fmt.Sprintf("%sT_%d", chat, i), "smith@example.com", strings.Repeat("A word, and another. ", 230), time.Now())
		w := example(p, []byte(body))
		w.Number, w.Received = 0, time.Now()
		p.store.add(w)
	}
	return p
}

// BenchmarkPage draws the views of a full store. None may take longer than
// 100 ms.
func BenchmarkPage(b *testing.B) {
	p := full(b)
	h := p.Handler()
	for _, path := range []string{"/webhooks", "/webhooks/1000", "/webhooks?q=another", "/webhooks?q=not+there", "/chats", "/chats/CHAT1", "/send"} {
		b.Run(path, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				r := httptest.NewRequest("GET", "http://localhost"+path, nil)
				w := httptest.NewRecorder()
				h.ServeHTTP(w, r)
				if w.Code != 200 {
					b.Fatal(w.Code)
				}
			}
		})
	}
}

// BenchmarkChats makes the chats of a full store, which is to be done once for
// each webhook that comes while somebody looks.
func BenchmarkChats(b *testing.B) {
	p := full(b)
	for b.Loop() {
		p.chats.made = false
		p.allChats()
	}
}

// BenchmarkReceiver posts webhooks to the function, without a page and beside
// one. A page may cost a tenth.
func BenchmarkReceiver(b *testing.B) {
	for _, with := range []string{"alone", "beside the page"} {
		b.Run(with, func(b *testing.B) {
			store := NewStore()
			logging, err := cloudlogtest.Start("127.0.0.1:0", store.Written)
			if err != nil {
				b.Fatal(err)
			}
			defer logging.Close()
			c := configOf(b, secret, logging.Addr())
			f, err := livechatwebhook.New(context.Background(), c, console.New(io.Discard, io.Discard))
			if err != nil {
				b.Fatal(err)
			}
			var h http.Handler = f
			if with != "alone" {
				h = New(Options{Store: store, Config: c}).Record(f)
			}
			server := httptest.NewServer(h)
			defer server.Close()
			body := message("Where is order 4711? It should have been here on Friday.")
			b.ResetTimer()
			for b.Loop() {
				resp, err := http.Post(server.URL, "application/json", strings.NewReader(body))
				if err != nil || resp.StatusCode != 200 {
					b.Fatal(err, resp.Status)
				}
				io.Copy(io.Discard, resp.Body)
				resp.Body.Close()
			}
		})
	}
}
