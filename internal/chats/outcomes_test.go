package chats_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"

	"example.com/livechat-webhook/internal/chats"
)

const (
	thomas = "b7eff798-f8df-4364-8059-649c35c9ed0c"
	textAI = "32968215-e1f1-46dc-a310-1edf25c31579"
	smith  = "smith@example.com"
)

// history collects the entries of a log, one per webhook.
type history []chats.Entry

// add appends an entry of a webhook that came after that many seconds.
func (h *history) add(seconds float64, action, payload string) {
	*h = append(*h, chats.Entry{
		InsertID: fmt.Sprint("id", len(*h)), Timestamp: at(seconds),
		Webhook: fmt.Appendf(nil, `{"action":%q,"payload":%s}`, action, payload),
	})
}

// thread adds a webhook about thread T1, whose payload has these members too.
func (h *history) thread(seconds float64, action, members string) {
	h.add(seconds, action, `{"chat_id":"C1","thread_id":"T1",`+members+`}`)
}

// start adds the start of thread T1 with Thomas, and these members of it.
func (h *history) start(members string) {
	h.add(0, "incoming_chat", `{"chat":{"id":"C1","users":[{"id":"`+thomas+`","type":"customer","name":"Thomas"}],
		"thread":{"id":"T1","created_at":`+clock(0)+members+`}}}`)
}

// message adds a message whose id has that number.
func (h *history) message(seconds float64, number int, author, text string) {
	h.thread(seconds, "incoming_event", fmt.Sprintf(
		`"event":{"id":"T1_%d","type":"message","author_id":%q,"created_at":%s,"text":%q}`, number, author, clock(seconds), text))
}

func clock(seconds float64) string {
	text, _ := json.Marshal(at(seconds))
	return string(text)
}

// one returns the one chat of the log.
func (h history) one(t *testing.T) chats.Chat {
	t.Helper()
	all := chats.From(h)
	if len(all) != 1 {
		t.Fatalf("%d chats, want 1", len(all))
	}
	return all[0]
}

func TestChatThatEndsBeforeItStartsHasNoLength(t *testing.T) {
	var h history
	h.start("")
	h.thread(-1, "chat_deactivated", `"user_id":"`+smith+`"`)
	if c := h.one(t); c.Seconds != nil {
		t.Errorf("%v s", *c.Seconds)
	}
}

func TestEndOfAChat(t *testing.T) {
	archived := func(h *history, how string) {
		h.thread(51, "incoming_event", `"event":{"id":"T1_9","type":"system_message","created_at":`+clock(50)+`,"system_message_type":"`+how+`"}`)
	}
	deactivated := func(h *history, user string) { h.thread(52, "chat_deactivated", `"user_id":`+user) }
	for _, test := range []struct {
		name    string
		seconds float64
		by, how string
		log     func(h *history)
	}{
		{"LiveChat", 52, "livechat", "", func(h *history) { deactivated(h, "null") }},
		{"agent", 52, "agent", "", func(h *history) { deactivated(h, `"smith@example.com"`) }},
		{"redacted", 52, "", "", func(h *history) { deactivated(h, `"[redacted]"`) }},
		{"redacted, customer", 52, "customer", "manual_archived_customer", func(h *history) {
			deactivated(h, `"[redacted]"`)
			archived(h, "manual_archived_customer")
		}},
		{"system message alone, agent", 50, "agent", "customer_banned", func(h *history) { archived(h, "customer_banned") }},
		{"system message alone, LiveChat", 50, "livechat", "routing.archived_inactive", func(h *history) { archived(h, "routing.archived_inactive") }},
	} {
		var h history
		h.start("")
		test.log(&h)
		c := h.one(t)
		var by string
		if c.ClosedBy != nil {
			by = string(c.ClosedBy.Kind)
		}
		if c.Seconds == nil || *c.Seconds != test.seconds || by != test.by || c.ClosedHow != test.how {
			t.Errorf("%s: %s", test.name, text(t, []chats.Chat{c}))
		}
	}
}

