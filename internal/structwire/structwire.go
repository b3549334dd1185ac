// Package structwire writes JSON text as the wire form of
// google.protobuf.Struct, the type of LogEntry.json_payload.
//
// The usual way from JSON to a Struct makes three copies of a body: a
// map[string]any, the tree of structpb messages and the marshalled bytes. It
// is most of what a write costs (BenchmarkAppendJSON against BenchmarkStructpb).
// Here each JSON token becomes its bytes at once. Where a length that stands
// before its content outgrows the single byte kept for it, the content moves
// up.
//
// What a double or protobuf cannot hold is kept as text, as the contract of
// the entry says:
//
//   - a number that a double would change becomes a string of the same digits;
//   - what nests deeper than [MaxDepth] becomes a string of its JSON text;
//   - invalid UTF-8 and lone surrogates become U+FFFD.
//
// Field numbers and types are those of
// https://github.com/protocolbuffers/protobuf/blob/main/src/google/protobuf/struct.proto
package structwire

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"sync"

	"github.com/go-json-experiment/json/jsontext"
	"google.golang.org/protobuf/encoding/protowire"
)

// MaxDepth is the number of levels of objects and arrays that are stored as
// such, the text's own object being the first. A level of objects is three
// levels of protobuf messages, and parsers commonly stop at 100.
const MaxDepth = 32

// The tags of struct.proto: one byte each, field number and wire type.
const (
	structFields = 1<<3 | byte(protowire.BytesType)
	entryKey     = 1<<3 | byte(protowire.BytesType)
	entryValue   = 2<<3 | byte(protowire.BytesType)
	valueNull    = 1<<3 | byte(protowire.VarintType)
	valueNumber  = 2<<3 | byte(protowire.Fixed64Type)
	valueString  = 3<<3 | byte(protowire.BytesType)
	valueBool    = 4<<3 | byte(protowire.VarintType)
	valueStruct  = 5<<3 | byte(protowire.BytesType)
	valueList    = 6<<3 | byte(protowire.BytesType)
	listValues   = 1<<3 | byte(protowire.BytesType)
)

// AppendString appends the member name with a string value to the Struct in
// dst. Both must be valid UTF-8.
func AppendString[T string | []byte](dst []byte, name string, value T) []byte {
	dst, m := openMember(dst, name)
	dst, at := Open(dst, valueString)
	dst = Shut(append(dst, value...), at)
	return m.shut(dst)
}

// AppendNumber appends the member name with a number to the Struct in dst.
func AppendNumber(dst []byte, name string, value float64) []byte {
	dst, m := openMember(dst, name)
	dst = protowire.AppendFixed64(append(dst, valueNumber), math.Float64bits(value))
	return m.shut(dst)
}

