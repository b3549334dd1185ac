package chats

import (
	"bytes"
	"cmp"
	"slices"
	"time"
)

// Entry is a log entry of the function, or the copy of one on stdout. Package
// logentry makes it from a loggingpb.LogEntry.
type Entry struct {
	// InsertID and Timestamp are those of the entry. Deliveries of the same body
	// have the same InsertID. For a part of a split entry it is split.uid.
	InsertID  string
	Timestamp time.Time
	// Labels are those of the entry. They are used only if the webhook cannot be
	// decoded.
	Labels map[string]string
	// Webhook is the JSON text of jsonPayload.webhook or, if Parts is not 0, of
	// one part: jsonPayload.webhook_text. It must not be changed.
	Webhook []byte
	// Part, from 0, and Parts are split.index and split.totalSplits.
	Part, Parts int
}

// join replaces the parts of each split entry by one entry, without a webhook
// if parts are missing that no other entry has.
func join(entries []Entry) []Entry {
	if !slices.ContainsFunc(entries, Entry.isPart) {
		return entries
	}
	// An entry and its copy on stdout have the same id, but not the same parts.
	type set struct {
		id    string
		parts int
	}
	sets := map[set][]Entry{}
	complete := map[string]bool{} // by id
	var joined []Entry
	for _, e := range entries {
		if e.isPart() {
			s := set{e.InsertID, e.Parts}
			sets[s] = append(sets[s], e)
		} else {
			complete[e.InsertID] = true
			joined = append(joined, e)
		}
	}
	for s, parts := range sets {
		if whole := joinParts(parts); whole.Webhook != nil {
			complete[s.id] = true
			joined = append(joined, whole)
		}
	}
	for s, parts := range sets {
		if !complete[s.id] {
			joined = append(joined, joinParts(parts))
		}
	}
	return joined
}

func (e Entry) isPart() bool { return e.Parts > 0 }

// joinParts joins the parts of one webhook, some of which may be duplicated.
func joinParts(parts []Entry) Entry {
	slices.SortFunc(parts, func(a, b Entry) int {
		return cmp.Or(cmp.Compare(a.Part, b.Part), a.Timestamp.Compare(b.Timestamp))
	})
	whole := Entry{InsertID: parts[0].InsertID, Timestamp: parts[0].Timestamp, Labels: parts[0].Labels}
	parts = slices.CompactFunc(parts, func(a, b Entry) bool { return a.Part == b.Part })
	if len(parts) < parts[0].Parts {
		return whole
	}
	var text bytes.Buffer
	for _, p := range parts {
		text.Write(p.Webhook)
	}
	whole.Webhook = text.Bytes()
	return whole
}
