// Package cloudlog writes entries to Cloud Logging and says what became of
// them.
//
// It calls the API directly (cloud.google.com/go/logging/apiv2), because
// logging.Logger.LogSync adds a diagnostic entry of its own, writes one entry
// a call, hides the cause of a failure and retries what no retry can mend.
//
// With a [Writer] entries leave at once unless a call is under way. While one
// is, what arrives gathers, and leaves together as soon as no call is under way
// any more, enough has come to be worth another, or 250 ms have passed: under
// load many webhooks share the cost of a call, and a lone one waits for nobody.
package cloudlog

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"net/url"
	"sync"
	"time"

	logging "cloud.google.com/go/logging/apiv2"
	"cloud.google.com/go/logging/apiv2/loggingpb"
	"google.golang.org/api/option"
	mrpb "google.golang.org/genproto/googleapis/api/monitoredres"
	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
)

const (
	// attemptTimeout ends a call that hangs while there is still time to try
	// again within what LiveChat waits for an answer.
	attemptTimeout = 3 * time.Second
	// firstBackoff doubles after each attempt up to maxBackoff; half of it is
	// random.
	firstBackoff = 100 * time.Millisecond
	maxBackoff   = time.Second
)

// Destination is where a Writer writes.
type Destination struct {
	// Project is the id of the Google Cloud project.
	Project string
	// LogID is the log within it, unescaped.
	LogID    string
	Resource *mrpb.MonitoredResource
	// Emulator is the host:port of a stand-in for Cloud Logging, reached
	// without TLS and credentials; empty for the real one.
	Emulator string
}

// LogName returns the full name of the log, projects/P/logs/ID.
func (d Destination) LogName() string {
	return "projects/" + d.Project + "/logs/" + url.PathEscape(d.LogID)
}

// Overhead returns how many bytes the log's name and the resource, which are
// sent once per call, add to each entry once it is stored.
func (d Destination) Overhead() int {
	return proto.Size(&loggingpb.LogEntry{LogName: d.LogName(), Resource: d.Resource})
}

// ErrRefused is wrapped by the error of a write that no retry can save: Cloud
// Logging will never accept the entries.
var ErrRefused = errors.New("refused for good")

// Reason returns why a write failed as the name of a gRPC code, such as
// PermissionDenied.
func Reason(err error) string { return status.Code(err).String() }

// Writer writes entries to one log. Its methods may be called concurrently.
type Writer struct {
	open     func() (*logging.Client, error)
	logName  string
	resource *mrpb.MonitoredResource
	overhead int
	gather   gatherer

	mu           sync.Mutex // for client
	client       *logging.Client
	reconnecting sync.Mutex // not mu: other calls go on meanwhile
}

// Open returns a Writer for d. It does not wait for a connection.
func Open(ctx context.Context, d Destination) (*Writer, error) {
	w := &Writer{
		open:     func() (*logging.Client, error) { return openClient(ctx, d.Emulator) },
		logName:  d.LogName(),
		resource: d.Resource,
		overhead: d.Overhead(),
	}
	w.gather.send, w.gather.overdue = w.send, overdue
	var err error
	w.client, err = w.open()
	return w, err
}

func openClient(ctx context.Context, emulator string) (*logging.Client, error) {
	client, err := logging.NewClient(ctx, options(emulator)...)
	if err != nil {
		return nil, fmt.Errorf("cloud logging client: %w", err)
	}
	// The default retries any Unavailable, Internal or DeadlineExceeded for a
	// minute. Write retries itself, one webhook at a time.
	client.CallOptions.WriteLogEntries = nil
	return client, nil
}