func TestWaitingIsTheFirstUnansweredQuestionOfAnOpenChat(t *testing.T) {
	var h history
	h.start("")
	h.message(1, 1, thomas, "Hello")
	h.message(2, 2, smith, "Hi")
	if c := h.one(t); c.Waiting != nil {
		t.Errorf("answered, but waiting for %+v", c.Waiting)
	}
	h.message(3, 3, thomas, "Where is it?")
	h.message(4, 4, thomas, "Well?")
	if c := h.one(t); c.Waiting == nil || c.Waiting.EventID != "T1_3" {
		t.Errorf("waiting for %+v", c.Waiting)
	}
	h.thread(5, "chat_deactivated", `"user_id":"`+thomas+`"`)
	if c := h.one(t); c.Waiting != nil {
		t.Errorf("closed, but waiting for %+v", c.Waiting)
	}
}

func TestMessagesOfTheSameTimeAreInTheOrderOfTheirIDs(t *testing.T) {
	var h history
	for _, number := range []int{10, 9, 11} {
		h.message(5, number, thomas, "Hello")
	}
	var got []string
	for _, item := range h.one(t).Transcript {
		got = append(got, item.EventID)
	}
	if !slices.Equal(got, []string{"T1_9", "T1_10", "T1_11"}) {
		t.Errorf("got %q", got)
	}
}

func TestChatWhoseThreadIDIsRedactedIsOne(t *testing.T) {
	for action, payload := range map[string]string{
		"incoming_chat":             `{"chat":{"id":"C1","thread":{"id":"[redacted]"}}}`,
		"incoming_event":            `{"chat_id":"C1","thread_id":"[redacted]","event":{"id":"T1_1"}}`,
		"event_deleted":             `{"chat_id":"C1","thread_id":"[redacted]","event_id":"T1_1"}`,
		"chat_deactivated":          `{"chat_id":"C1","thread_id":"[redacted]"}`,
		"thread_tagged":             `{"chat_id":"C1","thread_id":"[redacted]","tag":"order"}`,
		"thread_summary_set":        `{"chat_id":"C1","thread_id":"[redacted]","summary":{"text":"x"}}`,
		"thread_properties_updated": `{"chat_id":"C1","thread_id":"[redacted]","properties":{}}`,
		"event_properties_deleted":  `{"chat_id":"C1","thread_id":"[redacted]","event_id":"T1_1","properties":{}}`,
	} {
		var h history
		h.add(0, action, payload)
		if got := chats.From(h); len(got) != 1 || got[0].ThreadID != "" || !slices.Contains(got[0].Incomplete, chats.UnknownThread) {
			t.Errorf("%s: got %s", action, text(t, got))
		}
	}
}

func TestThreadGoesToItsChatThoughTheChatIDIsRedacted(t *testing.T) {
	var h history
	h.start("")
	h.add(5, "thread_tagged", `{"chat_id":"[redacted]","thread_id":"T1","tag":"order"}`)
	if c := h.one(t); c.ChatID != "C1" || !slices.Equal(c.Tags, []string{"order"}) {
		t.Errorf("chat %q with tags %q", c.ChatID, c.Tags)
	}
}

// The webhook about the second thread came late, but it started before the
// rating.
func TestRatingOfAChatGoesToTheThreadThatStartedLast(t *testing.T) {
	var h history
	h.start("")
	h.add(150, "incoming_chat", `{"chat":{"id":"C1","thread":{"id":"T2","created_at":`+clock(100)+`}}}`)
	h.add(120, "chat_properties_updated", `{"chat_id":"C1","properties":{"rating":{"score":0}}}`)
	got := chats.From(h)
	if len(got) != 2 || got[0].Rating != nil || got[1].Rating == nil || got[1].Rating.Score != "bad" {
		t.Errorf("got %s", text(t, got))
	}
}

