package console

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	_ "example.com/livechat-webhook/internal/golden"
)

// lines returns and removes the lines in out.
func lines(t *testing.T, out *bytes.Buffer) []Line {
	t.Helper()
	var lines []Line
	for text := range strings.Lines(out.String()) {
		var l Line
		if err := json.Unmarshal([]byte(text), &l); err != nil {
			t.Fatal(err)
		}
		lines = append(lines, l)
	}
	out.Reset()
	return lines
}

// refuse refuses n times and returns the counts of the lines written.
func refuse(t *testing.T, c *Console, out *bytes.Buffer, reason string, n int) []int {
	t.Helper()
	out.Reset()
	for range n {
		c.Refused(reason, 401, errors.New(reason))
	}
	var counts []int
	for _, l := range lines(t, out) {
		if l.Reason != reason || l.Status != 401 || l.Severity != Warning {
			t.Errorf("line %+v", l)
		}
		counts = append(counts, l.Count)
	}
	return counts
}

func sum(counts []int) (n int) {
	for _, c := range counts {
		n += c
	}
	return n
}

func TestRepeatsAreCounted(t *testing.T) {
	now := time.Now()
	var out bytes.Buffer
	c := New(nil, &out)
	c.now = func() time.Time { return now }
	if counts := refuse(t, c, &out, "wrong secret", 10); len(counts) != 10 || sum(counts) != 10 {
		t.Errorf("10 refusals are %v, want one line each", counts)
	}
	counts := refuse(t, c, &out, "wrong secret", 100_000)
	if len(counts) > 20 || sum(counts) < 50_000 {
		t.Errorf("100,000 refusals are %v", counts)
	}
	left := 100_000 - sum(counts)
	if counts := refuse(t, c, &out, "no secret", 1); len(counts) != 1 {
		t.Error("another reason is counted with the first")
	}
	now = now.Add(window)
	if counts := refuse(t, c, &out, "wrong secret", 2); len(counts) != 2 || sum(counts) != left+2 {
		t.Errorf("a minute later 2 refusals are %v, want %d in 2 lines", counts, left+2)
	}
}

func TestFlushWritesWhatWasCounted(t *testing.T) {
	now := time.Now()
	var out bytes.Buffer
	c := New(nil, &out)
	c.now = func() time.Time { return now }
	pending := map[string]int{
		"wrong secret": 32 - sum(refuse(t, c, &out, "wrong secret", 32)),
		"no secret":    15 - sum(refuse(t, c, &out, "no secret", 15)),
		"empty body":   3 - sum(refuse(t, c, &out, "empty body", 3)),
	}
	if pending["wrong secret"] == 0 || pending["no secret"] == 0 || pending["empty body"] != 0 {
		t.Fatalf("pending %v", pending)
	}
	out.Reset()
	c.Flush()
	want := []Line{
		{Severity: Warning, Message: "refused: no secret", Reason: "no secret", Status: 401, Count: pending["no secret"]},
		{Severity: Warning, Message: "refused: wrong secret", Reason: "wrong secret", Status: 401, Count: pending["wrong secret"]},
	}
	if diff := cmp.Diff(want, lines(t, &out), cmpopts.IgnoreFields(Line{}, "Time")); diff != "" {
		t.Errorf("flushed (-want +got):\n%s", diff)
	}
	c.Flush()
	if out.Len() > 0 {
		t.Errorf("a second flush wrote %s", &out)
	}

	// Refusals that were pending when their window ended are not lost either.
	left := 10 - sum(refuse(t, c, &out, "wrong secret", 10))
	now = now.Add(window)
	written := sum(refuse(t, c, &out, "wrong secret", 1))
	c.Flush()
	for _, l := range lines(t, &out) {
		written += l.Count
	}
	if written != left+1 {
		t.Errorf("%d refusals reported, want %d", written, left+1)
	}
}

func TestCauseOfTheLatestIsWritten(t *testing.T) {
	var out bytes.Buffer
	c := New(nil, &out)
	for i := range 15 {
		c.Refused("not written", 503, fmt.Errorf("not written: attempt %d", i+1))
	}
	out.Reset()
	c.Flush()
	want := []Line{{Severity: Warning, Message: "failed: not written", Reason: "not written", Status: 503,
		Cause: "not written: attempt 15", Count: 5}}
	if diff := cmp.Diff(want, lines(t, &out), cmpopts.IgnoreFields(Line{}, "Time")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestEveryCauseOfAFailureIsWritten(t *testing.T) {
	var out bytes.Buffer
	c := New(nil, &out)
	var want []Line
	for range 100 {
		c.Failed("cannot record the webhook", errors.New("unexpected EOF"))
		want = append(want, Line{Severity: Error, Message: "cannot record the webhook: unexpected EOF"})
	}
	if diff := cmp.Diff(want, lines(t, &out), cmpopts.IgnoreFields(Line{}, "Time")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
