// Package loglist reads the logs of a Google Cloud project, for commands that a
// person runs: [Reader.List] lists entries within the quota and retries what is
// transient, [Reader.Tail] streams them, [Explain] says which role is missing.
//
// Nothing of it is deployed.
package loglist

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"net"
	"regexp"
	"strconv"
	"strings"
	"time"

	logging "cloud.google.com/go/logging/apiv2"
	"cloud.google.com/go/logging/apiv2/loggingpb"
	"github.com/googleapis/gax-go/v2"
	"golang.org/x/time/rate"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"
)

const (
	// MaxFilter is the maximum number of characters of a filter, and PageSize
	// that of entries per call (https://docs.cloud.google.com/logging/quotas and
	// the comments of ListLogEntriesRequest).
	MaxFilter = 20_000
	PageSize  = 1000
	// listTimeout bounds one call with its retries. A quota that somebody else
	// has used up is free again after a minute.
	listTimeout = 5 * time.Minute
	// buffer is how long Cloud Logging holds back entries of a tail to put them in
	// order. Meanwhile they are not stored in their bucket either.
	buffer = 0 * time.Second
	// quiet is how long a connection may be silent until it is tested, so that a
	// tail ends when its connection is dead. Servers may refuse tests that are
	// less than 5 minutes apart.
	quiet = 6 * time.Minute
)

// Quota paces calls to at most 10 at once and 50 per minute, so that no minute
// has more than the 60 that a project may make.
func Quota() *rate.Limiter { return rate.NewLimiter(rate.Every(time.Minute/50), 10) }

// Options say what a Reader reads, and how.
type Options struct {
	Project string
	// Emulator is the host:port of a stand-in for Cloud Logging, or empty.
	Emulator string
	// Pace limits the calls that list entries.
	Pace *rate.Limiter
	// Say is called with each retry of a list.
	Say func(format string, args ...any)
	// Dial replaces the way to connect, unless it is nil.
	Dial func(ctx context.Context, addr string) (net.Conn, error)
}

// Reader reads the logs of a project.
type Reader struct {
	client  *logging.Client
	project string
}

// Open returns a Reader. It does not wait for a connection.
func Open(ctx context.Context, o Options) (*Reader, error) {
	opts := []option.ClientOption{
		option.WithTelemetryDisabled(),
		option.WithGRPCDialOption(grpc.WithChainUnaryInterceptor(paced(o.Pace))),
		option.WithGRPCDialOption(grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: quiet})),
	}
	if o.Emulator != "" {
		opts = append(opts, option.WithEndpoint(o.Emulator), option.WithoutAuthentication(),
			option.WithGRPCDialOption(grpc.WithTransportCredentials(insecure.NewCredentials())))
	}
	if o.Dial != nil {
		opts = append(opts, option.WithGRPCDialOption(grpc.WithContextDialer(o.Dial)))
	}
	client, err := logging.NewClient(ctx, opts...)
	if err != nil {
		return nil, fmt.Errorf("cloud logging client: %w", err)
	}
	client.CallOptions.ListLogEntries = []gax.CallOption{
		gax.WithTimeout(listTimeout),
		gax.WithRetry(func() gax.Retryer {
			return reported{say: o.Say, Retryer: gax.OnCodes(
				[]codes.Code{codes.Unavailable, codes.Internal, codes.DeadlineExceeded, codes.ResourceExhausted},
				gax.Backoff{Initial: time.Second, Max: 30 * time.Second, Multiplier: 2})}
		}),
	}
	// By default, a stream that cannot be opened is tried again without an end,
	// and without a word.
	client.CallOptions.TailLogEntries = nil
	return &Reader{client: client, project: o.Project}, nil
}

// Close ends all calls.
func (r *Reader) Close() error { return r.client.Close() }

// paced has each attempt at a call wait for l.
func paced(l *rate.Limiter) grpc.UnaryClientInterceptor {
	return func(ctx context.Context, method string, req, reply any, conn *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
		if err := l.Wait(ctx); err != nil {
			return err
		}
		return invoke(ctx, method, req, reply, conn, opts...)
	}
}

// reported is a Retryer that reports what it retries.
type reported struct {
	gax.Retryer
	say func(format string, args ...any)
}

