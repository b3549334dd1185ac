package main

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"example.com/livechat-webhook/internal/livechattest"
	"example.com/livechat-webhook/payload"
)

// registeredActions returns the actions of all registrations.
func (b *bench) registeredActions() []string {
	var actions []string
	for _, w := range b.Webhooks() {
		actions = append(actions, w.Action)
	}
	return actions
}

// drop makes LiveChat no longer offer an action.
func (b *bench) drop(action string) {
	b.Actions = slices.DeleteFunc(b.Actions, func(a livechattest.Action) bool { return a.Action == action })
}

func TestActionsOfTheNumbers(t *testing.T) {
	for list, want := range map[string][]string{
		"numbers": {
			"incoming_chat", "incoming_event", "chat_deactivated",
			"chat_transferred", "user_added_to_chat", "user_removed_from_chat",
			"thread_properties_updated", "thread_properties_deleted", "thread_tagged", "thread_untagged",
			"event_updated", "event_deleted",
		},
		"tag_created,numbers, incoming_chat": {
			"tag_created", "incoming_chat", "incoming_event", "chat_deactivated",
			"chat_transferred", "user_added_to_chat", "user_removed_from_chat",
			"thread_properties_updated", "thread_properties_deleted", "thread_tagged", "thread_untagged",
			"event_updated", "event_deleted",
		},
	} {
		b := newBench(t)
		if code, stdout, stderr := b.command(t, "-actions", list); code != exitOK || stderr != "" {
			t.Errorf("%s: exit %d\n%s%s", list, code, stdout, stderr)
		}
		wantStrings(t, list, b.registeredActions(), want...)
	}
	for _, action := range numbers {
		if a, ok := payload.LookupAction(action); !ok || !a.In(version) {
			t.Errorf("version %s has no %s", version, action)
		}
	}
}

func TestWarnsOfActionsThatItDoesNotKnow(t *testing.T) {
	b := newBench(t)
	b.Actions = append(b.Actions, livechattest.Action{Action: "chat_painted"}, livechattest.Action{Action: "chat_framed"})
	code, _, stderr := b.command(t, "-actions", "all")
	want := "warning: LiveChat has actions that this command does not know and -actions all leaves out: " +
		"chat_painted, chat_framed\n"
	if code != exitOK || stderr != want || len(b.Webhooks()) != len(current()) {
		t.Errorf("exit %d, %q, %d registered", code, stderr, len(b.Webhooks()))
	}
}

func TestAllLeavesOutWhatLiveChatDropped(t *testing.T) {
	b := newBench(t)
	b.drop("event_deleted")
	code, stdout, stderr := b.command(t, "-actions", "all")
	if code != exitOK || stderr != "warning: left out, because LiveChat no longer has it: event_deleted\n" {
		t.Errorf("exit %d, %q\n%s", code, stderr, stdout)
	}
	want := slices.DeleteFunc(current(), func(a string) bool { return a == "event_deleted" })
	wantStrings(t, "registered", b.registeredActions(), want...)
}

func TestDroppedActionFailsIfNamed(t *testing.T) {
	b := newBench(t)
	b.drop("event_deleted")
	b.expect(t, exitFailed, `
failed      event_deleted:     LiveChat no longer has this action in version 3.6 of its API
registered  incoming_chat      00000000000000000000000000000001
1 registered, 1 failed
LiveChat may take 2 minutes to start sending
`, "-actions", "event_deleted,incoming_chat")
	if n := b.count("register_webhook"); n != 1 {
		t.Errorf("%d calls", n)
	}
}

func TestReplaceKeepsWhatLiveChatDropped(t *testing.T) {
	b := newBench(t)
	b.here("event_deleted")
	b.here("incoming_chat")
	b.drop("event_deleted")
	code, stdout, _ := b.command(t, "-replace")
	if code != exitFailed || !strings.Contains(stdout, "failed      event_deleted:") {
		t.Errorf("exit %d\n%s", code, stdout)
	}
	wantStrings(t, "in the end", b.secrets(), "event_deleted old-secret", "incoming_chat new-secret")
}

func TestRegistersThoughTheActionsCannotBeChecked(t *testing.T) {
	b := newBench(t)
	b.Fail(livechattest.Fault{Method: "list_webhook_names", Times: 1, Status: 404})
	code, _, stderr := b.command(t, "-chat-properties")
	want := "warning: the actions are not checked: LiveChat answers list_webhook_names with 404, not_found, Not found\n"
	if code != exitOK || stderr != want {
		t.Errorf("exit %d, %q", code, stderr)
	}
	for _, w := range b.Webhooks() {
		wantStrings(t, w.Action, w.AdditionalData, "chat_properties")
	}
	wantStrings(t, "registered", b.registeredActions(), strings.Split(usual, ",")...)
}

func TestActionsAreAskedForWithoutCredentials(t *testing.T) {
	b := newBench(t)
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/list_webhook_names") {
			body, _ := io.ReadAll(r.Body)
			if r.Header.Get("Authorization") != "" || string(body) != `{"version":"3.6"}` {
				t.Errorf("%v %s", r.Header, body)
			}
			r.Body = io.NopCloser(bytes.NewReader(body))
		}
		b.ServeHTTP(w, r)
	}))
	defer api.Close()
	b.env["LIVECHAT_API_URL"] = api.URL + "/v3.6"
	if code, _, stderr := b.command(t); code != exitOK || b.count("list_webhook_names") != 1 {
		t.Errorf("exit %d, %s, calls %q", code, stderr, b.Calls())
	}
}

func TestActionsAreCheckedOnlyToRegister(t *testing.T) {
	for _, flag := range []string{"-list", "-unregister"} {
		b := newBench(t)
		b.here("incoming_chat")
		if code, _, stderr := b.command(t, flag); code != exitOK || b.count("list_webhook_names") > 0 {
			t.Errorf("%s: exit %d, %s, calls %q", flag, code, stderr, b.Calls())
		}
	}
}

func TestChatPropertiesWhereLiveChatHasThem(t *testing.T) {
	b := newBench(t)
	b.succeed(t, `
registered  incoming_chat      00000000000000000000000000000001
registered  tag_created        00000000000000000000000000000002  without chat properties, which LiveChat does not have for it
2 registered
LiveChat may take 2 minutes to start sending
`, "-chat-properties", "-actions", "incoming_chat,tag_created")
	wantStrings(t, "incoming_chat", b.Webhooks()[0].AdditionalData, "chat_properties")
	wantStrings(t, "tag_created", b.Webhooks()[1].AdditionalData)
	b.succeed(t, `
already     incoming_chat      00000000000000000000000000000001  LiveChat does not say whether with chat properties: see -replace
1 already
`, "-chat-properties", "-actions", "incoming_chat")
	b.succeed(t, `
registered  incoming_chat      00000000000000000000000000000003
waiting 2 minutes until LiveChat is sure to use the new ones before removing the old ones
removed     incoming_chat      00000000000000000000000000000001
1 registered, 1 removed
`, "-replace", "-actions", "incoming_chat")
	wantStrings(t, "not asked for again", b.Webhooks()[1].AdditionalData)
}
