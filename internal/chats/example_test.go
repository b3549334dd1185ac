package chats_test

import (
	"encoding/json"
	"fmt"
	"log"
	"time"

	"example.com/livechat-webhook/internal/chats"
)

func ExampleFrom() {
	received := time.Date(2026, 3, 9, 15, 46, 50, 0, time.UTC)
	entries := []chats.Entry{
		{InsertID: "2", Timestamp: received.Add(time.Second), Webhook: []byte(`{"action": "incoming_event", "payload": {
			"chat_id": "PJ0MRSHTDG", "thread_id": "K600PKZON8", "event": {"id": "K600PKZON8_1", "type": "message",
			"author_id": "b7eff798-f8df-4364-8059-649c35c9ed0c", "created_at": "2026-03-09T15:46:51Z", "text": "Hello"}}}`)},
		{InsertID: "3", Timestamp: received.Add(40 * time.Second), Webhook: []byte(`{"action": "incoming_event", "payload": {
			"chat_id": "PJ0MRSHTDG", "thread_id": "K600PKZON8", "event": {"id": "K600PKZON8_2", "type": "message",
			"author_id": "smith@example.com", "created_at": "2026-03-09T15:47:30Z", "text": "Hi"}}}`)},
		{InsertID: "1", Timestamp: received, Webhook: []byte(`{"action": "incoming_chat", "payload": {"chat": {
			"id": "PJ0MRSHTDG", "users": [{"id": "b7eff798-f8df-4364-8059-649c35c9ed0c", "type": "customer", "name": "Thomas"}],
			"thread": {"id": "K600PKZON8", "created_at": "2026-03-09T15:46:50Z"}}}}`)},
	}
	for _, chat := range chats.From(entries) {
		fmt.Println(chat.Customer.Name, "waited", chat.FirstAgentReply.Seconds, "s for", chat.FirstAgentReply.By.ID)
		for _, item := range chat.Transcript {
			text, err := json.Marshal(item)
			if err != nil {
				log.Fatal(err)
			}
			fmt.Println(string(text))
		}
	}
	// Output:
	// Thomas waited 39 s for smith@example.com
	// {"at":"2026-03-09T15:46:51Z","type":"message","by":{"kind":"customer","id":"b7eff798-f8df-4364-8059-649c35c9ed0c","name":"Thomas"},"event_id":"K600PKZON8_1","text":"Hello","insert_ids":["2"]}
	// {"at":"2026-03-09T15:47:30Z","type":"message","by":{"kind":"agent","id":"smith@example.com"},"event_id":"K600PKZON8_2","text":"Hi","insert_ids":["3"]}
}
