// Package console writes the structured lines
// (https://docs.cloud.google.com/run/docs/logging) that the platform picks up
// from stderr and stdout: the function's own messages, and the copies of
// webhooks that Cloud Logging did not accept.
package console

import (
	"encoding/json"
	"io"
	"maps"
	"slices"
	"sync"
	"time"
)

// The Cloud Logging severities of the function's own messages.
const (
	Info    = "INFO"
	Warning = "WARNING"
	Error   = "ERROR"
)

const (
	// window is how long repeats of a refusal are counted together.
	window = time.Minute
	// burst is how many refusals per window get one line each. After that,
	// each line covers as many refusals as all lines before it, so that a flood
	// of n refusals costs about log2(n) lines and at least half of it is
	// reported at any time.
	burst = 10
)

// Console writes lines. Its methods may be called concurrently.
type Console struct {
	out, err *stream
	now      func() time.Time

	mu      sync.Mutex // for reasons
	reasons map[string]*tally
}

// tally counts the refusals for one reason within one window.
type tally struct {
	since time.Time
	last  Line // what to write for the latest refusal, without Count and Time
	// reported have been covered by a line, pending have not. carried were
	// pending when the previous window ended.
	reported, pending, carried int
}

// report returns how many refusals the next line covers, and marks them as
// reported.
func (t *tally) report() int {
	count := t.pending + t.carried
	t.reported += t.pending
	t.pending, t.carried = 0, 0
	return count
}

// New returns a Console that writes copies to out and messages to err, each
// line in a single Write.
func New(out, err io.Writer) *Console {
	return &Console{out: newStream(out), err: newStream(err), now: time.Now, reasons: map[string]*tally{}}
}

// Line is a structured line on stderr.
type Line struct {
	Severity string    `json:"severity"`
	Time     time.Time `json:"time"`
	Message  string    `json:"message"`
	// Reason and Status are why a request was refused and how it was answered.
	Reason string `json:"reason,omitempty"`
	Status int    `json:"status,omitempty"`
	// Cause is set if there is more to say than the reason.
	Cause string `json:"cause,omitempty"`
	// Count is how many refusals the line covers.
	Count int `json:"count,omitempty"`
	// Stack is where a panic happened.
	Stack string `json:"stack,omitempty"`
}

// Say writes one of the function's own messages.
func (c *Console) Say(severity, message string) {
	c.print(Line{Severity: severity, Time: c.now(), Message: message})
}

// Failed writes that the function itself failed at something, and the cause.
// The cause must not quote the body of a webhook. Unlike refusals, failures are
// never counted together, so that no cause is lost.
func (c *Console) Failed(what string, cause error) {
	c.Say(Error, what+": "+cause.Error())
}

// Panicked writes where a request ended in a panic. It leaves out the value of
// the panic, which may quote the body.
func (c *Console) Panicked(stack []byte) {
	c.print(Line{Severity: Error, Time: c.now(), Message: "panic while handling a webhook", Stack: string(stack)})
}

// Refused writes that a request was refused and how it was answered. The cause
// may say more than the reason; it must not quote the body. Repeats of a reason
// are counted together, and the cause of the latest is written.
func (c *Console) Refused(reason string, status int, cause error) {
	l := Line{Severity: Warning, Message: "refused: " + reason, Reason: reason, Status: status}
	if status >= 500 {
		l.Message = "failed: " + reason
	}
	if text := cause.Error(); text != reason {
		l.Cause = text
	}
	if l.Count = c.count(l); l.Count > 0 {
		l.Time = c.now()
		c.print(l)
	}
}

// Flush writes the refusals that were counted and not yet written. Call it
// before the process ends.
func (c *Console) Flush() {
	for _, l := range c.pending() {
		c.print(l)
	}
}

// pending returns a line for each reason with refusals not yet written.
func (c *Console) pending() []Line {
	c.mu.Lock()
	defer c.mu.Unlock()
	var lines []Line
	for _, reason := range slices.Sorted(maps.Keys(c.reasons)) {
		l := c.reasons[reason].last
		if l.Count = c.reasons[reason].report(); l.Count > 0 {
			l.Time = c.now()
			lines = append(lines, l)
		}
	}
	return lines
}

// count counts one more refusal, of which l is to be written. It returns how
// many refusals to write l for, or 0.
func (c *Console) count(l Line) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := c.reasons[l.Reason]
	if t == nil {
		t = &tally{since: c.now()}
		c.reasons[l.Reason] = t
	}
	if c.now().Sub(t.since) >= window {
		*t = tally{since: c.now(), carried: t.pending}
	}
	t.last = l
	t.pending++
	if t.reported >= burst && t.pending < t.reported {
		return 0
	}
	return t.report()
}

func (c *Console) print(l Line) {
	text, err := json.Marshal(l)
	if err != nil {
		return // a Line always marshals
	}
	c.err.write(append(text, '\n'))
}

// Copy writes lines, each ending in a line break, to stdout. It returns an error
// if that takes longer than one and a half seconds.
func (c *Console) Copy(lines []byte) error { return c.out.write(lines) }
