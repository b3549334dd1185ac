package payload

import "github.com/go-json-experiment/json/jsontext"

// The types of this file are the payloads of webhooks about the configuration
// of LiveChat. An *_updated action has the ID and only what changed, and a
// *_deleted (or similar) action only the ID.

// Agent is the payload of the agent_* actions.
type Agent struct {
	ID                 Text            `json:"id"`       // e-mail address
	AgentID            Text            `json:"agent_id"` // the same, in agent_deleted up to 3.3
	Name               string          `json:"name"`
	Role               string          `json:"role"`
	Avatar             string          `json:"avatar"`
	JobTitle           string          `json:"job_title"`
	Mobile             Text            `json:"mobile"`
	MaxChatsCount      int             `json:"max_chats_count"`
	AwaitingApproval   bool            `json:"awaiting_approval"`
	Groups             []GroupPriority `json:"groups"`
	Notifications      []string        `json:"notifications"`
	EmailSubscriptions []string        `json:"email_subscriptions"`
	WorkScheduler      jsontext.Value  `json:"work_scheduler"` // 3.4 by weekday, later with a schedule and a time zone
}

// Bot is the payload of the bot_* actions.
type Bot struct {
	ID                   Text            `json:"id"`
	Name                 string          `json:"name"`
	Avatar               string          `json:"avatar"`
	MaxChatsCount        int             `json:"max_chats_count"`
	DefaultGroupPriority string          `json:"default_group_priority"`
	Groups               []GroupPriority `json:"groups"`
	WorkScheduler        jsontext.Value  `json:"work_scheduler"`
	Timezone             string          `json:"timezone"`
	OwnerClientID        Text            `json:"owner_client_id"` // in bot_created
	JobTitle             string          `json:"job_title"`
	Type                 string          `json:"type"` // since 3.6
}

// GroupPriority is how soon chats of a group go to an agent or a bot.
type GroupPriority struct {
	ID       int    `json:"id"`
	Priority string `json:"priority"` // first, normal, last, supervisor
}

// AutoAccess is the payload of auto_access_added, auto_access_updated and
// auto_access_deleted: a rule that gives groups access to chats.
type AutoAccess struct {
	ID          Text           `json:"id"`
	Description string         `json:"description"`
	Access      Access         `json:"access"`
	Conditions  jsontext.Value `json:"conditions"` // url, domain, geolocation
	NextID      Text           `json:"next_id"`    // "" for the last rule
	Status      string         `json:"status"`     // added, updated, deleted; in [AutoAccesses]
}

// AutoAccesses is the payload of auto_accesses_updated.
type AutoAccesses []AutoAccess

// Group is the payload of the group_* actions.
type Group struct {
	ID              Text              `json:"id"`
	Name            string            `json:"name"`
	LanguageCode    string            `json:"language_code"`
	AgentPriorities map[string]string `json:"agent_priorities"` // agent id to priority
}

// Tag is the payload of the tag_* actions.
type Tag struct {
	Name      string `json:"name"`
	GroupIDs  []int  `json:"group_ids"`
	CreatedAt Time   `json:"created_at"`
	AuthorID  Text   `json:"author_id"`
}
