// Package intake reads request bodies in bounded memory, whoever sends them
// and however.
package intake

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"
)

// What a read can end with instead of a body.
var (
	ErrTooLarge = errors.New("body too large")
	ErrCutShort = errors.New("body cut short")
	ErrBusy     = errors.New("too many bytes in flight")
)

const (
	// MaxBody is the most bytes of a body. LiveChat documents no limit; its
	// longest text is 16 KB (https://platform.text.com/docs/messaging/agent-chat-api/data-structures).
	MaxBody = 4 << 20
	// smallBody is what nearly all webhooks stay under.
	smallBody = 64 << 10
	// smallBodies is how many may be in flight: at most 16 MiB of them, and
	// more than an instance is sent at once.
	smallBodies = 256
	// largeBytes is how many bytes of larger bodies may be in flight. They have
	// a room of their own, so that they never keep small ones out.
	largeBytes = 16 << 20
	// waitForRoom and waitForBody leave time to write within what LiveChat
	// waits for an answer.
	waitForRoom = 2 * time.Second
	waitForBody = 5 * time.Second
)

// buffers are what small bodies are read into, again and again: they were an
// eighth of the memory that a webhook takes.
var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// Intake reads bodies. What is in flight is what was read and not yet
// released.
type Intake struct{ small, large *semaphore.Weighted }

// New returns an Intake with nothing in flight.
func New() *Intake {
	return &Intake{semaphore.NewWeighted(smallBodies), semaphore.NewWeighted(largeBytes)}
}

// Limit gives the request whose answer w takes five seconds to arrive. It is
// for every request: the server, which has no limits of its own, goes on
// reading after an answer that came before the end of the body.
func Limit(w http.ResponseWriter) {
	// It cannot fail on a connection, and elsewhere there is none to limit.
	http.NewResponseController(w).SetReadDeadline(time.Now().Add(waitForBody))
}

// lift takes the limit away once all has arrived, so that the connection does
// not seem broken while the answer is waited for.
func lift(w http.ResponseWriter) {
	http.NewResponseController(w).SetReadDeadline(time.Time{})
}

// Read returns the body of r, and what to call when nobody refers to it any
// more: its memory will hold another one then. The error is [ErrTooLarge] for
// more than [MaxBody] bytes, [ErrBusy] if there is no room for the body within
// two seconds, and [ErrCutShort] if it does not arrive whole before the [Limit].
func (in *Intake) Read(w http.ResponseWriter, r *http.Request) (body []byte, release func(), err error) {
	if r.ContentLength > MaxBody {
		return nil, nil, ErrTooLarge
	}
	if !room(r.Context(), in.small, 1) {
		return nil, nil, ErrBusy
	}
	buf := buffers.Get().(*bytes.Buffer)
	buf.Reset()
	leave := func() {
		buffers.Put(buf)
		in.small.Release(1)
	}
	defer func() {
		if err != nil {
			leave()
		}
	}()
	buf.Grow(int(min(max(r.ContentLength, 0), smallBody)) + bytes.MinRead)
	if err := readUpTo(buf, r.Body, smallBody); err != nil {
		return nil, nil, err
	}
	if buf.Len() < smallBody {
		lift(w)
		return buf.Bytes(), leave, nil
	}
	size := r.ContentLength
	if size < 0 {
		size = MaxBody
	}
	if !room(r.Context(), in.large, size) {
		return nil, nil, ErrBusy
	}
	leave = func() { // and leave the large buffer to the collector
		in.small.Release(1)
		in.large.Release(size)
	}
	buf.Grow(int(size) - smallBody + bytes.MinRead)
	if err := readUpTo(buf, r.Body, MaxBody-smallBody+1); err != nil {
		return nil, nil, err
	}
	if buf.Len() > MaxBody {
		return nil, nil, ErrTooLarge
	}
	lift(w)
	return buf.Bytes(), leave, nil
}

// room takes n of what s has, and waits for it a while.
func room(ctx context.Context, s *semaphore.Weighted, n int64) bool {
	if s.TryAcquire(n) {
		return true
	}
	ctx, cancel := context.WithTimeout(ctx, waitForRoom)
	defer cancel()
	return s.Acquire(ctx, n) == nil
}

// readUpTo appends at most max bytes of body to buf.
func readUpTo(buf *bytes.Buffer, body io.Reader, max int64) error {
	if _, err := buf.ReadFrom(io.LimitReader(body, max)); err != nil {
		return ErrCutShort
	}
	return nil
}
