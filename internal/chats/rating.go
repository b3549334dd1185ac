package chats

import (
	"cmp"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"example.com/livechat-webhook/payload"
)

// opinion is a rating, a comment, or the cancellation of either.
type opinion struct {
	at             time.Time
	insertIDs      []string
	score, comment string
	// noScore and noComment report what was canceled.
	noScore, noComment bool
}

// opinions returns the customer's opinions, oldest first. LiveChat sends them as
// system messages and as properties. Only the former count if there are any,
// because they come with incoming_event and have a clock.
func (t *thread) opinions(transcript []Item) []opinion {
	var all []opinion
	for i := range transcript {
		if item := &transcript[i]; item.opinion != nil {
			o := *item.opinion
			o.at, o.insertIDs = item.At, item.InsertIDs
			all = append(all, o)
		}
	}
	if len(all) > 0 {
		return all
	}
	return propertyOpinions(t.deliveries)
}

// opinionIn returns the opinion in a system message, nil if there is none
// (https://platform.text.com/docs/messaging/references/system-activities).
func opinionIn(e *payload.Event) *opinion {
	if e.Type != "system_message" || !strings.HasPrefix(e.SystemMessageType, "rating.") {
		return nil
	}
	var vars struct{ Score, Comment payload.Text }
	fill(&vars, e.TextVars)
	switch e.SystemMessageType {
	case "rating.chat_rated":
		return &opinion{score: known(vars.Score)}
	case "rating.chat_commented":
		return &opinion{comment: string(vars.Comment)}
	case "rating.chat_rating_canceled":
		return &opinion{noScore: true, noComment: true}
	}
	return nil
}

// propertyOpinions reads the properties rating.score and rating.comment of
// chat, thread and events
// (https://platform.text.com/docs/messaging/references/default-properties).
func propertyOpinions(deliveries []*delivery) []opinion {
	var all []opinion
	for _, d := range deliveries {
		o := opinion{at: d.at, insertIDs: []string{d.insertID}}
		switch body := d.body.(type) {
		case *payload.PropertiesUpdated:
			rating := body.Properties["rating"]
			o.score, o.comment = score(rating["score"]), propertyText(rating["comment"])
		case *payload.PropertiesDeleted:
			gone := body.Properties["rating"]
			o.noScore, o.noComment = slices.Contains(gone, "score"), slices.Contains(gone, "comment")
		}
		if o.score != "" || o.comment != "" || o.noScore || o.noComment {
			all = append(all, o)
		}
	}
	return all
}

// score returns the word for the property: 1 is thumbs up, 0 thumbs down.
func score(v jsontext.Value) string {
	switch propertyText(v) {
	case "1":
		return "good"
	case "0":
		return "bad"
	}
	return ""
}

// rating returns the rating that remains, nil if there is none.
func rating(opinions []opinion) *Rating {
	var r Rating
	for _, o := range opinions {
		r.At = o.at
		r.Score, r.Comment = cmp.Or(o.score, r.Score), cmp.Or(o.comment, r.Comment)
		if o.noScore {
			r.Score = ""
		}
		if o.noComment {
			r.Comment = ""
		}
	}
	if r.Score == "" && r.Comment == "" {
		return nil
	}
	return &r
}

// steps returns the opinion as steps of the course.
func (o opinion) steps(by *Author) []Step {
	var all []Step
	step := func(what, detail string) {
		all = append(all, Step{At: o.at, What: what, By: by, Detail: detail, InsertIDs: o.insertIDs})
	}
	if o.score != "" {
		step("rated", o.score)
	}
	if o.comment != "" {
		step("commented", o.comment)
	}
	if o.noScore || o.noComment {
		step("rating_canceled", "")
	}
	return all
}

// Ranking returns LiveChat's ranking score of an agent with that many good and
// bad ratings, from 0 to 1, and 0 without any. It is the lower bound of the
// Wilson interval with Z = 2.69, with LiveChat's own change to it
// (https://www.livechat.com/help/agent-rankings): fewer ratings rank lower.
func Ranking(good, bad int) float64 {
	const z = 2.69
	n := float64(good + bad)
	if n == 0 {
		return 0
	}
	p, q := float64(good)/n, z*z/(4*n)
	return (p + 2*q - z*math.Sqrt((q/n+p*(1-p))/n)) / (1 + 4*q)
}
