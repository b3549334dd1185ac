package page

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
	"google.golang.org/protobuf/types/known/structpb"

	"example.com/livechat-webhook/internal/redact"
	"example.com/livechat-webhook/internal/structwire"
)

const (
	// maxNodes is how many values of a body are drawn one by one; the rest as
	// text, and the whole body is one click away.
	maxNodes = 4_000
	// maxShown is how many bytes of a value are drawn.
	maxShown = 16 << 10
	// fewNodes are drawn open, all of them.
	fewNodes = 120
	// openTo is to which depth objects are open at first, and openItems how
	// long arrays are that are open.
	openTo, openItems = 4, 20
	// maxIndent is how deep nodes are indented.
	maxIndent = 8
)

// node is a value of a body beside the same value of the entry.
type node struct {
	// ID is the path, as a fragment.
	ID string
	// Key is the member's name as JSON text, or empty.
	Key string
	// Open and Close are the brackets of an object or array.
	Open, Close string
	Children    []*node
	// Body and Entry are the values on both sides, exactly: as JSON text.
	Body, Entry string
	Kind        string // string, number, literal, object, array
	// Change says why the two differ, if they do.
	Change string
	// Reads is what a string with escapes says.
	Reads    string
	Expanded bool
	// Indent is how deep the node is drawn.
	Indent int

	name, path string // unquoted
}

// Many says how many values a closed node hides.
func (n *node) Many() string {
	unit := "member"
	if n.Open == "[" {
		unit = "item"
	}
	if len(n.Children) != 1 {
		unit += "s"
	}
	return fmt.Sprintf("%d %s", len(n.Children), unit)
}

// IsLeaf reports whether the node is no object or array.
func (n *node) IsLeaf() bool { return n.Open == "" }

// reader makes nodes of JSON text.
type reader struct {
	*jsontext.Decoder
	left int // how many nodes may still be made
}

// tree returns the nodes of a JSON text, nil if it is none.
func tree(text []byte) *node {
	r := reader{jsontext.NewDecoder(bytes.NewReader(text), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true)), maxNodes}
	root := &node{ID: "p"}
	if !r.read(root, 0) {
		return nil
	}
	if maxNodes-r.left <= fewNodes {
		root.expand()
	}
	return root
}

func (n *node) expand() {
	n.Expanded = true
	for _, child := range n.Children {
		child.expand()
	}
}

// read fills n with the next value; false if that is not JSON.
func (r *reader) read(n *node, depth int) bool {
	r.left--
	n.Indent = min(depth, maxIndent)
	kind := r.PeekKind()
	if kind != '{' && kind != '[' || r.left < 0 || depth > structwire.MaxDepth {
		value, err := r.ReadValue()
		if err != nil {
			return false
		}
		n.Body, n.Kind = shown(value), kindOf(kind)
		if kind == '"' && bytes.Contains(value, []byte(`\u`)) {
			n.Reads = meaning(value)
		}
		return true
	}
	if _, err := r.ReadToken(); err != nil {
		return false
	}
	n.Open, n.Close, n.Kind = "{", "}", "object"
	if kind == '[' {
		n.Open, n.Close, n.Kind = "[", "]", "array"
	}
	for end := r.PeekKind(); end != '}' && end != ']'; end = r.PeekKind() {
		if r.left <= 0 {
			rest, ok := r.skip(kind == '{')
			if !ok {
				return false
			}
			n.Children = append(n.Children, &node{Body: rest, Kind: "rest", Indent: min(depth+1, maxIndent)})
			break
		}
		child := &node{name: strconv.Itoa(len(n.Children))}
		if kind == '{' {
			name, err := r.ReadValue()
			if err != nil {
				return false
			}
			child.Key, child.name = shown(name), unquote(name)
		}
		child.ID = n.ID + "/" + slug(child.name)
		child.path = strings.TrimPrefix(n.path+"."+child.name, ".")
		if !r.read(child, depth+1) {
			return false
		}
		n.Children = append(n.Children, child)
	}
	_, err := r.ReadToken()
	if len(n.Children) == 0 {
		n.Body, n.Open, n.Close = n.Open+n.Close, "", ""
	}
	n.Expanded = depth < openTo && len(n.Children) <= openItems
	return err == nil
}

