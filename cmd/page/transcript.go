package page

import (
	"cmp"
	"fmt"
	"mime"
	"net/http"
	"strings"

	"example.com/livechat-webhook/internal/chats"
)

// transcript answers with a conversation as transcript.txt or transcript.md.
func (p *Page) transcript(w http.ResponseWriter, r *http.Request) {
	c := find(conversationsOf(p.allChats()), r.PathValue("id"))
	file := r.PathValue("file")
	if c == nil || file != "transcript.txt" && file != "transcript.md" {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Content-Disposition", mime.FormatMediaType("inline", map[string]string{"filename": file}))
	if file == "transcript.md" {
		fmt.Fprint(w, c.Markdown())
	} else {
		fmt.Fprint(w, c.Text())
	}
}

// Text returns the transcript as plain text, oldest first.
func (c *conversation) Text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "Chat %s with %s\n", c.ID, c.Name())
	for _, t := range c.Threads {
		fmt.Fprintf(&b, "\n%s\n", threadTitle(t))
		for _, i := range t.Transcript {
			fmt.Fprintf(&b, "[%s] %s: %s\n", clock(i.At), speaker(i), indent(content(i), "    "))
		}
	}
	return b.String()
}

// Markdown returns the transcript as Markdown, in which nothing that was said
// is markup.
func (c *conversation) Markdown() string {
	var b strings.Builder
	fmt.Fprintf(&b, "# Chat %s with %s\n", markdown(c.ID), markdown(c.Name()))
	for _, t := range c.Threads {
		fmt.Fprintf(&b, "\n## %s\n", markdown(threadTitle(t)))
		for _, i := range t.Transcript {
			fmt.Fprintf(&b, "\n**%s** %s\n\n> %s\n", markdown(speaker(i)), clock(i.At), indent(markdown(content(i)), "> "))
		}
	}
	return b.String()
}

func threadTitle(t chats.Chat) string {
	title := "Thread " + t.ThreadID
	if t.ThreadID == "" {
		title = "API " + t.API
	}
	if !t.Started.IsZero() {
		title += ", " + date(t.Started)
	}
	return title
}

// speaker returns who said it, and to whom if not to all.
func speaker(i chats.Item) string {
	name := author(i.By)
	if i.AgentsOnly {
		name += " (whisper, agents only)"
	}
	if i.Automatic {
		name += " (automatic)"
	}
	return name
}

// author returns the name of someone.
func author(a chats.Author) string {
	switch {
	case a.Name != "":
		return a.Name
	case a.Kind == chats.KindLiveChat:
		return "LiveChat"
	case a.Kind == chats.KindAgent && a.ID != "":
		return a.ID
	case a.Kind == chats.KindCustomer:
		return "Customer"
	case a.Kind == chats.KindBot:
		return "Bot"
	}
	return cmp.Or(short(a.ID), "Unknown")
}

// short returns the start of an id that says nothing to people.
func short(id string) string {
	if len(id) > 12 && !strings.Contains(id, "@") {
		return clip(id, 8) + "…"
	}
	return id
}

// content returns in words what an item says, and what it said before.
func content(i chats.Item) string {
	text := contentText(i.Content)
	if i.Deleted {
		text = "[deleted]"
	}
	if i.Edited && !i.Deleted {
		text += " [edited]"
	}
	for _, v := range i.Before {
		text += "\n[before: " + contentText(v.Content) + "]"
	}
	return text
}

func contentText(c chats.Content) string {
	var parts []string
	if c.Text != "" {
		parts = append(parts, c.Text)
	} else if c.System != "" {
		parts = append(parts, "["+c.System+"]")
	}
	if c.File != nil {
		parts = append(parts, "[file "+cmp.Or(c.File.Name, c.File.URL)+"]")
	}
	if c.Form != nil {
		parts = append(parts, "[form]")
		for _, f := range c.Form.Fields {
			parts = append(parts, f.Label+" "+strings.Join(f.Answers, ", "))
		}
	}
	for _, card := range c.Cards {
		parts = append(parts, strings.TrimSpace("["+card.Title+"] "+card.Subtitle+" "+strings.Join(card.Buttons, " | ")))
	}
	if len(c.Data) > 0 {
		parts = append(parts, string(c.Data))
	}
	return strings.Join(parts, "\n")
}

// indent returns text with a prefix before every line but the first.
func indent(text, prefix string) string {
	return strings.ReplaceAll(strings.ReplaceAll(text, "\r", ""), "\n", "\n"+prefix)
}

// markdown returns text with every character escaped that Markdown may obey
// (https://spec.commonmark.org, backslash escapes).
func markdown(text string) string {
	var b strings.Builder
	for _, r := range text {
		if strings.ContainsRune("\\`*_{}[]()<>#+-.!|~&:@", r) {
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	return b.String()
}
