package logentry

import (
	"testing"

	"cloud.google.com/go/logging/apiv2/loggingpb"
	"google.golang.org/protobuf/types/known/structpb"

	"example.com/livechat-webhook/internal/chats"
	_ "example.com/livechat-webhook/internal/golden"
)

// What becomes of the function's own entries and copies is tested in package
// chats, whose golden chats all come through here.

func TestOtherEntriesHaveNoWebhook(t *testing.T) {
	for name, e := range map[string]*loggingpb.LogEntry{
		"empty":   {},
		"text":    {Payload: &loggingpb.LogEntry_TextPayload{TextPayload: "listening"}},
		"refused": {Payload: jsonPayload(t, map[string]any{"message": "refused: no secret", "count": 1})},
	} {
		if got := Entry(e); got.Webhook != nil || len(chats.From([]chats.Entry{got})) != 0 {
			t.Errorf("%s: got %s", name, got.Webhook)
		}
	}
}

func TestNumbersStayTheSame(t *testing.T) {
	got := Entry(&loggingpb.LogEntry{Payload: jsonPayload(t, map[string]any{"webhook": map[string]any{"id": 1552126412.0, "size": float64(1 << 53)}})})
	if want := `{"id":1552126412,"size":9007199254740992}`; string(got.Webhook) != want {
		t.Errorf("got %s, want %s", got.Webhook, want)
	}
}

func jsonPayload(t *testing.T, fields map[string]any) *loggingpb.LogEntry_JsonPayload {
	t.Helper()
	s, err := structpb.NewStruct(fields)
	if err != nil {
		t.Fatal(err)
	}
	return &loggingpb.LogEntry_JsonPayload{JsonPayload: s}
}
