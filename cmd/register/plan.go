package main

import (
	"cmp"
	"fmt"
	"slices"
)

// limit is the maximum number of webhooks per action and client id
// (https://platform.text.com/docs/management/configuration-api#register-webhook).
const limit = 3

// errNotOffered is the problem of an action that LiveChat no longer has.
var errNotOffered = fmt.Errorf("LiveChat no longer has this action in version %s of its API", version)

// chatProperties is the additional data that -chat-properties asks for.
const chatProperties = "chat_properties"

// step is what is to be done for one action, in the order of the fields. Only
// one of problem, already and the rest is set, except that a replacement has
// spare, register and old.
type step struct {
	action string
	// problem is why nothing can be done.
	problem error
	// already is the registration that makes a new one unnecessary.
	already *webhook
	// spare are removed first, to make room: another one keeps sending.
	spare []webhook
	// register is whether to register, with this additional data.
	register bool
	data     []string
	// old are removed once the new one is live.
	old []webhook
	// note is shown behind the id.
	note string
}

// plan returns what is to be done, given what is registered and, unless that is
// nil because LiveChat did not say, the actions that LiveChat offers.
func plan(s settings, registered []webhook, offers []offer) []step {
	actions := s.actions
	if actions == nil {
		actions = actionsOf(s.url, registered)
	}
	var steps []step
	for _, action := range actions {
		var ours []webhook
		taken := 0
		for _, w := range registered {
			if w.Action == action {
				taken++
				if w.sendsTo(s.url) {
					ours = append(ours, w)
				}
			}
		}
		switch {
		case s.unregister:
			steps = append(steps, step{action: action, old: ours})
		case offers != nil && find(offers, action) == nil:
			steps = append(steps, step{action: action, problem: errNotOffered})
		default:
			steps = append(steps, planAction(s, action, ours, taken).withData(s, offers))
		}
	}
	return steps
}

// actionsOf returns the actions that are registered for a URL, each once.
func actionsOf(url string, registered []webhook) []string {
	var actions []string
	for _, w := range registered {
		if w.sendsTo(url) && !slices.Contains(actions, w.Action) {
			actions = append(actions, w.Action)
		}
	}
	return actions
}

// withData returns the step with the additional data that s asks for, where
// LiveChat offers it. LiveChat judges if it is unknown what it offers.
func (p step) withData(s settings, offers []offer) step {
	if !s.chatProperties {
		return p
	}
	o := find(offers, p.action)
	switch {
	case p.already != nil:
		p.note = "  LiveChat does not say whether with chat properties: see -replace"
	case o != nil && !slices.Contains(o.AdditionalData, chatProperties):
		p.note = "  without chat properties, which LiveChat does not have for it"
	default:
		p.data = []string{chatProperties}
	}
	return p
}

// planAction returns how to register an action. taken webhooks of it are
// registered, of which ours point to the URL.
//
// A replacement must not lose webhooks, so the old one is removed after the new
// one is live. Where the limit forbids that, all except one of ours make room
// first. If there is only one, no order is safe, and nothing is done: the user
// can free a slot or accept a gap.
func planAction(s settings, action string, ours []webhook, taken int) step {
	// The one that receives everything is removed last, and is the one to show.
	slices.SortStableFunc(ours, func(a, b webhook) int { return cmp.Compare(rank(a), rank(b)) })
	excess := max(0, taken+1-limit)
	switch {
	case len(ours) > 0 && !s.replace:
		return step{action: action, already: &ours[len(ours)-1]}
	case len(ours) == 0 && excess > 0:
		problem := fmt.Errorf("%d webhooks are registered for other URLs, the maximum: see -list", taken)
		return step{action: action, problem: problem}
	case len(ours) > 0 && excess >= len(ours):
		problem := fmt.Errorf("no room for a new webhook next to the old one and %d for other URLs; nothing was changed: "+
			"remove one of those, or accept a gap with -unregister -actions %s and register again", taken-len(ours), action)
		return step{action: action, problem: problem}
	}
	return step{action: action, spare: ours[:excess], register: true, old: ours[excess:]}
}

func rank(w webhook) int {
	if w.whole() {
		return 1
	}
	return 0
}