func TestWhoWrote(t *testing.T) {
	for _, test := range []struct {
		name   string
		author string
		want   chats.Kind
		log    func(h *history)
	}{
		{"UUID, nothing known", textAI, chats.KindUnknown, func(h *history) {}},
		{"redacted", "[redacted]", chats.KindUnknown, func(h *history) { h.start("") }},
		{"UUID, customer known", textAI, chats.KindBot, func(h *history) { h.start("") }},
		{"UUID of the customer", thomas, chats.KindCustomer, func(h *history) { h.start("") }},
		{"UUID that is called an agent", textAI, chats.KindBot, func(h *history) {
			h.add(0, "incoming_chat", `{"chat":{"id":"C1","users":[{"id":"`+textAI+`","type":"agent"}],"thread":{"id":"T1"}}}`)
		}},
		{"UUID that a skill names", textAI, chats.KindBot, func(h *history) {
			h.thread(1, "incoming_event", `"event":{"id":"T1_9","type":"system","source":"ai_agents","subtype":"custom_skill_started","details":"{\"agentId\":\"`+textAI+`\"}"}`)
		}},
		{"customer who was added", thomas, chats.KindCustomer, func(h *history) {
			h.thread(1, "user_added_to_chat", `"user":{"id":"`+thomas+`"},"user_type":"customer"`)
		}},
		{"customer who was removed", thomas, chats.KindCustomer, func(h *history) {
			h.thread(9, "user_removed_from_chat", `"user_id":"`+thomas+`","user_type":"customer"`)
		}},
		{"hex digits", "5c9871d5372c824cbf22d860a707a578", chats.KindBot, func(h *history) {}},
		{"e-mail address", smith, chats.KindAgent, func(h *history) {}},
	} {
		var h history
		test.log(&h)
		h.message(5, 1, test.author, "Hello")
		c := h.one(t)
		i := slices.IndexFunc(c.Transcript, func(i chats.Item) bool { return i.Type == "message" })
		if got := c.Transcript[i].By.Kind; got != test.want {
			t.Errorf("%s: %s, want %s", test.name, got, test.want)
		}
		if got := slices.Contains(c.Incomplete, chats.UnknownAuthor); got != (test.want == chats.KindUnknown) {
			t.Errorf("%s: incomplete %q", test.name, c.Incomplete)
		}
	}
}

func TestCustomerIsTheFirstOne(t *testing.T) {
	var h history
	h.start("")
	h.thread(1, "user_added_to_chat", `"user":{"id":"345f8235-d60d-433e-63c5-7f813a6ffe25","type":"customer","name":"test"},"user_type":"customer"`)
	if c := h.one(t); c.Customer.Name != "Thomas" {
		t.Errorf("customer %q", c.Customer.Name)
	}
}

const queuedAt0 = `,"queue":{"position":3,"wait_time":250,"queued_at":"2026-03-09T15:46:50Z"}`

