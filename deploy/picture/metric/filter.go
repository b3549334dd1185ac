package metric

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// A filter reports whether a log entry, as decoded JSON, matches.
type filter func(entry map[string]any) bool

// parseFilter reads the part of the Logging query language
// (https://docs.cloud.google.com/logging/docs/view/logging-query-language) that
// our metrics use: AND, OR, NOT, parentheses, and comparisons of a field with
// one value or a list of them by =, :, >, >=, < and <=. OR binds tighter than
// AND.
func parseFilter(text string) (filter, error) {
	p := parser{tokens: token.FindAllString(text, -1)}
	f := p.and()
	if p.err == nil && len(p.tokens) > 0 {
		p.fail("end")
	}
	return f, p.err
}

var token = regexp.MustCompile(`"(?:[^"\\]|\\.)*"|[()]|[<>]=?|!=|[=:]|[^\s()<>=:"!]+`)

type parser struct {
	tokens []string
	err    error
}

func (p *parser) peek() string {
	if len(p.tokens) == 0 {
		return ""
	}
	return p.tokens[0]
}

func (p *parser) next() string {
	t := p.peek()
	if t != "" {
		p.tokens = p.tokens[1:]
	}
	return t
}

func (p *parser) accept(t string) bool {
	if p.peek() != t {
		return false
	}
	p.next()
	return true
}

func (p *parser) fail(want string) {
	if p.err == nil {
		p.err = fmt.Errorf("filter: %q where %s should be", p.peek(), want)
	}
	p.tokens = nil
}

func (p *parser) and() filter {
	f := p.or()
	for p.accept("AND") {
		left, right := f, p.or()
		f = func(e map[string]any) bool { return left(e) && right(e) }
	}
	return f
}

func (p *parser) or() filter {
	f := p.term()
	for p.accept("OR") {
		left, right := f, p.term()
		f = func(e map[string]any) bool { return left(e) || right(e) }
	}
	return f
}

func (p *parser) term() filter {
	switch {
	case p.accept("NOT"):
		f := p.term()
		return func(e map[string]any) bool { return !f(e) }
	case p.accept("("):
		f := p.and()
		p.close()
		return f
	}
	return p.comparison()
}

func (p *parser) close() {
	if !p.accept(")") {
		p.fail(")")
	}
}

func (p *parser) comparison() filter {
	path := strings.Split(p.next(), ".")
	compare, ok := operators[p.peek()]
	if !ok {
		p.fail("an operator")
		return nil
	}
	p.next()
	values := p.values()
	return func(e map[string]any) bool {
		got, ok := lookup(e, path)
		for _, v := range values {
			if ok && compare(got, v) {
				return true
			}
		}
		return false
	}
}

// values reads one value or a list of them: ("a" OR "b").
func (p *parser) values() []string {
	if !p.accept("(") {
		return []string{p.value()}
	}
	values := []string{p.value()}
	for p.accept("OR") {
		values = append(values, p.value())
	}
	p.close()
	return values
}

func (p *parser) value() string {
	t := p.peek()
	if t == "" || strings.Contains("()=:<>", t) {
		p.fail("a value")
		return ""
	}
	p.next()
	if v, err := strconv.Unquote(t); err == nil {
		return v
	}
	return t
}

// operators compare what an entry has with the value in the filter. Text is
// compared without regard to case.
var operators = map[string]func(got any, value string) bool{
	"=": func(got any, value string) bool { return strings.EqualFold(text(got), value) },
	":": func(got any, value string) bool {
		return value == "*" || strings.Contains(strings.ToLower(text(got)), strings.ToLower(value))
	},
	">":  func(got any, value string) bool { c, ok := order(got, value); return ok && c > 0 },
	">=": func(got any, value string) bool { c, ok := order(got, value); return ok && c >= 0 },
	"<":  func(got any, value string) bool { c, ok := order(got, value); return ok && c < 0 },
	"<=": func(got any, value string) bool { c, ok := order(got, value); return ok && c <= 0 },
}

// order returns got − value, if both are numbers.
func order(got any, value string) (float64, bool) {
	number, err := strconv.ParseFloat(value, 64)
	g, ok := got.(float64)
	return g - number, ok && err == nil
}

// lookup returns the value of the field with that path.
func lookup(entry map[string]any, path []string) (any, bool) {
	var v any = entry
	for _, name := range path {
		object, ok := v.(map[string]any)
		if !ok {
			return nil, false
		}
		if v, ok = object[name]; !ok {
			return nil, false
		}
	}
	return v, true
}

// text returns a string as it is, a number as its digits, and nothing of
// objects and lists.
func text(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	case bool:
		return strconv.FormatBool(v)
	}
	return ""
}
