package console

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// pipe is an output that nobody reads until it is closed.
type pipe struct {
	strings.Builder
	read chan struct{}
}

func (p *pipe) Write(text []byte) (int, error) {
	<-p.read
	return p.Builder.Write(text)
}

func TestStalledOutputHoldsUpNobodyForLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out, messages := &pipe{read: make(chan struct{})}, new(strings.Builder)
		c := New(out, messages)
		for i := range 3 {
			began := time.Now()
			if err := c.Copy([]byte("copy\n")); !errors.Is(err, errStalled) || time.Since(began) > patience {
				t.Errorf("copy %d: %v after %v", i, err, time.Since(began))
			}
		}
		began := time.Now()
		c.Refused("no secret", 401, errors.New("no secret"))
		if time.Since(began) > 0 || strings.Count(messages.String(), "\n") != 1 {
			t.Errorf("a stalled stdout held up stderr for %v: %s", time.Since(began), messages)
		}
		close(out.read)
		synctest.Wait()
		if err := c.Copy([]byte("copy\n")); err != nil {
			t.Errorf("not written once somebody reads: %v", err)
		}
		if out.String() != "copy\ncopy\n" {
			t.Errorf("%q: more than one write stalled", out.String())
		}
	})
}
