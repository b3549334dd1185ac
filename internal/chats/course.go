package chats

import (
	"slices"
	"strings"
	"time"

	"example.com/livechat-webhook/payload"
)

// course returns what happened apart from events, queues and ratings, oldest
// first.
func (t *thread) course(who *people) []Step {
	var all []Step
	last := map[thing]int{} // index of the last step about each thing
	for _, d := range t.deliveries {
		s, ok := t.step(d, who)
		if !ok {
			continue
		}
		if s.At.IsZero() {
			s.At = d.at
		}
		i, found := last[s.thing()]
		if found && s.isState() && all[i].What == s.What {
			// Not new: a transfer sends incoming_chat again, and a tag cannot be
			// added twice.
			if ids := &all[i].InsertIDs; !slices.Contains(*ids, d.insertID) {
				*ids = append(*ids, d.insertID)
			}
			continue
		}
		last[s.thing()] = len(all)
		s.InsertIDs = []string{d.insertID}
		all = append(all, s)
	}
	return all
}

// step returns the step that a delivery is about, and whether there is one.
func (t *thread) step(d *delivery, who *people) (Step, bool) {
	switch body := d.body.(type) {
	case *payload.IncomingChat:
		return Step{At: t.start(), What: "started"}, true
	case *payload.UserAddedToChat:
		return Step{What: "joined", By: who.maybe(body.User.ID), Detail: body.Reason}, true
	case *payload.UserRemovedFromChat:
		return Step{What: "left", By: who.maybe(body.UserID), Detail: body.Reason}, true
	case *payload.ChatTransferred:
		return Step{What: "transferred", By: who.maybe(body.RequesterID), Detail: body.Reason}, true
	case *payload.ThreadTagged:
		what := "tagged"
		if strings.HasSuffix(d.event, "_untagged") {
			what = "untagged"
		}
		return Step{What: what, Detail: body.Tag}, true
	case *payload.PropertiesUpdated:
		resolved := propertyText(body.Properties["chats"]["resolved"])
		return Step{What: "resolved", Detail: resolved}, resolved != ""
	case *payload.ThreadSummarySet:
		return Step{At: when(body.Summary.UpdatedAt.Time), What: "summary", Detail: body.Summary.Text}, body.Summary.Text != ""
	case *payload.EventsMarkedAsSeen:
		at := when(body.SeenUpTo.Time, body.Timestamp.Time)
		return Step{At: at, What: "seen", By: who.maybe(body.UserID)}, !at.IsZero()
	case *payload.RichMessagePostback:
		return Step{What: "postback", By: who.maybe(body.UserID), Detail: string(body.Postback.ID)}, true
	case *payload.ChatDeactivated:
		return Step{What: "closed", By: who.maybe(body.UserID)}, true
	}
	return Step{}, false
}

// isState reports whether the step cannot happen twice in a row.
func (s Step) isState() bool {
	switch s.What {
	case "started", "closed", "joined", "left", "tagged", "untagged", "seen":
		return true
	}
	return false
}

// thing is the subject of a step: a tag, a user, or the chat.
type thing struct {
	what, id string
	at       time.Time
}

func (s Step) thing() thing {
	switch s.What {
	case "tagged", "untagged":
		return thing{what: "tag", id: s.Detail}
	case "joined", "left":
		return thing{what: "user", id: s.user()}
	case "seen":
		return thing{s.What, s.user(), s.At}
	}
	return thing{what: s.What}
}

// user returns the id of the user, "" if unknown.
func (s Step) user() string {
	if s.By == nil {
		return ""
	}
	return s.By.ID
}
