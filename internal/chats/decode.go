package chats

import (
	"bytes"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	jsonv1 "github.com/go-json-experiment/json/v1"

	"example.com/livechat-webhook/payload"
)

// property returns the value of a property as text, "" if it is missing.
func property(all jsontext.Value, namespace, name string) string {
	if !bytes.Contains(all, []byte(name)) {
		return ""
	}
	var p payload.Properties
	fill(&p, all)
	return propertyText(p[namespace][name])
}

// propertyText returns the text of a value, which API 3.0 and 3.1 wrapped.
func propertyText(v jsontext.Value) string {
	if v.Kind() == '{' {
		var wrapped struct{ Value payload.Text }
		fill(&wrapped, v)
		return string(wrapped.Value)
	}
	var t payload.Text
	fill(&t, v)
	if v.Kind() == 'f' {
		return "false"
	}
	return string(t)
}

// lenient skips values of the wrong kind, as payload does.
var lenient = json.JoinOptions(jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true),
	json.MatchCaseInsensitiveNames(true), jsonv1.ReportErrorsWithLegacySemantics(true))

// fill decodes v into t as far as it fits.
func fill(t any, v jsontext.Value) {
	if len(v) > 0 {
		_ = json.Unmarshal(v, t, lenient)
	}
}

// jsonIn returns the JSON in a string, or v itself if there is none.
func jsonIn(v jsontext.Value) jsontext.Value {
	var text string
	if v.Kind() == '"' && json.Unmarshal(v, &text) == nil && jsontext.Value(text).IsValid() {
		return jsontext.Value(text)
	}
	return v
}

// when returns the first time that is not zero. A year that JSON cannot encode
// is a wrong clock.
func when(times ...time.Time) time.Time {
	for _, t := range times {
		if !t.IsZero() && 0 < t.Year() && t.Year() < 10_000 {
			return t.UTC()
		}
	}
	return time.Time{}
}
