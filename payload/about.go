package payload

import (
	"cmp"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// The functions of this file summarize the events of the table in actions.go.

// maxListed is the number of elements of a list that a summary looks at. Even if
// each is a single character, more would not fit.
const maxListed = maxSummary / 2

func (w *Webhook) aboutStart() (where, what string) {
	return w.ChatID, w.visitor()
}

func (w *Webhook) aboutEnd() (where, what string) {
	c := w.legacyChat()
	var length string
	if c.messages >= 0 {
		length = count(c.messages, "message")
		if d, ok := between(c.started, c.ended); ok {
			length += " in " + d.String()
		}
	}
	return w.ChatID, cmp.Or(clauses(length, label("closed by ", c.closedBy)), w.visitor())
}

func (w *Webhook) aboutTags() (where, what string) {
	return w.ChatID, cmp.Or(label("tagged ", clauses(texts(w.raw(atChatTags))...)), "no tags")
}

func (w *Webhook) aboutVisitor() (where, what string) {
	return "", w.visitor()
}

// visitor names who a v2 webhook is about.
func (w *Webhook) visitor() string {
	return person(w.short(atVisitorName), w.short(atVisitorEmail), w.short(atVisitorCountry))
}

func (w *Webhook) aboutTicket() (where, what string) {
	from := person(w.short(atTicketRequesterName), w.short(atTicketRequesterMail))
	return w.short(atTicketID), words(quote(w.short(atTicketSubject)), label("from ", from))
}

func (w *Webhook) aboutCannedResponse() (where, what string) {
	return w.short(atCannedResponseID), quote(w.short(atCannedResponseText))
}

func (w *Webhook) aboutChat() (where, what string) {
	return w.ChatID, clauses(
		customer(w.raw(atPayloadChatUsers)),
		w.queued(atPayloadThreadQueue, atPayloadThreadQueuePosition),
		w.by(atPayloadRequesterID),
		label("transferred from ", target(w.raw(atPayloadFromAgentIDs), w.raw(atPayloadFromGroupIDs))))
}

func (w *Webhook) aboutDeactivation() (where, what string) {
	if w.closer() == "livechat" {
		return w.ChatID, "closed by LiveChat"
	}
	return w.ChatID, label("closed ", w.by(atPayloadUserID))
}

func (w *Webhook) aboutTransfer() (where, what string) {
	return w.ChatID, clauses(
		label("to ", target(w.raw(atPayloadToAgentIDs), w.raw(atPayloadToGroupIDs))),
		w.short(atPayloadReason),
		w.by(atPayloadRequesterID),
		w.queued(atPayloadQueue, atPayloadQueuePosition))
}

func (w *Webhook) aboutAccess() (where, what string) {
	resource := w.short(atPayloadResource)
	if resource == "chat" {
		resource = ""
	}
	return w.short(atPayloadID), clauses(resource, w.accessGroups())
}

func (w *Webhook) aboutUserAdded() (where, what string) {
	user := members(w.raw(atPayloadUser), userMembers...)
	kind := cmp.Or(w.short(atPayloadUserType), short(user[0]))
	return w.ChatID, clauses(words(kind, who(user)), w.short(atPayloadReason), w.by(atPayloadRequesterID))
}

func (w *Webhook) aboutUserRemoved() (where, what string) {
	user := words(w.short(atPayloadUserType), w.short(atPayloadUserID))
	return w.ChatID, clauses(user, w.short(atPayloadReason), w.by(atPayloadRequesterID))
}

func (w *Webhook) aboutEventDeleted() (where, what string) {
	return w.ChatID, label("event ", w.short(atPayloadEventID))
}

func (w *Webhook) aboutPostback() (where, what string) {
	return w.ChatID, words(actor(w.short(atPayloadUserID)), label("sent back ", quote(w.short(atPayloadPostbackID))))
}

func (w *Webhook) aboutSeen() (where, what string) {
	return w.ChatID, w.by(atPayloadUserID)
}

func (w *Webhook) aboutFollowUp() (where, what string) {
	return w.ChatID, label("customer ", w.short(atPayloadCustomerID))
}

func (w *Webhook) aboutSummary() (where, what string) {
	return w.ChatID, cmp.Or(quote(w.short(atPayloadSummaryText)), w.short(atPayloadSummaryStatus))
}

// properties collects the names of properties, no more than a summary looks at:
// every namespace can have as many, and each name can be long.
type properties []string

func (p *properties) add(namespace, name string) {
	if len(*p) < maxListed {
		*p = append(*p, oneLine(namespace, 2*maxQuote)+label(".", oneLine(name, 2*maxQuote)))
	}
}

func (w *Webhook) aboutPropertiesUpdated() (where, what string) {
	var names properties
	comment := quote(w.short(atPayloadRatingComment))
	rated := label("rated ", rating(w.raw(atPayloadRatingScore)))
	if rated != "" && comment != "" {
		rated += ": " + comment
	}
	scanMembers(w.raw(atPayloadProperties), maxListed, func(namespace string, properties jsontext.Value) {
		scanMembers(properties, maxListed, func(name string, value jsontext.Value) {
			switch {
			case rated != "" && namespace == "rating":
			case namespace == "rating" && name == "comment" && comment != "":
				names.add("rating comment "+comment, "")
			case namespace == "chats" && name == "resolved" && value.Kind() == 't':
				names.add("resolved by AI", "")
			default:
				names.add(namespace, name)
			}
		})
	})
	return w.ChatID, clauses(rated, sorted(names))
}

func (w *Webhook) aboutPropertiesDeleted() (where, what string) {
	var names properties
	canceled := ""
	scanMembers(w.raw(atPayloadProperties), maxListed, func(namespace string, deleted jsontext.Value) {
		if len(names) == maxListed && namespace != "rating" {
			return
		}
		for _, name := range texts(deleted) {
			if namespace == "rating" && name == "score" {
				canceled = "rating canceled"
			}
			names.add(namespace, name)
		}
	})
	if canceled != "" {
		names = slices.DeleteFunc(names, func(name string) bool { return strings.HasPrefix(name, "rating.") })
	}
	return w.ChatID, clauses(canceled, sorted(names))
}

func (w *Webhook) aboutTag() (where, what string) {
	return w.ChatID, quote(w.short(atPayloadTag))
}

func (w *Webhook) aboutCustomer() (where, what string) {
	object := w.raw(atPayload)
	if wrapped := w.raw(atPayloadCustomer); wrapped.Kind() == '{' {
		object = wrapped // LiveChat's sources disagree
	}
	return "", who(members(object, userMembers...))
}

func (w *Webhook) aboutSessionFields() (where, what string) {
	var names []string
	add := func(name string, _ jsontext.Value) { names = append(names, name) }
	fields := w.raw(atPayloadSessionFields)
	scanMembers(fields, maxListed, add) // up to 3.1
	scan(fields, maxListed, func(field jsontext.Value) { scanMembers(field, maxListed, add) })
	return w.ChatID, clauses(names...)
}

func (w *Webhook) aboutRoutingStatus() (where, what string) {
	return "", words(w.short(atPayloadAgentID), strings.ReplaceAll(w.short(atPayloadStatus), "_", " "))
}

// aboutAgent summarizes what happened to an agent or a bot.
func (w *Webhook) aboutAgent() (where, what string) {
	return "", person(w.short(atPayloadName), w.short(atPayloadID), w.short(atPayloadAgentID))
}

func (w *Webhook) aboutRule() (where, what string) {
	id := words(w.short(atPayloadID), w.short(atPayloadStatus))
	return "", clauses(id, quote(w.short(atPayloadDescription)), w.accessGroups())
}

func (w *Webhook) aboutRules() (where, what string) {
	n := 0
	scan(w.raw(atPayload), math.MaxInt, func(jsontext.Value) { n++ })
	if n == 1 {
		return w.aboutRule() // Parse searches the first element
	}
	return "", count(n, "rule")
}

func (w *Webhook) aboutGroup() (where, what string) {
	return "", words(w.short(atPayloadID), quote(w.short(atPayloadName)))
}

// aboutConfiguredTag summarizes a change of the tags that agents can use.
func (w *Webhook) aboutConfiguredTag() (where, what string) {
	return "", clauses(quote(w.short(atPayloadName)), groups(texts(w.raw(atPayloadGroupIDs))))
}

func (w *Webhook) aboutApp() (where, what string) {
	return "", clauses(w.short(atApplicationName), label("license ", w.short(atLicenseIDApp)),
		label("quantity ", w.short(atPayloadQuantity)), label("total ", w.short(atPayloadTotal)))
}

func (w *Webhook) aboutUpgrade() (where, what string) {
	return "", clauses(quote(w.short(atUpgradeName)), label("quantity ", w.short(atUpgradeQuantity)),
		label("for ", w.short(atUpgradeOrganization)), label("license ", w.short(atLicenseIDUpgrade)))
}

// by names who did it, if the body says so.
func (w *Webhook) by(p part) string {
	return label("by ", actor(w.short(p)))
}

// queued says where in the queue a chat is, if it is in one.
func (w *Webhook) queued(queue, position part) string {
	if w.raw(queue).Kind() != '{' {
		return ""
	}
	return clauses("queued", label("position ", w.short(position)))
}

// accessGroups names the groups of a payload's access.
func (w *Webhook) accessGroups() string {
	ids := texts(w.raw(atPayloadAccessGroupIDs))
	return groups(append(ids, texts(w.raw(atPayloadAccessGroups))...))
}

// userMembers are the members of a user that [who] takes, in its order.
var userMembers = []string{"type", "id", "name", "email", "visit", "last_visit"}

// who names a user.
func who(user []jsontext.Value) string {
	country := cmp.Or(country(user[4]), country(user[5]))
	return cmp.Or(person(short(user[2]), short(user[3]), country), short(user[1]))
}

func country(visit jsontext.Value) string {
	return short(members(members(visit, "geolocation")[0], "country")[0])
}

// customer names the first customer among users.
func customer(users jsontext.Value) string {
	var name string
	scanObjects(users, math.MaxInt, userMembers, func(user []jsontext.Value) {
		if name == "" && isString(user[0], "customer") {
			name = who(user)
		}
	})
	return name
}

// actor names a user by an ID. Agents have e-mail addresses and bots 32
// hexadecimal digits, but a UUID may be that of a customer or of an AI agent
// (https://platform.text.com/docs/messaging/references/system-activities). Its
// first digits are enough to see who is the same.
func actor(id string) string {
	switch {
	case isAgent(id):
		return "agent " + id
	case isBot(id):
		return "bot " + id[:8] + "…"
	case len(id) == 36 && strings.Count(id, "-") == 4:
		return id[:8] + "…"
	}
	return id
}

func isAgent(id string) bool { return strings.Contains(id, "@") }

func isBot(id string) bool {
	return len(id) == 32 && strings.Trim(id, "0123456789abcdef") == ""
}

// target names agents and groups.
func target(agents, ids jsontext.Value) string {
	return clauses(clauses(texts(agents)...), groups(texts(ids)))
}

func groups(ids []string) string {
	if len(ids) == 1 {
		return "group " + ids[0]
	}
	return label("groups ", clauses(ids...))
}

// texts returns the first strings and numbers of a list.
func texts(list jsontext.Value) []string {
	var all []string
	scan(list, maxListed, func(element jsontext.Value) {
		if s := short(element); s != "" {
			all = append(all, s)
		}
	})
	return all
}

// sorted joins names without repetitions.
func sorted(names []string) string {
	slices.Sort(names)
	return clauses(slices.Compact(names)...)
}

func count(n int, of string) string {
	if n != 1 {
		of += "s"
	}
	return strconv.Itoa(n) + " " + of
}
