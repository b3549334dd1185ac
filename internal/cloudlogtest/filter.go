package cloudlogtest

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"cloud.google.com/go/logging/apiv2/loggingpb"
	ltype "google.golang.org/genproto/googleapis/logging/type"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// maxFilter is the maximum number of characters of a filter
// (https://docs.cloud.google.com/logging/quotas).
const maxFilter = 20_000

// matcher reports whether an entry matches a filter, or a part of one.
type matcher func(*loggingpb.LogEntry) bool

// parseFilter returns the matcher for a filter in the part of the Logging query
// language (https://docs.cloud.google.com/logging/docs/view/logging-query-language)
// that this project uses: comparisons with =, :, <, <=, > and >=, the test
// FIELD:*, groups of values in parentheses, NOT, OR and AND, which may be left
// out. NOT binds strongest, then OR, then AND. Text is compared without regard
// to case. Everything else is an error, so that a test cannot pass because the
// server ignored what it did not know.
func parseFilter(text string) (matcher, error) {
	if n := len([]rune(text)); n > maxFilter {
		return nil, fmt.Errorf("the filter has %d characters, more than %d", n, maxFilter)
	}
	tokens, err := tokenize(text)
	if err != nil {
		return nil, err
	}
	p := &parser{tokens: tokens}
	if len(tokens) == 0 {
		return func(*loggingpb.LogEntry) bool { return true }, nil
	}
	m, err := p.all()
	if err == nil && p.peek() != "" {
		err = fmt.Errorf("unexpected %q", p.peek())
	}
	return m, err
}

var token = regexp.MustCompile(`^(?:"(?:[^"\\]|\\.)*"|>=|<=|[()=:<>]|[A-Za-z0-9_.+*-]+)`)

// tokenize splits a filter. A quoted string stays quoted.
func tokenize(text string) ([]string, error) {
	var tokens []string
	for text = strings.TrimSpace(text); text != ""; text = strings.TrimSpace(text) {
		t := token.FindString(text)
		if t == "" {
			return nil, fmt.Errorf("cannot read the filter from %.20q on", text)
		}
		tokens = append(tokens, t)
		text = text[len(t):]
	}
	return tokens, nil
}

type parser struct{ tokens []string }

// peek returns the next token, or nothing at the end.
func (p *parser) peek() string {
	if len(p.tokens) == 0 {
		return ""
	}
	return p.tokens[0]
}

// take takes the next token if it is t.
func (p *parser) take(t string) bool {
	if p.peek() != t {
		return false
	}
	p.tokens = p.tokens[1:]
	return true
}

// next takes the next token.
func (p *parser) next() string {
	t := p.peek()
	if t != "" {
		p.tokens = p.tokens[1:]
	}
	return t
}

// all parses terms that must all match.
func (p *parser) all() (matcher, error) {
	m, err := p.any()
	for err == nil && p.peek() != "" && p.peek() != ")" {
		p.take("AND")
		var left, right matcher = m, nil
		right, err = p.any()
		m = func(e *loggingpb.LogEntry) bool { return left(e) && right(e) }
	}
	return m, err
}

// any parses terms of which one must match.
func (p *parser) any() (matcher, error) {
	m, err := p.term()
	for err == nil && p.take("OR") {
		var left, right matcher = m, nil
		right, err = p.term()
		m = func(e *loggingpb.LogEntry) bool { return left(e) || right(e) }
	}
	return m, err
}

func (p *parser) term() (matcher, error) {
	if p.take("NOT") {
		m, err := p.term()
		return func(e *loggingpb.LogEntry) bool { return !m(e) }, err
	}
	if p.take("(") {
		m, err := p.all()
		if err == nil && !p.take(")") {
			err = fmt.Errorf("a parenthesis is not closed before %q", p.peek())
		}
		return m, err
	}
	return p.comparison()
}

// comparison parses FIELD OPERATOR VALUE, or several values in parentheses.
func (p *parser) comparison() (matcher, error) {
	field, operator := p.next(), p.next()
	switch operator {
	case "=", ":", "<", "<=", ">", ">=":
	default:
		return nil, fmt.Errorf("%q is no operator for %q", operator, field)
	}
	if !p.take("(") {
		return p.value(field, operator)
	}
	m, err := p.value(field, operator)
	for err == nil && p.take("OR") {
		var left, right matcher = m, nil
		right, err = p.value(field, operator)
		m = func(e *loggingpb.LogEntry) bool { return left(e) || right(e) }
	}
	if err == nil && !p.take(")") {
		err = fmt.Errorf("values of %q are not joined by OR before %q", field, p.peek())
	}
	return m, err
}

// value parses a value and returns the matcher for its comparison.
func (p *parser) value(field, operator string) (matcher, error) {
	values, err := valuesOf(field)
	if err != nil {
		return nil, err
	}
	text := p.next()
	if text == "*" && operator == ":" {
		return func(e *loggingpb.LogEntry) bool { return len(values(e)) > 0 }, nil
	}
	if strings.HasPrefix(text, `"`) {
		if text, err = strconv.Unquote(text); err != nil {
			return nil, fmt.Errorf("a value of %q: %v", field, err)
		}
	} else if text == "" || strings.ContainsAny(text, "()=:<>*") {
		return nil, fmt.Errorf("%q is no value for %q", text, field)
	}
	compare, err := comparer(field, operator, text)
	if err != nil {
		return nil, err
	}
	return func(e *loggingpb.LogEntry) bool {
		for _, v := range values(e) {
			if order, ok := compare(v); ok && holds(operator, order) {
				return true
			}
		}
		return false
	}, nil
}

