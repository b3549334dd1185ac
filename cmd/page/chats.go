package page

import (
	"cmp"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"example.com/livechat-webhook/internal/chats"
	"example.com/livechat-webhook/internal/chats/logentry"
)

// chatCache keeps what package chats made of the webhooks until another comes.
type chatCache struct {
	mu      sync.Mutex
	at      place
	made    bool
	all     []chats.Chat
	entries map[int][]chats.Entry // by the number of the webhook
}

// allChats returns the chats of all webhooks.
func (p *Page) allChats() []chats.Chat {
	c := &p.chats
	c.mu.Lock()
	defer c.mu.Unlock()
	at := p.store.here()
	if !c.made || c.at != at {
		c.all, c.at, c.made = chats.From(c.read(p.store.All())), at, true
	}
	return c.all
}

// read returns the entries of webhooks. Those that it has read before it does
// not read again, and those that are gone it forgets.
func (c *chatCache) read(webhooks []*Webhook) []chats.Entry {
	var all []chats.Entry
	read := make(map[int][]chats.Entry, len(webhooks))
	for _, w := range webhooks {
		entries, ok := c.entries[w.Number]
		if !ok {
			for _, e := range w.Entries() {
				entries = append(entries, logentry.Entry(e))
			}
		}
		read[w.Number] = entries
		all = append(all, entries...)
	}
	c.entries = read
	return all
}

// conversation is all threads of a chat, oldest first.
type conversation struct {
	ID      string
	Threads []chats.Chat
	// Updated is when something was last said or done.
	Updated time.Time
}

func conversationsOf(all []chats.Chat) []*conversation {
	byID := map[string]*conversation{}
	var list []*conversation
	for _, c := range all {
		id := cmp.Or(c.ChatID, c.ThreadID)
		if id == "" {
			continue
		}
		if byID[id] == nil {
			byID[id] = &conversation{ID: id}
			list = append(list, byID[id])
		}
		byID[id].Threads = append(byID[id].Threads, c)
	}
	for _, c := range list {
		c.Updated = c.updated()
	}
	slices.SortStableFunc(list, func(a, b *conversation) int { return b.Updated.Compare(a.Updated) })
	return list
}

// Last is the latest thread.
func (c *conversation) Last() chats.Chat { return c.Threads[len(c.Threads)-1] }

// Name is the customer's.
func (c *conversation) Name() string {
	for _, t := range slices.Backward(c.Threads) {
		if name := cmp.Or(t.Customer.Name, t.Customer.Email); name != "" {
			return name
		}
	}
	return "Customer"
}

// Place is where the customer is.
func (c *conversation) Place() string {
	who := c.Last().Customer
	return strings.Trim(who.City+", "+who.Country, ", ")
}

// updated returns when something was last said or done.
func (c *conversation) updated() time.Time {
	var last time.Time
	for _, t := range c.Threads {
		for _, at := range []time.Time{t.Started, t.Ended} {
			if at.After(last) {
				last = at
			}
		}
		for _, i := range t.Transcript {
			if i.At.After(last) {
				last = i.At
			}
		}
		for _, s := range t.Course {
			if s.At.After(last) {
				last = s.At
			}
		}
	}
	return last
}

// Latest is the last message, nil if there is none.
func (c *conversation) Latest() *chats.Item {
	items := c.Last().Transcript
	for i := range slices.Backward(items) {
		if isMessage(items[i]) {
			return &items[i]
		}
	}
	return nil
}

func isMessage(i chats.Item) bool {
	switch i.Type {
	case "message", "file", "rich_message":
		return !i.AgentsOnly && !i.Automatic
	}
	return false
}

// State is waiting, open, missed or ended. A chat waits for a reply only while
// it is open and the last message is the customer's.
func (c *conversation) State() string {
	last := c.Last()
	switch {
	case last.Missed != nil && *last.Missed:
		return "missed"
	case !last.Ended.IsZero():
		return "ended"
	}
	if m := c.Latest(); m != nil && m.By.Kind == chats.KindCustomer {
		return "waiting"
	}
	return "open"
}

// says reports whether each of the words is in the conversation.
func (c *conversation) says(words []string) bool {
	if len(words) == 0 {
		return true
	}
	var text strings.Builder
	text.WriteString(c.ID + "\n")
	for _, t := range c.Threads {
		text.WriteString(t.Customer.Name + "\n" + t.Customer.Email + "\n" + strings.Join(t.Tags, "\n") + "\n")
		for _, i := range t.Transcript {
			text.WriteString(i.Text + "\n" + i.By.Name + "\n" + i.By.ID + "\n")
		}
	}
	all := strings.ToLower(text.String())
	return !slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(all, w) })
}

