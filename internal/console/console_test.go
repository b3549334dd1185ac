package console

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	_ "example.com/livechat-webhook/internal/golden"
)

// refuse refuses n times at the clock's pace and returns the counts of the
// lines that were written.
func refuse(t *testing.T, c *Console, out *bytes.Buffer, reason string, n int) []int {
	t.Helper()
	out.Reset()
	for range n {
		c.Refused(reason, 401)
	}
	var counts []int
	for text := range strings.Lines(out.String()) {
		var l Line
		if err := json.Unmarshal([]byte(text), &l); err != nil {
			t.Fatal(err)
		}
		if l.Reason != reason || l.Status != 401 || l.Severity != Warning {
			t.Errorf("line %s", text)
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
		t.Errorf("10 refusals are %v, want a line each", counts)
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
