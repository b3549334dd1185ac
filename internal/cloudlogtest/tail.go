package cloudlogtest

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"cloud.google.com/go/logging/apiv2/loggingpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

const (
	// maxTails is how many sessions a project has at once
	// (https://docs.cloud.google.com/logging/quotas).
	maxTails = 10
	// maxBuffer and defaultBuffer are what buffer_window says, by the comments of
	// TailLogEntriesRequest.
	maxBuffer     = 60 * time.Second
	defaultBuffer = 2 * time.Second
	// maxPending is how many entries wait for a client that does not read. The
	// real one, too, leaves out more (NOT_CONSUMED); its number is not published.
	maxPending = 100_000
)

// tail is a session of TailLogEntries.
type tail struct {
	projects []string
	matches  matcher
	window   time.Duration

	// These belong to Server.mu.
	pending    []*loggingpb.LogEntry
	suppressed map[loggingpb.TailLogEntriesResponse_SuppressionInfo_Reason]int32
	stalled    bool
	ended      bool
	end        error
	more       chan struct{} // has room for one, and is full if there is news
}

// Tails returns how many sessions of TailLogEntries are open.
func (s *Server) Tails() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.tails)
}

// Tailed returns how many calls of TailLogEntries have come.
func (s *Server) Tailed() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.tailed
}

// EndTails ends all sessions with an error, or without one. What was written
// before is sent first. The real one ends each after about an hour, with
// OUT_OF_RANGE.
func (s *Server) EndTails(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for t := range s.tails {
		t.ended, t.end = true, err
		t.wake()
	}
	clear(s.tails)
}

// StallTails has all sessions stay open and send nothing any more.
func (s *Server) StallTails() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for t := range s.tails {
		t.stalled = true
	}
}

// Suppress has all sessions report that entries were left out.
func (s *Server) Suppress(reason loggingpb.TailLogEntriesResponse_SuppressionInfo_Reason, count int32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for t := range s.tails {
		t.suppressed[reason] += count
		t.wake()
	}
}

// TailLogEntries implements loggingpb.LoggingServiceV2Server for projects. It
// sends each entry that is kept from then on, a buffer window later, in
// order of time within each response, as the real one does.
func (s *Server) TailLogEntries(stream loggingpb.LoggingServiceV2_TailLogEntriesServer) error {
	r, err := stream.Recv()
	if err != nil {
		return err
	}
	s.mu.Lock()
	s.tailed++
	fault := s.faults.Tail
	s.mu.Unlock()
	if fault != nil {
		if err := fault(stream.Context(), r); err != nil {
			return err
		}
	}
	t, err := newTail(r)
	if err != nil {
		return status.Error(codes.InvalidArgument, err.Error())
	}
	if err := s.openTail(t); err != nil {
		return err
	}
	defer s.closeTail(t)
	closed := make(chan error, 1)
	go func() { closed <- waitForClose(stream) }()
	return s.send(t, stream, closed)
}

func newTail(r *loggingpb.TailLogEntriesRequest) (*tail, error) {
	q, err := newQuery(&loggingpb.ListLogEntriesRequest{ResourceNames: r.GetResourceNames(), Filter: r.GetFilter()})
	if err != nil {
		return nil, err
	}
	window := defaultBuffer
	if r.GetBufferWindow() != nil {
		window = r.GetBufferWindow().AsDuration()
	}
	if window < 0 || window > maxBuffer {
		return nil, fmt.Errorf("buffer_window is %s: it must be from 0 to %s", window, maxBuffer)
	}
	return &tail{
		projects: q.projects, matches: func(e *loggingpb.LogEntry) bool { return q.covers(e) && q.matches(e) }, window: window,
		suppressed: map[loggingpb.TailLogEntriesResponse_SuppressionInfo_Reason]int32{}, more: make(chan struct{}, 1),
	}, nil
}

func (s *Server) openTail(t *tail) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.tails) >= maxTails {
		return status.Errorf(codes.ResourceExhausted, "Quota exceeded for quota metric 'Tail sessions' of %q", t.projects)
	}
	if s.tails == nil {
		s.tails = map[*tail]bool{}
	}
	s.tails[t] = true
	return nil
}

func (s *Server) closeTail(t *tail) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.tails, t)
}

// waitForClose returns nil when the client has closed its side.
func waitForClose(stream loggingpb.LoggingServiceV2_TailLogEntriesServer) error {
	switch _, err := stream.Recv(); err {
	case nil:
		return status.Error(codes.InvalidArgument, "The stand-in takes one request per session")
	case io.EOF:
		return nil
	default:
		return err
	}
}

// send sends what comes, until the session ends.
func (s *Server) send(t *tail, stream loggingpb.LoggingServiceV2_TailLogEntriesServer, closed <-chan error) error {
	for {
		select {
		case <-t.more:
		case err := <-closed:
			return err
		}
		select {
		case <-time.After(t.window):
		case err := <-closed:
			return err
		}
		r := s.take(t)
		for part := range slices.Chunk(r.Entries, maxPage) {
			if err := stream.Send(&loggingpb.TailLogEntriesResponse{Entries: part}); err != nil {
				return err
			}
		}
		if len(r.SuppressionInfo) > 0 {
			if err := stream.Send(&loggingpb.TailLogEntriesResponse{SuppressionInfo: r.SuppressionInfo}); err != nil {
				return err
			}
		}
		if ended, err := s.endOf(t); ended {
			return err
		}
	}
}

// take returns what there is to send.
func (s *Server) take(t *tail) *loggingpb.TailLogEntriesResponse {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := &loggingpb.TailLogEntriesResponse{Entries: t.pending}
	slices.SortStableFunc(r.Entries, func(a, b *loggingpb.LogEntry) int {
		return cmp.Or(a.GetTimestamp().AsTime().Compare(b.GetTimestamp().AsTime()), strings.Compare(a.GetInsertId(), b.GetInsertId()))
	})
	for reason, n := range t.suppressed {
		r.SuppressionInfo = append(r.SuppressionInfo, &loggingpb.TailLogEntriesResponse_SuppressionInfo{Reason: reason, SuppressedCount: n})
	}
	t.pending = nil
	clear(t.suppressed)
	return r
}

// endOf reports whether a session has ended, and with which error.
func (s *Server) endOf(t *tail) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return t.ended && len(t.pending) == 0, t.end
}

// tell gives an entry to the sessions whose filters it matches. The caller holds
// the server's lock.
func (s *Server) tell(e *loggingpb.LogEntry) {
	for t := range s.tails {
		if t.stalled || !t.matches(e) {
			continue
		}
		if len(t.pending) < maxPending {
			t.pending = append(t.pending, e)
		} else {
			t.suppressed[loggingpb.TailLogEntriesResponse_SuppressionInfo_NOT_CONSUMED]++
		}
		t.wake()
	}
}

func (t *tail) wake() {
	select {
	case t.more <- struct{}{}:
	default:
	}
}