// chatView is the list of conversations, and one of them.
type chatView struct {
	frame
	List   []*conversation
	Chips  []chip
	Filter filter
	Today  totals
	One    *conversation
	// Numbers are those of the webhooks, by insertId.
	Numbers map[string]int
	Missing bool // the one asked for is not here
}

// Number returns the number of the first webhook among insertIds, 0 if none is
// here.
func (v chatView) Number(ids []string) int {
	for _, id := range ids {
		if n := v.Numbers[id]; n > 0 {
			return n
		}
	}
	return 0
}

var chatStates = []string{"waiting", "open", "missed", "ended"}

// conversations answers with the list, or with one conversation beside it.
func (p *Page) conversations(w http.ResponseWriter, r *http.Request) {
	all := conversationsOf(p.allChats())
	id := r.PathValue("id")
	one := find(all, id)
	f := filterOf(r.URL.Query())
	if wantsJSON(r) {
		p.chatsJSON(w, id, one, all)
		return
	}
	v := chatView{frame: p.frame("Chats", "chats"), Filter: f, Today: totalsOf(p.allChats(), time.Now()), One: one, Numbers: p.numbers(), Missing: id != "" && one == nil}
	words := strings.Fields(strings.ToLower(f.Text))
	for _, c := range all {
		if (f.State == "" || f.State == c.State()) && c.says(words) {
			v.List = append(v.List, c)
		}
	}
	v.Chips = f.chatChips(all)
	status := http.StatusOK
	if one != nil {
		v.Title = one.Name()
	}
	if v.Missing {
		status = http.StatusNotFound
	}
	render(w, status, "chats.html", v)
}

func find(all []*conversation, id string) *conversation {
	for _, c := range all {
		if c.ID == id && id != "" {
			return c
		}
	}
	return nil
}

func (p *Page) chatsJSON(w http.ResponseWriter, id string, one *conversation, all []*conversation) {
	list := []chats.Chat{}
	switch {
	case one != nil:
		list = one.Threads
	case id != "":
		http.Error(w, `{"error":"no such chat"}`, http.StatusNotFound)
		return
	default:
		for _, c := range all {
			list = append(list, c.Threads...)
		}
	}
	renderJSON(w, map[string]any{"chats": list})
}

func (f filter) chatChips(all []*conversation) []chip {
	chips := []chip{{Name: "all", Query: f.with("", "").Query(), Count: len(all), On: f.State == ""}}
	for _, state := range chatStates {
		c := chip{Name: stateNames[state], Query: f.with("", state).Query(), On: f.State == state}
		for _, conversation := range all {
			if conversation.State() == state {
				c.Count++
			}
		}
		if c.Count > 0 || c.On {
			chips = append(chips, c)
		}
	}
	return chips
}

var stateNames = map[string]string{"waiting": "waiting for a reply", "open": "open", "missed": "missed", "ended": "ended"}

// numbers returns the number of the first webhook of each insertId.
func (p *Page) numbers() map[string]int {
	numbers := map[string]int{}
	for _, w := range p.store.All() {
		if w.InsertID != "" && numbers[w.InsertID] == 0 {
			numbers[w.InsertID] = w.Number
		}
	}
	return numbers
}

// totals are the numbers of one day.
type totals struct {
	Started, Ended, Missed, Messages int
	// FirstReply is the median of Replied chats, in seconds.
	FirstReply float64
	Replied    int
	Good, Bad  int
	Busiest    int // hour, -1 for none
}

// totalsOf counts the chats that started on the day of now.
func totalsOf(all []chats.Chat, now time.Time) totals {
	t := totals{Busiest: -1}
	year, month, day := now.Date()
	midnight := time.Date(year, month, day, 0, 0, 0, 0, now.Location())
	today := func(at time.Time) bool { return !at.Before(midnight) && at.Before(midnight.AddDate(0, 0, 1)) }
	var replies []float64
	var hours [24]int
	for _, c := range all {
		if today(c.Ended) {
			t.Ended++
		}
		if !today(c.Started) {
			continue
		}
		t.Started++
		t.Messages += c.Messages.Customer + c.Messages.Agent + c.Messages.Bot + c.Messages.Unknown
		hours[c.Started.In(now.Location()).Hour()]++
		if c.Missed != nil && *c.Missed {
			t.Missed++
		}
		if c.FirstAgentReply != nil {
			replies = append(replies, c.FirstAgentReply.Seconds)
		}
		if c.Rating != nil {
			switch c.Rating.Score {
			case "good":
				t.Good++
			case "bad":
				t.Bad++
			}
		}
	}
	for h, n := range hours {
		if n > 0 && (t.Busiest < 0 || n > hours[t.Busiest]) {
			t.Busiest = h
		}
	}
	if t.Replied = len(replies); t.Replied > 0 {
		slices.Sort(replies)
		t.FirstReply = (replies[(t.Replied-1)/2] + replies[t.Replied/2]) / 2
	}
	return t
}
