package payload

import "github.com/go-json-experiment/json/jsontext"

// LegacyEnvelope holds the members that every v2 body has.
type LegacyEnvelope struct {
	EventType     string `json:"event_type"`
	EventUniqueID Text   `json:"event_unique_id"` // seen in captures, not documented
	Token         Text   `json:"token"`           // a credential
	LicenseID     Text   `json:"license_id"`
	LCVersion     Text   `json:"lc_version"` // seen in captures, not documented
}

// ChatStarted is the v2 webhook of that name. Chat, visitor and survey are in
// the body only if they were chosen for the webhook.
type ChatStarted struct {
	LegacyEnvelope
	Chat          LegacyChat       `json:"chat"`
	Visitor       Visitor          `json:"visitor"`
	PreChatSurvey []SurveyQuestion `json:"pre_chat_survey"`
}

// ChatEnded is the v2 webhook of that name, with the same data as [ChatStarted].
type ChatEnded struct {
	LegacyEnvelope
	Chat          LegacyChat       `json:"chat"`
	Visitor       Visitor          `json:"visitor"`
	PreChatSurvey []SurveyQuestion `json:"pre_chat_survey"`
}

// ChatChanged is the v2 webhook for a change of the chat's tags, while it runs
// or later.
type ChatChanged struct {
	LegacyEnvelope
	Chat    LegacyChat `json:"chat"`
	Visitor Visitor    `json:"visitor"`
}

// VisitorQueued is the v2 webhook of that name.
type VisitorQueued struct {
	LegacyEnvelope
	Visitor Visitor `json:"visitor"`
}

// TicketCreated is the v2 webhook of that name.
type TicketCreated struct {
	LegacyEnvelope
	Ticket Ticket `json:"ticket"`
}

// CannedResponseChanged is the v2 webhook for a canned response that was
// created, changed or deleted; the body does not say which.
type CannedResponseChanged struct {
	LegacyEnvelope
	CannedResponse CannedResponse `json:"canned_response"`
}

// LegacyChat is a chat in v2.
type LegacyChat struct {
	ID          Text              `json:"id"`
	Started     Time              `json:"started_timestamp"`
	Ended       Time              `json:"ended_timestamp"` // missing while the chat runs
	URL         string            `json:"url"`             // may be that of the chat window
	Referer     string            `json:"referer"`
	Messages    []LegacyMessage   `json:"messages"`
	Attachments []jsontext.Value  `json:"attachments"` // elements are not documented
	Events      []LegacyChatEvent `json:"events"`
	Agents      []LegacyAgent     `json:"agents"`
	Tags        []string          `json:"tags"`
	Groups      []int             `json:"groups"`
}

// LegacyMessage is a message of a [LegacyChat].
type LegacyMessage struct {
	UserType   string `json:"user_type"` // agent, visitor, supervisor (a whisper)
	AuthorName string `json:"author_name"`
	AgentID    Text   `json:"agent_id"` // e-mail address, missing for visitors
	Text       string `json:"text"`
	JSON       string `json:"json"` // "" or the text of a JSON object
	Timestamp  Time   `json:"timestamp"`
}

// LegacyChatEvent is an event in a [LegacyChat] other than a message.
type LegacyChatEvent struct {
	UserType  string `json:"user_type"`
	Text      string `json:"text"`
	Timestamp Time   `json:"timestamp"`
	Type      string `json:"type"` // closed
}

// LegacyAgent is an agent of a [LegacyChat].
type LegacyAgent struct {
	Name  string `json:"name"`
	Login string `json:"login"` // e-mail address
}

// Visitor is a customer in v2.
type Visitor struct {
	ID              Text             `json:"id"`
	Name            string           `json:"name"`
	Email           string           `json:"email"`
	CustomVariables []CustomVariable `json:"custom_variables"`
	Country         string           `json:"country"`
	City            string           `json:"city"`
	Language        string           `json:"language"`
	PageCurrent     string           `json:"page_current"`
	Timezone        string           `json:"timezone"`
}

// CustomVariable is a variable set by the customer's site for a [Visitor].
type CustomVariable struct {
	Key   string `json:"key"`
	Value Text   `json:"value"`
}

// SurveyQuestion is a row of the survey before a chat in v2.
type SurveyQuestion struct {
	ID      Text     `json:"id"`
	Type    string   `json:"type"` // name, email, checkbox
	Label   string   `json:"label"`
	Answer  Answer   `json:"answer"`
	Answers []Answer `json:"answers"` // checkbox
}

// Ticket is a ticket in v2.
type Ticket struct {
	ID        Text          `json:"id"`
	Status    string        `json:"status"` // open
	Subject   string        `json:"subject"`
	Assignee  TicketPerson  `json:"assignee"`
	Requester TicketPerson  `json:"requester"`
	Groups    []TicketGroup `json:"groups"`
	Events    []TicketEvent `json:"events"`
	Source    TicketSource  `json:"source"`
	Tags      []string      `json:"tags"`
}

// TicketPerson is who asks, answers or writes in a [Ticket].
type TicketPerson struct {
	ID        Text   `json:"id"`
	Name      string `json:"name"`
	Type      string `json:"type"`       // author: agent, client
	Mail      string `json:"mail"`       // requester
	UTCOffset Text   `json:"utc_offset"` // requester; the name of a zone
	IP        string `json:"ip"`         // requester
}

// TicketGroup is a group that a [Ticket] belongs to.
type TicketGroup struct {
	ID        int    `json:"id"`
	Name      string `json:"name"`
	Inherited bool   `json:"inherited"`
}

// TicketEvent is a message of a [Ticket]. Form answers are in Message, one per
// line.
type TicketEvent struct {
	Author    TicketPerson `json:"author"`
	Date      Time         `json:"date"`
	IsPrivate bool         `json:"is_private"`
	Message   string       `json:"message"`
	Type      string       `json:"type"` // message
	Source    TicketSource `json:"source"`
}

// TicketSource is where a [Ticket] or its message was written.
type TicketSource struct {
	ID   Text   `json:"id"`
	Type string `json:"type"` // lc2, chat-window
	URL  string `json:"url"`
}

// CannedResponse is a text that agents keep ready.
type CannedResponse struct {
	ID       Text     `json:"id"`
	Group    Text     `json:"group"`
	Text     string   `json:"text"`
	Tags     []string `json:"tags"`
	Modified Time     `json:"modification_date"`
}
