package page

import (
	"fmt"
	"slices"
)

// difference is a value that two bodies do not have in common.
type difference struct {
	Path          string
	Before, After string // JSON text, empty where the body does not have it
}

// maxDifferences is how many are listed.
const maxDifferences = 50

// differences compares two bodies, value by value.
func differences(before, after []byte) []difference {
	old, now := leaves(before), leaves(after)
	var all []difference
	for _, path := range now.paths {
		if b, a := old.values[path], now.values[path]; a != b {
			all = append(all, difference{path, b, a})
		}
	}
	for _, path := range old.paths {
		if _, ok := now.values[path]; !ok {
			all = append(all, difference{path, old.values[path], ""})
		}
	}
	return all
}

// flat is the values of a body by their paths, in order.
type flat struct {
	paths  []string
	values map[string]string
}

func leaves(body []byte) flat {
	f := flat{values: map[string]string{}}
	if root := tree(body); root != nil {
		f.add(root)
	} else {
		f.paths, f.values[""] = []string{""}, shown(body)
	}
	return f
}

func (f *flat) add(n *node) {
	if n.IsLeaf() {
		if _, ok := f.values[n.path]; !ok {
			f.paths = append(f.paths, n.path)
		}
		f.values[n.path] = n.Body
	}
	for _, child := range n.Children {
		f.add(child)
	}
}

// comparison is a webhook beside one before it.
type comparison struct {
	With        int
	Why         string
	Differences []difference
	More        int
	Answers     string
}

// compare returns how w differs from the delivery before, nil if there is none.
func (p *Page) compare(w *Webhook) *comparison {
	before, why := p.before(w)
	if before == nil {
		return nil
	}
	c := &comparison{With: before.Number, Why: why, Differences: differences(p.Body(before), p.Body(w))}
	if n := len(c.Differences); n > maxDifferences {
		c.Differences, c.More = c.Differences[:maxDifferences], n-maxDifferences
	}
	if before.Status != w.Status {
		c.Answers = fmt.Sprintf("answered %d then, %d now", before.Status, w.Status)
	}
	return c
}

// before returns the webhook to compare w with: the one that it repeats or was
// made from, else the latest of the same event and chat.
func (p *Page) before(w *Webhook) (*Webhook, string) {
	if before := p.store.Get(w.ReplayOf); before != nil {
		return before, "which this one was sent again from"
	}
	if before := p.store.Get(w.RepeatOf); before != nil {
		return before, "the first with this body"
	}
	if w.Event == "" {
		return nil, ""
	}
	for _, before := range slices.Backward(p.store.All()) {
		if before.Number < w.Number && before.Event == w.Event && before.ChatID == w.ChatID {
			return before, "the " + w.Event + " before it"
		}
	}
	return nil, ""
}