func TestWait(t *testing.T) {
	const none = -1
	closed := func(h *history) { h.thread(60, "chat_deactivated", `"user_id":"`+thomas+`"`) }
	joined := func(h *history, id string) {
		h.thread(30, "user_added_to_chat", `"user":{"id":"`+id+`","type":"agent"},"user_type":"agent","reason":"assigned"`)
	}
	for _, test := range []struct {
		name  string
		want  float64
		left  bool
		lacks bool
		log   func(h *history)
	}{
		{"still waiting", none, false, false, func(h *history) {}},
		{"left", 60, true, false, closed},
		{"taken", 30, false, false, func(h *history) { joined(h, smith); closed(h) }},
		{"a bot is no agent", 60, true, false, func(h *history) { joined(h, textAI); closed(h) }},
		{"a supervisor takes no chat", 60, true, false, func(h *history) {
			h.thread(30, "user_added_to_chat", `"user":{"id":"`+smith+`","type":"agent","visibility":"agents"},"user_type":"agent"`)
			closed(h)
		}},
		{"transferred to a bot", 60, true, false, func(h *history) {
			h.thread(30, "chat_transferred", `"reason":"other","transferred_to":{"agent_ids":["`+textAI+`"]}`)
			closed(h)
		}},
		{"assigned", 40, false, false, func(h *history) {
			h.thread(40, "chat_transferred", `"reason":"assigned","transferred_to":{"agent_ids":["`+smith+`"]}`)
			closed(h)
		}},
		{"from queue to queue", 30, false, false, func(h *history) {
			h.thread(10, "chat_transferred", `"reason":"manual","transferred_to":{"group_ids":[2]},"queue":{"position":1,"queued_at":`+clock(10)+`}`)
			joined(h, smith)
			closed(h)
		}},
		{"queued again, clock under its older name", 30 + 5, true, false, func(h *history) {
			joined(h, smith)
			h.thread(55, "chat_transferred", `"reason":"unassigned","transferred_to":{"group_ids":[2]},"queue":{"position":1,"queued_at_us":`+clock(55)+`}`)
			closed(h)
		}},
		{"LiveChat's own number", 12, false, false, func(h *history) {
			h.add(30, "incoming_chat", `{"chat":{"id":"C1","thread":{"id":"T1","created_at":`+clock(0)+`,"queues_duration":12}},"transferred_from":{"group_ids":[1]}}`)
			joined(h, smith)
			closed(h)
		}},
		{"LiveChat's own number, while an agent came unseen", 12, false, false, func(h *history) {
			h.add(30, "incoming_chat", `{"chat":{"id":"C1","thread":{"id":"T1","created_at":`+clock(0)+`,"queues_duration":12}},"transferred_from":{"group_ids":[1]}}`)
			h.message(35, 1, smith, "Hi")
			closed(h)
		}},
		{"the greeting is no agent", 60, true, false, func(h *history) {
			h.thread(5, "incoming_event", `"event":{"id":"T1_1","type":"message","author_id":"`+smith+`","created_at":`+clock(5)+`,"properties":{"lc2":{"welcome_message":true}}}`)
			closed(h)
		}},
		{"an agent came unseen", none, false, true, func(h *history) { h.message(35, 1, smith, "Hi"); closed(h) }},
	} {
		var h history
		h.start(queuedAt0)
		test.log(&h)
		c := h.one(t)
		if c.Queue == nil {
			t.Errorf("%s: not queued", test.name)
			continue
		}
		got := float64(none)
		if c.Queue.Seconds != nil {
			got = *c.Queue.Seconds
		}
		if got != test.want || c.Queue.Left != test.left || slices.Contains(c.Incomplete, chats.UnknownWait) != test.lacks {
			t.Errorf("%s: %v s, left %v, incomplete %q", test.name, got, c.Queue.Left, c.Incomplete)
		}
	}
}

func TestRating(t *testing.T) {
	message := func(h *history, seconds float64, system, vars string) {
		h.thread(seconds, "incoming_event", fmt.Sprintf(`"event":{"id":"T1_%v","type":"system_message","created_at":%s,"system_message_type":%q,"text_vars":%s}`,
			seconds, clock(seconds), system, vars))
	}
	property := func(h *history, seconds float64, action, rating string) {
		h.thread(seconds, "thread_properties_"+action, `"properties":{"rating":`+rating+`}`)
	}
	for _, test := range []struct {
		name, score, comment string
		log                  func(h *history)
	}{
		{"none", "", "", func(h *history) {}},
		{"messages: last one wins", "bad", "", func(h *history) {
			message(h, 9, "rating.chat_rated", `{"score":"bad"}`)
			message(h, 5, "rating.chat_rated", `{"score":"good"}`)
		}},
		{"messages: taken back with its comment", "", "", func(h *history) {
			message(h, 5, "rating.chat_rated", `{"score":"good"}`)
			message(h, 6, "rating.chat_commented", `{"comment":"Quick!"}`)
			message(h, 9, "rating.chat_rating_canceled", `{}`)
		}},
		{"messages: score redacted", "", "Quick!", func(h *history) {
			message(h, 5, "rating.chat_rated", `{"score":"[redacted]"}`)
			message(h, 6, "rating.chat_commented", `{"comment":"Quick!"}`)
		}},
		{"properties", "good", "Quick!", func(h *history) { property(h, 5, "updated", `{"score":1,"comment":"Quick!"}`) }},
		{"properties: one taken back", "", "Quick!", func(h *history) {
			property(h, 5, "updated", `{"score":1,"comment":"Quick!"}`)
			property(h, 6, "deleted", `["score"]`)
		}},
		{"properties: redacted", "", "", func(h *history) { property(h, 5, "updated", `"[redacted]"`) }},
		{"both: only messages count", "good", "", func(h *history) {
			message(h, 5, "rating.chat_rated", `{"score":"good"}`)
			property(h, 9, "updated", `{"score":0,"comment":"late"}`)
		}},
	} {
		var h history
		h.start("")
		test.log(&h)
		var got chats.Rating
		if r := h.one(t).Rating; r != nil {
			got = *r
		}
		if got.Score != test.score || got.Comment != test.comment {
			t.Errorf("%s: %q %q", test.name, got.Score, got.Comment)
		}
	}
}

