package payload

import (
	"bytes"
	"errors"
	"slices"

	"github.com/go-json-experiment/json/jsontext"
)

// errStop ends a scan early.
var errStop = errors.New("stop")

// scan calls use with each element of an array until use returns false. It does
// nothing if list is not an array, and stops where list is not JSON.
func scan(list jsontext.Value, use func(element jsontext.Value) bool) {
	scanEach(list, '[', func(r *reader) error {
		element, err := r.next()
		if err == nil && !use(element) {
			err = errStop
		}
		return err
	})
}

// scanMembers is like [scan] for the members of an object.
func scanMembers(object jsontext.Value, use func(name string, value jsontext.Value) bool) {
	scanEach(object, '{', func(r *reader) error {
		name, err := r.next()
		if err != nil {
			return err
		}
		value, err := r.next()
		if err == nil && !use(short(name), value) {
			err = errStop
		}
		return err
	})
}

// scanObjects is like [scan] but calls use with the members of these names of
// each element, nil where there is none. The slice is reused.
func scanObjects(list jsontext.Value, names []string, use func(members []jsontext.Value) bool) {
	members := make([]jsontext.Value, len(names))
	scanEach(list, '[', func(r *reader) error {
		clear(members)
		err := r.members(names, members)
		if err == nil && !use(members) {
			err = errStop
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

// scanEach calls step before every element or member of v, if v is of that
// kind, until step fails.
func scanEach(v jsontext.Value, kind jsontext.Kind, step func(*reader) error) {
	if v.Kind() != kind {
		return
	}
	r := open(v)
	defer r.release()
	_ = each(&r.decoder, func() error { return step(r) })
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
	return v.Kind() == '"' && string(unquoted(v)) == s
}

// unquoted returns the value of a JSON string, as part of it if possible.
func unquoted(quoted jsontext.Value) []byte {
	if bytes.IndexByte(quoted, '\\') >= 0 {
		s, _ := jsontext.AppendUnquote(nil, quoted) // its error is invalid UTF-8
		return s
	}
	return quoted[1 : len(quoted)-1]
}