func (r reported) Retry(err error) (time.Duration, bool) {
	pause, retry := r.Retryer.Retry(err)
	if retry {
		r.say("%s: %s; trying again in %s", CodeOf(err), status.Convert(err).Message(), pause.Round(time.Second/10))
	}
	return pause, retry
}

// List returns the entries that match the filter, oldest first.
func (r *Reader) List(ctx context.Context, filter string) iter.Seq2[*loggingpb.LogEntry, error] {
	return r.client.ListLogEntries(ctx, &loggingpb.ListLogEntriesRequest{
		ResourceNames: r.resources(), Filter: filter, OrderBy: "timestamp asc", PageSize: PageSize,
	}).All()
}

// Tail opens a stream of the entries that match the filter from now on, in
// order of time only within one response. It does not wait for an answer:
// errors, that of the call included, come from the stream. The stream ends with
// ctx. A project has at most 10 of them, and each ends after about an hour.
func (r *Reader) Tail(ctx context.Context, filter string) (loggingpb.LoggingServiceV2_TailLogEntriesClient, error) {
	stream, err := r.client.TailLogEntries(ctx)
	if err != nil {
		return nil, err
	}
	err = stream.Send(&loggingpb.TailLogEntriesRequest{
		ResourceNames: r.resources(), Filter: filter, BufferWindow: durationpb.New(buffer),
	})
	if errors.Is(err, io.EOF) {
		err = nil // Recv returns why
	}
	return stream, err
}

func (r *Reader) resources() []string { return []string{"projects/" + r.project} }

// CanRead are the roles that it takes to read entries.
const CanRead = "roles/logging.viewer, and roles/logging.viewAccessor if the webhooks are kept in their own bucket"

// Explain says what failed, and which roles it takes.
func Explain(what string, err error, roles string) error {
	switch code := CodeOf(err); code {
	case codes.PermissionDenied:
		return fmt.Errorf("%s: PermissionDenied: your account needs %s", what, roles)
	case codes.Unauthenticated:
		return fmt.Errorf("%s: Unauthenticated: log in with gcloud auth application-default login", what)
	case codes.Canceled:
		return fmt.Errorf("%s: interrupted", what)
	}
	return fmt.Errorf("%s: %w", what, err)
}

// CodeOf returns the gRPC code of an error, that of a context included.
func CodeOf(err error) codes.Code {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return status.FromContextError(err).Code()
	}
	return status.Code(err)
}

var (
	projectID = regexp.MustCompile(`^([a-z0-9.-]+:)?[a-z0-9-]+$`)
	logID     = regexp.MustCompile(`^[A-Za-z0-9/_.-]+$`)
)

// CheckNames returns what is wrong with the values of -project and -log. What it
// accepts needs no quoting in a filter.
func CheckNames(project, log string) []error {
	var faults []error
	if project == "" {
		faults = append(faults, errors.New("-project is missing: set it to the id of the project that the function writes to"))
	} else if !projectID.MatchString(project) {
		faults = append(faults, fmt.Errorf("-project is %q: it must be a project id", project))
	}
	if !logID.MatchString(log) {
		faults = append(faults, fmt.Errorf("-log is %q: it must be letters, digits and / _ - . only", log))
	}
	return faults
}

// Period is a duration that may also be a number of days, such as 30d. It is
// the value of a flag.
type Period time.Duration

func (p *Period) String() string {
	d := time.Duration(*p)
	switch {
	case d == 0:
		return "0s"
	case d%(24*time.Hour) == 0:
		return fmt.Sprintf("%dd", d/(24*time.Hour))
	case d%time.Hour == 0:
		return fmt.Sprintf("%dh", d/time.Hour)
	case d%time.Minute == 0:
		return strings.TrimSuffix(d.String(), "0s")
	}
	return d.String()
}

// Set sets p to the period that text says, which must be above 0.
func (p *Period) Set(text string) error {
	d, err := time.ParseDuration(text)
	if days, found := strings.CutSuffix(text, "d"); found {
		var n uint64
		n, err = strconv.ParseUint(days, 10, 12)
		d = time.Duration(n) * 24 * time.Hour
	}
	if err != nil || d <= 0 {
		return errors.New("it must be a period such as 12h or 30d")
	}
	*p = Period(d)
	return nil
}
