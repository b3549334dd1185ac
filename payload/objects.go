package payload

import (
	"slices"

	"github.com/go-json-experiment/json/jsontext"
)

// The types of this file are what the payloads of v3.go are made of, as in
// https://platform.text.com/docs/messaging/agent-chat-api/data-structures.
// Members that the package does not use are kept as [jsontext.Value].

// Chat is a chat with, in a webhook, the one thread that it is about.
type Chat struct {
	ID         Text           `json:"id"`
	Users      []User         `json:"users"`
	Thread     Thread         `json:"thread"`
	Threads    []Thread       `json:"threads"` // elsewhere in the API
	Properties jsontext.Value `json:"properties"`
	Access     Access         `json:"access"`
	IsFollowed bool           `json:"is_followed"`
}

// Thread is a part of a chat, from its start or restart to its end.
type Thread struct {
	ID               Text           `json:"id"`
	Active           bool           `json:"active"`
	UserIDs          []string       `json:"user_ids"`
	Events           []Event        `json:"events"`            // missing if access is restricted
	RestrictedAccess Text           `json:"restricted_access"` // the reason, or "true"
	Properties       jsontext.Value `json:"properties"`
	Access           Access         `json:"access"`
	Tags             []string       `json:"tags"`
	Queue            Queue          `json:"queue"` // only while queued
	QueuesDuration   int            `json:"queues_duration"`
	PreviousThreadID Text           `json:"previous_thread_id"`
	NextThreadID     Text           `json:"next_thread_id"`
	CreatedAt        Time           `json:"created_at"`     // since 3.2
	Timestamp        Time           `json:"timestamp"`      // up to 3.1
	Order            int            `json:"order"`          // up to 3.1
	CustomerVisit    jsontext.Value `json:"customer_visit"` // since 3.6
}

// Queue is the place of a chat in the queue.
type Queue struct {
	Position   int  `json:"position"`
	WaitTime   int  `json:"wait_time"` // seconds, estimated
	QueuedAt   Time `json:"queued_at"`
	QueuedAtUS Time `json:"queued_at_us"` // the same, as the reference of 3.3 to 3.5 first had it
}

// Event is a message or anything else that appears in a thread. Type says which
// of the other members it has.
type Event struct {
	ID         Text           `json:"id"`
	CustomID   Text           `json:"custom_id"`
	Type       string         `json:"type"`
	AuthorID   Text           `json:"author_id"` // e-mail address of an agent, UUID of a customer or an AI agent, hex digits of a bot
	CreatedAt  Time           `json:"created_at"`
	Visibility string         `json:"visibility"` // all or agents, since 3.4
	Recipients string         `json:"recipients"` // the same, up to 3.3
	Properties jsontext.Value `json:"properties"`
	Deleted    bool           `json:"deleted"` // since 3.6; the content may be missing

	// message, and system_message
	Text     string   `json:"text"`
	Postback Postback `json:"postback"`

	// file
	Name            string `json:"name"`
	URL             string `json:"url"`
	ContentType     string `json:"content_type"`
	ThumbnailURL    string `json:"thumbnail_url"`
	Thumbnail2xURL  string `json:"thumbnail2x_url"`
	Size            int    `json:"size"` // bytes
	Width           int    `json:"width"`
	Height          int    `json:"height"`
	AlternativeText string `json:"alternative_text"`

	// form and filled_form
	FormID   Text        `json:"form_id"`
	FormType string      `json:"form_type"` // prechat, postchat, ask_for_email
	Fields   []FormField `json:"fields"`

	// rich_message
	TemplateID string         `json:"template_id"` // cards, quick_replies, sticker, ecommerce
	Elements   jsontext.Value `json:"elements"`

	// custom
	Content jsontext.Value `json:"content"`

	// system_message
	SystemMessageType string         `json:"system_message_type"`
	TextVars          jsontext.Value `json:"text_vars"`

	// system, since 3.6
	Source  string         `json:"source"`
	Subtype string         `json:"subtype"`
	Version Text           `json:"version"`
	Details jsontext.Value `json:"details"` // a string that holds JSON
}

// FormField is a question of a form, with what the customer answered in a
// filled one.
type FormField struct {
	Type     string         `json:"type"`
	ID       Text           `json:"id"`
	Label    string         `json:"label"`
	Required bool           `json:"required"`
	Options  jsontext.Value `json:"options"`
	Answer   Answer         `json:"answer"`
	Answers  []Answer       `json:"answers"` // checkbox
	Value    string         `json:"value"`   // the same as an answer, in SDK samples up to 3.4
}

