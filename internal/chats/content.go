package chats

import (
	"cmp"

	"github.com/go-json-experiment/json/jsontext"

	"example.com/livechat-webhook/payload"
)

// content returns the content of an event.
func content(e *payload.Event) Content {
	c := Content{Text: e.Text}
	switch e.Type {
	case "file":
		c.File = &File{Name: e.Name, URL: e.URL, ContentType: e.ContentType, Size: e.Size}
	case "form", "filled_form":
		c.Form = form(e)
	case "rich_message":
		c.Cards = cards(e.Elements)
	case "custom":
		c.Data = e.Content
	case "system_message":
		c.System = e.SystemMessageType
	case "system":
		c.System = e.Source + "." + e.Subtype
		c.Data = jsonIn(e.Details)
	}
	return c
}

func form(e *payload.Event) *Form {
	f := &Form{ID: string(e.FormID), Type: cmp.Or(e.FormType, property(e.Properties, "lc2", "form_type")), Fields: make([]Field, len(e.Fields))}
	for i, field := range e.Fields {
		f.Fields[i] = Field{Type: field.Type, Label: field.Label}
		if e.Type == "filled_form" {
			f.Fields[i].Answers = answers(field)
		}
	}
	return f
}

// answers returns the answers, under whichever name. Besides those in LiveChat's
// reference, some deliveries have options: [{id, value}]
// (github.com/QCCareerSchool-Org/livechat-webhooks).
func answers(f payload.FormField) []string {
	all := append(f.Answers, f.Answer, payload.Answer{Label: f.Value})
	if f.Options.Kind() == '[' {
		var options []struct{ Value string }
		fill(&options, f.Options)
		for _, o := range options {
			all = append(all, payload.Answer{Label: o.Value})
		}
	}
	return labels(all)
}

func labels(answers []payload.Answer) []string {
	var all []string
	for _, a := range answers {
		if a.Label != "" {
			all = append(all, a.Label)
		}
	}
	return all
}

func cards(elements jsontext.Value) []Card {
	var list []struct {
		Title    string
		Subtitle string
		Image    struct{ URL string }
		Buttons  []struct{ Text string }
	}
	fill(&list, elements)
	all := make([]Card, len(list))
	for i, e := range list {
		all[i] = Card{Title: e.Title, Subtitle: e.Subtitle, Image: e.Image.URL}
		for _, b := range e.Buttons {
			all[i].Buttons = append(all[i].Buttons, b.Text)
		}
	}
	return all
}
