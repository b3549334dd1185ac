package main

import (
	"cmp"
	"fmt"
	"slices"
)

// limit is how many webhooks LiveChat takes for an action and a client id
// (https://platform.text.com/docs/management/configuration-api#register-webhook).
const limit = 3

// step is what is to be done for one action, in the order of the fields. Only
// one of them is set, but for a replacement.
type step struct {
	action string
	// problem is why nothing can be done.
	problem error
	// already is the registration that makes a new one needless.
	already *webhook
	// spare are removed first, to make room: another one sends meanwhile.
	spare []webhook
	// register is whether to register.
	register bool
	// old are removed once what was registered sends.
	old []webhook
}

// plan returns what is to be done, given what is registered.
func plan(s settings, registered []webhook) []step {
	var steps []step
	if s.unregister {
		for _, w := range registered {
			if w.sendsTo(s.url) && (s.actions == nil || slices.Contains(s.actions, w.Action)) {
				steps = append(steps, step{action: w.Action, old: []webhook{w}})
			}
		}
		return steps
	}
	for _, action := range s.actions {
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
		steps = append(steps, planAction(s, action, ours, taken))
	}
	return steps
}

// planAction returns what is to be done for an action of which ours are
// registered with the URL, and taken in all.
//
// To replace loses no webhook, and so the old goes after the new has come.
// Where the limit forbids that, all but one of ours make room first. If there
// is only one, no order is safe, and nothing is done: the user may free a
// place, or choose to lose some.
func planAction(s settings, action string, ours []webhook, taken int) step {
	// What sends everything goes last, and is what to show.
	slices.SortStableFunc(ours, func(a, b webhook) int { return cmp.Compare(rank(a), rank(b)) })
	excess := max(0, taken+1-limit)
	switch {
	case len(ours) > 0 && !s.replace:
		return step{action: action, already: &ours[len(ours)-1]}
	case len(ours) == 0 && excess > 0:
		return step{action: action, problem: fmt.Errorf("%d webhooks of other URLs are registered, and LiveChat takes no more: see -list", taken)}
	case len(ours) > 0 && excess >= len(ours):
		return step{action: action, problem: fmt.Errorf("no room for the new one beside the old one and %d of other URLs, and nothing was changed: remove one of those, or lose the webhooks in between by -unregister -actions %s and registering again", taken-len(ours), action)}
	}
	return step{action: action, spare: ours[:excess], register: true, old: ours[excess:]}
}

func rank(w webhook) int {
	if w.whole() {
		return 1
	}
	return 0
}
