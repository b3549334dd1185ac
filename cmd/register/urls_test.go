package main

import (
	"strings"
	"testing"

	"example.com/livechat-webhook/internal/livechattest"
)

func TestServiceOfURL(t *testing.T) {
	tests := []struct {
		url, name string
		form      int
	}{
		{"https://livechat-webhook-1234567890.europe-west1.run.app", "livechat-webhook", 0},
		{"https://LIVECHAT-webhook-1234567890.us-central1.run.app/path?a=b", "livechat-webhook", 0},
		{"https://user:password@n-1.europe-west1.run.app/", "n", 0},
		{"https://livechat-webhook-6xq2yqhm7q-ew.a.run.app/", "livechat-webhook", 1},
		{"https://livechat-webhook-2-1234567890-uc.a.run.app", "livechat-webhook-2", 1},
		{"https://europe-west1-my-project.cloudfunctions.net/livechat-webhook", "livechat-webhook", 2},
		{"https://europe-west1-my-project.cloudfunctions.net/", "", 0},
		{"https://run.app/", "", 0},
		{"https://livechat-webhook-1234567890.europe-west1.run.app.example.com/", "", 0},
		{"https://example.com/n-1.europe-west1.run.app/", "", 0},
		{"https://example.com/@n-1.europe-west1.run.app/", "", 0},
		{"https://host:bad", "", 0},
	}
	for _, tt := range tests {
		if name, form := service(tt.url); name != tt.name || form != tt.form {
			t.Errorf("%s: %q, %d", tt.url, name, form)
		}
	}
}

func TestWarnsOfWebhooksUnderAnotherURLOfTheService(t *testing.T) {
	const (
		number = "https://livechat-webhook-1234567890.europe-west1.run.app"
		hash   = "https://livechat-webhook-6xq2yqhm7q-ew.a.run.app/"
	)
	add := func(b *bench, url string) {
		b.Add(livechattest.Webhook{Action: "incoming_chat", URL: url, OwnerClientID: appID, Type: "license"})
		b.Add(livechattest.Webhook{Action: "incoming_event", URL: url, OwnerClientID: appID, Type: "license"})
	}
	warning := func(url string) string {
		return "warning: webhooks are registered for " + url + " too, which looks like another URL of the same service: they may arrive twice.\n" +
			"To see the service's URLs:\n" +
			"    gcloud run services describe livechat-webhook --format 'value(metadata.annotations[\"run.googleapis.com/urls\"])'\n" +
			"To remove those webhooks:\n" +
			"    go run ./cmd/register -client-id app-1 -unregister -url " + url + "\n"
	}
	tests := []struct {
		name, url string
		there     []string
		want      string
	}{
		{name: "hash beside number", url: number, there: []string{hash}, want: warning(hash)},
		{name: "number beside hash", url: hash, there: []string{number}, want: warning(number)},
		{
			name:  "function beside number, with a password",
			url:   number,
			there: []string{"https://a:very-secret@europe-west1-p.cloudfunctions.net/livechat-webhook"},
			want:  warning("https://a:xxxxx@europe-west1-p.cloudfunctions.net/livechat-webhook"),
		},
		{name: "another service", url: number, there: []string{"https://other-6xq2yqhm7q-ew.a.run.app/"}},
		{name: "another project", url: number, there: []string{"https://livechat-webhook-99.europe-west1.run.app/"}},
		{name: "no service", url: "https://tunnel.example.com", there: []string{hash, "https://b.example.com"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, args := range [][]string{{"-list"}, {"-actions", "incoming_chat"}, {"-unregister"}} {
				b := newBench(t)
				add(b, tt.url)
				for _, url := range tt.there {
					add(b, url)
				}
				code, _, stderr := b.command(t, append(args, "-url", tt.url)...)
				if code != exitOK || stderr != tt.want {
					t.Errorf("%q: exit %d, %q", args, code, stderr)
				}
				if strings.Contains(stderr, "very-secret") {
					t.Errorf("password in %q", stderr)
				}
			}
		})
	}
}
