package chatstest

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"cloud.google.com/go/logging/apiv2/loggingpb"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/genproto/googleapis/api/monitoredres"
	"google.golang.org/protobuf/testing/protocmp"

	livechatwebhook "example.com/livechat-webhook"
	"example.com/livechat-webhook/internal/cloudlogtest"
	"example.com/livechat-webhook/internal/config"
	"example.com/livechat-webhook/internal/console"
	_ "example.com/livechat-webhook/internal/golden"
)

// TestEntriesAreThoseOfTheFunction delivers the chats to the function and
// compares what Cloud Logging gets with Entries. The times differ: the function
// has the clock's.
func TestEntriesAreThoseOfTheFunction(t *testing.T) {
	chats, err := Load("../../testdata/chats")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range chats {
		t.Run(c.Name, func(t *testing.T) {
			for i := range c.Deliveries {
				c.Deliveries[i].Copy = false
			}
			want, err := c.Entries()
			if err != nil {
				t.Fatal(err)
			}
			got := function(t, c)
			if diff := cmp.Diff(want, got, protocmp.Transform(),
				protocmp.IgnoreFields(&loggingpb.LogEntry{}, "timestamp", "receive_timestamp", "resource")); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// function returns what the function writes of a chat.
func function(t *testing.T, c Chat) []*loggingpb.LogEntry {
	t.Helper()
	cloud, err := cloudlogtest.Start("127.0.0.1:0", nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cloud.Close)
	settings := config.Config{
		Secrets: []string{"dummy_key"}, Redact: map[string]bool{},
		Project: "my-project", LogID: "livechat-webhooks", Emulator: cloud.Addr(),
		Resource: &monitoredres.MonitoredResource{Type: "global", Labels: map[string]string{"project_id": "my-project"}},
	}
	for _, name := range c.Redact {
		settings.Redact[name] = true
	}
	f, err := livechatwebhook.New(context.Background(), settings, console.New(io.Discard, io.Discard))
	if err != nil {
		t.Fatal(err)
	}
	for i, d := range c.Deliveries {
		response, request := httptest.NewRecorder(), httptest.NewRequest("POST", "/", bytes.NewReader(d.Body))
		request.SetBasicAuth("livechat", "dummy_key") // the bodies of v2 have another token
		if f.ServeHTTP(response, request); response.Code != http.StatusOK {
			t.Fatalf("delivery %d: %d %s", i, response.Code, response.Body)
		}
	}
	return cloud.Entries()
}
