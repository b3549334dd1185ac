package cloudlogtest

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"cloud.google.com/go/logging/apiv2/loggingpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// The page sizes of entries.list, by the comments of ListLogEntriesRequest.
const (
	defaultPage = 50
	maxPage     = 1000
)

var project = regexp.MustCompile(`^projects/[^/]+$`)

// Lists returns how many calls of ListLogEntries have come.
func (s *Server) Lists() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.lists
}

// ListLogEntries implements loggingpb.LoggingServiceV2Server for projects. A
// page has at most PageLimit entries if that is set: the real one, too, returns
// fewer than asked for when it likes. A page token continues behind the last
// entry, whatever was written in the meantime.
func (s *Server) ListLogEntries(ctx context.Context, r *loggingpb.ListLogEntriesRequest) (*loggingpb.ListLogEntriesResponse, error) {
	s.mu.Lock()
	s.lists++
	fault := s.faults.List
	s.mu.Unlock()
	if fault != nil {
		if err := fault(ctx, r); err != nil {
			return nil, err
		}
	}
	q, err := newQuery(r)
	if err != nil {
		return nil, status.Error(codes.InvalidArgument, err.Error())
	}
	limit := q.pageSize
	if s.PageLimit > 0 {
		limit = min(limit, s.PageLimit)
	}
	return q.page(s.Entries(), s.Now().Add(-retention), limit), nil
}

// query is a validated request.
type query struct {
	projects   []string
	filter     string
	matches    matcher
	descending bool
	pageSize   int
	after      *pageToken // nil for the first page
}

// pageToken is what a page token says: the query that it belongs to, and the
// last entry that was listed.
type pageToken struct {
	Projects   []string
	Filter     string
	Descending bool
	Time       time.Time
	InsertID   string
}

func newQuery(r *loggingpb.ListLogEntriesRequest) (*query, error) {
	q := &query{projects: r.GetResourceNames(), filter: r.GetFilter(), pageSize: cmp.Or(int(r.GetPageSize()), defaultPage)}
	if len(q.projects) == 0 || slices.ContainsFunc(q.projects, func(name string) bool { return !project.MatchString(name) }) {
		return nil, fmt.Errorf("resource_names are %q: the stand-in lists projects only", q.projects)
	}
	if q.pageSize < 0 || q.pageSize > maxPage {
		return nil, fmt.Errorf("page_size is %d: it must be from 0 to %d", q.pageSize, maxPage)
	}
	switch order := r.GetOrderBy(); order {
	case "", "timestamp asc":
	case "timestamp desc":
		q.descending = true
	default:
		return nil, fmt.Errorf("order_by is %q", order)
	}
	var err error
	if q.matches, err = parseFilter(q.filter); err != nil {
		return nil, err
	}
	if token := r.GetPageToken(); token != "" {
		if q.after, err = q.parseToken(token); err != nil {
			return nil, err
		}
	}
	return q, nil
}

func (q *query) parseToken(token string) (*pageToken, error) {
	text, err := base64.URLEncoding.DecodeString(token)
	t := new(pageToken)
	if err != nil || json.Unmarshal(text, t) != nil {
		return nil, fmt.Errorf("page_token is not valid")
	}
	if t.Filter != q.filter || t.Descending != q.descending || !slices.Equal(t.Projects, q.projects) {
		return nil, fmt.Errorf("page_token belongs to another call")
	}
	return t, nil
}

// page returns the next page of at most limit of the entries, without those
// that are older than the bucket keeps them.
func (q *query) page(entries []*loggingpb.LogEntry, oldest time.Time, limit int) *loggingpb.ListLogEntriesResponse {
	entries = fold(slices.DeleteFunc(entries, func(e *loggingpb.LogEntry) bool {
		return e.GetTimestamp().AsTime().Before(oldest) || !q.covers(e) || !q.matches(e)
	}))
	slices.SortStableFunc(entries, q.compare)
	if q.after != nil {
		first := slices.IndexFunc(entries, func(e *loggingpb.LogEntry) bool {
			return q.order(e, q.after.Time, q.after.InsertID) > 0
		})
		if first < 0 {
			first = len(entries)
		}
		entries = entries[first:]
	}
	if len(entries) <= limit {
		return &loggingpb.ListLogEntriesResponse{Entries: entries}
	}
	last := entries[limit-1]
	return &loggingpb.ListLogEntriesResponse{Entries: entries[:limit], NextPageToken: q.token(last)}
}

// covers reports whether e belongs to one of the projects.
func (q *query) covers(e *loggingpb.LogEntry) bool {
	return slices.ContainsFunc(q.projects, func(name string) bool { return strings.HasPrefix(e.GetLogName(), name+"/") })
}

func (q *query) compare(a, b *loggingpb.LogEntry) int {
	return q.order(a, b.GetTimestamp().AsTime(), b.GetInsertId())
}

// order compares e with the entry of a time and insertId in the order of the
// query. Entries with equal timestamps are in order of their insertIds.
func (q *query) order(e *loggingpb.LogEntry, at time.Time, insertID string) int {
	byTime := e.GetTimestamp().AsTime().Compare(at)
	if q.descending {
		byTime = -byTime
	}
	return cmp.Or(byTime, strings.Compare(e.GetInsertId(), insertID))
}

func (q *query) token(last *loggingpb.LogEntry) string {
	text, err := json.Marshal(pageToken{q.projects, q.filter, q.descending, last.GetTimestamp().AsTime(), last.GetInsertId()})
	if err != nil {
		panic(err) // a pageToken always marshals
	}
	return base64.URLEncoding.EncodeToString(text)
}
