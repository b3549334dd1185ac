package payload

import (
	"bytes"
	"cmp"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// aboutEvent summarizes a message or anything else that appears in a thread.
func (w *Webhook) aboutEvent() (where, what string) {
	author := actor(w.short(atPayloadEventAuthorID))
	if w.raw(atPayloadEventDeleted).Kind() == 't' {
		return w.ChatID, words("deleted", w.short(atPayloadEventType), label("of ", author))
	}
	return w.ChatID, clauses(words(author, w.deed(), w.origin()), w.audience())
}

// deed says what the author of an event did.
func (w *Webhook) deed() string {
	switch kind := w.short(atPayloadEventType); kind {
	case "message":
		return words("wrote", quote(w.short(atPayloadEventText)))
	case "file":
		return words("sent a file", quote(w.short(atPayloadEventName)))
	case "form":
		return "sent " + w.form()
	case "filled_form":
		return "filled in " + w.form() + label(": ", answers(w.raw(atPayloadEventFields)))
	case "rich_message":
		return "sent a rich message"
	case "system_message":
		return cmp.Or(w.ratingMessage(),
			words("system", cmp.Or(quote(w.short(atPayloadEventText)), w.short(atPayloadEventMessageType))))
	case "system":
		return cmp.Or(w.systemEvent(),
			words("system", w.short(atPayloadEventSource), w.short(atPayloadEventSubtype)))
	default:
		return words("sent", kind, "event")
	}
}

// form names a form by its type: prechat, postchat, ask_for_email.
func (w *Webhook) form() string {
	if kind := w.short(atPayloadEventFormType); kind != "" {
		return "the " + kind + " form"
	}
	return "a form"
}

// origin says where an event comes from if it is an automatic greeting.
func (w *Webhook) origin() string {
	if w.raw(atPayloadEventWelcome).Kind() == 't' {
		return "as a welcome message"
	}
	return ""
}

// audience says who can see an event, unless everybody can.
func (w *Webhook) audience() string {
	if isString(w.raw(atPayloadEventVisibility), "agents") || isString(w.raw(atPayloadEventRecipients), "agents") {
		return "for agents only"
	}
	return ""
}

// ratingMessage summarizes the system messages about ratings
// (https://platform.text.com/docs/messaging/references/system-activities), and
// returns "" for all others.
func (w *Webhook) ratingMessage() string {
	customer := w.short(atPayloadEventCustomer)
	switch w.short(atPayloadEventMessageType) {
	case "rating.chat_rated":
		return label(words(customer, "rated "), rating(w.raw(atPayloadEventScore)))
	case "rating.chat_commented":
		return label(words(customer, "commented on the chat: "), quote(w.short(atPayloadEventComment)))
	case "rating.chat_rating_canceled":
		return words(customer, "canceled the rating")
	}
	return ""
}

// rating returns "good" or "bad", or "" if score is neither. LiveChat writes 1
// and 0 in properties, the words in system messages.
func rating(score jsontext.Value) string {
	switch string(bytes.Trim(score, `"`)) {
	case "1", "true", "good":
		return "good"
	case "0", "false", "bad":
		return "bad"
	}
	return ""
}

// systemEvent summarizes the events of type system, which exist since 3.6. They
// are documented where the system messages are. It returns "" for others.
func (w *Webhook) systemEvent() string {
	subtype := w.short(atPayloadEventSubtype)
	details := embedded(w.raw(atPayloadEventDetails))
	switch subtype {
	case "custom_skill_started", "custom_skill_completed", "custom_skill_failed", "custom_skill_rejected", "custom_skill_awaiting_feedback":
		d := members(details, "skillName", "reason", "error")
		state := strings.ReplaceAll(strings.TrimPrefix(subtype, "custom_skill_"), "_", " ")
		return words("skill", quote(short(d[0])), state) + label(": ", quote(cmp.Or(short(d[1]), short(d[2]))))
	case "store_order_was_created":
		order := members(members(details, "order")[0], "order_number", "total_price", "currency")
		return clauses(words("order", short(order[0]), "created"), words(short(order[1]), short(order[2])))
	case "store_product_added_to_cart":
		return words("product", products(details), "added to cart")
	case "store_product_removed_from_cart":
		return words("product", products(details), "removed from cart")
	case "summary":
		return label("summary ", quote(short(members(members(details, "summary")[0], "text")[0])))
	}
	return ""
}

// products names the products of a cart.
func products(details jsontext.Value) string {
	var titles []string
	lines := members(details, "cart_lines")[0]
	scanObjects(lines, maxListed, []string{"product"}, func(line []jsontext.Value) {
		if title := quote(short(members(line[0], "title")[0])); title != "" {
			titles = append(titles, title)
		}
	})
	return clauses(titles...)
}

// embedded returns the JSON text that a string holds, which may not be JSON, or
// any other value as it is.
func embedded(v jsontext.Value) jsontext.Value {
	if v.Kind() != '"' {
		return v
	}
	return unquote(v)
}

// answers lists what was answered to the questions of a form.
func answers(fields jsontext.Value) string {
	var all []string
	names := []string{"label", "answer", "answers", "options", "value"}
	scanObjects(fields, maxListed, names, func(field []jsontext.Value) {
		answer := cmp.Or(choice(field[1]), choices(field[2]), choices(field[3]), short(field[4]))
		if answer = quote(answer); answer != "" {
			question := strings.TrimRight(oneLine(short(field[0]), maxQuote), ": ")
			all = append(all, words(question, answer))
		}
	})
	return clauses(all...)
}

// choices lists the answers to one question.
func choices(list jsontext.Value) string {
	var all []string
	scan(list, maxListed, func(answer jsontext.Value) {
		if s := choice(answer); s != "" {
			all = append(all, s)
		}
	})
	return clauses(all...)
}

// choice returns an answer, which is text or an option with a label or, in
// deliveries of 2026, a value.
func choice(answer jsontext.Value) string {
	if answer.Kind() != '{' {
		return short(answer)
	}
	option := members(answer, "label", "value")
	return cmp.Or(short(option[0]), short(option[1]))
}
