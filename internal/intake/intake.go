// Package intake reads request bodies in bounded memory, no matter who sends
// them or how.
//
// A secret can only be checked once its body is whole, so until then any body
// may be a stranger's. Two budgets bound the memory:
//
//   - Bodies that arrive share one. A body takes memory as its bytes arrive,
//     whatever length it declares, and has to arrive at a minimum rate. When
//     none is left, the largest body gives way to a smaller one.
//   - Bodies that are whole share the other, for what is made of them. A body
//     takes at most half of what is free, so that there is room for smaller ones.
//
// So strangers who send much, or slowly, cannot keep smaller webhooks out: among
// n bodies, one of less than an n-th of the first budget never gives way.
package intake

import (
	"bytes"
	"errors"
	"io"
	"math"
	"net/http"
	"runtime"
	"runtime/debug"
	"sync"
	"time"
)

// Errors returned by [Intake.Read].
var (
	ErrTooLarge = errors.New("body too large")
	ErrCutShort = errors.New("body cut short")
	ErrBusy     = errors.New("too many bytes in flight")
)

const (
	// MaxBody is the maximum size of a body in bytes. LiveChat documents no
	// limit; its longest text is 16 KB
	// (https://platform.text.com/docs/messaging/agent-chat-api/data-structures).
	MaxBody = 4 << 20
	// firstBuffer is what a body starts with, unless it declares less. Nearly
	// all webhooks are smaller.
	firstBuffer = 16 << 10
	// step is how much has to arrive within timePerStep: at least 32 KiB a
	// second, which LiveChat's servers exceed a thousandfold.
	step        = 64 << 10
	timePerStep = 2 * time.Second
	// timePerBody bounds reading and waiting for memory. It leaves time for the
	// write before LiveChat gives up.
	timePerBody = 5 * time.Second
	// patiencePerByte is how long a body waits for memory before a larger one
	// gives way: not long if it is small. Large ones would only take it from each
	// other.
	patiencePerByte = time.Second / (2 << 20)
	// stepwise is the maximum size in bytes of a buffer that grows as the body
	// arrives. What is larger gets all it declares, or else waits: many that have
	// a part each would wait for one another.
	stepwise = 256 << 10
	// maxReused is the maximum size in bytes of a buffer that is kept for the
	// next body. Allocating one per body was an eighth of a webhook's allocations.
	maxReused = 64 << 10
	// wholeCost is how many bytes a byte of a body takes until it is written: the
	// body itself, without its credentials, redacted, encoded, and in the call.
	wholeCost = 6
)

// Intake reads bodies within its budgets, in bytes.
type Intake struct {
	mu       sync.Mutex
	arriving int            // what is free for bodies that arrive
	leaving  int            // what bodies that gave way have not yet returned
	working  int            // what is free for bodies that are whole
	bodies   map[*body]bool // those that arrive or wait to be worked on
	waiting  int            // how many wait for memory
	changed  chan struct{}  // closed when they should look again
}

// body is a body being read. Bodies are reused with their buffers.
type body struct {
	buf      bytes.Buffer
	conn     *http.ResponseController
	end      time.Time // when it has to be whole and admitted
	deadline time.Time // when the current step has to have arrived
	arriving int       // what it holds of one budget
	working  int       // and of the other
	gaveWay  bool
}

var bodies = sync.Pool{New: func() any { return new(body) }}

// New returns an Intake that uses three eighths of the memory that GOMEMLIMIT
// allows; without it, that of an instance of 256 MiB.
func New() *Intake {
	limit := debug.SetMemoryLimit(-1)
	if limit == math.MaxInt64 {
		limit = 192 << 20
	}
	return newIntake(int(limit))
}

func newIntake(limit int) *Intake {
	working := max(limit/4, 2*wholeCost*MaxBody) // so that MaxBody is admitted
	return &Intake{arriving: working / 2, working: working, bodies: map[*body]bool{}, changed: make(chan struct{})}
}

// Limit gives the first bytes of the request behind w two seconds to arrive.
// Call it for every request: the server sets no timeouts and keeps reading the
// body after an early response.
func Limit(w http.ResponseWriter) {
	// This cannot fail on a connection; a recorder in tests has none.
	http.NewResponseController(w).SetReadDeadline(time.Now().Add(timePerStep))
}

// Read returns the body of r and a function to call once nothing refers to it
// any more, after which its memory is reused. The error is
//
//   - [ErrTooLarge] for more than [MaxBody] bytes,
//   - [ErrCutShort] if the body ends early, is slower than 32 KiB per second or
//     takes more than five seconds,
//   - [ErrBusy] if there is no memory for it within these five seconds, or it
//     gave way to a smaller one.
func (in *Intake) Read(w http.ResponseWriter, r *http.Request) (text []byte, release func(), err error) {
	if r.ContentLength > MaxBody {
		return nil, nil, ErrTooLarge
	}
	b := bodies.Get().(*body)
	b.conn, b.end = http.NewResponseController(w), time.Now().Add(timePerBody)
	if err = in.receive(r, b); err == nil {
		err = in.admit(b)
	}
	if err != nil {
		in.release(b)
		return nil, nil, err
	}
	return b.buf.Bytes(), func() { in.release(b) }, nil
}