// The insertId of a body is another one after the secret has changed.
func TestRepeatUnderAnotherInsertIDIsOne(t *testing.T) {
	var h history
	h.start("")
	for seconds := range 2 {
		h.thread(float64(50+seconds), "chat_deactivated", `"user_id":"`+smith+`"`)
		h.message(40, 1, smith, "Hi")
	}
	c := h.one(t)
	if *c.Seconds != 50 || c.Messages.Agent != 1 || len(c.Transcript) != 1 || len(c.Course) != 2 {
		t.Errorf("got %s", text(t, []chats.Chat{c}))
	}
	if ids := c.Transcript[0].InsertIDs; len(ids) != 2 {
		t.Errorf("insertIds %q, want both", ids)
	}
}

func TestFormThatIsNotFilledInHasNoAnswers(t *testing.T) {
	var h history
	h.thread(5, "incoming_event", `"event":{"id":"T1_1","type":"form","fields":[{"type":"select","label":"Country","options":[{"id":"0","value":"USA"}]}]}`)
	if f := h.one(t).Transcript[0].Form.Fields[0]; f.Answers != nil {
		t.Errorf("answers %q", f.Answers)
	}
}

func TestChatsAreInTheOrderOfTheirFirstEntries(t *testing.T) {
	var h history
	h.add(5, "thread_tagged", `{"chat_id":"C1","thread_id":"T1","tag":"order"}`)
	h.add(4, "thread_tagged", `{"chat_id":"C2","thread_id":"T2","tag":"order"}`)
	if got := chats.From(h); len(got) != 2 || got[0].ChatID != "C2" {
		t.Errorf("got %s", text(t, got))
	}
}

func TestFormOfAnAgentDoesNotNameTheCustomer(t *testing.T) {
	var h history
	h.start("")
	h.thread(5, "incoming_event", `"event":{"id":"T1_1","type":"filled_form","author_id":"`+smith+`","fields":[{"type":"email","label":"E-mail:","answer":"smith@example.com"}]}`)
	if c := h.one(t); c.Customer.Email != "" {
		t.Errorf("e-mail address %q", c.Customer.Email)
	}
}

func TestDeletedStaysDeleted(t *testing.T) {
	var h history
	h.start("")
	h.message(5, 1, thomas, "4111 1111 1111 1111")
	h.thread(6, "event_deleted", `"event_id":"T1_1"`)
	h.thread(7, "event_updated", `"event":{"id":"T1_1","type":"message","author_id":"`+thomas+`","text":"4111 1111 1111 1111","properties":{}}`)
	item := h.one(t).Transcript[0]
	if !item.Deleted || item.Text != "" || len(item.Before) != 1 {
		t.Errorf("got %+v", item)
	}
}

func TestWithheldEventsAreSaid(t *testing.T) {
	var h history
	h.start(`,"restricted_access":"plan"`)
	if c := h.one(t); c.Restricted != "plan" || !slices.Contains(c.Incomplete, chats.Withheld) {
		t.Errorf("restricted %q, incomplete %q", c.Restricted, c.Incomplete)
	}
}

func TestDeletionOfAnUnknownEventIsNotInTheTranscript(t *testing.T) {
	var h history
	h.start("")
	h.thread(6, "event_deleted", `"event_id":"[redacted]"`)
	if c := h.one(t); c.Transcript != nil {
		t.Errorf("got %+v", c.Transcript)
	}
}

