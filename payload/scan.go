package payload

import (
	"bytes"
	"errors"
	"slices"

	"github.com/go-json-experiment/json/jsontext"
)

// scan calls use with each element of an array, at most max of them. It does
// nothing if list is not an array, and stops where list is not JSON.
func scan(list jsontext.Value, max int, use func(element jsontext.Value)) {
	scanEach(list, '[', max, func(r *reader) error {
		element, err := r.next()
		if err == nil {
			use(element)
		}
		return err
	})
}

// scanMembers is like [scan] for the members of an object.
func scanMembers(object jsontext.Value, max int, use func(name string, value jsontext.Value)) {
	scanEach(object, '{', max, func(r *reader) error {
		name, err := r.next()
		if err != nil {
			return err
		}
		value, err := r.next()
		if err == nil {
			use(short(name), value)
		}
		return err
	})
}

// scanObjects is like [scan] but calls use with the members of these names of
// each element, nil where there is none. The slice is reused.
func scanObjects(list jsontext.Value, max int, names []string, use func(members []jsontext.Value)) {
	members := make([]jsontext.Value, len(names))
	scanEach(list, '[', max, func(r *reader) error {
		clear(members)
		err := r.members(names, members)
		if err == nil {
			use(members)
		}
		return err
	})
}

// members returns the members of these names of an object, nil where there is
// none.
func members(object jsontext.Value, names ...string) []jsontext.Value {
	members := make([]jsontext.Value, len(names))
	if object.Kind() == '{' {
		r := open(object)
		defer r.release()
		_ = r.members(names, members)
	}
	return members
}

// errEnough ends a scan early.
var errEnough = errors.New("enough")

// scanEach calls step before each element or member of v, at most max times, if
// v is of that kind. It stops when step fails.
func scanEach(v jsontext.Value, kind jsontext.Kind, max int, step func(*reader) error) {
	if v.Kind() != kind {
		return
	}
	r := open(v)
	defer r.release()
	n := 0
	_ = each(&r.decoder, func() error {
		if n == max {
			return errEnough
		}
		n++
		return step(r)
	})
}

// members reads the next value. If that is an object, it sets values to its
// members of these names.
func (r *reader) members(names []string, values []jsontext.Value) error {
	if r.decoder.PeekKind() != '{' {
		return r.decoder.SkipValue()
	}
	return each(&r.decoder, func() error {
		quoted, err := r.decoder.ReadValue()
		if err != nil {
			return err
		}
		name := unquoted(quoted)
		i := slices.IndexFunc(names, func(s string) bool { return string(name) == s })
		value, err := r.next()
		if i >= 0 {
			values[i] = value
		}
		return err
	})
}

// next reads the next value. Unlike the decoder's, it stays valid.
func (r *reader) next() (jsontext.Value, error) {
	v, err := r.decoder.ReadValue()
	end := int(r.decoder.InputOffset())
	return r.body[end-len(v) : end], err
}

// isString reports whether a JSON value is the string s.
func isString(v jsontext.Value, s string) bool {
	const escaped = len(`\u0000`) // what a character takes at most
	return v.Kind() == '"' && len(v) <= escaped*len(s)+2 && string(unquoted(v)) == s
}

// unquoted returns the value of a JSON string, as part of it if possible.
func unquoted(quoted jsontext.Value) []byte {
	if bytes.IndexByte(quoted, '\\') >= 0 {
		return unquote(quoted)
	}
	return quoted[1 : len(quoted)-1]
}
