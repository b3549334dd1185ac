package main

import (
	"context"
	"fmt"
	"iter"
	"net/url"
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
	"google.golang.org/grpc/status"
)

const (
	// maxFilter is the maximum number of characters of a filter, and pageSize
	// that of entries per call (https://docs.cloud.google.com/logging/quotas and
	// the comments of ListLogEntriesRequest).
	maxFilter = 20_000
	pageSize  = 1000
	// listTimeout bounds one call with its retries. A quota that somebody else
	// has used up is free again after a minute.
	listTimeout = 5 * time.Minute
)

// quota paces calls to at most 10 at once and 50 per minute, so that no minute
// has more than the 60 that a project may make.
func quota() *rate.Limiter { return rate.NewLimiter(rate.Every(time.Minute/50), 10) }

// reader lists entries of a project.
type reader struct {
	client  *logging.Client
	project string
}

// openReader returns a reader whose retries are reported to say. It does not
// wait for a connection.
func openReader(ctx context.Context, s settings, say func(format string, args ...any)) (*reader, error) {
	opts := []option.ClientOption{
		option.WithTelemetryDisabled(),
		option.WithGRPCDialOption(grpc.WithChainUnaryInterceptor(paced(s.pace))),
	}
	if addr := s.destination.Emulator; addr != "" {
		opts = append(opts, option.WithEndpoint(addr), option.WithoutAuthentication(),
			option.WithGRPCDialOption(grpc.WithTransportCredentials(insecure.NewCredentials())))
	}
	client, err := logging.NewClient(ctx, opts...)
	if err != nil {
		return nil, fmt.Errorf("cloud logging client: %w", err)
	}
	client.CallOptions.ListLogEntries = []gax.CallOption{
		gax.WithTimeout(listTimeout),
		gax.WithRetry(func() gax.Retryer {
			return reported{say: say, Retryer: gax.OnCodes(
				[]codes.Code{codes.Unavailable, codes.Internal, codes.DeadlineExceeded, codes.ResourceExhausted},
				gax.Backoff{Initial: time.Second, Max: 30 * time.Second, Multiplier: 2})}
		}),
	}
	return &reader{client: client, project: s.destination.Project}, nil
}

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
		r.say("%s: %s; trying again in %s", codeOf(err), status.Convert(err).Message(), pause.Round(time.Second/10))
	}
	return pause, retry
}

// list returns the entries that match the filter, oldest first.
func (r *reader) list(ctx context.Context, filter string) iter.Seq2[*loggingpb.LogEntry, error] {
	return r.client.ListLogEntries(ctx, &loggingpb.ListLogEntriesRequest{
		ResourceNames: []string{"projects/" + r.project}, Filter: filter, OrderBy: "timestamp asc", PageSize: pageSize,
	}).All()
}

// copiesFilter matches what the function prints to stdout since a time because
// it could not be written.
func copiesFilter(s settings) string {
	filter := fmt.Sprintf(`logName="projects/%s/logs/%s" AND jsonPayload.not_written:* AND timestamp>="%s"`,
		s.destination.Project, url.PathEscape("run.googleapis.com/stdout"), s.now().Add(-time.Duration(s.since)).Format(time.RFC3339))
	if s.service != "" {
		filter += fmt.Sprintf(` AND resource.labels.service_name="%s"`, s.service)
	}
	return filter
}

// look looks for the entries in the log, and marks those that are listed. They
// must be in order of their times.
func (r *reader) look(ctx context.Context, logName string, wanted []*wantedEntry) error {
	for batch, filter := range batches(logName, wanted) {
		byID := map[string][]*wantedEntry{}
		for _, w := range batch {
			byID[w.insertID] = append(byID[w.insertID], w)
		}
		for e, err := range r.list(ctx, filter) {
			if err != nil {
				return err
			}
			for _, w := range byID[e.GetInsertId()] {
				w.listed = w.listed || w.isIn(e)
			}
		}
	}
	return nil
}

// batches splits wanted entries into what one filter can name.
func batches(logName string, wanted []*wantedEntry) iter.Seq2[[]*wantedEntry, string] {
	return func(yield func([]*wantedEntry, string) bool) {
		for len(wanted) > 0 {
			n, size := 1, len(entriesFilter(logName, wanted[:1]))
			for n < len(wanted) && size+len(or)+len(strconv.Quote(wanted[n].insertID)) <= maxFilter {
				size += len(or) + len(strconv.Quote(wanted[n].insertID))
				n++
			}
			if !yield(wanted[:n], entriesFilter(logName, wanted[:n])) {
				return
			}
			wanted = wanted[n:]
		}
	}
}

const or = " OR "

// entriesFilter matches the wanted entries, and few others.
func entriesFilter(logName string, wanted []*wantedEntry) string {
	ids := make([]string, len(wanted))
	for i, w := range wanted {
		ids[i] = strconv.Quote(w.insertID)
	}
	// Whole seconds have the same length in every filter.
	from, to := wanted[0].time.Add(-repeatWindow), wanted[len(wanted)-1].time.Add(repeatWindow+time.Second)
	return fmt.Sprintf(`logName="%s" AND timestamp>="%s" AND timestamp<="%s" AND insertId=(%s)`, logName,
		from.UTC().Format(time.RFC3339), to.UTC().Format(time.RFC3339), strings.Join(ids, or))
}
