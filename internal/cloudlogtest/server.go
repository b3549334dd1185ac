// Package cloudlogtest is a stand-in for Cloud Logging: a gRPC server of
// LoggingServiceV2 in the process that holds entries in memory, keeps the
// published limits and fails as it is told to.
//
// Tests put it behind the real client; the local run prints what it receives.
package cloudlogtest

import (
	"context"
	"fmt"
	"net"
	"slices"
	"sync"
	"time"

	"cloud.google.com/go/logging/apiv2/loggingpb"
	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
)

// Faults say how a Server fails. Its zero value does not.
type Faults struct {
	// Before is asked before a call is looked at. Its error is the answer, and
	// nothing is written. It may wait, but not longer than ctx.
	Before func(ctx context.Context, r *loggingpb.WriteLogEntriesRequest) error
	// Refuse is asked for each entry. Its error keeps just that entry out, as
	// a limit does.
	Refuse func(e *loggingpb.LogEntry) error
	// After is asked when everything is written. Its error is the answer.
	After func() error
	// Check is asked instead of all these for a dry run, if it has entries.
	Check func() error
	// List is asked before a call of ListLogEntries is looked at. Its error is
	// the answer.
	List func(ctx context.Context, r *loggingpb.ListLogEntriesRequest) error
	// Tail is asked before a call of TailLogEntries is looked at. Its error ends
	// the stream. It may wait, but not longer than ctx.
	Tail func(ctx context.Context, r *loggingpb.TailLogEntriesRequest) error
}

// Server is a stand-in for Cloud Logging.
type Server struct {
	loggingpb.UnimplementedLoggingServiceV2Server

	grpc *grpc.Server
	addr net.Addr
	// Now is the server's clock, by which entries are too old or too new.
	// It may be set before the first call.
	Now func() time.Time
	// PageLimit is the maximum number of entries per page of a list, if it is
	// positive. It may be set before the first call.
	PageLimit int

	// written receives each entry when it is written; nil for nobody.
	written func(*loggingpb.LogEntry)

	mu      sync.Mutex
	faults  Faults
	calls   int
	checks  int
	lists   int
	tailed  int
	tails   map[*tail]bool
	entries []*loggingpb.LogEntry
}

// Start returns a Server that listens on addr, host:port, where port 0 is any
// free one. Each entry is given to written, if that is not nil, instead of
// being kept.
func Start(addr string, written func(*loggingpb.LogEntry)) (*Server, error) {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("stand-in for Cloud Logging: %w", err)
	}
	return Serve(l, written), nil
}

// Serve returns a Server that accepts connections from l, which may be in memory.
// It does with each entry what [Start] says.
func Serve(l net.Listener, written func(*loggingpb.LogEntry)) *Server {
	s := &Server{addr: l.Addr(), written: written, Now: time.Now}
	s.grpc = grpc.NewServer(grpc.MaxRecvMsgSize(4*maxRequest), grpc.ForceServerCodecV2(shallow{}))
	loggingpb.RegisterLoggingServiceV2Server(s.grpc, s)
	go s.grpc.Serve(l) // ends with Close
	return s
}

// Addr returns the host:port that the server listens on.
func (s *Server) Addr() string { return s.addr.String() }

// Close ends all calls and connections at once.
func (s *Server) Close() { s.grpc.Stop() }

// SetFaults makes the server fail in this way from the next call on.
func (s *Server) SetFaults(f Faults) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = f
}

// Calls returns how many calls have come, dry runs not counted.
func (s *Server) Calls() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls
}

// Checks returns how many dry runs have been answered.
func (s *Server) Checks() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.checks
}

// Entries returns what was written, in order of arrival, each with the log
// name, resource and labels of its call, as Cloud Logging stores it.
func (s *Server) Entries() []*loggingpb.LogEntry {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.entries)
}

// Listed returns what a query without a filter shows: of entries with the same
// timestamp and insertId the first
// (https://docs.cloud.google.com/logging/docs/reference/v2/rest/v2/LogEntry).
func (s *Server) Listed() []*loggingpb.LogEntry { return fold(s.Entries()) }

