package chats

import (
	"cmp"
	"strings"

	"github.com/go-json-experiment/json"

	"example.com/livechat-webhook/payload"
)

// people are the users of a chat that the log has.
type people struct {
	kinds    map[string]Kind // by id
	names    map[string]string
	customer Customer
}

// meet collects the users of a chat.
func meet(deliveries []*delivery) *people {
	p := &people{kinds: map[string]Kind{}, names: map[string]string{}}
	for _, d := range deliveries {
		switch body := d.body.(type) {
		case *payload.IncomingChat:
			for i := range body.Chat.Users {
				p.see(&body.Chat.Users[i], "")
			}
		case *payload.UserAddedToChat:
			p.see(&body.User, body.UserType)
		case *payload.UserRemovedFromChat:
			p.see(&payload.User{ID: body.UserID}, body.UserType)
		case *payload.IncomingEvent:
			if id := aiAgent(&body.Event); id != "" {
				p.kinds[id] = KindBot
			}
		}
	}
	return p
}

// see records a user that LiveChat calls an agent or a customer. Bots are
// agents whose id is not an e-mail address
// (https://platform.text.com/docs/messaging/agent-chat-api/data-structures).
func (p *people) see(u *payload.User, userType string) {
	id := known(u.ID)
	if id == "" {
		if u.Type == "customer" {
			p.describe(u)
		}
		return
	}
	switch cmp.Or(known(u.Type), userType) {
	case "customer":
		p.kinds[id] = KindCustomer
		p.describe(u)
	case "agent":
		p.kinds[id] = agentOrBot(id)
	}
	p.names[id] = cmp.Or(u.Name, p.names[id])
}

// describe updates the customer. A chat has one.
func (p *people) describe(u *payload.User) {
	c := &p.customer
	if c.ID != "" && c.ID != known(u.ID) {
		return
	}
	visit, last := u.Visit.Geolocation, u.LastVisit.Geolocation
	*c = Customer{
		ID:      known(u.ID),
		Name:    cmp.Or(u.Name, c.Name),
		Email:   cmp.Or(u.Email, c.Email),
		Country: cmp.Or(visit.Country, last.Country, c.Country),
		City:    cmp.Or(visit.City, last.City, c.City),
	}
}

// kind returns the kind of the user with that id. If no webhook has it, the user
// is no customer if customers never have such an id, or if the customer of the
// chat has another one.
func (p *people) kind(id string) Kind {
	k, found := p.kinds[id]
	switch {
	case found:
		return k
	case known(id) == "":
		return KindUnknown
	case strings.Contains(id, "@"), isHexID(id), p.customer.ID != "":
		return agentOrBot(id)
	}
	return KindUnknown
}

// author returns the user with that id.
func (p *people) author(id payload.Text) Author {
	return Author{Kind: p.kind(string(id)), ID: known(id), Name: p.names[string(id)]}
}

// maybe returns the user with that id, nil if there is none.
func (p *people) maybe(id payload.Text) *Author {
	if known(id) == "" {
		return nil
	}
	a := p.author(id)
	return &a
}

func agentOrBot(id string) Kind {
	if strings.Contains(id, "@") {
		return KindAgent
	}
	return KindBot
}

// isHexID reports whether id is that of a chatbot: 32 hex digits.
func isHexID(id string) bool {
	return len(id) == 32 && strings.Trim(id, "0123456789abcdef") == ""
}

// aiAgent returns the id of the AI agent that a system event is about, if any
// (https://platform.text.com/docs/messaging/references/system-activities).
func aiAgent(e *payload.Event) string {
	if e.Type != "system" || e.Source != "ai_agents" {
		return ""
	}
	var details struct {
		AgentID payload.Text `json:"agentId"`
	}
	_ = json.Unmarshal(jsonIn(e.Details), &details) // no AI agent if it fails
	return known(details.AgentID)
}
