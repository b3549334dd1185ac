package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"example.com/livechat-webhook/internal/config"
	"example.com/livechat-webhook/payload"
)

// version is the Configuration API version, which also determines the shape of
// the bodies.
const version = "3.6"

// usual are the current names for "chat started", "message" and "chat ended".
const usual = "incoming_chat,incoming_event,chat_deactivated"

// numbers are the actions that tell what became of a chat: its numbers and its
// transcript.
//
// Left out is what neither needs: chat_properties_* and event_properties_*,
// because a rating also arrives as an event and as a property of the thread;
// chat_access_updated, because chat_transferred tells the group;
// incoming_rich_message_postback and events_marked_as_seen, which change no
// number; and routing_status_set, because no webhook tells that an agent's
// browser was closed, so accepting time would have no end.
var numbers = append(strings.Split(usual, ","),
	// Transfers, with their reason, the new group and the queue.
	"chat_transferred",
	// Who is an agent, a bot or a customer; when an agent came, which ends the
	// wait in the queue, and when it left.
	"user_added_to_chat",
	"user_removed_from_chat",
	// Resolved by an AI agent, left without a reply, rated, rating taken back.
	"thread_properties_updated",
	"thread_properties_deleted",
	"thread_tagged",
	"thread_untagged",
	// The transcript: messages edited and deleted.
	"event_updated",
	"event_deleted",
)

// chosen returns the actions that a list names, each once, and whether they are
// all that the API has: a name can be all, numbers or an action. The error
// suggests what was meant by each unknown name.
func chosen(list string) (actions []string, all bool, err error) {
	names := config.List(list)
	if slices.Contains(names, "all") {
		return current(), true, nil
	}
	var faults []error
	for _, name := range names {
		add := []string{name}
		if name == "numbers" {
			add = numbers
		} else if a, ok := payload.LookupAction(name); !ok || !a.In(version) {
			faults = append(faults, explain(name))
			continue
		}
		for _, action := range add {
			if !slices.Contains(actions, action) {
				actions = append(actions, action)
			}
		}
	}
	return actions, false, errors.Join(faults...)
}

// current returns the names of all actions that the API has.
func current() []string {
	var names []string
	for _, a := range payload.Actions() {
		if a.In(version) {
			names = append(names, a.Name)
		}
	}
	return names
}

// compare warns where the actions that LiveChat offers differ from those that
// this command knows, and returns what LiveChat offers. Of -actions all it
// leaves out what LiveChat does not offer. If LiveChat does not answer, it warns
// and returns nil: the check is a help, not a condition.
func (w *work) compare(ctx context.Context, stderr io.Writer) []offer {
	offers, err := w.client.offers(ctx)
	if err != nil {
		fmt.Fprintf(stderr, "warning: the actions are not checked: %v\n", err)
		return nil
	}
	if names := unknown(offers); len(names) > 0 {
		fmt.Fprintf(stderr, "warning: LiveChat has actions that this command does not know and -actions all leaves out: %s\n",
			strings.Join(names, ", "))
	}
	if names := dropped(w.actions, offers); w.all && len(names) > 0 {
		fmt.Fprintf(stderr, "warning: left out, because LiveChat no longer has it: %s\n", strings.Join(names, ", "))
		w.actions = slices.DeleteFunc(w.actions, func(a string) bool { return slices.Contains(names, a) })
	}
	return offers
}

// unknown returns the actions that LiveChat offers and this command does not
// know.
func unknown(offers []offer) []string {
	known := current()
	var names []string
	for _, o := range offers {
		if !slices.Contains(known, o.Action) {
			names = append(names, o.Action)
		}
	}
	return names
}

// dropped returns those of the actions that LiveChat does not offer.
func dropped(actions []string, offers []offer) []string {
	var names []string
	for _, action := range actions {
		if find(offers, action) == nil {
			names = append(names, action)
		}
	}
	return names
}

// find returns the offer of an action, or nil.
func find(offers []offer, action string) *offer {
	i := slices.IndexFunc(offers, func(o offer) bool { return o.Action == action })
	if i < 0 {
		return nil
	}
	return &offers[i]
}

// explain suggests what was meant by an unknown action.
func explain(name string) error {
	if old, ok := payload.LookupAction(name); ok {
		next := old
		for next.Successor != "" {
			next, _ = payload.LookupAction(next.Successor)
		}
		if next.In(version) {
			return fmt.Errorf("-actions: %s ended with API version %s, %s replaced it", name, old.Last, next.Name)
		}
		return fmt.Errorf("-actions: API version %s has no %s, and nothing replaced it", version, name)
	}
	names := append(current(), "all", "numbers")
	nearest := slices.MinFunc(names, func(a, b string) int { return distance(name, a) - distance(name, b) })
	if distance(name, nearest) > len(name)/3 {
		return fmt.Errorf("-actions: there is no %q", name)
	}
	return fmt.Errorf("-actions: there is no %q, did you mean %s?", name, nearest)
}

// distance returns the number of edits that turn a into b: bytes inserted,
// deleted or replaced.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			changed := diagonal
			if a[i] != b[j] {
				changed++
			}
			diagonal = row[j+1]
			row[j+1] = min(changed, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
