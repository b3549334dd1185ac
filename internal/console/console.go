// Package console writes the structured lines
// (https://docs.cloud.google.com/run/docs/logging) that the platform picks up
// from stderr and stdout: what the function says of itself, and the copies of
// webhooks that Cloud Logging did not take.
package console

import (
	"encoding/json"
	"io"
	"sync"
	"time"
)

// Severities of Cloud Logging that the function uses of itself.
const (
	Info    = "INFO"
	Warning = "WARNING"
	Error   = "ERROR"
)

const (
	// window is how long repeats of a refusal are counted together.
	window = time.Minute
	// burst is how many refusals of a window have a line each. From then on a
	// line stands for as many as all lines before it, so that a flood costs as
	// many lines as its number has digits, and half of it is told at any time.
	burst = 10
)

// Console writes lines. Its methods may be called concurrently.
type Console struct {
	out, err io.Writer
	now      func() time.Time

	mu      sync.Mutex
	reasons map[string]*tally
}

// tally counts the refusals of one window for one reason: those that lines
// stand for, those that wait for the next line, and those that waited when the
// window before ended.
type tally struct {
	since                time.Time
	told, untold, before int
}

// New returns a Console that writes copies to out and its own lines to err.
func New(out, err io.Writer) *Console {
	return &Console{out: out, err: err, now: time.Now, reasons: map[string]*tally{}}
}

// Line is a structured line.
type Line struct {
	Severity string    `json:"severity"`
	Time     time.Time `json:"time"`
	Message  string    `json:"message"`
	// Reason and Status are why a request was refused and how it was answered.
	Reason string `json:"reason,omitempty"`
	Status int    `json:"status,omitempty"`
	// Count is how many refusals the line stands for.
	Count int `json:"count,omitempty"`
	// Stack is where a panic happened.
	Stack string `json:"stack,omitempty"`
}

// Say writes a line of the function itself.
func (c *Console) Say(severity, message string) {
	c.print(Line{Severity: severity, Time: c.now(), Message: message})
}

// Panicked writes where a request ended in a panic. What the panic said is
// left out: it may quote the body.
func (c *Console) Panicked(stack []byte) {
	c.print(Line{Severity: Error, Time: c.now(), Message: "panic while handling a webhook", Stack: string(stack)})
}

// Refused writes that a request was refused and how it was answered. Repeats
// of a reason are counted rather than written.
func (c *Console) Refused(reason string, status int) {
	if count := c.count(reason); count > 0 {
		c.print(Line{Severity: Warning, Time: c.now(), Message: "refused: " + reason, Reason: reason, Status: status, Count: count})
	}
}

// count counts one more refusal, and returns how many a line now stands for, 0
// for no line.
func (c *Console) count(reason string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := c.reasons[reason]
	if t == nil {
		t = &tally{since: c.now()}
		c.reasons[reason] = t
	}
	if c.now().Sub(t.since) >= window {
		*t = tally{since: c.now(), before: t.untold + t.before}
	}
	t.untold++
	if t.told >= burst && t.untold < t.told {
		return 0
	}
	count := t.untold + t.before
	t.told += t.untold
	t.untold, t.before = 0, 0
	return count
}

func (c *Console) print(l Line) {
	text, err := json.Marshal(l)
	if err != nil {
		return // a Line always marshals
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.err.Write(append(text, '\n'))
}

// Copy writes lines, each ending in a line break, to stdout.
func (c *Console) Copy(lines []byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	_, err := c.out.Write(lines)
	return err
}