// Postback is a button of a rich message that was pressed.
type Postback struct {
	ID          Text           `json:"id"`
	Toggled     bool           `json:"toggled"`
	ButtonType  string         `json:"button_type"`  // since 3.6
	ButtonValue Text           `json:"button_value"` // since 3.6
	Ecommerce   jsontext.Value `json:"ecommerce"`    // since 3.6

	// In a message that a button sent.
	ThreadID Text   `json:"thread_id"`
	EventID  Text   `json:"event_id"`
	Type     string `json:"type"`
	Value    Text   `json:"value"`
}

// ThreadSummary is what LiveChat's assistant wrote about a thread.
type ThreadSummary struct {
	Status        string         `json:"status"` // ok
	Text          string         `json:"text"`
	UpdatedAt     Time           `json:"updated_at"`
	StatusDetails jsontext.Value `json:"status_details"`
}

// Properties are values by namespace (a client ID or system name) and property
// name. Values are numbers, strings or booleans.
type Properties map[string]map[string]jsontext.Value

// Access is who may see a chat; group 0 is everybody.
type Access struct {
	GroupIDs []int `json:"group_ids"`
	Groups   []int `json:"groups"` // the same, in samples of auto access
}

// IDs returns the groups under either name.
func (a Access) IDs() []int { return slices.Concat(a.GroupIDs, a.Groups) }

// User is an agent, a bot or a customer.
type User struct {
	ID                Text   `json:"id"`
	Type              string `json:"type"` // agent (bots too) or customer
	Name              string `json:"name"`
	Email             string `json:"email"`
	Avatar            string `json:"avatar"` // may lack a scheme
	Present           bool   `json:"present"`
	EventsSeenUpTo    Time   `json:"events_seen_up_to"`   // 1970-01-01 01:00 if never
	LastSeenTimestamp Time   `json:"last_seen_timestamp"` // the same, in 3.1

	// agents
	Visibility    string `json:"visibility"`
	RoutingStatus string `json:"routing_status"`

	// customers
	CreatedAt                  Time           `json:"created_at"`
	AgentLastEventCreatedAt    Time           `json:"agent_last_event_created_at"`
	CustomerLastEventCreatedAt Time           `json:"customer_last_event_created_at"`
	Visit                      Visit          `json:"visit"`      // since 3.6
	LastVisit                  Visit          `json:"last_visit"` // the same, up to 3.5
	Statistics                 map[string]int `json:"statistics"` // counts such as visits_count
	SessionFields              Fields         `json:"session_fields"`
	Fields                     Fields         `json:"fields"` // the same, in 3.1
	EmailVerified              bool           `json:"email_verified"`
	Followed                   bool           `json:"followed"`
	Online                     bool           `json:"online"`
	State                      string         `json:"state"` // browsing
	GroupIDs                   []int          `json:"group_ids"`
	PhoneNumber                Text           `json:"phone_number"`
	Address                    jsontext.Value `json:"address"`
	Tickets                    jsontext.Value `json:"tickets"`
	Carts                      jsontext.Value `json:"carts"`
	Omnichannel                jsontext.Value `json:"omnichannel"`
	LegacyID                   Text           `json:"__priv_lc2_customer_id"`
}

// Visit is a customer's visit to the site.
type Visit struct {
	StartedAt   Time        `json:"started_at"`
	EndedAt     Time        `json:"ended_at"`
	Referrer    string      `json:"referrer"`
	IP          string      `json:"ip"`
	UserAgent   string      `json:"user_agent"`
	Geolocation Geolocation `json:"geolocation"`
	LastPages   []Page      `json:"last_pages"`
}

// Page is a page that a customer opened.
type Page struct {
	OpenedAt Time   `json:"opened_at"`
	URL      string `json:"url"`
	Title    string `json:"title"`
}

// Geolocation is where a customer is, by IP address.
type Geolocation struct {
	Country     string `json:"country"`
	CountryCode string `json:"country_code"`
	Region      string `json:"region"`
	City        string `json:"city"`
	Timezone    string `json:"timezone"`
	Latitude    Text   `json:"latitude"`
	Longitude   Text   `json:"longitude"`
}
