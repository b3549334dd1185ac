package payload

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestSummary(t *testing.T) {
	for name, tt := range map[string]struct{ body, want string }{
		"unknown body":                                 {`{"a":1}`, `unknown event`},
		"unknown action":                               {`{"action":"foo"}`, `unknown event foo`},
		"lines in names":                               {`{"action":"foo\nbar\u0000\u2028\u202ebaz "}`, `unknown event foo bar baz`},
		"invalid UTF-8":                                {"{\"action\":\"foo\xff\"}", "unknown event foo\ufffd"},
		"nothing to say":                               {`{"event_type":"chat_started"}`, `chat_started`},
		"long text":                                    {`{"action":"incoming_event","payload":{"chat_id":"C","event":{"type":"message","text":"` + strings.Repeat("é", 101) + `"}}}`, `incoming_event C: wrote "` + strings.Repeat("é", 100) + `…"`},
		"long name":                                    {`{"event_type":"visitor_queued","visitor":{"name":"` + strings.Repeat("a", 1000) + `"}}`, `visitor_queued: ` + strings.Repeat("a", 384) + `…`},
		"no times":                                     {`{"event_type":"chat_ended","chat":{"id":"C","messages":[{}]}}`, `chat_ended C: 1 message`},
		"no messages told":                             {`{"event_type":"chat_ended","chat":{"id":"C"},"visitor":{"name":"Mary"}}`, `chat_ended C: Mary`},
		"closed before the end":                        {`{"event_type":"chat_ended","chat":{"events":[{"type":"closed","user_type":"agent"},{"type":"rated","user_type":"visitor"}]}}`, `chat_ended: closed by agent`},
		"no tags left":                                 {`{"event_type":"chat_changed","chat":{"id":"C","tags":[]}}`, `chat_changed C: no tags`},
		"agent before customer":                        {`{"action":"incoming_chat","payload":{"chat":{"users":[{"type":"agent","name":"Smith"},{"type":"customer","name":"Mary"}]}}}`, `incoming_chat: Mary`},
		"whisper up to 3.3":                            {`{"action":"incoming_event","payload":{"event":{"type":"form","recipients":"agents"}}}`, `incoming_event: sent a form, for agents only`},
		"long id of nobody known":                      {`{"action":"events_marked_as_seen","payload":{"user_id":"0123456789abcdef0123456789abcdef0123"}}`, `events_marked_as_seen: 0123456789abcdef0123456789abcdef0123`},
		"id with dashes":                               {`{"action":"events_marked_as_seen","payload":{"user_id":"a-b-c-d-e"}}`, `events_marked_as_seen: a-b-c-d-e`},
		"space around text":                            {`{"action":"thread_tagged","payload":{"tag":" a  b\t"}}`, `thread_tagged: "a b"`},
		"cut at a space":                               {`{"action":"thread_tagged","payload":{"tag":"` + strings.Repeat("a", 99) + ` b"}}`, `thread_tagged: "` + strings.Repeat("a", 99) + `…"`},
		"redacted event":                               {`{"action":"incoming_event","payload":{"chat_id":"C","event":"[redacted]"}}`, `incoming_event C: sent event`},
		"redacted payload":                             {`{"action":"incoming_chat","payload":"[redacted]"}`, `incoming_chat`},
		"no payload":                                   {`{"action":"incoming_chat"}`, `incoming_chat`},
		"redacted author":                              {`{"action":"incoming_event","payload":{"chat_id":"C","event":{"type":"message","author_id":"[redacted]","text":"[redacted]"}}}`, `incoming_event C: [redacted] wrote "[redacted]"`},
		"v2/chat_started.json":                         {want: `chat_started PO13: NAME (name@gmail.com, Japan)`},
		"v2/chat_ended.json":                           {want: `chat_ended PO13: 3 messages in 1m31s, closed by visitor`},
		"v2/chat_changed.json":                         {want: `chat_changed MH022RD0K5: tagged sales, support, feedback`},
		"v2/visitor_queued.json":                       {want: `visitor_queued: Mary Brown (mary.brown@example.com, United Kingdom)`},
		"v2/ticket_created-chat-window.json":           {want: `ticket_created NGKW7: "Need help" from Mary Brown (mary.brown@example.com)`},
		"v2/canned_response_changed.json":              {want: `canned_response_changed 1: "Can I help you with anything else?"`},
		"v3/incoming_event-hello-v3.6.json":            {want: `incoming_event PJ0MRSHTDG: customer wrote "Hello"`},
		"v3/incoming_event-whisper-v3.6.json":          {want: `incoming_event PJ0MRSHTDG: agent smith@example.com wrote "Ask for the order number.", for agents only`},
		"v3/incoming_event-file-v3.6.json":             {want: `incoming_event PJ0MRSHTDG: customer sent a file "image25.png"`},
		"v3/incoming_event-form-v3.6.json":             {want: `incoming_event PJ0MRSHTDG: customer sent a form`},
		"v3/incoming_event-filled_form-v3.6.json":      {want: `incoming_event PJ0MRSHTDG: customer filled in a form`},
		"v3/incoming_event-rich_message-v3.6.json":     {want: `incoming_event PJ0MRSHTDG: 5c9871d5372c824cbf22d860a707a578 sent a rich message`},
		"v3/incoming_event-custom-v3.6.json":           {want: `incoming_event PJ0MRSHTDG: customer sent custom event`},
		"v3/incoming_event-system_message-v3.6.json":   {want: `incoming_event PJ0MRSHTDG: system "Agent Smith joined"`},
		"v3/incoming_event-system-v3.6.json":           {want: `incoming_event PJ0MRSHTDG: system ai_agents handover, for agents only`},
		"v3/event_updated-deleted-v3.6.json":           {want: `event_updated PJ0MRSHTDG: deleted message of customer`},
		"v3/event_deleted-v3.6.json":                   {want: `event_deleted 123-123-123-123: event PZ070E0W1B_3`},
		"v3/incoming_chat-v3.2.json":                   {want: `incoming_chat PS0X0L086G: test (test@test.pl, Poland)`},
		"v3/incoming_chat-queued-v3.3.json":            {want: `incoming_chat PJ0MRSHTDG: Thomas Anderson (t.anderson@example.com, Poland), transferred from smith@example.com, groups 1, 2`},
		"v3/incoming_chat-customer-v3.6.json":          {want: `incoming_chat PJ0MRSHTDG: Thomas Anderson (Poland)`},
		"v3/chat_deactivated-v3.2.json":                {want: `chat_deactivated PS0X0L086G: closed by agent l.wojciechowski@livechatinc.com`},
		"v3/chat_deactivated-v3.4-no-user.json":        {want: `chat_deactivated PJ0MRSHTDG: closed by LiveChat`},
		"v3/chat_transferred-router-v3.5.json":         {want: `chat_transferred PJ0MRSHTDG: to group 3, unassigned`},
		"v3/access_granted-v3.1.json":                  {want: `access_granted PJ0MRSHTDX: thread, group 2`},
		"v3/access_revoked-v3.1.json":                  {want: `access_revoked PJ0MRSHTDV: groups 3, 4`},
		"v3/user_added_to_chat-v3.3.json":              {want: `user_added_to_chat PJ0MRSHTDG: customer test (test@test.pl, Poland), manual, by agent smith@example.com`},
		"v3/user_removed_from_chat-v3.3.json":          {want: `user_removed_from_chat PJ0MRSHTDG: agent agent@livechatinc.com, manual, by agent smith@example.com`},
		"v3/incoming_rich_message_postback-v3.2.json":  {want: `incoming_rich_message_postback PJ0MRSHTDG: customer sent back "action_yes"`},
		"v3/chat_properties_updated-v3.2.json":         {want: `chat_properties_updated PJ0MRSHTDG: rating.comment, rating.score`},
		"v3/chat_properties_deleted-v3.2.json":         {want: `chat_properties_deleted PJ0MRSHTDG: rating.comment, rating.score`},
		"v3/thread_tagged-v3.2.json":                   {want: `thread_tagged PJ0MRSHTDG: "bug_report"`},
		"v3/events_marked_as_seen-v3.2.json":           {want: `events_marked_as_seen PJ0MRSHTDG: customer`},
		"v3/incoming_customer-wrapped-v3.5.json":       {want: `incoming_customer: Thomas Anderson (t.anderson@example.com, Poland)`},
		"v3/customer_session_fields_updated-v3.6.json": {want: `customer_session_fields_updated PJ0MRSHTDG: plan, seats`},
		"v3/follow_up_requested-v3.1.json":             {want: `follow_up_requested XXXX: customer AAA-BBB-CCC`},
		"v3/thread_summary_set-v3.6.json":              {want: `thread_summary_set PJ0MRSHTDG: "The customer asked about an invoice."`},
		"v3/routing_status_set-underscores-v3.6.json":  {want: `routing_status_set: smith@example.com not accepting chats`},
		"v3/agent_created-v3.6.json":                   {want: `agent_created: Agent Smith (smith@example.com), by agent smith@example.com`},
		"v3/agent_deleted-v3.1.json":                   {want: `agent_deleted: 5c9871d5372c824cbf22d860a707a578`},
		"v3/bot_created-v3.4.json":                     {want: `bot_created: Bot Name (5c9871d5372c824cbf22d860a707a578)`},
		"v3/auto_access_added-v3.4.json":               {want: `auto_access_added: pqi8oasdjahuakndw9nsad9na, "Chats on livechat.com from United States", group 1`},
		"v3/auto_access_added-array-v3.6.json":         {want: `auto_access_added: pqi8oasdjahuakndw9nsad9na added, "Chats from Poland", group 1, by agent smith@example.com`},
		"v3/auto_accesses_updated-v3.5.json":           {want: `auto_accesses_updated: 2 rules`},
		"v3/group_created-v3.6.json":                   {want: `group_created: 42 "sales", by agent user@example.com`},
		"v3/tag_updated-v3.6.json":                     {want: `tag_updated: "bug_report", groups 0, 1, by agent smith@example.com`},
		"app/payment_activated.json":                   {want: `payment_activated: Google Calendar for LiveChat, license 104130623, quantity 1`},
		"app/payment_collected.json":                   {want: `payment_collected: Google Calendar for LiveChat, license 104130623, total 400`},
		"app/in_app_upgrade.json":                      {want: `in-app upgrade DISABLE: "Extra Accounts", quantity 1, for Starz, license 123456`},
	} {
		t.Run(name, func(t *testing.T) {
			text := []byte(tt.body)
			if tt.body == "" {
				text = body(t, name)
			}
			if got := mustParse(t, text).Summary(); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

// checkLine checks what holds for the summary of any body.
func checkLine(t *testing.T, line string) {
	t.Helper()
	switch {
	case line == "" || !utf8.ValidString(line) || utf8.RuneCountInString(line) > maxSummary+1:
		t.Errorf("not a line: %q", line)
	case strings.ContainsFunc(line, func(r rune) bool { return unicode.IsControl(r) || r == '\u2028' || r == '\u2029' }):
		t.Errorf("more than a line: %q", line)
	}
}

// TestSummaryOfRedactedBodies replaces each value of each body in turn, an
// object as well as a string.
func TestSummaryOfRedactedBodies(t *testing.T) {
	for name, text := range bodies(t) {
		var tree any
		if err := json.Unmarshal(text, &tree); err != nil {
			t.Fatal(err)
		}
		redactEach(tree, func() {
			redacted, err := json.Marshal(tree)
			if err != nil {
				t.Fatal(err)
			}
			line := mustParse(t, redacted).Summary()
			checkLine(t, line)
			for _, odd := range []string{"  ", "()", `""`, ", ,", "( ", "%!", "map[", "{"} {
				if strings.Contains(line, odd) {
					t.Errorf("%s: %s", name, line)
				}
			}
			if strings.HasSuffix(line, ":") || strings.HasSuffix(line, " ") || strings.HasSuffix(line, ",") {
				t.Errorf("%s: %q", name, line)
			}
		})
	}
}

// redactEach calls do with each member and element within v redacted.
func redactEach(v any, do func()) {
	switch v := v.(type) {
	case map[string]any:
		for name, was := range v {
			v[name] = "[redacted]"
			do()
			v[name] = was
			redactEach(was, do)
		}
	case []any:
		for i, was := range v {
			v[i] = "[redacted]"
			do()
			v[i] = was
			redactEach(was, do)
		}
	}
}

func TestSummaryHoldsNoSecret(t *testing.T) {
	for name, text := range bodies(t) {
		w := mustParse(t, text)
		for _, secret := range []string{w.SecretKey, w.Token} {
			if secret != "" && strings.Contains(w.Summary(), secret) {
				t.Errorf("%s: %s", name, w.Summary())
			}
		}
	}
}

func TestNumbers(t *testing.T) {
	const visitor, agent, whisper = `{"user_type":"visitor","timestamp":120}`, `{"user_type":"agent","timestamp":130}`, `{"user_type":"supervisor","timestamp":125}`
	chat := func(times, messages string) string {
		return `{"event_type":"chat_ended","chat":{` + times + `"messages":[` + messages + `]}}`
	}
	for name, tt := range map[string]struct{ body, want string }{
		"no numbers":                 {`{"event_type":"chat_ended"}`, `{}`},
		"another event":              {`{"event_type":"chat_started","chat":{"started_timestamp":1,"messages":[]}}`, `{}`},
		"redacted messages":          {`{"event_type":"chat_ended","chat":{"messages":"[redacted]"}}`, `{}`},
		"end before start":           {chat(`"started_timestamp":100,"ended_timestamp":99,`, ``), `{"Messages":0}`},
		"end years later":            {chat(`"started_timestamp":100,"ended_timestamp":1552126503,`, ``), `{"Messages":0}`},
		"no start":                   {chat(`"ended_timestamp":99,`, ``), `{"Messages":0}`},
		"no end":                     {chat(`"started_timestamp":100,`, ``), `{"Messages":0}`},
		"agent never answered":       {chat(`"started_timestamp":100,`, agent+","+visitor), `{"Messages":2}`},
		"whisper is no reply":        {chat(`"started_timestamp":100,`, visitor+","+whisper+","+agent), `{"FirstReplySeconds":30,"Messages":3}`},
		"ends at once":               {chat(`"started_timestamp":100,"ended_timestamp":100,`, visitor), `{"ChatSeconds":0,"Messages":1}`},
		"reply before start":         {chat(`"started_timestamp":140,`, visitor+","+agent), `{"Messages":2}`},
		"v2/chat_ended.json":         {want: `{"ChatSeconds":91,"FirstReplySeconds":78,"Messages":3}`},
		"v3/thread_closed-v3.1.json": {want: `{}`},
	} {
		t.Run(name, func(t *testing.T) {
			text := []byte(tt.body)
			if tt.body == "" {
				text = body(t, name)
			}
			n := mustParse(t, text).Numbers()
			got, err := json.Marshal(struct {
				ChatSeconds       *float64 `json:",omitempty"`
				FirstReplySeconds *float64 `json:",omitempty"`
				Messages          *int     `json:",omitempty"`
			}(n))
			if err != nil || string(got) != tt.want {
				t.Errorf("got %s, %v, want %s", got, err, tt.want)
			}
		})
	}
}