// skip reads to the end of an object or array, and returns how much that was.
// It is not ok if that is not JSON.
func (r *reader) skip(members bool) (rest string, ok bool) {
	values := 0
	for end := r.PeekKind(); end != '}' && end != ']'; end = r.PeekKind() {
		if err := r.SkipValue(); err != nil {
			return "", false
		}
		values++
	}
	if members {
		return "… " + commas(values/2) + " more members", true
	}
	return "… " + commas(values) + " more items", true
}

// slug returns name as a part of a fragment.
func slug(name string) string {
	return strings.Map(func(r rune) rune {
		if 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || r == '_' || r == '-' {
			return r
		}
		return '_'
	}, clip(name, 64))
}

// shown returns JSON text as it is, unless it is too long.
func shown(value jsontext.Value) string {
	if len(value) <= maxShown {
		return string(value)
	}
	return clip(string(value), maxShown) + fmt.Sprintf("… %d more bytes", len(value)-maxShown)
}

func clip(s string, max int) string {
	if len(s) <= max {
		return s
	}
	for max > 0 && !utf8.RuneStart(s[max]) {
		max--
	}
	return s[:max]
}

func kindOf(k jsontext.Kind) string {
	switch k {
	case '"':
		return "string"
	case '0':
		return "number"
	case '{', '[':
		return "text"
	}
	return "literal"
}

// unquote returns what a JSON string says.
func unquote(value jsontext.Value) string {
	text, _ := jsontext.AppendUnquote(nil, value)
	return string(text)
}

// meaning is what a string says, on one line.
func meaning(value jsontext.Value) string { return clip(unquote(value), 500) }

// compare puts the value of an entry beside n.
func (n *node) compare(v *structpb.Value) {
	if n.Kind == "rest" {
		return
	}
	if v == nil {
		n.Change = "not in the entry: of members of one name the last counts"
		return
	}
	if s := v.GetStructValue(); s != nil && n.Open == "{" {
		n.compareMembers(s.GetFields())
		return
	}
	if l := v.GetListValue(); l != nil && n.Open == "[" {
		for i, child := range n.Children[:min(len(n.Children), len(l.GetValues()))] {
			child.compare(l.GetValues()[i])
		}
		return
	}
	n.Entry = shown(jsonOf(v))
	n.Change = n.change(v)
}

func (n *node) compareMembers(fields map[string]*structpb.Value) {
	last := map[string]int{}
	for i, child := range n.Children {
		last[child.name] = i
	}
	for i, child := range n.Children {
		if last[child.name] == i {
			child.compare(fields[child.name])
		} else {
			child.compare(nil)
		}
	}
	if len(n.Children) > 0 && n.Children[len(n.Children)-1].Kind == "rest" {
		return // of what is not drawn, nothing is known
	}
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		if _, ok := last[name]; !ok {
			// A secret in the name of a member is redacted there.
			added := &node{ID: n.ID + "/" + slug(name), Key: string(quote(name)), Entry: shown(jsonOf(fields[name])), Kind: "string", Indent: min(n.Indent+1, maxIndent), name: name}
			added.Change = "the name as it is in the entry"
			n.Children = append(n.Children, added)
		}
	}
}

// change says why the entry has v in the place of n, nothing if it is the same.
func (n *node) change(v *structpb.Value) string {
	text, isText := v.GetKind().(*structpb.Value_StringValue)
	switch {
	case !isText:
		return ""
	case strings.Contains(text.StringValue, redact.Mark):
		return "redacted"
	case n.Kind == "number":
		return "written as text, because a double would change the number"
	case n.Kind == "text" || n.Open != "":
		return "written as text, because it nests deeper than 32 levels"
	case strings.ContainsRune(text.StringValue, utf8.RuneError) && !strings.Contains(n.Body, "\uFFFD"):
		return "invalid Unicode became U+FFFD"
	}
	return ""
}

// jsonOf returns v as JSON text.
func jsonOf(v *structpb.Value) jsontext.Value {
	if s, ok := v.GetKind().(*structpb.Value_StringValue); ok {
		return quote(s.StringValue)
	}
	text, err := json.Marshal(v.AsInterface())
	if err != nil {
		return nil
	}
	return text
}