// AppendJSON appends the member name with the JSON value at the start of text
// to the Struct in dst. Of members that text repeats the last one counts, as
// for every protobuf map. Text that does not start with a JSON value is an
// error, which does not quote it.
func AppendJSON(dst []byte, name string, text []byte) ([]byte, error) {
	d := decoders.Get().(*decoder)
	defer func() {
		d.Reset(new(bytes.Buffer)) // and let go of text
		decoders.Put(d)
	}()
	d.Reset(bytes.NewBuffer(text), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	start := len(dst)
	dst, m := openMember(dst, name)
	dst, err := d.appendValue(dst, 1)
	if err != nil {
		// The decoder's own error may quote the text.
		return dst[:start], fmt.Errorf("structwire: not JSON from byte %d on", d.InputOffset())
	}
	return m.shut(dst), nil
}

// decoder walks JSON text and appends what it meets as google.protobuf.Value.
type decoder struct{ jsontext.Decoder }

var decoders = sync.Pool{New: func() any { return new(decoder) }}

// appendValue appends the fields of the Value that comes next, at a depth of
// that many levels.
func (d *decoder) appendValue(dst []byte, depth int) ([]byte, error) {
	switch kind := d.PeekKind(); {
	case kind == '{' && depth <= MaxDepth:
		return d.appendObject(dst, depth)
	case kind == '[' && depth <= MaxDepth:
		return d.appendArray(dst, depth)
	default:
		text, err := d.ReadValue()
		if err != nil {
			return dst, err
		}
		return appendScalar(dst, text), nil
	}
}

func (d *decoder) appendObject(dst []byte, depth int) ([]byte, error) {
	if _, err := d.ReadToken(); err != nil {
		return dst, err
	}
	dst, object := Open(dst, valueStruct)
	for d.PeekKind() != '}' {
		name, err := d.ReadValue()
		if err != nil {
			return dst, err
		}
		var m memberAt
		dst, m.entry = Open(dst, structFields)
		dst, m.value = Open(dst, entryKey)
		dst = Shut(appendUnquoted(dst, name), m.value)
		dst, m.value = Open(dst, entryValue)
		if dst, err = d.appendValue(dst, depth+1); err != nil {
			return dst, err
		}
		dst = m.shut(dst)
	}
	_, err := d.ReadToken()
	return Shut(dst, object), err
}

func (d *decoder) appendArray(dst []byte, depth int) ([]byte, error) {
	if _, err := d.ReadToken(); err != nil {
		return dst, err
	}
	dst, list := Open(dst, valueList)
	for d.PeekKind() != ']' {
		var err error
		var element int
		dst, element = Open(dst, listValues)
		if dst, err = d.appendValue(dst, depth+1); err != nil {
			return dst, err
		}
		dst = Shut(dst, element)
	}
	_, err := d.ReadToken()
	return Shut(dst, list), err
}

// appendScalar appends text as one field of a Value: a string, a number, a
// bool or null as such; an object or array, which is here because it lies too
// deep, as a string of its text.
func appendScalar(dst []byte, text jsontext.Value) []byte {
	switch text.Kind() {
	case 'n':
		return append(dst, valueNull, 0)
	case 'f':
		return append(dst, valueBool, 0)
	case 't':
		return append(dst, valueBool, 1)
	case '0':
		if f, same := exactNumber(text); same {
			return protowire.AppendFixed64(append(dst, valueNumber), math.Float64bits(f))
		}
		dst, at := Open(dst, valueString)
		return Shut(append(dst, text...), at)
	case '"':
		dst, at := Open(dst, valueString)
		return Shut(appendUnquoted(dst, text), at)
	default:
		dst, at := Open(dst, valueString)
		return Shut(append(dst, bytes.ToValidUTF8(text, []byte("\uFFFD"))...), at)
	}
}

// appendUnquoted appends what the JSON string text means. Its error says only
// that something became U+FFFD, which is wanted.
func appendUnquoted(dst []byte, text jsontext.Value) []byte {
	dst, _ = jsontext.AppendUnquote(dst, text)
	return dst
}

// memberAt holds where the two lengths of a map entry stand that are not
// known before its value is written.
type memberAt struct{ entry, value int }

func openMember(dst []byte, name string) ([]byte, memberAt) {
	var m memberAt
	dst, m.entry = Open(dst, structFields)
	dst = protowire.AppendString(append(dst, entryKey), name)
	dst, m.value = Open(dst, entryValue)
	return dst, m
}

func (m memberAt) shut(dst []byte) []byte { return Shut(Shut(dst, m.value), m.entry) }

// Open begins a field whose content is a message or a string: it appends the
// tag, which is one byte for field numbers below 16, and a byte for the length,
// and returns where the content starts. [Shut] ends the field.
func Open(dst []byte, tag byte) ([]byte, int) {
	dst = append(dst, tag, 0)
	return dst, len(dst)
}

// Shut ends a field: it sets the length in front of its content dst[start:], and
// moves that up if the length takes more than the byte that [Open] kept.
func Shut(dst []byte, start int) []byte {
	size := len(dst) - start
	if size < 1<<7 {
		dst[start-1] = byte(size)
		return dst
	}
	var prefix [binary.MaxVarintLen64]byte
	length := protowire.AppendVarint(prefix[:0], uint64(size))
	dst = append(dst, length[1:]...)
	copy(dst[start-1+len(length):], dst[start:start+size])
	copy(dst[start-1:], length)
	return dst
}
