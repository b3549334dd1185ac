package payload

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"sync"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// reader walks a body once. Readers are pooled because a decoder is large.
type reader struct {
	body    []byte
	buf     bytes.Buffer // from which the decoder reads without copying
	decoder jsontext.Decoder
	webhook *Webhook
}

var readers = sync.Pool{New: func() any { return new(reader) }}

// lenient is what encoding/json accepts.
var lenient = json.JoinOptions(jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))

// maxBody is the size in bytes that spans can address.
const maxBody = math.MaxUint32

// read finds the parts of body and its credentials. It returns the errors of
// [Parse].
func (w *Webhook) read(body []byte) error {
	if uint64(len(body)) > maxBody {
		return fmt.Errorf("%w after byte %d", ErrSyntax, uint64(maxBody))
	}
	r := open(body)
	defer r.release()
	r.webhook = w
	return r.readBody()
}

// open returns a reader of text, which must be released.
func open(text []byte) *reader {
	r := readers.Get().(*reader)
	r.body, r.buf = text, *bytes.NewBuffer(text)
	r.decoder.Reset(&r.buf, lenient)
	return r
}

// release returns r to the pool.
func (r *reader) release() {
	r.body, r.buf, r.webhook = nil, bytes.Buffer{}, nil
	r.decoder.Reset(&r.buf)
	readers.Put(r)
}

// readBody reads a body's only value.
func (r *reader) readBody() error {
	kind := r.decoder.PeekKind()
	err := r.value(root)
	if err == io.EOF {
		return ErrEmpty
	}
	if err == nil {
		_, err = r.decoder.ReadToken() // there must be none
	}
	switch {
	case err != io.EOF:
		// The decoder's own words would quote the body.
		return fmt.Errorf("%w after byte %d", ErrSyntax, r.decoder.InputOffset())
	case kind != '{':
		return ErrNotObject
	}
	return nil
}

// value reads the next value and keeps it for n unless n is nil. Only the first
// element of an array is searched.
func (r *reader) value(n *node) (err error) {
	if n == nil {
		_, err = r.decoder.ReadValue()
		return err
	}
	r.webhook.clear(n)
	start := r.decoder.InputOffset()
	switch kind := r.decoder.PeekKind(); {
	case kind == '{' && n.members != nil:
		err = each(&r.decoder, func() error {
			name, err := r.decoder.ReadValue()
			if err != nil {
				return err
			}
			return r.value(n.lookup(name))
		})
	case kind == '[' && n.members != nil:
		first := n
		err = each(&r.decoder, func() error {
			element := first
			first = nil
			return r.value(element)
		})
	default:
		_, err = r.decoder.ReadValue()
	}
	r.keep(n, int(start), int(r.decoder.InputOffset()))
	return err
}

// keep makes what the body has from start to end the value of n, without the
// white space and punctuation before it.
func (r *reader) keep(n *node, start, end int) {
	if n.part == none {
		return
	}
	start = end - len(bytes.TrimLeft(r.body[start:end], " \t\r\n:,"))
	found := span{uint32(start), uint32(end)}
	r.webhook.found[n.part] = found
	if n.credential {
		r.webhook.credentials = append(r.webhook.credentials, found)
	}
}

// clear forgets what was found within n, because the last of repeated members
// counts.
func (w *Webhook) clear(n *node) {
	if n.part != none && w.raw(n.part) == nil {
		return // not repeated
	}
	for _, p := range n.within {
		w.found[p] = span{}
	}
}
