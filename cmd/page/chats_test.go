package page

import (
	"strings"
	"testing"
	"time"

	"example.com/livechat-webhook/internal/chats"
)

// event is a webhook of a chat.
func event(chat, action, payload string) string {
	return `{"secret_key":"` + secret + `","action":"` + action + `","payload":{` + strings.ReplaceAll(payload, "CHAT", chat) + `}}`
}

func startOf(chat string, at time.Time) string {
	return event(chat, "incoming_chat", `"chat":{"id":"CHAT","users":[{"id":"c1","type":"customer","name":"Zoë"},{"id":"smith@example.com","type":"agent","name":"Smith"}],
		"thread":{"id":"CHATT","created_at":"`+at.Format(time.RFC3339Nano)+`","user_ids":["c1"]}}`)
}

func said(chat, id, by, text string, at time.Time) string {
	return event(chat, "incoming_event", `"chat_id":"CHAT","thread_id":"CHATT","event":{"id":"`+id+`","type":"message","author_id":"`+by+`","created_at":"`+
		at.Format(time.RFC3339Nano)+`","text":`+string(quote(text))+`}`)
}

func closed(chat string) string {
	return event(chat, "chat_deactivated", `"chat_id":"CHAT","thread_id":"CHATT"`)
}

func TestStatesOfChats(t *testing.T) {
	r := start(t, secret, "")
	now := time.Now().UTC()
	at := func(seconds int) time.Time { return now.Add(time.Duration(seconds-60) * time.Second) }
	r.send(t, startOf("WAITING1", at(0)))
	r.send(t, said("WAITING1", "E1", "c1", "Anybody?", at(1)))
	r.send(t, startOf("OPEN1", at(0)))
	r.send(t, said("OPEN1", "E2", "c1", "Hello", at(1)))
	r.send(t, said("OPEN1", "E3", "smith@example.com", "Hi", at(4)))
	r.send(t, startOf("MISSED1", at(0)))
	r.send(t, said("MISSED1", "E4", "c1", "Nobody?", at(1)))
	r.send(t, closed("MISSED1"))
	r.send(t, startOf("ENDED1", at(0)))
	r.send(t, said("ENDED1", "E5", "c1", "مرحبا", at(1)))
	r.send(t, said("ENDED1", "E6", "smith@example.com", "Hi", at(2)))
	r.send(t, closed("ENDED1"))
	for _, c := range conversationsOf(r.allChats()) {
		if want := strings.ToLower(strings.TrimSuffix(c.ID, "1")); c.State() != want {
			t.Errorf("%s is %s", c.ID, c.State())
		}
	}
	for query, want := range map[string]string{"?state=waiting": "WAITING1", "?state=open": "OPEN1", "?state=missed": "MISSED1", "?state=ended": "ENDED1", "?q=nobody": "MISSED1"} {
		_, _, text := r.get(t, "/chats"+query)
		if strings.Count(text, "row conversation") != 1 || !strings.Contains(text, `href="/chats/`+want) {
			t.Errorf("%s lists something else than %s", query, want)
		}
	}
	// A bubble leads to its webhook, and a webhook to its chat.
	if _, _, text := r.get(t, "/chats/OPEN1"); !strings.Contains(text, `href="/webhooks/5"`) {
		t.Error("no link to webhook 5")
	}
	if _, _, text := r.get(t, "/webhooks/5"); !strings.Contains(text, `href="/chats/OPEN1`) {
		t.Error("no link to the chat")
	}
	if _, _, text := r.get(t, "/chats/ENDED1/transcript.txt"); !strings.Contains(text, "] Zoë: مرحبا\n") {
		t.Errorf("transcript: %s", text)
	}
	if status, _, _ := r.get(t, "/chats/NONE/transcript.txt"); status != 404 {
		t.Errorf("transcript of no chat: %d", status)
	}
}

func TestTotals(t *testing.T) {
	now := time.Date(2026, 11, 24, 15, 0, 0, 0, time.UTC)
	yes, no := true, false
	reply := func(s float64) *chats.Reply { return &chats.Reply{Seconds: s} }
	got := totalsOf([]chats.Chat{
		{Started: now.Add(-time.Hour), Ended: now, Missed: &no, FirstAgentReply: reply(10), Messages: chats.Counts{Customer: 2, Agent: 1, Whispers: 3}, Rating: &chats.Rating{Score: "good"}},
		{Started: now.Add(-time.Hour), FirstAgentReply: reply(20), Messages: chats.Counts{Customer: 1, Bot: 1}},
		{Started: now.Add(-2 * time.Hour), Ended: now, Missed: &yes},
		{Started: now.Add(-20 * time.Hour), Ended: now.Add(-14 * time.Hour), Missed: &yes, FirstAgentReply: reply(1000)},
		{Started: now.Add(-40 * time.Hour), Ended: now.Add(-39 * time.Hour)},
	}, now)
	want := totals{Started: 3, Ended: 3, Missed: 1, Messages: 5, FirstReply: 15, Replied: 2, Good: 1, Busiest: 14}
	if got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	if got := totalsOf(nil, now); got != (totals{Busiest: -1}) {
		t.Errorf("of nothing: %+v", got)
	}
}

// TestMarkdown: what people write is no markup.
func TestMarkdown(t *testing.T) {
	if got := markdown("# *a* [b](c) <d> `e`\n1. x"); got != "\\# \\*a\\* \\[b\\]\\(c\\) \\<d\\> \\`e\\`\n1\\. x" {
		t.Errorf("%s", got)
	}
}
