package payload

import (
	"encoding/json"
	"strconv"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestSummary(t *testing.T) {
	event := func(members string) string {
		return `{"action":"incoming_event","payload":{"chat_id":"C","event":{` + members + `}}}`
	}
	for name, tt := range map[string]struct{ body, want string }{
		"unknown body":                                    {`{"a":1}`, `unknown event`},
		"unknown action":                                  {`{"action":"foo"}`, `unknown event foo`},
		"lines in names":                                  {`{"action":"foo\nbar\u0000\u2028\u202ebaz "}`, `unknown event foo bar baz`},
		"invalid UTF-8":                                   {"{\"action\":\"foo\xff\"}", "unknown event foo\ufffd"},
		"nothing to say":                                  {`{"event_type":"chat_started"}`, `chat_started`},
		"long text":                                       {`{"action":"incoming_event","payload":{"chat_id":"C","event":{"type":"message","text":"` + strings.Repeat("é", 101) + `"}}}`, `incoming_event C: wrote "` + strings.Repeat("é", 100) + `…"`},
		"long name":                                       {`{"event_type":"visitor_queued","visitor":{"name":"` + strings.Repeat("a", 1000) + `"}}`, `visitor_queued: ` + strings.Repeat("a", 384) + `…`},
		"no times":                                        {`{"event_type":"chat_ended","chat":{"id":"C","messages":[{}]}}`, `chat_ended C: 1 message`},
		"no messages told":                                {`{"event_type":"chat_ended","chat":{"id":"C"},"visitor":{"name":"Mary"}}`, `chat_ended C: Mary`},
		"closed before the end":                           {`{"event_type":"chat_ended","chat":{"events":[{"type":"closed","user_type":"agent"},{"type":"rated","user_type":"visitor"}]}}`, `chat_ended: closed by agent`},
		"no tags left":                                    {`{"event_type":"chat_changed","chat":{"id":"C","tags":[]}}`, `chat_changed C: no tags`},
		"two customers":                                   {`{"action":"incoming_chat","payload":{"chat":{"users":[{"type":"customer","name":"Mary"},{"type":"customer","name":"Ann"}]}}}`, `incoming_chat: Mary`},
		"agent before customer":                           {`{"action":"incoming_chat","payload":{"chat":{"users":[{"type":"agent","name":"Smith"},{"type":"customer","name":"Mary"}]}}}`, `incoming_chat: Mary`},
		"whisper up to 3.3":                               {`{"action":"incoming_event","payload":{"event":{"type":"form","recipients":"agents"}}}`, `incoming_event: sent a form, for agents only`},
		"long id of nobody known":                         {`{"action":"events_marked_as_seen","payload":{"user_id":"0123456789abcdef0123456789abcdef0123"}}`, `events_marked_as_seen: by 0123456789abcdef0123456789abcdef0123`},
		"id with dashes":                                  {`{"action":"events_marked_as_seen","payload":{"user_id":"a-b-c-d-e"}}`, `events_marked_as_seen: by a-b-c-d-e`},
		"space around text":                               {`{"action":"thread_tagged","payload":{"tag":" a  b\t"}}`, `thread_tagged: "a b"`},
		"cut at a space":                                  {`{"action":"thread_tagged","payload":{"tag":"` + strings.Repeat("a", 99) + ` b"}}`, `thread_tagged: "` + strings.Repeat("a", 99) + `…"`},
		"redacted event":                                  {`{"action":"incoming_event","payload":{"chat_id":"C","event":"[redacted]"}}`, `incoming_event C: sent event`},
		"redacted payload":                                {`{"action":"incoming_chat","payload":"[redacted]"}`, `incoming_chat`},
		"no payload":                                      {`{"action":"incoming_chat"}`, `incoming_chat`},
		"redacted author":                                 {`{"action":"incoming_event","payload":{"chat_id":"C","event":{"type":"message","author_id":"[redacted]","text":"[redacted]"}}}`, `incoming_event C: [redacted] wrote "[redacted]"`},
		"comment on a rating":                             {event(`"type":"system_message","system_message_type":"rating.chat_commented","text":"T","text_vars":{"customer":"Mary","comment":"thanks"}`), `incoming_event C: Mary commented on the chat: "thanks"`},
		"rating without score":                            {event(`"type":"system_message","system_message_type":"rating.chat_rated","text":"Mary rated","text_vars":"[redacted]"`), `incoming_event C: system "Mary rated"`},
		"rating without customer":                         {event(`"type":"system_message","system_message_type":"rating.chat_rated","text_vars":{"score":"bad"}`), `incoming_event C: rated bad`},
		"comment before score":                            {`{"action":"chat_properties_updated","payload":{"properties":{"a":{"b":1},"rating":{"comment":"thanks"}}}}`, `chat_properties_updated: a.b, rating comment "thanks"`},
		"bad rating among others":                         {`{"action":"chat_properties_updated","payload":{"properties":{"b":{"c":1},"rating":{"score":0},"a":{"d":{}}}}}`, `chat_properties_updated: rated bad, a.d, b.c`},
		"repeated property":                               {`{"action":"chat_properties_updated","payload":{"properties":{"a":{"b":1,"b":2}}}}`, `chat_properties_updated: a.b`},
		"score of no meaning":                             {`{"action":"chat_properties_updated","payload":{"properties":{"rating":{"score":5}}}}`, `chat_properties_updated: rating.score`},
		"comment deleted":                                 {`{"action":"chat_properties_deleted","payload":{"properties":{"rating":["comment"]}}}`, `chat_properties_deleted: rating.comment`},
		"skill failed":                                    {event(`"type":"system","source":"ai_agents","subtype":"custom_skill_failed","details":"{\"skillName\":\"Prices\",\"error\":\"E\",\"reason\":\"timed out\"}"`), `incoming_event C: skill "Prices" failed: "timed out"`},
		"skill awaiting feedback":                         {event(`"type":"system","subtype":"custom_skill_awaiting_feedback","details":"{}"`), `incoming_event C: skill awaiting feedback`},
		"products added to cart":                          {event(`"type":"system","source":"cdp","subtype":"store_product_added_to_cart","details":"{\"cart_lines\":[{\"product\":{\"title\":\"Tea\"}},0,{\"product\":{\"title\":\"Cup\"}}]}"`), `incoming_event C: product "Tea", "Cup" added to cart`},
		"product removed from cart":                       {event(`"type":"system","source":"cdp","subtype":"store_product_removed_from_cart","details":{"cart_lines":[{"product":{"title":"Tea"}}]}`), `incoming_event C: product "Tea" removed from cart`},
		"details cut short":                               {event(`"type":"system","source":"cdp","subtype":"store_product_added_to_cart","details":"{\"cart_lines\":[{\"product\":{\"title\":\"Tea\"}},{"`), `incoming_event C: product added to cart`},
		"summary":                                         {event(`"type":"system","source":"messaging","subtype":"summary","details":"{\"summary\":{\"status\":\"ok\",\"text\":\"They met.\"}}"`), `incoming_event C: summary "They met."`},
		"summary failed":                                  {event(`"type":"system","source":"messaging","subtype":"summary","details":"{\"summary\":{\"status\":\"error\"}}"`), `incoming_event C: system messaging summary`},
		"form of another kind":                            {event(`"type":"filled_form","fields":[0,{"label":"","answer":"a"},{"label":"b:","answer":""},{"label":"c","answers":[7,{"label":"d"},{}]},{"label":"e","options":[{"value":"f"}]},{"label":"g","value":"h"}]`), `incoming_event C: filled in a form: "a", c "7, d", e "f", g "h"`},
		"closed by an AI agent or a customer":             {`{"action":"chat_deactivated","payload":{"user_id":"b7eff798-f8df-4364-8059-649c35c9ed0c"}}`, `chat_deactivated: closed by b7eff798…`},
		"closed by a bot":                                 {`{"action":"chat_deactivated","payload":{"user_id":"5c9871d5372c824cbf22d860a707a578"}}`, `chat_deactivated: closed by bot 5c9871d5…`},
		"redacted deactivation":                           {`{"action":"chat_deactivated","payload":"[redacted]"}`, `chat_deactivated`},
		"queue without position":                          {`{"action":"chat_transferred","payload":{"queue":{}}}`, `chat_transferred: queued`},
		"threads instead of thread":                       {`{"action":"incoming_chat","payload":{"chat":{"threads":[{"queue":{"position":2}}]}}}`, `incoming_chat: queued, position 2`},
		"more groups than a line holds":                   {`{"action":"tag_created","payload":{"group_ids":[` + strings.Repeat("1,", 300) + `1]}}`, `tag_created: groups ` + strings.Repeat("1, ", 126) + `1,…`},
		"v2/chat_started.json":                            {want: `chat_started PO13: NAME (name@gmail.com, Japan)`},
		"v2/chat_ended.json":                              {want: `chat_ended PO13: 3 messages in 1m31s, closed by visitor`},
		"v2/chat_changed.json":                            {want: `chat_changed MH022RD0K5: tagged sales, support, feedback`},
		"v2/visitor_queued.json":                          {want: `visitor_queued: Mary Brown (mary.brown@example.com, United Kingdom)`},
		"v2/ticket_created-chat-window.json":              {want: `ticket_created NGKW7: "Need help" from Mary Brown (mary.brown@example.com)`},
		"v2/canned_response_changed.json":                 {want: `canned_response_changed 1: "Can I help you with anything else?"`},
		"v3/incoming_event-hello-v3.6.json":               {want: `incoming_event PJ0MRSHTDG: b7eff798… wrote "Hello"`},
		"v3/incoming_event-whisper-v3.6.json":             {want: `incoming_event PJ0MRSHTDG: agent smith@example.com wrote "Ask for the order number.", for agents only`},
		"v3/incoming_event-file-v3.6.json":                {want: `incoming_event PJ0MRSHTDG: b7eff798… sent a file "image25.png"`},
		"v3/incoming_event-form-v3.6.json":                {want: `incoming_event PJ0MRSHTDG: b7eff798… sent the prechat form`},
		"v3/incoming_event-filled_form-v3.6.json":         {want: `incoming_event PJ0MRSHTDG: b7eff798… filled in the prechat form: Your name "Thomas Anderson", Your email "t.anderson@example.com", Chat purpose "Support", Company industry "automotive, it", Choose department "Marketing"`},
		"v3/incoming_event-rich_message-v3.6.json":        {want: `incoming_event PJ0MRSHTDG: bot 5c9871d5… sent a rich message`},
		"v3/incoming_event-custom-v3.6.json":              {want: `incoming_event PJ0MRSHTDG: b7eff798… sent custom event`},
		"v3/incoming_event-system_message-v3.6.json":      {want: `incoming_event PJ0MRSHTDG: system "Agent Smith joined"`},
		"v3/incoming_event-system-v3.6.json":              {want: `incoming_event PJ0MRSHTDG: system ai_agents handover, for agents only`},
		"v3/event_updated-deleted-v3.6.json":              {want: `event_updated PJ0MRSHTDG: deleted message of b7eff798…`},
		"v3/event_deleted-v3.6.json":                      {want: `event_deleted 123-123-123-123: event PZ070E0W1B_3`},
		"v3/incoming_chat-v3.2.json":                      {want: `incoming_chat PS0X0L086G: test (test@test.pl, Poland)`},
		"v3/incoming_chat-queued-v3.3.json":               {want: `incoming_chat PJ0MRSHTDG: Thomas Anderson (t.anderson@example.com, Poland), queued, position 42, transferred from smith@example.com, groups 1, 2`},
		"v3/incoming_chat-customer-v3.6.json":             {want: `incoming_chat PJ0MRSHTDG: Thomas Anderson (Poland)`},
		"v3/chat_deactivated-v3.2.json":                   {want: `chat_deactivated PS0X0L086G: closed by agent l.wojciechowski@livechatinc.com`},
		"v3/chat_deactivated-v3.4-no-user.json":           {want: `chat_deactivated PJ0MRSHTDG: closed by LiveChat`},
		"v3/chat_transferred-router-v3.5.json":            {want: `chat_transferred PJ0MRSHTDG: to group 3, unassigned, queued, position 1`},
		"v3/access_granted-v3.1.json":                     {want: `access_granted PJ0MRSHTDX: thread, group 2`},
		"v3/access_revoked-v3.1.json":                     {want: `access_revoked PJ0MRSHTDV: groups 3, 4`},
		"v3/user_added_to_chat-v3.3.json":                 {want: `user_added_to_chat PJ0MRSHTDG: customer test (test@test.pl, Poland), manual, by agent smith@example.com`},
		"v3/user_removed_from_chat-v3.3.json":             {want: `user_removed_from_chat PJ0MRSHTDG: agent agent@livechatinc.com, manual, by agent smith@example.com`},
		"v3/incoming_rich_message_postback-v3.2.json":     {want: `incoming_rich_message_postback PJ0MRSHTDG: b7eff798… sent back "action_yes"`},
		"v3/chat_properties_updated-v3.2.json":            {want: `chat_properties_updated PJ0MRSHTDG: rated good: "Very good, veeeery good"`},
		"v3/chat_properties_deleted-v3.2.json":            {want: `chat_properties_deleted PJ0MRSHTDG: rating canceled`},
		"v3/thread_tagged-v3.2.json":                      {want: `thread_tagged PJ0MRSHTDG: "bug_report"`},
		"v3/events_marked_as_seen-v3.2.json":              {want: `events_marked_as_seen PJ0MRSHTDG: by b7eff798…`},
		"v3/incoming_customer-wrapped-v3.5.json":          {want: `incoming_customer: Thomas Anderson (t.anderson@example.com, Poland)`},
		"v3/customer_session_fields_updated-v3.6.json":    {want: `customer_session_fields_updated PJ0MRSHTDG: plan, seats`},
		"v3/follow_up_requested-v3.1.json":                {want: `follow_up_requested XXXX: customer AAA-BBB-CCC`},
		"v3/thread_summary_set-v3.6.json":                 {want: `thread_summary_set PJ0MRSHTDG: "The customer asked about an invoice."`},
		"v3/routing_status_set-underscores-v3.6.json":     {want: `routing_status_set: smith@example.com not accepting chats`},
		"v3/agent_created-v3.6.json":                      {want: `agent_created: Agent Smith (smith@example.com), by agent smith@example.com`},
		"v3/agent_deleted-v3.1.json":                      {want: `agent_deleted: 5c9871d5372c824cbf22d860a707a578`},
		"v3/bot_created-v3.4.json":                        {want: `bot_created: Bot Name (5c9871d5372c824cbf22d860a707a578)`},
		"v3/auto_access_added-v3.4.json":                  {want: `auto_access_added: pqi8oasdjahuakndw9nsad9na, "Chats on livechat.com from United States", group 1`},
		"v3/auto_access_added-array-v3.6.json":            {want: `auto_access_added: pqi8oasdjahuakndw9nsad9na added, "Chats from Poland", group 1, by agent smith@example.com`},
		"v3/auto_accesses_updated-v3.5.json":              {want: `auto_accesses_updated: 2 rules`},
		"v3/group_created-v3.6.json":                      {want: `group_created: 42 "sales", by agent user@example.com`},
		"v3/tag_updated-v3.6.json":                        {want: `tag_updated: "bug_report", groups 0, 1, by agent smith@example.com`},
		"v3/incoming_event-ai-agent-v3.6.json":            {want: `incoming_event PJ0MRSHTDG: 32968215… wrote "How can I help?" as a welcome message`},
		"v3/incoming_event-filled_form-shapes-v3.6.json":  {want: `incoming_event PJ0MRSHTDG: b7eff798… filled in the prechat form: Name "NAME", E-mail "name@example.com", Topics "A, B", One "A", Rate your experience "Excellent!", Department "Sales"`},
		"v3/incoming_event-rated-v3.6.json":               {want: `incoming_event PJ0MRSHTDG: NAME rated good`},
		"v3/incoming_event-rating-canceled-v3.6.json":     {want: `incoming_event PJ0MRSHTDG: NAME canceled the rating`},
		"v3/incoming_event-system-skill-v3.6.json":        {want: `incoming_event PJ0MRSHTDG: skill "Pricing Assistant" completed, for agents only`},
		"v3/incoming_event-system-order-v3.6.json":        {want: `incoming_event PJ0MRSHTDG: order #1001 created, 123.45 USD, for agents only`},
		"v3/incoming_chat-queued-v3.6.json":               {want: `incoming_chat PJ0MRSHTDG: Thomas Anderson (t.anderson@example.com, Poland), queued, position 3, by agent smith@example.com`},
		"v3/chat_transferred-manual-v3.6.json":            {want: `chat_transferred PJ0MRSHTDG: to group 19, manual, by agent smith@example.com`},
		"v3/chat_transferred-queued-v3.6.json":            {want: `chat_transferred PJ0MRSHTDG: to group 19, unassigned, queued, position 42`},
		"v3/thread_properties_updated-rating-v3.6.json":   {want: `thread_properties_updated PJ0MRSHTDG: rated good: "Well done!"`},
		"v3/thread_properties_updated-resolved-v3.6.json": {want: `thread_properties_updated PJ0MRSHTDG: resolved by AI`},
		"v3/thread_properties_deleted-rating-v3.6.json":   {want: `thread_properties_deleted PJ0MRSHTDG: rating canceled`},
		"app/payment_activated.json":                      {want: `payment_activated: Google Calendar for LiveChat, license 104130623, quantity 1`},
		"app/payment_collected.json":                      {want: `payment_collected: Google Calendar for LiveChat, license 104130623, total 400`},
		"app/in_app_upgrade.json":                         {want: `in-app upgrade DISABLE: "Extra Accounts", quantity 1, for Starz, license 123456`},
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
		replaceEach(tree, "[redacted]", func() {
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

// replaceEach calls do with each member and element within v replaced in turn.
func replaceEach(v any, by string, do func()) {
	switch v := v.(type) {
	case map[string]any:
		for name, was := range v {
			v[name] = by
			do()
			v[name] = was
			replaceEach(was, by, do)
		}
	case []any:
		for i, was := range v {
			v[i] = by
			do()
			v[i] = was
			replaceEach(was, by, do)
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

// factsText returns facts as text.
func factsText(facts []Fact) string {
	var all []string
	for _, f := range facts {
		value := f.Word
		if value == "" {
			value = strconv.FormatFloat(f.Number, 'g', -1, 64)
		}
		all = append(all, f.Name+"="+value)
	}
	return strings.Join(all, " ")
}

func TestFacts(t *testing.T) {
	const visitor, agent, whisper = `{"user_type":"visitor","timestamp":120}`, `{"user_type":"agent","timestamp":130}`, `{"user_type":"supervisor","timestamp":125}`
	chat := func(times, messages string) string {
		return `{"event_type":"chat_ended","chat":{` + times + `"messages":[` + messages + `]}}`
	}
	payload := func(action, members string) string {
		return `{"action":"` + action + `","payload":{` + members + `}}`
	}
	rated := func(score string) string {
		return payload("incoming_event", `"event":{"type":"system_message","system_message_type":"rating.chat_rated","text_vars":{"score":`+score+`}}`)
	}
	for name, tt := range map[string]struct{ body, want string }{
		"no facts":                                        {`{"event_type":"chat_ended"}`, ``},
		"unknown event":                                   {`{"action":"chat_ended","chat":{"messages":[]}}`, ``},
		"another event":                                   {`{"event_type":"chat_started","chat":{"started_timestamp":1,"messages":[]}}`, ``},
		"redacted messages":                               {`{"event_type":"chat_ended","chat":{"messages":"[redacted]"}}`, ``},
		"end before start":                                {chat(`"started_timestamp":100,"ended_timestamp":99,`, ``), `messages=0`},
		"end years later":                                 {chat(`"started_timestamp":100,"ended_timestamp":1552126503,`, ``), `messages=0`},
		"no start":                                        {chat(`"ended_timestamp":99,`, ``), `messages=0`},
		"no end":                                          {chat(`"started_timestamp":100,`, ``), `messages=0`},
		"agent never answered":                            {chat(``, agent+","+visitor), `messages=2`},
		"reply before the question":                       {chat(``, `{"user_type":"visitor","timestamp":140},`+agent), `messages=2`},
		"question without time":                           {chat(``, `{"user_type":"visitor"},`+visitor+","+agent), `messages=3`},
		"reply without time":                              {chat(``, visitor+`,{"user_type":"agent"},`+agent), `messages=3`},
		"closed by a supervisor":                          {chat(`"events":[{"type":"closed","user_type":"supervisor"}],`, ``), `messages=0`},
		"score without rating":                            {payload("incoming_event", `"event":{"type":"message","system_message_type":"rating.chat_rated","text_vars":{"score":"good"}}`), ``},
		"rating changed later":                            {payload("event_updated", `"event":{"type":"system_message","system_message_type":"rating.chat_rated","text_vars":{"score":"good"}}`), ``},
		"redacted score":                                  {rated(`"[redacted]"`), ``},
		"score of no meaning":                             {rated(`5`), ``},
		"redacted rating":                                 {payload("chat_properties_updated", `"properties":{"rating":"[redacted]"}`), ``},
		"redacted reason":                                 {payload("user_added_to_chat", `"reason":"[redacted]"`), ``},
		"reason of wrong kind":                            {payload("user_added_to_chat", `"reason":{"manual":1}`), ``},
		"long reason":                                     {payload("user_added_to_chat", `"reason":"`+strings.Repeat("a", 65)+`"`), ``},
		"redacted groups":                                 {payload("chat_transferred", `"transferred_to":{"group_ids":["[redacted]"]}`), ``},
		"no groups":                                       {payload("chat_transferred", `"transferred_to":{"group_ids":[]}`), ``},
		"redacted position":                               {payload("chat_transferred", `"queue":{"position":"[redacted]"}`), ``},
		"negative position":                               {payload("chat_transferred", `"queue":{"position":-1}`), ``},
		"position that cannot be":                         {payload("chat_transferred", `"queue":{"position":1e10}`), ``},
		"infinite position":                               {payload("chat_transferred", `"queue":{"position":1e999}`), ``},
		"closed by someone unknown":                       {payload("chat_deactivated", `"user_id":"b7eff798-f8df-4364-8059-649c35c9ed0c"`), ``},
		"closed by someone redacted":                      {payload("chat_deactivated", `"user_id":"[redacted]"`), ``},
		"closed by wrong kind":                            {payload("chat_deactivated", `"user_id":{}`), ``},
		"redacted payload":                                {`{"action":"chat_deactivated","payload":"[redacted]"}`, ``},
		"whisper is no reply":                             {chat(``, visitor+","+whisper+","+agent), `first_reply_seconds=10 messages=3`},
		"greeting is no reply":                            {chat(``, agent+","+visitor+`,{"user_type":"agent","timestamp":150}`), `first_reply_seconds=30 messages=3`},
		"several questions":                               {chat(``, visitor+`,{"user_type":"visitor","timestamp":128},`+agent), `first_reply_seconds=10 messages=3`},
		"ends at once":                                    {chat(`"started_timestamp":100,"ended_timestamp":100,`, visitor), `chat_seconds=0 messages=1`},
		"closed by an agent":                              {chat(`"events":[{"type":"closed","user_type":"visitor"},{"type":"closed","user_type":"agent"}],`, ``), `messages=0 closed_by=agent`},
		"rated bad":                                       {rated(`"bad"`), `rating=bad`},
		"score 1":                                         {payload("thread_properties_updated", `"properties":{"rating":{"score":1}}`), `rating=good`},
		"score 0":                                         {payload("event_properties_updated", `"properties":{"rating":{"score":0}}`), `rating=bad`},
		"score true":                                      {payload("chat_properties_updated", `"properties":{"rating":{"score":true}}`), `rating=good`},
		"reason of several words":                         {payload("user_removed_from_chat", `"reason":"signed_out-2"`), `reason=signed_out-2`},
		"group of the chat":                               {payload("incoming_chat", `"chat":{"access":{"group_ids":[7]},"thread":{"access":{"group_ids":[]}}}`), `group=7`},
		"closed by a bot":                                 {payload("chat_deactivated", `"user_id":"5c9871d5372c824cbf22d860a707a578"`), `closed_by=bot`},
		"closed by no user":                               {payload("thread_closed", `"user_id":null`), `closed_by=livechat`},
		"v2/chat_ended.json":                              {want: `chat_seconds=91 first_reply_seconds=39 messages=3 closed_by=customer`},
		"v3/thread_closed-v3.1.json":                      {want: `closed_by=agent`},
		"v3/chat_deactivated-v3.2.json":                   {want: `closed_by=agent`},
		"v3/chat_deactivated-v3.4-no-user.json":           {want: `closed_by=livechat`},
		"v3/incoming_chat-queued-v3.6.json":               {want: `group=1 queue_position=3 queued_seconds=1337`},
		"v3/incoming_event-rated-v3.6.json":               {want: `rating=good`},
		"v3/incoming_event-rating-canceled-v3.6.json":     {want: ``},
		"v3/chat_transferred-queued-v3.6.json":            {want: `group=19 reason=unassigned queue_position=42`},
		"v3/chat_transferred-manual-v3.6.json":            {want: `group=19 reason=manual`},
		"v3/user_removed_from_chat-v3.3.json":             {want: `reason=manual`},
		"v3/thread_properties_updated-rating-v3.6.json":   {want: `rating=good`},
		"v3/thread_properties_updated-resolved-v3.6.json": {want: ``},
	} {
		t.Run(name, func(t *testing.T) {
			text := []byte(tt.body)
			if tt.body == "" {
				text = body(t, name)
			}
			if got := factsText(mustParse(t, text).Facts()); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

func TestNothingRedactedInFacts(t *testing.T) {
	for name, text := range bodies(t) {
		var tree any
		if err := json.Unmarshal(text, &tree); err != nil {
			t.Fatal(err)
		}
		replaceEach(tree, "[redacted]", func() {
			redacted, err := json.Marshal(tree)
			if err != nil {
				t.Fatal(err)
			}
			if got := factsText(mustParse(t, redacted).Facts()); strings.Contains(got, "redacted") {
				t.Errorf("%s: %s", name, got)
			}
		})
	}
}