func options(emulator string) []option.ClientOption {
	opts := []option.ClientOption{
		// Nobody collects what the client would tell of each call to
		// OpenTelemetry.
		option.WithTelemetryDisabled(),
		// After an outage the default waits up to two minutes before it
		// connects again.
		option.WithGRPCDialOption(grpc.WithConnectParams(grpc.ConnectParams{
			Backoff:           backoff.Config{BaseDelay: firstBackoff, Multiplier: 2, Jitter: 0.2, MaxDelay: maxBackoff},
			MinConnectTimeout: attemptTimeout,
		})),
		// The answers are empty. Without a fixed window the client would send a
		// ping with each to find out how fast they come.
		option.WithGRPCDialOption(grpc.WithStaticStreamWindowSize(64 << 10)),
		// An instance without CPU does not notice that its connection is gone.
		// The ping that goes with the first call after a pause does.
		option.WithGRPCDialOption(grpc.WithKeepaliveParams(keepalive.ClientParameters{
			Time: 30 * time.Second, Timeout: attemptTimeout / 2,
		})),
	}
	if emulator != "" {
		opts = append(opts,
			option.WithEndpoint(emulator),
			option.WithoutAuthentication(),
			option.WithGRPCDialOption(grpc.WithTransportCredentials(insecure.NewCredentials())))
	}
	return opts
}

// Close ends the connection. Writes in flight fail.
func (w *Writer) Close() error { return w.current().Close() }

func (w *Writer) current() *logging.Client {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.client
}

// reconnect replaces a client whose call ran into its deadline. A connection
// can hang and still answer pings, and on the same one every retry would hang
// too. Calls in flight on the old client end by their own deadline.
func (w *Writer) reconnect(stuck *logging.Client) {
	w.reconnecting.Lock()
	defer w.reconnecting.Unlock()
	if w.current() != stuck {
		return // another call was first
	}
	client, err := w.open()
	if err != nil {
		return // the old one may recover
	}
	w.mu.Lock()
	w.client = client
	w.mu.Unlock()
	time.AfterFunc(attemptTimeout, func() { stuck.Close() })
}

// Overhead returns that of the destination.
func (w *Writer) Overhead() int { return w.overhead }

// Check makes a dry run of a write, which writes nothing. It leaves behind what
// a first write would have to wait for, a connection and a token, and returns
// the error that the write would return. It sends an entry, because permissions
// might not be checked for a call without any.
func (w *Writer) Check(ctx context.Context) error {
	_, err := w.current().WriteLogEntries(ctx, &loggingpb.WriteLogEntriesRequest{
		LogName:  w.logName,
		Resource: w.resource,
		DryRun:   true,
		Entries:  []*loggingpb.LogEntry{{Payload: &loggingpb.LogEntry_TextPayload{TextPayload: "dry run"}}},
	})
	return err
}

// Write writes the entries of one webhook, each the wire form of a
// google.logging.v2.LogEntry, and returns nil once Cloud Logging has
// acknowledged all of them. They travel in one call unless they are too large
// for that. Write retries after transient failures until ctx ends.
//
// The error wraps [ErrRefused] if Cloud Logging will never accept the entries;
// otherwise it is the last failure, a gRPC status, also when it is ctx that
// ended. It quotes nothing of the entries.
func (w *Writer) Write(ctx context.Context, entries [][]byte) error {
	for call := range calls(entries) {
		if err := w.write(ctx, call); err != nil {
			return err
		}
	}
	return nil
}

// calls splits entries into what one call can carry.
func calls(entries [][]byte) iter.Seq[[][]byte] {
	return func(yield func([][]byte) bool) {
		for len(entries) > 0 {
			n, size := 1, len(entries[0])
			for n < len(entries) && size+len(entries[n]) <= maxCallBytes {
				size += len(entries[n])
				n++
			}
			if !yield(entries[:n]) {
				return
			}
			entries = entries[n:]
		}
	}
}

