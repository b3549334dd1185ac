package chats

import (
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// Chat is what LiveChat's reports count as a chat: a v3 thread, or a v2 chat.
type Chat struct {
	// API is v3 or v2. A license with both kinds of webhooks registered sends
	// both for the same conversation: count only one.
	API string `json:"api"`
	// ChatID and ThreadID are LiveChat's. A v2 chat has no thread. Either is
	// empty if the log does not have it.
	ChatID           string `json:"chat_id,omitzero"`
	ThreadID         string `json:"thread_id,omitzero"`
	PreviousThreadID string `json:"previous_thread_id,omitzero"`

	// Started is the creation of the thread. It is zero if the log does not
	// have the start.
	Started time.Time `json:"started,omitzero"`
	// Ended is zero if the chat is still open or the log does not have its end.
	Ended time.Time `json:"ended,omitzero"`
	// Seconds is Ended − Started.
	Seconds *float64 `json:"seconds,omitzero"`

	Customer Customer `json:"customer,omitzero"`
	// Agents and Bots were in the thread or wrote in it, in order of appearance.
	Agents []Author `json:"agents,omitzero"`
	Bots   []Author `json:"bots,omitzero"`
	// Group is the id of the group in which the chat started, empty if the log
	// does not have the start. Groups also has those that the chat was
	// transferred to. Group 0 is everybody.
	Group  string   `json:"group,omitzero"`
	Groups []string `json:"groups,omitzero"`

	Messages Counts `json:"messages"`
	// FirstQuestion is the customer's first message.
	FirstQuestion *Question `json:"first_question,omitzero"`
	// FirstAgentReply and FirstBotReply are the first messages after it, with
	// the time since the first question.
	FirstAgentReply *Reply `json:"first_agent_reply,omitzero"`
	FirstBotReply   *Reply `json:"first_bot_reply,omitzero"`
	// Replies are all turns from the customer to an agent or a bot, with the
	// time since the first unanswered message.
	Replies []Reply `json:"replies,omitzero"`
	// Waiting is the first message of the customer that is not yet answered,
	// while the chat is open.
	Waiting *Question `json:"waiting,omitzero"`
	// Handled says who wrote to the customer, in the words of the Text App:
	// manual (only agents), automated (only bots), assisted (both). It is empty
	// if neither did.
	Handled string `json:"handled,omitzero"`
	// Missed reports whether the chat ended without an answer. It is nil while
	// the chat is open, and if the log is too incomplete to know.
	Missed *bool `json:"missed,omitzero"`

	// Queue is nil if the chat was not queued.
	Queue     *Queue     `json:"queue,omitzero"`
	Transfers []Transfer `json:"transfers,omitzero"`
	// Tags are the tags that remain, sorted.
	Tags []string `json:"tags,omitzero"`
	// Rating is nil if there is none or it was canceled.
	Rating *Rating `json:"rating,omitzero"`
	// ClosedBy is nil while the chat is open and if the id was redacted. Its
	// kind is [KindLiveChat] if no user closed the chat.
	ClosedBy *Author `json:"closed_by,omitzero"`
	// ClosedHow is the type of the system message about it, such as
	// manual_archived_agent, routing.archived_inactive or customer_banned.
	ClosedHow string `json:"closed_how,omitzero"`
	// AIResolved is the thread property chats.resolved, nil if the log does not
	// have it.
	AIResolved *bool `json:"ai_resolved,omitzero"`
	// Summary is what LiveChat's assistant wrote about the thread.
	Summary string `json:"summary,omitzero"`
	// Restricted is LiveChat's reason for omitting events of the thread.
	Restricted string `json:"restricted,omitzero"`

	// Incomplete lists what the log does not have, sorted; see the constants.
	Incomplete []Lack `json:"incomplete,omitzero"`

	// Transcript has the events of the thread, and Course what happened around
	// them, both oldest first.
	Transcript []Item `json:"transcript,omitzero"`
	Course     []Step `json:"course,omitzero"`
	// InsertIDs are the entries that the chat was made from, oldest first.
	InsertIDs []string `json:"insert_ids"`

	first time.Time // the time of the first entry
}

// Lack is something that the log of a chat does not have.
type Lack string

const (
	// BeganBefore: the log does not have the start of the chat, so customer,
	// group, queue and messages may be missing.
	BeganBefore Lack = "began_before_log"
	// UnknownAuthor: some messages are from a customer or a bot, but which is
	// unknown. They count as neither question nor reply.
	UnknownAuthor Lack = "author_unknown"
	// UnknownWait: the chat was queued, but the log does not have when the wait
	// began or ended.
	UnknownWait Lack = "wait_unknown"
	// MissingOriginal: an event was changed or deleted, and the log does not
	// have the original.
	MissingOriginal Lack = "original_missing"
	// MissingPart: a webhook was split into several entries, and the log does
	// not have all of them.
	MissingPart Lack = "part_missing"
	// UnknownThread: the thread ids were redacted, so all threads of the chat
	// are one [Chat].
	UnknownThread Lack = "thread_unknown"
	// Unreadable: an entry's webhook is not a JSON object.
	Unreadable Lack = "unreadable"
	// Withheld: LiveChat omitted the first events of the thread, see
	// [Chat.Restricted].
	Withheld Lack = "restricted"
)

// Kind is the kind of a user.
type Kind string

const (
	KindCustomer Kind = "customer"
	KindAgent    Kind = "agent" // a human
	KindBot      Kind = "bot"   // chatbots and AI agents
	KindLiveChat Kind = "livechat"
	KindUnknown  Kind = "unknown"
)

// Author is the user who did something, or LiveChat itself.
type Author struct {
	Kind Kind `json:"kind"`
	// ID is an agent's e-mail address; customers and AI agents have UUIDs, other
	// bots 32 hex digits. LiveChat itself has none.
	ID   string `json:"id,omitzero"`
	Name string `json:"name,omitzero"`
}

// Customer is the customer of a chat. Name and e-mail address are LiveChat's, or
// the customer's answers in a form if LiveChat has none.
type Customer struct {
	ID      string `json:"id,omitzero"`
	Name    string `json:"name,omitzero"`
	Email   string `json:"email,omitzero"`
	Country string `json:"country,omitzero"`
	City    string `json:"city,omitzero"`
}

// Counts are numbers of messages, including deleted ones. The first four
// exclude whispers and the automatic greeting.
type Counts struct {
	Customer  int `json:"customer"`
	Agent     int `json:"agent"`
	Bot       int `json:"bot"`
	Unknown   int `json:"unknown,omitzero"`
	Automatic int `json:"automatic,omitzero"` // the greeting, lc2.welcome_message
	Whispers  int `json:"whispers,omitzero"`
}

// Question is a message of the customer.
type Question struct {
	At      time.Time `json:"at"`
	Text    string    `json:"text,omitzero"` // as it is now
	EventID string    `json:"event_id,omitzero"`
}

// Reply is a message of an agent or a bot that answers the customer.
type Reply struct {
	By Author    `json:"by"`
	At time.Time `json:"at"`
	// Seconds is the time since the question.
	Seconds float64 `json:"seconds"`
	EventID string  `json:"event_id,omitzero"`
	// Asked is the event id of the question.
	Asked string `json:"asked,omitzero"`
}

// Queue is the wait of a chat for an agent.
type Queue struct {
	// Since is when the chat was first queued.
	Since time.Time `json:"since,omitzero"`
	// Position is the first one known.
	Position int `json:"position,omitzero"`
	// Seconds is the total wait in all queues of the thread. It is nil while the
	// chat waits, and if the log does not have the end of the wait.
	Seconds *float64 `json:"seconds,omitzero"`
	// Left reports whether the chat ended while queued, without an agent being
	// added or writing.
	Left bool `json:"left,omitzero"`
}

// Transfer is a move to other agents or another group: a chat_transferred or,
// in a thread without any, a system message about a transfer.
type Transfer struct {
	At time.Time `json:"at"`
	// Reason is manual, inactive, assigned, unassigned or other; of a system
	// message its type, such as routing.assigned_inactive.
	Reason string `json:"reason,omitzero"`
	// Groups and Agents are the destination; a system message has neither.
	Groups []string `json:"groups,omitzero"`
	Agents []string `json:"agents,omitzero"`
	// By is nil if LiveChat did it or the body does not have it.
	By        *Author  `json:"by,omitzero"`
	Queued    bool     `json:"queued,omitzero"` // the chat waits in a queue again
	InsertIDs []string `json:"insert_ids"`
}

// Rating is the customer's rating of a chat.
type Rating struct {
	Score   string    `json:"score,omitzero"` // good or bad; empty if there is only a comment
	Comment string    `json:"comment,omitzero"`
	At      time.Time `json:"at"` // of the last change
}

// Item is an event in the transcript, with its changes.
type Item struct {
	At time.Time `json:"at"`
	// Type is LiveChat's: message, file, form, filled_form, rich_message,
	// custom, system_message, system. A pre-chat survey of v2 is a filled_form.
	// It is empty for an event of which the log has the deletion only.
	Type    string `json:"type,omitzero"`
	By      Author `json:"by"`
	EventID string `json:"event_id,omitzero"`
	// AgentsOnly: the customer cannot see it. Such a message is a whisper.
	AgentsOnly bool `json:"agents_only,omitzero"`
	// Automatic: the greeting that LiveChat sends in an agent's name.
	Automatic bool `json:"automatic,omitzero"`
	// Content is the current content, empty if Deleted.
	Content
	Edited  bool `json:"edited,omitzero"`
	Deleted bool `json:"deleted,omitzero"`
	// Before has the earlier contents, oldest first.
	Before []Version `json:"before,omitzero"`
	// InsertIDs are the entries that hold the event and its changes. For a split
	// entry it is split.uid, without the number of a part.
	InsertIDs []string `json:"insert_ids"`

	lacksOriginal bool
	opinion       *opinion
}

// Content is the content of an event. Its members depend on the type.
type Content struct {
	// Text of a message or a system message; of a v2 event too.
	Text string `json:"text,omitzero"`
	// System is the type of a system message, such as routing.assigned, or
	// source and subtype of a system event, such as
	// ai_agents.custom_skill_failed.
	System string `json:"system,omitzero"`
	File   *File  `json:"file,omitzero"`
	Form   *Form  `json:"form,omitzero"`
	// Cards are the elements of a rich message.
	Cards []Card `json:"cards,omitzero"`
	// Data is the content of a custom event or the details of a system event,
	// as JSON.
	Data jsontext.Value `json:"data,omitzero"`
}

// Version is the content of an event until it was changed or deleted.
type Version struct {
	Content
	// Until is when the webhook about the change was received.
	Until time.Time `json:"until"`
}

// File is an uploaded file. LiveChat stores it; the log has only the URL.
type File struct {
	Name        string `json:"name,omitzero"`
	URL         string `json:"url,omitzero"`
	ContentType string `json:"content_type,omitzero"`
	Size        int    `json:"size,omitzero"` // bytes
}

// Form is a form, with answers if it is filled in.
type Form struct {
	ID string `json:"id,omitzero"`
	// Type is prechat, postchat, ask_for_email or empty.
	Type   string  `json:"type,omitzero"`
	Fields []Field `json:"fields"`
}

// Field is a question of a form.
type Field struct {
	Type  string `json:"type,omitzero"` // name, email, radio, checkbox, …
	Label string `json:"label,omitzero"`
	// Answers are texts or the labels of what was chosen.
	Answers []string `json:"answers,omitzero"`
}

// Card is an element of a rich message.
type Card struct {
	Title    string   `json:"title,omitzero"`
	Subtitle string   `json:"subtitle,omitzero"`
	Image    string   `json:"image,omitzero"` // URL
	Buttons  []string `json:"buttons,omitzero"`
}

// Step is something that happened in a chat, apart from its events.
type Step struct {
	At time.Time `json:"at"`
	// What is started, queued, joined, left, transferred, tagged, untagged,
	// rated, commented, rating_canceled, resolved, summary, seen, postback or
	// closed.
	What string `json:"what"`
	// By is the user who did it; for joined and left, the user who did so. It
	// is nil if LiveChat did it or the webhook does not have it.
	By *Author `json:"by,omitzero"`
	// Detail is the tag, the reason, the position in the queue, the score, the
	// comment, the id of the button, the summary, or true or false of resolved.
	// The destination of a transfer is in the [Transfer] with the same entry.
	Detail    string   `json:"detail,omitzero"`
	InsertIDs []string `json:"insert_ids"`
}