// The third change has the body, and so the insertId, of the first.
func TestChangeBackIsAChange(t *testing.T) {
	var h history
	h.message(5, 1, thomas, "a")
	for i, now := range []string{"b", "c", "b"} {
		h.thread(float64(10+i), "event_updated", `"event":{"id":"T1_1","type":"message","author_id":"`+thomas+`","text":"`+now+`"}`)
	}
	h[3].InsertID = h[1].InsertID
	item := h.one(t).Transcript[0]
	if item.Text != "b" || len(item.Before) != 3 {
		t.Errorf("got %+v", item)
	}
}

func TestChangeThatChangesNothingIsNoEdit(t *testing.T) {
	var h history
	h.message(5, 1, thomas, "Hello")
	h.thread(7, "event_updated", `"event":{"id":"T1_1","type":"message","author_id":"`+thomas+`","text":"Hello","properties":{"translation":{"source_lang_code":"en"}}}`)
	item := h.one(t).Transcript[0]
	if item.Edited || len(item.Before) != 0 || len(item.InsertIDs) != 2 {
		t.Errorf("got %+v", item)
	}
}

func TestGroupIsTheFirstOne(t *testing.T) {
	transfer := func(h *history) {
		h.thread(5, "chat_transferred", `"reason":"manual","transferred_to":{"group_ids":[19]}`)
	}
	for _, test := range []struct {
		name, group string
		groups      []string
		log         func(h *history)
	}{
		{"of the thread", "3", []string{"3", "19"}, func(h *history) { h.start(`,"access":{"group_ids":[3]}`); transfer(h) }},
		{"of the chat", "4", []string{"4", "19"}, func(h *history) {
			h.add(0, "incoming_chat", `{"chat":{"id":"C1","access":{"group_ids":[4]},"thread":{"id":"T1"}}}`)
			transfer(h)
		}},
		{"before the log", "", []string{"19"}, transfer},
	} {
		var h history
		test.log(&h)
		if c := h.one(t); c.Group != test.group || !slices.Equal(c.Groups, test.groups) {
			t.Errorf("%s: group %q of %q", test.name, c.Group, c.Groups)
		}
	}
}

func TestTagsAreThoseLeft(t *testing.T) {
	var h history
	h.start(`,"tags":["sales","old"]`)
	h.thread(5, "thread_untagged", `"tag":"old"`)
	h.thread(6, "thread_tagged", `"tag":"order"`)
	h.thread(7, "thread_untagged", `"tag":"order"`)
	h.thread(8, "thread_tagged", `"tag":"order"`)
	if c := h.one(t); !slices.Equal(c.Tags, []string{"order", "sales"}) {
		t.Errorf("tags %q", c.Tags)
	}
}

func TestResolvedIsTheLastWord(t *testing.T) {
	var h history
	h.start("")
	h.thread(5, "thread_properties_updated", `"properties":{"chats":{"resolved":true}}`)
	if c := h.one(t); c.AIResolved == nil || !*c.AIResolved {
		t.Error("not resolved")
	}
	h.thread(6, "thread_properties_updated", `"properties":{"chats":{"resolved":false}}`)
	if c := h.one(t); c.AIResolved == nil || *c.AIResolved {
		t.Error("not taken back")
	}
	h.thread(7, "thread_properties_deleted", `"properties":{"chats":["resolved"]}`)
	if c := h.one(t); c.AIResolved != nil {
		t.Error("not deleted")
	}
}

// A chat_changed of v2 has only what was chosen for it, and may come last.
func TestLegacyMessagesStayThoughALaterWebhookHasNone(t *testing.T) {
	h := history{
		{InsertID: "a", Timestamp: at(0), Webhook: []byte(`{"event_type":"chat_ended","chat":{"id":"C1","started_timestamp":1773071210,"ended_timestamp":1773071270,"tags":[],
			"messages":[{"user_type":"visitor","text":"Hello","timestamp":1773071215}]}}`)},
		{InsertID: "b", Timestamp: at(90), Webhook: []byte(`{"event_type":"chat_changed","chat":{"id":"C1","tags":["sales"]}}`)},
	}
	c := h.one(t)
	if c.Messages.Customer != 1 || *c.Seconds != 60 || !slices.Equal(c.Tags, []string{"sales"}) {
		t.Errorf("got %s", text(t, []chats.Chat{c}))
	}
}
