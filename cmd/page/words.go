package page

import (
	"cmp"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"example.com/livechat-webhook/internal/chats"
)

// functions are what the templates call.
var functions = template.FuncMap{
	"clock":    clock,
	"date":     date,
	"iso":      func(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) },
	"commas":   commas,
	"seconds":  seconds,
	"length":   func(f *float64) string { return seconds(*f) },
	"author":   author,
	"side":     side,
	"content":  contentText,
	"step":     step,
	"since":    since,
	"lack":     func(l chats.Lack) string { return cmp.Or(lacks[l], string(l)) },
	"took":     took,
	"kib":      func(n int) string { return fmt.Sprintf("%.1f", float64(n)/1024) },
	"state":    func(s string) string { return cmp.Or(stateNames[s], s) },
	"words":    http.StatusText,
	"web":      web,
	"path":     url.PathEscape,
	"join":     strings.Join,
	"rows":     func(text string) int { return min(max(strings.Count(text, "\n")+1, 6), 40) },
	"view":     func(v chatView, t chats.Chat) threadView { return threadView{v, t} },
	"eventRef": func(id string) string { return "e-" + slug(id) },
}

// threadView is a thread with what its bubbles link to.
type threadView struct {
	View   chatView
	Thread chats.Chat
}

// clock returns the time of day on this machine.
func clock(t time.Time) string { return t.Local().Format(time.TimeOnly) }

// date returns day and time on this machine.
func date(t time.Time) string { return t.Local().Format("2 Jan 2006, 15:04:05") }

// commas returns a number with commas between thousands.
func commas(n int) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// seconds returns a duration as people say it.
func seconds(s float64) string {
	d := time.Duration(s * float64(time.Second))
	switch {
	case d < 10*time.Second:
		return fmt.Sprintf("%.1f s", s)
	case d < time.Minute:
		return fmt.Sprintf("%.0f s", s)
	case d < time.Hour:
		d = d.Round(time.Second)
		return fmt.Sprintf("%dm%02ds", int(d.Minutes()), int(d.Seconds())%60)
	default:
		return fmt.Sprintf("%dh%02dm", int(d.Hours()), int(d.Minutes())%60)
	}
}

// took returns how long an answer took.
func took(d time.Duration) string {
	if d < 10*time.Millisecond {
		return fmt.Sprintf("%.1f ms", float64(d)/float64(time.Millisecond))
	}
	return fmt.Sprintf("%d ms", d.Milliseconds())
}

// since returns the time from one moment to another, as a player shows it.
func since(from, to time.Time) string {
	if from.IsZero() || to.Before(from) {
		return ""
	}
	d := to.Sub(from).Round(time.Second)
	if d >= time.Hour {
		return fmt.Sprintf("+%d:%02d:%02d", int(d.Hours()), int(d.Minutes())%60, int(d.Seconds())%60)
	}
	return fmt.Sprintf("+%d:%02d", int(d.Minutes()), int(d.Seconds())%60)
}

// side returns the side of the conversation that someone is on.
func side(k chats.Kind) string {
	switch k {
	case chats.KindAgent, chats.KindBot:
		return "ours"
	case chats.KindLiveChat:
		return "system"
	}
	return "theirs"
}

// step returns in words what happened in a chat, without who did it.
func step(c chats.Chat, s chats.Step) string {
	switch s.What {
	case "transferred":
		for _, t := range c.Transfers {
			if slices.Equal(t.InsertIDs, s.InsertIDs) {
				return transfer(t)
			}
		}
	case "queued":
		if s.Detail != "" {
			return "queued, position " + s.Detail
		}
	case "tagged", "untagged", "rated":
		return s.What + " " + s.Detail
	case "resolved":
		if s.Detail != "true" {
			return "not resolved"
		}
		return "resolved by AI"
	case "rating_canceled":
		return "took the rating back"
	case "joined", "left":
		if s.Detail != "" {
			return s.What + " (" + s.Detail + ")"
		}
	case "seen":
		return "has seen it"
	case "postback":
		return "pressed " + s.Detail
	case "commented":
		return "commented: " + s.Detail
	case "summary":
		return "summary written"
	}
	return s.What
}

// transfer returns in words where a chat went.
func transfer(t chats.Transfer) string {
	words := "transferred"
	switch {
	case len(t.Agents) > 0:
		words += " to " + strings.Join(t.Agents, ", ")
	case len(t.Groups) > 0:
		words += " to group " + strings.Join(t.Groups, ", ")
	}
	if t.Reason != "" {
		words += " (" + t.Reason + ")"
	}
	return words
}

var lacks = map[chats.Lack]string{
	chats.BeganBefore:     "It began before these webhooks, so names and messages may be missing.",
	chats.UnknownAuthor:   "Some authors may be the customer or a bot.",
	chats.UnknownWait:     "When the wait ended is not known.",
	chats.MissingOriginal: "A message was changed or deleted of which the original is not here.",
	chats.MissingPart:     "A webhook was split, and a part is missing.",
	chats.Unreadable:      "A webhook could not be read.",
	chats.Withheld:        "LiveChat left out the first events.",
}

// web returns the URL if a browser may open it, else nothing.
func web(link string) string {
	u, err := url.Parse(link)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" {
		return ""
	}
	return link
}