// receive reads b from r, step by step.
func (in *Intake) receive(r *http.Request, b *body) error {
	declared := int(r.ContentLength)
	if declared < 0 {
		declared = MaxBody
	}
	for {
		n, err := in.makeRoom(b, declared)
		if err != nil {
			return err
		}
		got, err := b.buf.ReadFrom(io.LimitReader(r.Body, int64(n)))
		switch {
		case err != nil && in.hasGivenWay(b):
			return ErrBusy
		case err != nil:
			return ErrCutShort
		case b.buf.Len() > MaxBody:
			return ErrTooLarge
		case got < int64(n), int64(b.buf.Len()) == r.ContentLength:
			// Another step would set a deadline that net/http, which has removed
			// the one before at the end of the body, takes for a hang-up.
			return nil
		}
		// A body that never has to wait for its bytes would read for 10 ms before
		// others run, and so would each of a dozen. Without this, 3 real webhooks
		// were written during TestLargeBodies instead of 99.
		runtime.Gosched()
	}
}

// makeRoom returns how many bytes the next step of b may have. If its buffer is
// full, it gets a larger one, but not more than declared needs.
func (in *Intake) makeRoom(b *body, declared int) (int, error) {
	const spare = bytes.MinRead + 1 // what ReadFrom needs to see the end
	size := max(b.buf.Cap(), min(declared, firstBuffer)+spare)
	if size-b.buf.Len() < spare {
		size = min(2*size, declared+spare)
		if size > stepwise {
			size = declared + spare
		}
	}
	if err := in.take(b, size-b.arriving); err != nil {
		return 0, err
	}
	if size > b.buf.Cap() {
		b.buf = *bytes.NewBuffer(append(make([]byte, 0, size), b.buf.Bytes()...))
	}
	return min(size-b.buf.Len()-bytes.MinRead, step), nil
}

// take gives b n more bytes and the time to fill them, which net/http forgets at
// the end of the body. If they do not become free, larger bodies give way.
func (in *Intake) take(b *body, n int) error {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.bodies[b] = true
	size := b.arriving + n
	patient := time.Now().Add(time.Duration(size) * patiencePerByte)
	for n > in.arriving {
		for n > in.arriving+in.leaving && !time.Now().Before(patient) && in.giveWay(size) {
		}
		if err := in.wait(b, patient); err != nil {
			return err
		}
	}
	if b.gaveWay {
		return ErrBusy
	}
	in.arriving -= n
	b.arriving += n
	b.deadline = time.Now().Add(timePerStep)
	if b.end.Before(b.deadline) {
		b.deadline = b.end
	}
	b.conn.SetReadDeadline(b.deadline)
	return nil
}

// giveWay has the largest of the bodies that hold more than size give way, and
// reports whether there is one. Of equals it is the one that has stalled longest.
func (in *Intake) giveWay(size int) bool {
	var largest *body
	for b := range in.bodies {
		if b.gaveWay || b.arriving <= size {
			continue
		}
		if largest == nil || b.arriving > largest.arriving ||
			b.arriving == largest.arriving && b.deadline.Before(largest.deadline) {
			largest = b
		}
	}
	if largest == nil {
		return false
	}
	largest.gaveWay = true
	in.leaving += largest.arriving
	largest.conn.SetReadDeadline(time.Unix(0, 0)) // ends its read
	in.wake()
	return true
}

// admit moves b, which is whole, from one budget to the other.
func (in *Intake) admit(b *body) error {
	n := wholeCost * b.buf.Len()
	in.mu.Lock()
	defer in.mu.Unlock()
	for n > in.working/2 {
		if err := in.wait(b, b.end); err != nil {
			return err
		}
	}
	if b.gaveWay {
		return ErrBusy
	}
	in.working -= n
	b.working = n
	in.leave(b)
	return nil
}

// release returns all that b holds, and b itself for another body.
func (in *Intake) release(b *body) {
	in.mu.Lock()
	in.leave(b)
	in.working += b.working
	in.mu.Unlock()
	*b = body{buf: b.buf}
	b.buf.Reset()
	if b.buf.Cap() > maxReused {
		b.buf = bytes.Buffer{}
	}
	bodies.Put(b)
}

// leave returns what b holds as one that arrives. Every body that waits looks
// again.
func (in *Intake) leave(b *body) {
	delete(in.bodies, b)
	in.arriving += b.arriving
	if b.gaveWay {
		in.leaving -= b.arriving
	}
	b.arriving = 0
	in.wake()
}

// wait returns after a change that b may have waited for, or at until if that is
// to come. The error is [ErrBusy] if b has nothing more to wait for.
func (in *Intake) wait(b *body, until time.Time) error {
	now := time.Now()
	if b.gaveWay || !now.Before(b.end) {
		return ErrBusy
	}
	if until.After(b.end) || !now.Before(until) {
		until = b.end
	}
	changed := in.changed
	in.waiting++
	in.mu.Unlock()
	timer := time.NewTimer(until.Sub(now))
	defer func() {
		timer.Stop()
		in.mu.Lock()
		in.waiting--
	}()
	select {
	case <-changed:
	case <-timer.C:
	}
	return nil
}

// wake has every body that waits look again.
func (in *Intake) wake() {
	if in.waiting > 0 {
		close(in.changed)
		in.changed = make(chan struct{})
	}
}

func (in *Intake) hasGivenWay(b *body) bool {
	in.mu.Lock()
	defer in.mu.Unlock()
	return b.gaveWay
}
