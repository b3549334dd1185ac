package chats_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"example.com/livechat-webhook/internal/chats"
)

// FuzzFrom looks for webhooks that break the chat they are about, or its JSON,
// which would take all other chats of a page with it.
func FuzzFrom(f *testing.F) {
	for _, family := range []string{"v2", "v3"} {
		bodies, err := filepath.Glob("../../testdata/" + family + "/*.json")
		if err != nil || len(bodies) == 0 {
			f.Fatal("no bodies: ", err)
		}
		for _, file := range bodies {
			body, err := os.ReadFile(file)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(body, body)
		}
	}
	f.Add([]byte(`{"action":"incoming_event","payload":{"thread_id":"T","event":{"type":"message","created_at":999999999999999}}}`), []byte(`{}`))
	f.Fuzz(func(t *testing.T, a, b []byte) {
		got := chats.From([]chats.Entry{
			{InsertID: "a", Timestamp: at(0), Webhook: a},
			{InsertID: "b", Timestamp: at(1), Webhook: b},
		})
		if _, err := json.Marshal(got); err != nil {
			t.Fatal(err)
		}
	})
}
