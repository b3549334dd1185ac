package day

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	"example.com/livechat-webhook/internal/chatstest"
)

const bot = "5c9871d5372c824cbf22d860a707a578"

// agents are those who work in a group.
var agents = map[int][]string{
	1:  {"smith@example.com", "jones@example.com"},
	2:  {"brown@example.com"},
	19: {"davis@example.com"},
}

// chat is a chat that happens.
type chat struct {
	r    *rand.Rand
	load float64 // from 0, at night, to 1
	sent []chatstest.Delivery

	at               time.Time // now
	started          time.Time
	id, thread       string
	customer, name   string
	group            int
	agent            string // empty as long as there is none
	events, position int
}

func newChat(r *rand.Rand, at time.Time, load float64) *chat {
	n := r.IntN(1e9)
	return &chat{
		r: r, load: load, at: at, started: at,
		id: id("P", n), thread: id("K", n),
		customer: fmt.Sprintf("b7eff798-f8df-4364-8059-%012x", n), name: fmt.Sprintf("Customer %d", n),
		group: pick(r, 1, 1, 1, 2, 2, 19),
	}
}

// id returns an id as LiveChat's chats and threads have it.
func id(letter string, n int) string {
	return letter + fmt.Sprintf("%09s", strings.ToUpper(strconv.FormatInt(int64(n), 36)))
}

func pick[T any](r *rand.Rand, from ...T) T { return from[r.IntN(len(from))] }

func (c *chat) chance(p float64) bool { return c.r.Float64() < p }

// run lets the chat happen, from its start to its end.
func (c *chat) run() {
	switch {
	case c.load < 0.01 && c.chance(0.5):
		c.unattended()
	case c.chance(0.3):
		c.withBot()
	case c.chance(0.03 + 0.3*c.load):
		c.queued()
	default:
		c.agent = pick(c.r, agents[c.group]...)
		c.start(nil, nil)
		c.greet()
		c.write(c.customer)
		c.served()
	}
}

// withBot is a chat that a bot answers, and an agent if it cannot help.
func (c *chat) withBot() {
	c.agent = bot
	c.start(nil, nil)
	for range 1 + c.r.IntN(3) {
		c.pass(8, 0.5)
		c.write(c.customer)
		c.pass(1.5, 0.4)
		c.write(bot)
	}
	if c.chance(0.5) {
		c.post("thread_properties_updated", object{"chat_id": c.id, "thread_id": c.thread, "properties": object{"chats": object{"resolved": true}}})
		c.rate(0.2)
		c.close()
		return
	}
	c.write(c.customer)
	c.handOver("manual", c.group, bot)
	c.served()
}

// unattended is a chat that starts when no agent is there.
func (c *chat) unattended() {
	c.start(nil, nil)
	c.pass(5, 0.4)
	c.write(c.customer)
	c.pass(300, 0)
	c.archive("routing.archived_offline", "")
}

// queued is a chat that waits for an agent, perhaps in vain.
func (c *chat) queued() {
	c.position = 1 + c.r.IntN(4)
	c.start(object{"position": c.position, "wait_time": 60 * c.position, "queued_at": stamp(c.at)}, nil)
	c.pass(3, 0.3)
	c.write(c.customer)
	c.pass(60*float64(c.position), 0.5)
	if c.chance(0.25) {
		c.archive("manual_archived_customer", c.customer)
		return
	}
	c.agent = pick(c.r, agents[c.group]...)
	c.join("assigned", "")
	c.served()
}

// served is the part of a chat from an agent's first message on.
func (c *chat) served() {
	if c.chance(0.04) {
		c.pass(240, 0.3)
		c.handOver("inactive", c.group, "")
	}
	c.pass(18*(1+c.load), 0.6)
	c.write(c.agent)
	if c.chance(0.12) {
		c.handOver("manual", pick(c.r, 2, 19), c.agent)
		c.pass(20, 0.5)
		c.write(c.agent)
	}
	for range c.r.IntN(6) {
		c.pass(25, 0.6)
		c.write(c.customer)
		c.pass(20*(1+c.load), 0.6)
		c.write(c.agent)
	}
	if c.chance(0.5) {
		c.post("thread_tagged", object{"chat_id": c.id, "thread_id": c.thread, "tag": pick(c.r, "order", "order", "order", "invoice", "invoice", "bug", "return")})
	}
	c.rate(0.35)
	c.close()
}

// start sends incoming_chat. from is set if the chat was transferred.
func (c *chat) start(queue, from object) {
	users := []object{{
		"id": c.customer, "type": "customer", "name": c.name, "email": "t.anderson@example.com", "present": true,
		"visit": object{"ip": "192.0.2.10", "geolocation": object{"country": "Poland", "city": "Wroclaw"}},
	}}
	ids := []string{c.customer}
	if c.agent != "" {
		users = append(users, user(c.agent))
		ids = append(ids, c.agent)
	}
	access := object{"group_ids": []int{c.group}}
	thread := object{
		"id": c.thread, "active": true, "user_ids": ids, "events": []object{}, "properties": object{}, "access": access,
		"created_at": stamp(c.started),
	}
	if queue != nil {
		thread["queue"] = queue
	}
	payload := object{"chat": object{"id": c.id, "users": users, "thread": thread, "properties": object{}, "access": access, "is_followed": true}}
	if from != nil {
		payload["transferred_from"] = from
	}
	c.post("incoming_chat", payload)
}