// holds reports whether the operator accepts how a field compares with a value:
// below 0, 0 or above. That a field has a value in it counts as 0.
func holds(operator string, order int) bool {
	switch operator {
	case "<":
		return order < 0
	case "<=":
		return order <= 0
	case ">":
		return order > 0
	case ">=":
		return order >= 0
	}
	return order == 0
}

// comparer returns how the values of a field compare with the text of a value.
// It is not ok if they cannot be compared.
func comparer(field, operator, text string) (func(any) (order int, ok bool), error) {
	switch field {
	case "timestamp", "receiveTimestamp":
		at, err := time.Parse(time.RFC3339Nano, text)
		if err != nil || operator == ":" {
			return nil, fmt.Errorf("%s%s%q is no comparison with a time", field, operator, text)
		}
		return func(v any) (int, bool) { return v.(time.Time).Compare(at), true }, nil
	case "severity":
		severity, ok := ltype.LogSeverity_value[text]
		if !ok || operator == ":" {
			return nil, fmt.Errorf("%s%s%q is no comparison with a severity", field, operator, text)
		}
		return func(v any) (int, bool) { return int(v.(float64)) - int(severity), true }, nil
	}
	number, err := strconv.ParseFloat(text, 64)
	isNumber := err == nil
	folded := strings.ToLower(text)
	return func(v any) (int, bool) {
		switch v := v.(type) {
		case float64:
			switch {
			case !isNumber:
				return 0, false
			case v < number:
				return -1, true
			case v > number:
				return 1, true
			}
			return 0, true
		case string:
			v = strings.ToLower(v)
			if operator == ":" {
				return 0, strings.Contains(v, folded)
			}
			return strings.Compare(v, folded), true
		}
		return 0, false
	}, nil
}

// valuesOf returns how to read a field of an entry: no value if the entry does
// not have it, several if a list is on the way. A value is a string, a float64,
// a time.Time, or nil for what has no value to compare.
func valuesOf(field string) (func(*loggingpb.LogEntry) []any, error) {
	if read, ok := fields[field]; ok {
		return read, nil
	}
	parent, name, _ := strings.Cut(field, ".")
	switch {
	case parent == "jsonPayload" && name != "":
		path := strings.Split(name, ".")
		return func(e *loggingpb.LogEntry) []any { return walk(structpb.NewStructValue(e.GetJsonPayload()), path) }, nil
	case parent == "labels" && name != "":
		return func(e *loggingpb.LogEntry) []any { return member(e.GetLabels(), name) }, nil
	case strings.HasPrefix(field, "resource.labels."):
		name = strings.TrimPrefix(name, "labels.")
		return func(e *loggingpb.LogEntry) []any { return member(e.GetResource().GetLabels(), name) }, nil
	}
	return nil, fmt.Errorf("%q is no field that the stand-in knows", field)
}

var fields = map[string]func(*loggingpb.LogEntry) []any{
	"logName":          func(e *loggingpb.LogEntry) []any { return text(e.GetLogName()) },
	"insertId":         func(e *loggingpb.LogEntry) []any { return text(e.GetInsertId()) },
	"trace":            func(e *loggingpb.LogEntry) []any { return text(e.GetTrace()) },
	"resource.type":    func(e *loggingpb.LogEntry) []any { return text(e.GetResource().GetType()) },
	"severity":         func(e *loggingpb.LogEntry) []any { return []any{float64(e.GetSeverity())} },
	"timestamp":        func(e *loggingpb.LogEntry) []any { return at(e.GetTimestamp()) },
	"receiveTimestamp": func(e *loggingpb.LogEntry) []any { return at(e.GetReceiveTimestamp()) },
	"split.uid":        func(e *loggingpb.LogEntry) []any { return text(e.GetSplit().GetUid()) },
	"split.index": func(e *loggingpb.LogEntry) []any {
		if e.GetSplit() == nil {
			return nil
		}
		return []any{float64(e.GetSplit().GetIndex())}
	},
}

func text(s string) []any {
	if s == "" {
		return nil
	}
	return []any{s}
}

func at(t *timestamppb.Timestamp) []any {
	if t == nil {
		return nil
	}
	return []any{t.AsTime()}
}

func member(labels map[string]string, name string) []any {
	if value, ok := labels[name]; ok {
		return []any{value}
	}
	return nil
}

// walk returns what is at the end of the path from v, in each element of the
// lists on the way.
func walk(v *structpb.Value, path []string) []any {
	if list := v.GetListValue(); list != nil {
		var values []any
		for _, element := range list.GetValues() {
			values = append(values, walk(element, path)...)
		}
		return values
	}
	if len(path) > 0 {
		next, ok := v.GetStructValue().GetFields()[path[0]]
		if !ok {
			return nil
		}
		return walk(next, path[1:])
	}
	switch v.GetKind().(type) {
	case *structpb.Value_StringValue:
		return []any{v.GetStringValue()}
	case *structpb.Value_NumberValue:
		return []any{v.GetNumberValue()}
	}
	return []any{nil}
}
