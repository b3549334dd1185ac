package payload

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	_ "example.com/livechat-webhook/internal/golden"
)

// bodies returns the bodies of testdata by path, such as v2/chat_ended.json.
func bodies(t testing.TB) map[string][]byte {
	t.Helper()
	found := make(map[string][]byte)
	for _, family := range []string{"v2", "v3", "app"} {
		files, err := filepath.Glob(filepath.Join("../testdata", family, "*.json"))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			if name := family + "/" + filepath.Base(file); !strings.HasSuffix(name, ".entry.json") {
				found[name] = body(t, name)
			}
		}
	}
	return found
}

func body(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("../testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func mustParse(t testing.TB, body []byte) *Webhook {
	t.Helper()
	w, err := Parse(body)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func TestParseRefuses(t *testing.T) {
	for name, tt := range map[string]struct {
		body string
		want error
	}{
		"empty":                {"", ErrEmpty},
		"white space":          {" \t\r\n", ErrEmpty},
		"text":                 {"hunter2", ErrSyntax},
		"form":                 {"event_type=hunter2", ErrSyntax},
		"byte order mark":      {"\ufeff{}", ErrSyntax},
		"cut short in name":    {`{"hunter2`, ErrSyntax},
		"cut short in value":   {`{"secret_key":"hunter2`, ErrSyntax},
		"cut short in number":  {`{"license_id":-`, ErrSyntax},
		"cut short in object":  {`{"payload":{"hunter2":1}`, ErrSyntax},
		"no comma":             {`{"a":1 "hunter2":2}`, ErrSyntax},
		"no value":             {`{"hunter2"}`, ErrSyntax},
		"wrong bracket":        {`{"payload":{"hunter2":1]}`, ErrSyntax},
		"wrong array bracket":  {`{"payload":[1}}`, ErrSyntax},
		"single quotes":        {`{'hunter2':1}`, ErrSyntax},
		"trailing text":        {`{"a":1}hunter2`, ErrSyntax},
		"trailing object":      {`{"a":1}{"hunter2":1}`, ErrSyntax},
		"trailing comma":       {`{"hunter2":1,}`, ErrSyntax},
		"too deep":             {strings.Repeat(`{"a":`, 10_001) + "1" + strings.Repeat("}", 10_001), ErrSyntax},
		"array":                {`[{"action":"hunter2"}]`, ErrNotObject},
		"string":               {`"hunter2"`, ErrNotObject},
		"null":                 {" null ", ErrNotObject},
		"array and more":       {`[] {}`, ErrSyntax},
		"control in string":    {"{\"a\":\"hunter2\n\"}", ErrSyntax},
		"escape that is none":  {`{"a":"hunter2\x"}`, ErrSyntax},
		"second value missing": {`{"a":1,"hunter2":}`, ErrSyntax},
	} {
		t.Run(name, func(t *testing.T) {
			w, err := Parse([]byte(tt.body))
			if !errors.Is(err, tt.want) || w != nil {
				t.Fatalf("got %v, %v, want %v", w, err, tt.want)
			}
			if strings.Contains(err.Error(), "hunter2") {
				t.Errorf("the error quotes the body: %v", err)
			}
		})
	}
}

// fields are what Parse promises to find.
type fields struct {
	Family                                       Family
	Event, SecretKey, Token                      string
	ChatID, ThreadID, EventID                    string
	LicenseID, OrganizationID, WebhookID, Moment string
}

func found(w *Webhook) fields {
	f := fields{w.Family, w.Event, w.SecretKey, w.Token, w.ChatID, w.ThreadID, w.EventID,
		w.LicenseID, w.OrganizationID, w.WebhookID, ""}
	if !w.Time.IsZero() {
		f.Moment = w.Time.Format(time.RFC3339Nano)
	}
	return f
}

func TestParseFinds(t *testing.T) {
	for name, tt := range map[string]struct {
		body string
		want fields
	}{
		"nothing":               {`{}`, fields{Family: Unknown}},
		"white space around":    {" \n{} \t", fields{Family: Unknown}},
		"action of wrong kind":  {`{"action":{"a":1},"secret_key":["s"]}`, fields{Family: Unknown}},
		"event without an app":  {`{"event":"application_installed"}`, fields{Family: Unknown}},
		"type without purchase": {`{"type":"ENABLE"}`, fields{Family: Unknown}},
		"purchase of new type":  {`{"transaction":"t","type":"PAUSE"}`, fields{Family: Upgrade, Event: "PAUSE"}},
		"last of two members":   {`{"action":"a","secret_key":"x","action":"b","secret_key":"y"}`, fields{Family: V3, Event: "b", SecretKey: "y"}},
		"last of two payloads":  {`{"action":"a","payload":{"chat_id":"C"},"payload":{"thread_id":"T"}}`, fields{Family: V3, Event: "a", ThreadID: "T"}},
		"last of no object":     {`{"action":"a","payload":{"chat_id":"C"},"payload":"gone"}`, fields{Family: V3, Event: "a"}},
		"payload before action": {`{"payload":{"id":"C"},"action":"chat_access_updated"}`, fields{Family: V3, Event: "chat_access_updated", ChatID: "C"}},
		"escaped names":         {`{"\u0061ction":"a","secret\u005fkey":"\u0073"}`, fields{Family: V3, Event: "a", SecretKey: "s"}},
		"invalid UTF-8":         {"{\"action\":\"a\",\"secret_key\":\"s\xff\"}", fields{Family: V3, Event: "a", SecretKey: "s\ufffd"}},
		"lone surrogate":        {`{"action":"a","secret_key":"s\ud800"}`, fields{Family: V3, Event: "a", SecretKey: "s\ufffd"}},
		"numbers for ids": {`{"event_type":"chat_started","license_id":1067,"token":12,"chat":{"id":9007199254740993}}`,
			fields{Family: V2, Event: "chat_started", LicenseID: "1067", Token: "12", ChatID: "9007199254740993"}},
		"payload called data":        {`{"action":"chat_thread_tagged","data":{"chat_id":"C"}}`, fields{Family: V3, Event: "chat_thread_tagged", ChatID: "C"}},
		"access to another resource": {`{"action":"access_set","payload":{"resource":"group","id":"G"}}`, fields{Family: V3, Event: "access_set"}},
		"customer's creation": {`{"action":"customer_created","payload":{"customer":{"created_at":"2020-01-02T03:04:05.6Z"}}}`,
			fields{Family: V3, Event: "customer_created", Moment: "2020-01-02T03:04:05.6Z"}},
		"first message of a ticket": {`{"event_type":"ticket_created","ticket":{"events":[{"date":"2020-01-02T03:04:05Z"},{"date":"2021-01-02T03:04:05Z"}]}}`,
			fields{Family: V2, Event: "ticket_created", Moment: "2020-01-02T03:04:05Z"}},
		"transferred chat is not new": {`{"action":"incoming_chat","payload":{"chat":{"thread":{"created_at":"2020-01-02T03:04:05Z"}},"transferred_from":{}}}`,
			fields{Family: V3, Event: "incoming_chat"}},
		"time of wrong kind": {`{"action":"incoming_event","payload":{"event":{"created_at":"yesterday"}}}`,
			fields{Family: V3, Event: "incoming_event"}},
		"v2/chat_started.json": {want: fields{Family: V2, Event: "chat_started", Token: "31aae354", ChatID: "PO13", LicenseID: "1067", Moment: "2019-03-09T10:13:32Z"}},
		"v2/chat_ended.json":   {want: fields{Family: V2, Event: "chat_ended", Token: "f791db42", ChatID: "PO13", LicenseID: "1067", Moment: "2019-03-09T10:15:03Z"}},
		"v2/ticket_created-chat-window.json": {want: fields{Family: V2, Event: "ticket_created", Token: "00000000000000000000000000000a03",
			LicenseID: "1025707", Moment: "2019-05-14T11:48:10Z"}},
		"v3/incoming_event-v3.2.json": {want: fields{Family: V3, Event: "incoming_event", SecretKey: "dummy_key", ChatID: "PS0X0L086G", ThreadID: "PZ070E0W1B",
			EventID: "PZ070E0W1B_3", LicenseID: "21377312", WebhookID: "1188f559c4bae6c4b9a87a1b32d78202", Moment: "2019-10-11T09:41:00.877Z"}},
		"v3/event_updated-v3.6.json": {want: fields{Family: V3, Event: "event_updated", SecretKey: "dummy_key", ChatID: "PJ0MRSHTDG", ThreadID: "K600PKZON8",
			EventID: "K600PKZON8_3", OrganizationID: "390e44e6-f1e6-4368-b6dd-74c14508c2e0", WebhookID: "2c0b13904e79b2aca271e5f84b898f35"}},
		"v3/event_deleted-v3.6.json": {want: fields{Family: V3, Event: "event_deleted", SecretKey: "dummy_key", ChatID: "123-123-123-123", ThreadID: "E2WDHA8A",
			EventID: "PZ070E0W1B_3", OrganizationID: "390e44e6-f1e6-0368c-z6ddb-74g14508c2ex", WebhookID: "2c0b13904e79b2aca271e5f84b898f35"}},
		"v3/incoming_chat-v3.2.json": {want: fields{Family: V3, Event: "incoming_chat", SecretKey: "dummy_key", ChatID: "PS0X0L086G", ThreadID: "PZ070E0W1B",
			LicenseID: "21377312", WebhookID: "adaa18f4abe65dec0f86a5047ed32d2c", Moment: "2020-05-07T07:11:28.28834Z"}},
		"v3/incoming_chat_thread-v3.1.json": {want: fields{Family: V3, Event: "incoming_chat_thread", SecretKey: "dummy_key", ChatID: "PJ0MRSHTDG", ThreadID: "K600PKZON8",
			WebhookID: "2c0b13904e79b2aca271e5f84b898f35", Moment: "2019-10-08T11:56:53Z"}},
		"v3/access_granted-v3.1.json": {want: fields{Family: V3, Event: "access_granted", SecretKey: "dummy_key", ThreadID: "PJ0MRSHTDX",
			WebhookID: "37901609f767dea5bc3a8acf5458bd34"}},
		"v3/access_set-v3.2.json": {want: fields{Family: V3, Event: "access_set", SecretKey: "dummy_key", ChatID: "PJ0MRSHTDG",
			LicenseID: "21377312", WebhookID: "37901609f767dea5bc3a8acf5458bd80"}},
		"v3/customer_session_fields_updated-v3.6.json": {want: fields{Family: V3, Event: "customer_session_fields_updated", SecretKey: "dummy_key",
			ChatID: "PJ0MRSHTDG", ThreadID: "K600PKZON8", OrganizationID: "390e44e6-f1e6-4368-b6dd-74c14508c2e0", WebhookID: "2c0b13904e79b2aca271e5f84b898f35"}},
		"v3/customer_created-v3.2.json": {want: fields{Family: V3, Event: "customer_created", SecretKey: "dummy_key", LicenseID: "21377312",
			WebhookID: "a383574a6104d4e3df7eb9523fcb2f7d", Moment: "2019-11-14T14:27:24.410018Z"}},
		"v3/events_marked_as_seen-v3.2.json": {want: fields{Family: V3, Event: "events_marked_as_seen", SecretKey: "dummy_key", ChatID: "PJ0MRSHTDG",
			LicenseID: "21377312", WebhookID: "2c0b13904e79b2aca271e5f84b898f35"}},
		"v3/tag_created-v3.6.json": {want: fields{Family: V3, Event: "tag_created", SecretKey: "dummy_key", Moment: "2025-09-01T10:00:00Z",
			OrganizationID: "390e44e6-f1e6-4368-b6dd-74c14508c2e0", WebhookID: "2c0b13904e79b2aca271e5f84b898f35"}},
		"v3/thread_summary_set-v3.6.json": {want: fields{Family: V3, Event: "thread_summary_set", SecretKey: "dummy_key", ChatID: "PJ0MRSHTDG", ThreadID: "K600PKZON8",
			OrganizationID: "390e44e6-f1e6-4368-b6dd-74c14508c2e0", WebhookID: "2c0b13904e79b2aca271e5f84b898f35", Moment: "2025-09-01T10:00:00Z"}},
		"app/application_installed.json": {want: fields{Family: App, Event: "application_installed", LicenseID: "104130623",
			OrganizationID: "49d52fa5-0a41-4384-985a-cebe7dc92d27", Moment: "2020-09-14T13:29:53Z"}},
		"app/in_app_upgrade.json": {want: fields{Family: Upgrade, Event: "DISABLE", LicenseID: "123456"}},
	} {
		t.Run(name, func(t *testing.T) {
			text := []byte(tt.body)
			if tt.body == "" {
				text = body(t, name)
			}
			if got := found(mustParse(t, text)); got != tt.want {
				t.Errorf("got  %+v\nwant %+v", got, tt.want)
			}
		})
	}
}

func TestParseKeepsNothingOfPreviousBody(t *testing.T) {
	mustParse(t, body(t, "v3/incoming_event-v3.2.json"))
	if got := found(mustParse(t, []byte(`{}`))); got != (fields{Family: Unknown}) {
		t.Errorf("got %+v", got)
	}
}

func TestWithoutCredentials(t *testing.T) {
	for _, test := range []struct{ name, body, want string }{
		{"none", ` {"a" : [1, {"b":null}] } `, ` {"a" : [1, {"b":null}] } `},
		{"both", `{"secret_key": "x", "a":1, "token" :"y" }`, `{"secret_key": 0, "a":1, "token" :0 }`},
		{"repeated", `{"secret_key":"x","secret_key":"y"}`, `{"secret_key":0,"secret_key":0}`},
		{"by escapes", `{"secret\u005fkey":"x"}`, `{"secret\u005fkey":0}`},
		{"of any type", `{"secret_key":{"a":[1]},"token":[ ]}`, `{"secret_key":0,"token":0}`},
		{"below the top", `{"payload":{"secret_key":"x"}}`, `{"payload":{"secret_key":"x"}}`},
		{"in another case", `{"Token":"x"}`, `{"Token":"x"}`},
	} {
		t.Run(test.name, func(t *testing.T) {
			body := []byte(test.body)
			if got := mustParse(t, body).WithoutCredentials("0"); string(got) != test.want {
				t.Errorf("%s, want %s", got, test.want)
			}
			if string(body) != test.body {
				t.Error("the body was changed")
			}
		})
	}
}

func TestDecodeSurvivesWrongKinds(t *testing.T) {
	w := mustParse(t, []byte(`{"action":"incoming_chat","payload":{"new":1,"chat":{
		"id":7,"users":["nobody",{"id":"u","present":"yes","name":"Mary","fields":{"plan":"trial","seats":3}}],
		"is_followed":[],"thread":{"id":"T","queues_duration":"long","restricted_access":true,"access":"all",
		"tags":[1,"sales"],"created_at":{},"queue":{"position":1.5,"wait_time":60}}}}}`))
	got, err := w.Decode()
	if err != nil {
		t.Fatal(err)
	}
	chat := got.(*IncomingChat).Chat
	if chat.ID != "7" || len(chat.Users) != 2 || chat.Users[1].Name != "Mary" || chat.Users[1].Fields[1] != (Field{"seats", "3"}) {
		t.Errorf("chat: %+v", chat)
	}
	thread := chat.Thread
	if thread.ID != "T" || thread.RestrictedAccess != "true" || !slices.Contains(thread.Tags, "sales") || thread.Queue.WaitTime != 60 {
		t.Errorf("thread: %+v", thread)
	}
}

func TestDecodeAcceptsBothShapes(t *testing.T) {
	decoded := func(action, payload string) any {
		w := mustParse(t, fmt.Appendf(nil, `{"action":%q,"payload":%s}`, action, payload))
		got, err := w.Decode()
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	for _, payload := range []string{`{"id":"c","name":"Mary"}`, `{"customer":{"id":"c","name":"Mary"}}`} {
		if c := decoded("incoming_customer", payload).(*IncomingCustomer).Customer; c.ID != "c" || c.Name != "Mary" {
			t.Errorf("%s: %+v", payload, c)
		}
	}
	for _, payload := range []string{`{"session_fields":{"a":"1","b":2}}`, `{"session_fields":[{"a":"1"},{"b":2}]}`, `{"session_fields":{"x":"0"},"session_fields":{"a":"1","b":2}}`} {
		got := decoded("customer_session_fields_updated", payload).(*CustomerSessionFieldsUpdated).SessionFields
		if !slices.Equal(got, Fields{{"a", "1"}, {"b", "2"}}) {
			t.Errorf("%s: %+v", payload, got)
		}
	}
	for _, payload := range []string{`{"access":{"groups":[1]}}`, `{"access":{"group_ids":[1]}}`} {
		if got := decoded("auto_access_added", payload).(*AutoAccess).Access.IDs(); !slices.Equal(got, []int{1}) {
			t.Errorf("%s: %v", payload, got)
		}
	}
	for _, answer := range []string{`"Support"`, `{"id":2,"label":"Support"}`} {
		event := decoded("incoming_event", `{"event":{"fields":[{"answer":`+answer+`,"label":"after"}]}}`).(*IncomingEvent).Event
		if f := event.Fields[0]; f.Answer.Label != "Support" || f.Label != "after" {
			t.Errorf("%s: %+v", answer, f)
		}
	}
	for _, at := range []string{`"2019-10-08T11:56:53.000Z"`, `"2019-10-08T13:56:53+02:00"`, `1570535813`} {
		seen := decoded("events_marked_as_seen", `{"seen_up_to":`+at+`}`).(*EventsMarkedAsSeen).SeenUpTo
		if !seen.Equal(time.Unix(1570535813, 0)) {
			t.Errorf("%s: %v", at, seen)
		}
	}
}

func TestDecodeRefusesUnknownEvents(t *testing.T) {
	for _, text := range []string{
		`{}`,
		`{"action":"incoming_visitor"}`,
		`{"event_type":"incoming_chat"}`,
		`{"action":"chat_started"}`,
		`{"event":"ENABLE","applicationID":"a"}`,
	} {
		w := mustParse(t, []byte(text))
		if got, err := w.Decode(); got != nil || !errors.Is(err, ErrUnknownEvent) || w.Known() {
			t.Errorf("%s: %v, %v, known %v", text, got, err, w.Known())
		}
	}
}

func FuzzParse(f *testing.F) {
	all := bodies(f)
	for _, name := range slices.Sorted(maps.Keys(all)) {
		f.Add(all[name])
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		w, err := Parse(body)
		// The limits of depth of both parsers differ by one.
		shallow := bytes.Count(body, []byte("{"))+bytes.Count(body, []byte("[")) < 9000
		object := json.Valid(body) && bytes.TrimLeft(body, " \t\r\n")[0] == '{'
		if shallow && object != (err == nil) {
			t.Fatalf("encoding/json: %v, Parse: %v", object, err)
		}
		if err != nil {
			return
		}
		w.Facts()
		if _, err := w.Decode(); (err == nil) != w.Known() {
			t.Errorf("known %v, but %v", w.Known(), err)
		}
		checkLine(t, w.Summary())
		var without map[string]json.RawMessage
		if err := json.Unmarshal(w.WithoutCredentials("0"), &without); shallow && err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"secret_key", "token"} {
			if value, ok := without[name]; ok && string(value) != "0" {
				t.Errorf("%s is still %s", name, value)
			}
		}
	})
}

func BenchmarkParse(b *testing.B) {
	for _, size := range []int{1 << 10, 10 << 10, 100 << 10} {
		b.Run(fmt.Sprintf("%dKB", size>>10), func(b *testing.B) {
			body := grown(b, size)
			b.SetBytes(int64(len(body)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Parse(body); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkSummary(b *testing.B) {
	for _, name := range []string{"v2/chat_ended.json", "v3/incoming_event-v3.2.json", "v3/incoming_chat-v3.2.json"} {
		b.Run(name, func(b *testing.B) {
			body := body(b, name)
			b.SetBytes(int64(len(body)))
			b.ReportAllocs()
			for b.Loop() {
				w := mustParse(b, body)
				w.Summary()
				w.Facts()
			}
		})
	}
}

// grown returns chat_ended with so many messages that it has about size bytes.
func grown(t testing.TB, size int) []byte {
	t.Helper()
	var compact bytes.Buffer
	if err := json.Compact(&compact, body(t, "v2/chat_ended.json")); err != nil {
		t.Fatal(err)
	}
	const message = `{"user_type":"visitor","author_name":"NAME","text":"hello! how's it going?","json":"","timestamp":1552126451},`
	n := max(0, size-compact.Len()) / len(message)
	return bytes.Replace(compact.Bytes(), []byte(`"messages":[`), []byte(`"messages":[`+strings.Repeat(message, n)), 1)
}