func user(id string) object {
	name, _, _ := strings.Cut(id, "@")
	if id == bot {
		name = "ChatBot"
	}
	return object{"id": id, "type": "agent", "name": name, "present": true, "visibility": "all"}
}

// greet sends the automatic greeting in the agent's name.
func (c *chat) greet() {
	c.event(object{
		"type": "message", "author_id": c.agent, "text": "Hello. How may I help you?",
		"properties": object{"lc2": object{"welcome_message": true}},
	})
	c.pass(3, 0.5)
}

func (c *chat) write(author string) {
	c.event(object{"type": "message", "author_id": author, "text": "…"})
}

// handOver transfers the chat to another agent of a group.
func (c *chat) handOver(reason string, group int, by string) {
	from := object{"group_ids": []int{c.group}, "agent_ids": []string{c.agent}}
	before := c.agent
	c.group = group
	for c.agent = pick(c.r, agents[group]...); c.agent == before && len(agents[group]) > 1; {
		c.agent = pick(c.r, agents[group]...)
	}
	transfer := object{
		"chat_id": c.id, "thread_id": c.thread, "reason": reason,
		"transferred_to": object{"group_ids": []int{group}, "agent_ids": []string{c.agent}},
	}
	if by != "" {
		transfer["requester_id"] = by
	}
	c.post("chat_transferred", transfer)
	c.join(reason, by)
	if c.agent != before {
		c.post("user_removed_from_chat", object{
			"chat_id": c.id, "thread_id": c.thread, "user_id": before, "user_type": "agent", "reason": reason,
		})
	}
	c.start(nil, from)
}

// join sends that the agent was added.
func (c *chat) join(reason, by string) {
	joined := object{"chat_id": c.id, "thread_id": c.thread, "user": user(c.agent), "user_type": "agent", "reason": reason}
	if by != "" {
		joined["requester_id"] = by
	}
	c.post("user_added_to_chat", joined)
}

// rate has the customer rate the chat with that probability, and perhaps
// change the rating.
func (c *chat) rate(p float64) {
	if !c.chance(p) {
		return
	}
	c.score(c.chance(0.85))
	if c.chance(0.05) {
		c.pass(5, 0.3)
		c.event(object{
			"type": "system_message", "system_message_type": "rating.chat_rating_canceled",
			"text": c.name + " canceled the chat rating", "text_vars": object{"customer": c.name},
		})
		c.post("thread_properties_deleted", object{"chat_id": c.id, "thread_id": c.thread, "properties": object{"rating": []string{"score", "comment"}}})
		c.pass(5, 0.3)
		c.score(false)
	}
}

// score sends a rating both ways: as a system message and as a property.
func (c *chat) score(good bool) {
	word, number := "bad", 0
	if good {
		word, number = "good", 1
	}
	c.pass(6, 0.4)
	c.event(object{
		"type": "system_message", "system_message_type": "rating.chat_rated",
		"text": c.name + " rated the chat as " + word, "text_vars": object{"customer": c.name, "score": word},
	})
	c.post("thread_properties_updated", object{"chat_id": c.id, "thread_id": c.thread, "properties": object{"rating": object{"score": number}}})
}

// close ends the chat: the agent does, the customer, or LiveChat.
func (c *chat) close() {
	switch {
	case c.agent != bot && c.chance(0.55):
		c.pass(15, 0.5)
		c.archive("manual_archived_agent", c.agent)
	case c.chance(0.5):
		c.pass(10, 0.5)
		c.archive("manual_archived_customer", c.customer)
	case c.chance(0.3):
		c.pass(60, 0.5)
		c.archive("archived_customer_disconnected", "")
	default:
		c.pass(600, 0)
		c.archive("routing.archived_inactive", "")
	}
}

func (c *chat) archive(how, by string) {
	c.event(object{"type": "system_message", "system_message_type": how, "text": "The chat was archived", "text_vars": object{}})
	payload := object{"chat_id": c.id, "thread_id": c.thread}
	if by != "" {
		payload["user_id"] = by
	}
	c.post("chat_deactivated", payload)
}

// event sends an incoming_event with these fields, and those that all have.
func (c *chat) event(fields object) {
	c.events++
	fields["id"] = fmt.Sprintf("%s_%d", c.thread, c.events)
	fields["created_at"] = stamp(c.at)
	fields["visibility"] = "all"
	c.post("incoming_event", object{"chat_id": c.id, "thread_id": c.thread, "event": fields})
}

// post delivers a webhook, which takes a moment.
func (c *chat) post(action string, payload object) {
	c.at = c.at.Add(100 * time.Millisecond)
	received := c.at.Add(time.Duration(50+c.r.IntN(40)) * time.Millisecond)
	c.sent = append(c.sent, chatstest.Delivery{Received: received, Body: body(action, payload)})
}

// pass lets time pass, log-normally distributed with that median in seconds.
func (c *chat) pass(median, sigma float64) {
	c.at = c.at.Add(time.Duration(median * math.Exp(sigma*c.r.NormFloat64()) * float64(time.Second))).Truncate(time.Microsecond)
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000000Z") }