// fold removes entries whose timestamp and insertId an earlier one has.
func fold(entries []*loggingpb.LogEntry) []*loggingpb.LogEntry {
	type key struct {
		at time.Time
		id string
	}
	seen := map[key]bool{}
	return slices.DeleteFunc(entries, func(e *loggingpb.LogEntry) bool {
		k := key{e.GetTimestamp().AsTime(), e.GetInsertId()}
		again := seen[k]
		seen[k] = true
		return again
	})
}

// WriteLogEntries implements loggingpb.LoggingServiceV2Server.
func (s *Server) WriteLogEntries(ctx context.Context, r *loggingpb.WriteLogEntriesRequest) (*loggingpb.WriteLogEntriesResponse, error) {
	f := s.count(r)
	if r.GetDryRun() {
		return s.check(r, f)
	}
	if f.Before != nil {
		if err := f.Before(ctx, r); err != nil {
			return nil, err
		}
	}
	entries, err := s.accept(r, f.Refuse)
	s.write(entries)
	if err == nil && f.After != nil {
		err = f.After()
	}
	if err != nil {
		return nil, err
	}
	return &loggingpb.WriteLogEntriesResponse{}, nil
}

// check answers a dry run.
func (s *Server) check(r *loggingpb.WriteLogEntriesRequest, f Faults) (*loggingpb.WriteLogEntriesResponse, error) {
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.checks++
	}()
	if f.Check != nil && len(r.GetEntries()) > 0 {
		if err := f.Check(); err != nil {
			return nil, err
		}
	}
	if _, err := s.accept(r, f.Refuse); err != nil {
		return nil, err
	}
	return &loggingpb.WriteLogEntriesResponse{}, nil
}

func (s *Server) count(r *loggingpb.WriteLogEntriesRequest) Faults {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !r.GetDryRun() {
		s.calls++
	}
	return s.faults
}

func (s *Server) write(entries []*loggingpb.LogEntry) {
	now := s.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range entries {
		switch {
		case e.GetTimestamp() != nil && now.Sub(e.GetTimestamp().AsTime()) > retention:
			// Cloud Logging acknowledges such an entry, and does not store it.
		case s.written != nil:
			s.written(e)
		default:
			s.entries = append(s.entries, e)
			s.tell(e)
		}
	}
}

// accept returns the entries of r as they would be stored, and the error that
// the call ends with, as partial_success says: the refused entries stand in
// its details, unless all were refused.
func (s *Server) accept(r *loggingpb.WriteLogEntriesRequest, refuse func(*loggingpb.LogEntry) error) ([]*loggingpb.LogEntry, error) {
	if size := proto.Size(r); size > maxRequest {
		return nil, status.Errorf(codes.InvalidArgument, "Request payload size exceeds the limit: %d bytes", maxRequest)
	}
	var entries []*loggingpb.LogEntry
	partial := &loggingpb.WriteLogEntriesPartialErrors{LogEntryErrors: map[int32]*spb.Status{}}
	var first error
	for i, e := range r.GetEntries() {
		complete(e, r)
		err := limits(e, s.Now())
		if err == nil && refuse != nil {
			err = refuse(e)
		}
		if err == nil {
			entries = append(entries, e)
			continue
		}
		partial.LogEntryErrors[int32(i)] = status.Convert(err).Proto()
		if first == nil {
			first = err
		}
	}
	switch {
	case first == nil:
		return entries, nil
	case !r.GetPartialSuccess() || len(entries) == 0:
		return nil, first
	}
	detailed, err := status.Convert(first).WithDetails(partial)
	if err != nil {
		return nil, status.Error(codes.Internal, err.Error())
	}
	return entries, detailed.Err()
}

// complete adds to e what its call says for all entries.
func complete(e *loggingpb.LogEntry, r *loggingpb.WriteLogEntriesRequest) {
	if e.LogName == "" {
		e.LogName = r.GetLogName()
	}
	if e.Resource == nil {
		e.Resource = r.GetResource()
	}
	for name, value := range r.GetLabels() {
		if _, ok := e.Labels[name]; !ok {
			if e.Labels == nil {
				e.Labels = map[string]string{}
			}
			e.Labels[name] = value
		}
	}
}
