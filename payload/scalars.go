package payload

import (
	"bytes"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Text is a value that LiveChat sends sometimes as a string, sometimes as a
// number or boolean: an ID, a license, the reason in restricted_access. It holds
// the string, the digits or "true", and is empty for false, null, arrays and
// objects.
type Text string

// UnmarshalJSONFrom accepts every JSON value.
func (t *Text) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	v, err := d.ReadValue()
	if v.Kind() == 't' {
		*t = "true"
		return err
	}
	*t = Text(text(v))
	return err
}

// text returns the value of a JSON string or the digits of a JSON number,
// otherwise "".
func text(v jsontext.Value) string {
	switch v.Kind() {
	case '"':
		if s := v[1 : len(v)-1]; bytes.IndexByte(s, '\\') < 0 && utf8.Valid(s) {
			return string(s)
		}
		return string(unquote(v))
	case '0':
		return string(v)
	}
	return ""
}

// unquote returns the value of a JSON string. Each byte of invalid UTF-8, which
// is the only error, becomes U+FFFD, of three bytes.
func unquote(v jsontext.Value) []byte {
	size := len(v)
	if !utf8.Valid(v) {
		size *= 3
	}
	s, _ := jsontext.AppendUnquote(make([]byte, 0, size), v)
	return s
}

// maxText is the size in bytes of JSON that is always enough for a summary,
// even if each character is an escaped surrogate pair of 12 bytes.
const maxText = 12 * (maxSummary + 1)

// short returns text(v), of a long value only the start.
func short(v jsontext.Value) string {
	if len(v) <= maxText {
		return text(v)
	}
	switch v.Kind() {
	case '"':
		// The error, that the string does not end, is intended.
		s, _ := jsontext.AppendUnquote(nil, v[:maxText])
		return string(s)
	case '0':
		return string(v[:maxText])
	}
	return ""
}

// Time is a time as LiveChat writes it: RFC 3339 with any fraction or offset
// in v3 and apps, Unix seconds in v2 and occasionally in v3.1. It is in UTC,
// and zero for anything else.
type Time struct{ time.Time }

// UnmarshalJSONFrom accepts every JSON value.
func (t *Time) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	v, err := d.ReadValue()
	t.Time = clock(v)
	return err
}

// maxTime is longer in bytes than any time, even if all of it is escaped. The
// error of time.Parse holds copies of what it could not parse.
const maxTime = 256

// clock returns the time that v is, or the zero time.
func clock(v jsontext.Value) time.Time {
	if len(v) > maxTime {
		return time.Time{}
	}
	switch v.Kind() {
	case '"':
		if t, err := time.Parse(time.RFC3339, text(v)); err == nil {
			return t.UTC()
		}
	case '0':
		if s, err := strconv.ParseInt(string(v), 10, 64); err == nil {
			return time.Unix(s, 0).UTC()
		}
	}
	return time.Time{}
}

// Fields are pairs in the order of the body. LiveChat writes them as an array
// of objects with one member each, up to 3.1 as one object.
type Fields []Field

// Field is one pair of [Fields].
type Field struct {
	Name  string
	Value Text
}

// UnmarshalJSONFrom accepts every JSON value.
func (f *Fields) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	*f = nil
	return f.collect(d)
}

func (f *Fields) collect(d *jsontext.Decoder) error {
	switch d.PeekKind() {
	case '[':
		return each(d, func() error { return f.collect(d) })
	case '{':
		return each(d, func() error {
			var p Field
			if err := json.UnmarshalDecode(d, &p.Name); err != nil {
				return err
			}
			err := p.Value.UnmarshalJSONFrom(d)
			*f = append(*f, p)
			return err
		})
	default:
		return d.SkipValue()
	}
}

// each calls read before every element or member of the next array or object.
func each(d *jsontext.Decoder, read func() error) error {
	if _, err := d.ReadToken(); err != nil {
		return err
	}
	for d.PeekKind() != ']' && d.PeekKind() != '}' {
		if err := read(); err != nil {
			return err
		}
	}
	_, err := d.ReadToken()
	return err
}

// Answer is what a visitor entered or selected. LiveChat writes an object for a
// choice and a string, here the label, for text.
type Answer struct {
	ID      Text   `json:"id"`
	Label   string `json:"label"`
	GroupID Text   `json:"group_id"` // group_chooser
	Chosen  bool   `json:"chosen"`   // v2 lists what was not chosen too
}

// UnmarshalJSONFrom accepts every JSON value.
func (a *Answer) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	type object Answer
	if d.PeekKind() == '{' {
		return json.UnmarshalDecode(d, (*object)(a))
	}
	v, err := d.ReadValue()
	*a = Answer{Label: text(v)}
	return err
}
