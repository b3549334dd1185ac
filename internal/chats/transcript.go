package chats

import (
	"cmp"
	"reflect"
	"slices"

	"example.com/livechat-webhook/payload"
)

// sighting is an event as one delivery has it.
type sighting struct {
	*delivery
	eventID string         // or, if that was redacted, one made from the insertId
	state   *payload.Event // nil: deleted
}

// transcript returns the events of the thread, oldest first.
func (t *thread) transcript(who *people) []Item {
	all := t.sightings()
	if len(all) == 0 {
		return nil
	}
	items := make([]Item, 0, len(all))
	for len(all) > 0 {
		n := 1
		for n < len(all) && all[n].eventID == all[0].eventID {
			n++
		}
		items = append(items, makeItem(all[:n], who))
		all = all[n:]
	}
	slices.SortFunc(items, func(a, b Item) int {
		// Ids end in a number without leading zeros.
		return cmp.Or(a.At.Compare(b.At), cmp.Compare(len(a.EventID), len(b.EventID)),
			cmp.Compare(a.EventID, b.EventID), slices.Compare(a.InsertIDs, b.InsertIDs))
	})
	return items
}

// sightings returns the sightings of all events, sorted by event. The original
// comes first, then the others by time.
func (t *thread) sightings() []sighting {
	all := make([]sighting, 0, len(t.deliveries))
	add := func(d *delivery, id payload.Text, state *payload.Event) {
		s := sighting{d, known(id), state}
		if s.eventID == "" {
			s.eventID = "entry " + d.insertID // no change can be matched
		}
		all = append(all, s)
	}
	for _, d := range t.deliveries {
		switch body := d.body.(type) {
		case *payload.IncomingEvent:
			add(d, body.Event.ID, &body.Event)
		case *payload.IncomingChat:
			for i := range body.Chat.Thread.Events {
				add(d, body.Chat.Thread.Events[i].ID, &body.Chat.Thread.Events[i])
			}
		case *payload.EventDeleted:
			if known(body.EventID) != "" {
				add(d, body.EventID, nil)
			}
		}
	}
	slices.SortStableFunc(all, func(a, b sighting) int {
		return cmp.Or(cmp.Compare(a.eventID, b.eventID), cmp.Compare(a.rank(), b.rank()))
	})
	return all
}

// rank puts the event itself before its changes. Its timestamp may be later than
// theirs if it was delayed.
func (s sighting) rank() int {
	if s.event == "incoming_event" {
		return 0
	}
	return 1
}

// makeItem makes an item from all sightings of an event.
func makeItem(sightings []sighting, who *people) Item {
	first := sightings[0]
	if first.state == nil {
		return Item{At: first.at, EventID: first.eventID, By: Author{Kind: KindUnknown}, Deleted: true, lacksOriginal: true, InsertIDs: insertIDs(sightings)}
	}
	item := Item{
		At:         when(first.state.CreatedAt.Time, first.at),
		Type:       first.state.Type,
		By:         who.author(first.state.AuthorID),
		EventID:    known(first.state.ID),
		AgentsOnly: cmp.Or(first.state.Visibility, first.state.Recipients, "all") != "all",
		Automatic:  isGreeting(first.state),
		Content:    content(first.state),
		Deleted:    first.state.Deleted,
		InsertIDs:  insertIDs(sightings),

		lacksOriginal: first.event == "event_updated",
		opinion:       opinionIn(first.state),
	}
	if isSystem(item.Type) {
		item.By = Author{Kind: KindLiveChat}
	}
	for _, s := range sightings[1:] {
		item.become(s)
	}
	return item
}

func insertIDs(sightings []sighting) []string {
	ids := make([]string, 0, len(sightings))
	for _, s := range sightings {
		if !slices.Contains(ids, s.insertID) {
			ids = append(ids, s.insertID)
		}
	}
	return ids
}

// become changes or deletes the content of the item.
func (i *Item) become(s sighting) {
	if i.Deleted {
		return
	}
	var now Content
	if i.Deleted = s.state == nil || s.state.Deleted; !i.Deleted {
		now = content(s.state)
		if reflect.DeepEqual(now, i.Content) {
			return
		}
		i.Edited = true
	}
	i.Before = append(i.Before, Version{i.Content, s.at})
	i.Content = now
}

// isSystem reports whether events of the type have no author.
func isSystem(eventType string) bool { return eventType == "system_message" || eventType == "system" }

// isMessage reports whether events of the type are messages.
func isMessage(eventType string) bool {
	return eventType == "message" || eventType == "file" || eventType == "rich_message"
}

// isGreeting reports whether the event is the automatic greeting
// (https://platform.text.com/docs/messaging/references/default-properties).
func isGreeting(e *payload.Event) bool {
	return property(e.Properties, "lc2", "welcome_message") == "true"
}
