package console

import (
	"errors"
	"io"
	"time"
)

// patience is how long a write may take, the wait for others included. A webhook
// that was not written is answered after its copy: LiveChat waits about 10 s, and
// 8 are for the write to Cloud Logging.
const patience = 1500 * time.Millisecond

var errStalled = errors.New("the output stalls")

// stream writes to stdout or stderr, which may be a pipe that nobody reads. At
// most one write stalls with it.
type stream struct {
	w    io.Writer
	busy chan struct{} // full while a write is in progress
}

func newStream(w io.Writer) *stream { return &stream{w, make(chan struct{}, 1)} }

// write writes text in a single Write.
func (s *stream) write(text []byte) error {
	timeout := time.NewTimer(patience)
	defer timeout.Stop()
	select {
	case s.busy <- struct{}{}:
	case <-timeout.C:
		return errStalled
	}
	written := make(chan error, 1)
	go func() {
		_, err := s.w.Write(text)
		<-s.busy
		written <- err
	}()
	select {
	case err := <-written:
		return err
	case <-timeout.C:
		return errStalled
	}
}
