package main

import (
	"errors"
	"fmt"
	"slices"

	"example.com/livechat-webhook/internal/config"
	"example.com/livechat-webhook/payload"
)

// version is that of the Configuration API. The bodies that it sends follow
// from it.
const version = "3.6"

// usual are the actions that "a chat starts", "a message" and "a chat ends"
// are today.
const usual = "incoming_chat,incoming_event,chat_deactivated"

// chosen returns the actions of a list of names, each once, or all that the
// API has if one of the names is all. The error says for each name that the
// API does not have which one is meant.
func chosen(list string) ([]string, error) {
	names := config.List(list)
	if slices.Contains(names, "all") {
		return current(), nil
	}
	var actions []string
	var faults []error
	for _, name := range names {
		if a, ok := payload.LookupAction(name); !ok || !a.In(version) {
			faults = append(faults, explain(name))
		} else if !slices.Contains(actions, name) {
			actions = append(actions, name)
		}
	}
	return actions, errors.Join(faults...)
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

// explain says which action is meant by a name that the API does not have.
func explain(name string) error {
	if old, ok := payload.LookupAction(name); ok {
		next := old
		for next.Successor != "" {
			next, _ = payload.LookupAction(next.Successor)
		}
		if next.In(version) {
			return fmt.Errorf("-actions: %s ended with API version %s, %s replaced it", name, old.Last, next.Name)
		}
		return fmt.Errorf("-actions: API version %s has no %s, and nothing that replaced it", version, name)
	}
	nearest := slices.MinFunc(current(), func(a, b string) int { return distance(name, a) - distance(name, b) })
	if distance(name, nearest) > len(name)/3 {
		return fmt.Errorf("-actions: there is no %q", name)
	}
	return fmt.Errorf("-actions: there is no %q, did you mean %s?", name, nearest)
}

// distance returns how many bytes must be put in, left out or changed to make
// b of a.
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
