package page

import (
	"bytes"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf16"
)

// perPage is how many rows a list has. Older ones are a link away.
const perPage = 200

// filter says which webhooks are listed.
type filter struct {
	Text, Kind, State string
	Before            int // numbers below this one only, if not 0
}

func filterOf(q url.Values) filter {
	before, _ := strconv.Atoi(q.Get("before"))
	return filter{strings.TrimSpace(q.Get("q")), q.Get("kind"), q.Get("state"), before}
}

// Query returns the filter as a query, without Before.
func (f filter) Query() string {
	q := url.Values{}
	for name, value := range map[string]string{"q": f.Text, "kind": f.Kind, "state": f.State} {
		if value != "" {
			q.Set(name, value)
		}
	}
	if len(q) == 0 {
		return ""
	}
	return "?" + q.Encode()
}

// with returns the filter with another kind and state.
func (f filter) with(kind, state string) filter {
	f.Kind, f.State, f.Before = kind, state, 0
	return f
}

func (f filter) matches(w *Webhook) bool {
	return (f.Kind == "" || f.Kind == w.Kind()) && (f.State == "" || f.State == w.State())
}

// says reports whether each of the words, in lower case, is somewhere in w.
func says(w *Webhook, words []string) bool {
	if len(words) == 0 {
		return true
	}
	about := strings.ToLower(strings.Join([]string{"#" + strconv.Itoa(w.Number), w.Event, w.ChatID, w.Summary, w.Reason, strconv.Itoa(w.Status)}, "\n"))
	var body []byte
	return !slices.ContainsFunc(words, func(word string) bool {
		if strings.Contains(about, word) {
			return false
		}
		if body == nil {
			body = bytes.ToLower(unescape(w.Body))
		}
		return !bytes.Contains(body, []byte(word))
	})
}

// unescape returns JSON text with characters in the place of \u escapes, to
// search in.
func unescape(text []byte) []byte {
	if !bytes.Contains(text, []byte(`\u`)) {
		return text
	}
	var clear []byte
	var high rune // first half of a pair
	for len(text) > 0 {
		unit, ok := escaped(text)
		if !ok {
			clear, text = append(clear, text[0]), text[1:]
			continue
		}
		text = text[6:]
		if utf16.IsSurrogate(unit) && high == 0 {
			high = unit
			continue
		}
		if high != 0 {
			unit, high = utf16.DecodeRune(high, unit), 0
		}
		clear = append(clear, string(unit)...)
	}
	return clear
}

// escaped returns the unit of the \u escape that text starts with.
func escaped(text []byte) (rune, bool) {
	if len(text) < 6 || text[0] != '\\' || text[1] != 'u' {
		return 0, false
	}
	n, err := strconv.ParseUint(string(text[2:6]), 16, 16)
	return rune(n), err == nil
}

// chip is a filter to choose, with how many webhooks it has.
type chip struct {
	Name, Query string
	Count       int
	On          bool
}

var chipNames = []struct{ name, kind, state string }{
	{"all", "", ""},
	{"messages", "message", ""},
	{"chats", "chat", ""},
	{"configuration", "config", ""},
	{"app", "app", ""},
	{"unknown", "unknown", ""},
	{"refused", "", "refused"},
	{"failed", "", "failed"},
}

// chips counts all webhooks by what can be chosen. What there is none of is
// left out, unless it is chosen.
func (f filter) chips(all []*Webhook) []chip {
	var chips []chip
	for _, c := range chipNames {
		by := f.with(c.kind, c.state)
		chip := chip{Name: c.name, Query: by.Query(), On: f.Kind == c.kind && f.State == c.state}
		for _, w := range all {
			if by.matches(w) {
				chip.Count++
			}
		}
		if chip.Count > 0 || chip.On || c.name == "all" {
			chips = append(chips, chip)
		}
	}
	return chips
}

// listing is the list as it is drawn.
type listing struct {
	frame
	Filter  filter
	Rows    []*Webhook // newest first
	Total   int
	Older   string // query of the next page, or empty
	Chips   []chip
	Bars    *bars
	Cleared int
	Detail  *detail
	Found   int
}

// Top is the number that a reload brings the newer ones of.
func (l listing) Top() int {
	if len(l.Rows) == 0 {
		return 0
	}
	return l.Rows[0].Number
}

// select returns the webhooks that f lists, newest first.
func (f filter) choose(all []*Webhook) []*Webhook {
	words := strings.Fields(strings.ToLower(f.Text))
	var found []*Webhook
	for _, w := range slices.Backward(all) {
		if f.matches(w) && says(w, words) {
			found = append(found, w)
		}
	}
	return found
}

func (p *Page) listing(f filter, title string) listing {
	all := p.store.All()
	found := f.choose(all)
	l := listing{frame: p.frame(title, "webhooks"), Filter: f, Total: len(all), Found: len(found), Chips: f.chips(all), Bars: barsOf(found), Cleared: p.store.cleared()}
	l.Rows = found
	if f.Before > 0 {
		l.Rows = slices.DeleteFunc(slices.Clone(found), func(w *Webhook) bool { return w.Number >= f.Before })
	}
	if len(l.Rows) > perPage {
		l.Rows = l.Rows[:perPage]
		l.Older = "?before=" + strconv.Itoa(l.Rows[perPage-1].Number)
		if q := f.Query(); q != "" {
			l.Older = q + "&" + l.Older[1:]
		}
	}
	return l
}

// row is a webhook in JSON.
type row struct {
	Number     int       `json:"number"`
	Received   time.Time `json:"received"`
	Status     int       `json:"status"`
	Answer     string    `json:"answer"`
	Millis     int64     `json:"millis"`
	Event      string    `json:"event"`
	ChatID     string    `json:"chat_id"`
	Summary    string    `json:"summary"`
	Severity   string    `json:"severity"`
	RepeatOf   int       `json:"repeat_of,omitzero"`
	ReplayOf   int       `json:"replay_of,omitzero"`
	Reason     string    `json:"reason,omitzero"`
	NotWritten string    `json:"not_written,omitzero"`
}

func rowOf(w *Webhook) row {
	return row{
		w.Number, w.Received, w.Status, w.Answer, w.Millis(), w.Event, w.ChatID, w.Summary, w.Severity,
		w.RepeatOf, w.ReplayOf, w.Reason, w.NotWritten,
	}
}

// list answers with the list, newest first.
func (p *Page) list(w http.ResponseWriter, r *http.Request) {
	f := filterOf(r.URL.Query())
	if wantsJSON(r) {
		rows := []row{}
		for _, found := range f.choose(p.store.All()) {
			rows = append(rows, rowOf(found))
		}
		renderJSON(w, map[string]any{"webhooks": rows})
		return
	}
	render(w, http.StatusOK, "webhooks.html", p.listing(f, "Webhooks"))
}