// write writes entries that fit into one call.
func (w *Writer) write(ctx context.Context, entries [][]byte) error {
	d := newDelivery(ctx, entries)
	var last error
	for wait := firstBackoff; ; wait = min(2*wait, maxBackoff) {
		err := w.gather.deliver(d)
		switch code := status.Code(err); {
		case err == nil:
			return nil
		case errors.Is(err, errShared):
			d.alone = true
			continue
		case last != nil && ctx.Err() != nil:
			return last
		case code == codes.InvalidArgument:
			return fmt.Errorf("%w: %w", ErrRefused, unquoted(err))
		case !transient(code):
			return unquoted(err)
		}
		last = unquoted(err)
		select {
		case <-time.After(wait/2 + rand.N(wait/2)):
		case <-ctx.Done():
			return last
		}
	}
}

// unquoted returns a status without its message, which may quote an entry, unless
// its code is about who calls and what is reached.
func unquoted(err error) error {
	switch code := status.Code(err); code {
	case codes.Unavailable, codes.DeadlineExceeded, codes.Canceled, codes.ResourceExhausted,
		codes.Unauthenticated, codes.PermissionDenied, codes.NotFound:
		return err
	default:
		return status.Error(code, "the message is left out: it may quote the webhook")
	}
}

// transient reports whether the same call may succeed a moment later.
func transient(c codes.Code) bool {
	switch c {
	case codes.Unavailable, codes.Internal, codes.DeadlineExceeded, codes.Aborted,
		codes.ResourceExhausted, codes.Unknown, codes.Canceled,
		// Also the code if no token could be had, for example from a slow
		// metadata server at a cold start.
		codes.Unauthenticated:
		return true
	}
	return false
}

// errShared is the outcome of a delivery that shared a call which was refused
// as a whole, so that nobody knows whose fault it was.
var errShared = status.Error(codes.Aborted, "refused together with others")

// send makes one call for several deliveries and returns the outcome of each.
func (w *Writer) send(deliveries []*delivery) []error {
	ctx, cancel := context.WithTimeout(context.Background(), attemptTimeout)
	defer cancel()
	client := w.current()
	_, err := client.WriteLogEntries(ctx, w.request(deliveries))
	if ctx.Err() != nil {
		w.reconnect(client)
	}
	return outcomes(err, deliveries)
}

// request returns the call for several deliveries. Their entries have been
// marshalled: they ride as bytes that the generated type does not look into,
// leave as they are, and are the fields of an entry to every reader.
func (w *Writer) request(deliveries []*delivery) *loggingpb.WriteLogEntriesRequest {
	r := &loggingpb.WriteLogEntriesRequest{LogName: w.logName, Resource: w.resource, PartialSuccess: true}
	for _, d := range deliveries {
		for _, fields := range d.entries {
			e := new(loggingpb.LogEntry)
			e.ProtoReflect().SetUnknown(fields)
			r.Entries = append(r.Entries, e)
		}
	}
	return r
}

// outcomes tells from the error of a call what it means for each delivery.
// With partial success the details name the entries at fault, by index, and
// the others are written.
func outcomes(err error, deliveries []*delivery) []error {
	each := make([]error, len(deliveries))
	if err == nil {
		return each
	}
	if failed := failedEntries(err); failed != nil {
		first := 0
		for i, d := range deliveries {
			for j := range d.entries {
				if s := failed[int32(first+j)]; s != nil {
					each[i] = status.ErrorProto(s)
				}
			}
			first += len(d.entries)
		}
		return each
	}
	if len(deliveries) > 1 && status.Code(err) == codes.InvalidArgument {
		err = errShared
	}
	for i := range each {
		each[i] = err
	}
	return each
}

// failedEntries returns the statuses of the entries that were not written, by
// their index in the call; nil if err does not name any, that is, if nothing
// was written.
func failedEntries(err error) map[int32]*spb.Status {
	for _, detail := range status.Convert(err).Details() {
		if partial, ok := detail.(*loggingpb.WriteLogEntriesPartialErrors); ok && len(partial.LogEntryErrors) > 0 {
			return partial.LogEntryErrors
		}
	}
	return nil
}
