package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"cloud.google.com/go/logging/apiv2/loggingpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"example.com/livechat-webhook/internal/loglist"
)

const (
	// slack is how far before the latest entry a list starts that fills a gap:
	// an entry has the time at which its event happened, which is before it is
	// written.
	slack = 2 * time.Minute
	// ahead is how far the time of an entry may be ahead of its arrival, as in
	// package entry.
	ahead = time.Minute
	// A tail that has ended is opened again after a pause from minPause to
	// maxPause. It is minPause again after a tail that lasted longer than maxPause.
	minPause = time.Second
	maxPause = 30 * time.Second
	// Without a tail, entries are listed every pollPause, which makes 12 of the 60
	// calls that a project has per minute. A tail is tried again after withoutTail.
	pollPause   = 5 * time.Second
	withoutTail = 5 * time.Minute
	// A new entry may take some seconds until it is listed. What was written
	// just before the tail began, but was not listed at first, is looked for
	// again after settling. A tail may also stall, so what it should have brought
	// is looked for whenever it brought nothing for checkPause.
	settling   = 30 * time.Second
	checkPause = 5 * time.Minute
	// waiting is how many responses of a tail wait until history is listed. After
	// that, Cloud Logging waits, and leaves entries out in the end.
	waiting = 1000
)

// follower follows a log.
type follower struct {
	reader *loglist.Reader
	filter string
	// since is the time of the oldest entry to list.
	since time.Time
	// show is called with each entry, one at a time.
	show func(*loggingpb.LogEntry)
	say  func(format string, args ...any)

	mu   sync.Mutex // of show and fold
	fold *fold
}

// follow shows entries until ctx ends. It returns an error if trying again would
// not help.
func (f *follower) follow(ctx context.Context) error {
	pause := minPause
	for ctx.Err() == nil {
		opened := time.Now()
		err := f.tail(ctx)
		if ctx.Err() != nil {
			return nil
		}
		switch code := codeOf(err); {
		case isFinal(code):
			return loglist.Explain("cannot read the log", err, loglist.CanRead)
		case code == codes.ResourceExhausted:
			f.say("no tail: %s. A project has at most 10, and 60,000 entries per minute; listing every %s instead", status.Convert(err).Message(), pollPause)
			if err := f.poll(ctx); err != nil {
				return err
			}
			continue
		}
		if time.Since(opened) > maxPause {
			pause = minPause
		}
		f.say("%s; opening it again in %s", ended(err), pause)
		sleep(ctx, pause)
		pause = min(2*pause, maxPause)
	}
	return nil
}

// codeOf returns the gRPC code of an error. The end of a stream is OutOfRange,
// which is how a tail ends that has met its maximum duration.
func codeOf(err error) codes.Code {
	if errors.Is(err, io.EOF) {
		return codes.OutOfRange
	}
	return loglist.CodeOf(err)
}

// isFinal reports whether trying again cannot help.
func isFinal(code codes.Code) bool {
	switch code {
	case codes.PermissionDenied, codes.Unauthenticated, codes.InvalidArgument, codes.NotFound, codes.FailedPrecondition, codes.Unimplemented:
		return true
	}
	return false
}

// ended says in words how a tail ended.
func ended(err error) string {
	if code := codeOf(err); code != codes.OutOfRange {
		return fmt.Sprintf("the tail ended: %s: %s", code, status.Convert(err).Message())
	}
	return "the tail has met its maximum duration"
}

var errStalled = status.Error(codes.Unavailable, "it brought nothing of what was listed")

