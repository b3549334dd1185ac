package payload_test

import (
	"fmt"
	"log"

	"example.com/livechat-webhook/payload"
)

const hello = `{
  "webhook_id": "2c0b13904e79b2aca271e5f84b898f35",
  "secret_key": "dummy_key",
  "action": "incoming_event",
  "organization_id": "390e44e6-f1e6-4368-b6dd-74c14508c2e0",
  "payload": {
    "chat_id": "PJ0MRSHTDG",
    "thread_id": "K600PKZON8",
    "event": {
      "id": "K600PKZON8_2",
      "type": "message",
      "author_id": "b7eff798-f8df-4364-8059-649c35c9ed0c",
      "created_at": "2020-10-07T07:11:57.414000Z",
      "text": "Hello"
    }
  }
}`

func ExampleParse() {
	w, err := payload.Parse([]byte(hello))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(w.Family, w.Event, w.ChatID, w.EventID)
	fmt.Println(w.Time)
	// Output:
	// v3 incoming_event PJ0MRSHTDG K600PKZON8_2
	// 2020-10-07 07:11:57.414 +0000 UTC
}

func ExampleWebhook_Decode() {
	w, err := payload.Parse([]byte(hello))
	if err != nil {
		log.Fatal(err)
	}
	event, err := w.Decode()
	if err != nil {
		log.Fatal(err)
	}
	switch e := event.(type) {
	case *payload.IncomingEvent:
		fmt.Println(e.Event.Type, e.Event.Text)
	case *payload.ChatEnded:
		fmt.Println(len(e.Chat.Messages))
	}
	// Output: message Hello
}

func ExampleWebhook_Summary() {
	w, err := payload.Parse([]byte(hello))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(w.Summary())
	// Output: incoming_event PJ0MRSHTDG: b7eff798… wrote "Hello"
}

func ExampleLookupAction() {
	a, _ := payload.LookupAction("thread_closed")
	fmt.Println(a.Last, a.Successor, a.In("3.6"))
	// Output: 3.1 chat_deactivated false
}