// tail opens a tail, lists what came before, and shows both until the tail ends.
// It returns why it ended.
func (f *follower) tail(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	came, failed, err := f.receive(ctx)
	if err != nil {
		return err
	}
	if _, err := f.list(ctx, f.from()); err != nil {
		return err
	}
	watch := time.NewTimer(settling)
	defer watch.Stop()
	checked := make(chan check, 1)
	for settled, quiet := false, true; ; {
		select {
		case r := <-came:
			quiet = false
			f.suppressed(r.GetSuppressionInfo())
			f.showNew(r.GetEntries())
		case err := <-failed:
			for len(came) > 0 {
				f.showNew((<-came).GetEntries())
			}
			return err
		case <-watch.C:
			if settled && !quiet {
				quiet = true
				watch.Reset(checkPause)
				continue
			}
			go func() { checked <- f.check(ctx) }()
		case c := <-checked:
			switch {
			case c.err != nil:
				return c.err
			case settled && quiet && c.found > 0:
				return errStalled
			}
			settled, quiet = true, true
			watch.Reset(checkPause)
		}
	}
}

// check is what a list found that the tail had not brought.
type check struct {
	found int
	err   error
}

func (f *follower) check(ctx context.Context) check {
	found, err := f.list(ctx, f.from())
	return check{found, err}
}

// receive opens a tail and returns what it brings, and how it ends.
func (f *follower) receive(ctx context.Context) (<-chan *loggingpb.TailLogEntriesResponse, <-chan error, error) {
	stream, err := f.reader.Tail(ctx, f.filter)
	if err != nil {
		return nil, nil, err
	}
	came, failed := make(chan *loggingpb.TailLogEntriesResponse, waiting), make(chan error, 1)
	go func() {
		for {
			r, err := stream.Recv()
			if err != nil {
				failed <- err
				return
			}
			select {
			case came <- r:
			case <-ctx.Done():
				return
			}
		}
	}()
	return came, failed, nil
}

// from is the time from which on entries are listed: all at first, then what may
// have been missed.
func (f *follower) from() time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	if from := f.fold.latest.Add(-slack); from.After(f.since) {
		return from
	}
	return f.since
}

// list lists entries from a time until now, and returns how many of them are new.
func (f *follower) list(ctx context.Context, since time.Time) (n int, err error) {
	filter := fmt.Sprintf(`timestamp>="%s" AND timestamp<="%s" AND (%s)`,
		since.UTC().Format(time.RFC3339), time.Now().Add(ahead).UTC().Format(time.RFC3339), f.filter)
	for e, err := range f.reader.List(ctx, filter) {
		if err != nil {
			return n, err
		}
		n += f.showNew([]*loggingpb.LogEntry{e})
	}
	return n, nil
}

// showNew shows the entries that were not seen before, and returns how many.
func (f *follower) showNew(entries []*loggingpb.LogEntry) (n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := time.Now()
	for _, e := range entries {
		if f.fold.first(e, now) {
			f.show(e)
			n++
		}
	}
	return n
}

// reasons are why Cloud Logging leaves entries out of a tail.
var reasons = map[loggingpb.TailLogEntriesResponse_SuppressionInfo_Reason]string{
	loggingpb.TailLogEntriesResponse_SuppressionInfo_RATE_LIMIT:   "more than 60,000 came in a minute",
	loggingpb.TailLogEntriesResponse_SuppressionInfo_NOT_CONSUMED: "they were not read fast enough",
}

// suppressed says how many entries Cloud Logging left out.
func (f *follower) suppressed(infos []*loggingpb.TailLogEntriesResponse_SuppressionInfo) {
	for _, info := range infos {
		reason := reasons[info.GetReason()]
		if reason == "" {
			reason = info.GetReason().String()
		}
		f.say("at least %d entries are not shown: %s", info.GetSuppressedCount(), reason)
	}
}

// poll lists entries again and again instead of a tail.
func (f *follower) poll(ctx context.Context) error {
	for end := time.Now().Add(withoutTail); time.Now().Before(end) && ctx.Err() == nil; sleep(ctx, pollPause) {
		_, err := f.list(ctx, f.from())
		switch code := codeOf(err); {
		case ctx.Err() != nil || err == nil:
		case isFinal(code):
			return loglist.Explain("cannot read the log", err, loglist.CanRead)
		default:
			f.say("cannot list: %s: %s", code, status.Convert(err).Message())
		}
	}
	return nil
}

// sleep waits for d, or until ctx ends.
func sleep(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}
