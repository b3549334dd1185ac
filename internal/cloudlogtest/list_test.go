package cloudlogtest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	logging "cloud.google.com/go/logging/apiv2"
	"cloud.google.com/go/logging/apiv2/loggingpb"
	"google.golang.org/api/iterator"
	"google.golang.org/api/option"
	mrpb "google.golang.org/genproto/googleapis/api/monitoredres"
	ltype "google.golang.org/genproto/googleapis/logging/type"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	_ "example.com/livechat-webhook/internal/golden"
)

var noon = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

// open returns a server whose clock says noon, and the real client.
func open(t *testing.T) (*Server, *logging.Client) {
	t.Helper()
	s, err := Start("127.0.0.1:0", nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	s.Now = func() time.Time { return noon }
	client, err := logging.NewClient(t.Context(), option.WithEndpoint(s.Addr()), option.WithoutAuthentication(),
		option.WithGRPCDialOption(grpc.WithTransportCredentials(insecure.NewCredentials())))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	return s, client
}

// write writes an entry that happened so long before noon.
func write(t *testing.T, c *logging.Client, insertID string, ago time.Duration, change ...func(*loggingpb.LogEntry)) {
	t.Helper()
	payload, err := structpb.NewStruct(map[string]any{
		"message": "Hello, World", "chat_seconds": 91, "webhook": map[string]any{"list": []any{map[string]any{"text": "one"}, map[string]any{"text": "two"}}, "none": nil},
	})
	if err != nil {
		t.Fatal(err)
	}
	e := &loggingpb.LogEntry{
		LogName: "projects/p/logs/webhooks", InsertId: insertID, Timestamp: timestamppb.New(noon.Add(-ago)), Severity: ltype.LogSeverity_NOTICE,
		Resource: &mrpb.MonitoredResource{Type: "global", Labels: map[string]string{"project_id": "p"}},
		Labels:   map[string]string{"event": "chat_ended"},
		Payload:  &loggingpb.LogEntry_JsonPayload{JsonPayload: payload},
	}
	for _, change := range change {
		change(e)
	}
	if _, err := c.WriteLogEntries(t.Context(), &loggingpb.WriteLogEntriesRequest{Entries: []*loggingpb.LogEntry{e}}); err != nil {
		t.Fatal(err)
	}
}

// list returns the insertIds that a query lists.
func list(t *testing.T, c *logging.Client, r *loggingpb.ListLogEntriesRequest) []string {
	t.Helper()
	r.ResourceNames = []string{"projects/p"}
	var ids []string
	for e, err := range c.ListLogEntries(t.Context(), r).All() {
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, e.GetInsertId())
	}
	return ids
}

func TestFilter(t *testing.T) {
	_, client := open(t)
	write(t, client, "a", time.Hour)
	tests := map[string]bool{
		``:                                         true,
		`logName="projects/p/logs/webhooks"`:       true,
		`logName="projects/p/logs/others"`:         false,
		`logName:webhooks`:                         true,
		`insertId="a"`:                             true,
		`insertId=("x" OR "a" OR "b")`:             true,
		`insertId=("x" OR "b")`:                    false,
		`insertId="A"`:                             true,
		`labels.event="chat_ended"`:                true,
		`labels.event:*`:                           true,
		`labels.other:*`:                           false,
		`NOT labels.other:*`:                       true,
		`resource.type=global`:                     true,
		`resource.labels.project_id="q"`:           false,
		`severity=NOTICE`:                          true,
		`severity>=WARNING`:                        false,
		`severity<WARNING`:                         true,
		`timestamp>="2026-11-24T11:00:00Z"`:        true,
		`timestamp>"2026-11-24T11:00:00Z"`:         false,
		`timestamp<="2026-11-24T12:00:00.5+01:00"`: true,
		`jsonPayload.message:"hello"`:              true,
		`jsonPayload.message="hello"`:              false,
		`jsonPayload.message="hello, world"`:       true,
		`jsonPayload.chat_seconds>90`:              true,
		`jsonPayload.chat_seconds>=91.5`:           false,
		`jsonPayload.chat_seconds=91`:              true,
		`jsonPayload.chat_seconds=many`:            false,
		`jsonPayload.webhook.list.text="two"`:      true,
		`jsonPayload.webhook.list:*`:               true,
		`jsonPayload.webhook.none:*`:               true,
		`jsonPayload.webhook.more:*`:               false,
		`split.index>0`:                            false,
		`NOT split.index>0 AND trace:*`:            false,
		// NOT, then OR, then AND, which may be left out.
		`insertId=x OR insertId=a severity=NOTICE`:           true,
		`insertId=a OR insertId=x AND severity=ERROR`:        false,
		`insertId=a OR (insertId=x AND severity=ERROR)`:      true,
		`NOT insertId=a OR severity=NOTICE`:                  true,
		`NOT (insertId=a OR severity=ERROR)`:                 false,
		"insertId=a\n  AND severity=NOTICE\n":                true,
		`labels.event="a \"quoted\" one" OR labels.event:ED`: true,
	}
	for filter, want := range tests {
		if got := len(list(t, client, &loggingpb.ListLogEntriesRequest{Filter: filter})) == 1; got != want {
			t.Errorf("%s matches: %t, want %t", filter, got, want)
		}
	}
}

func TestUnknownIsRefused(t *testing.T) {
	_, client := open(t)
	for name, r := range map[string]*loggingpb.ListLogEntriesRequest{
		"global search":      {Filter: `refund`},
		"regular expression": {Filter: `jsonPayload.message=~"a.*"`},
		"not equal":          {Filter: `severity!=ERROR`},
		"minus":              {Filter: `-severity=ERROR`},
		"function":           {Filter: `sample(insertId, 0.1)`},
		"unknown field":      {Filter: `httpRequest.status=200`},
		"misspelt field":     {Filter: `insertid="a"`},
		"all of the payload": {Filter: `jsonPayload:"a"`},
		"values with AND":    {Filter: `insertId=("a" AND "b")`},
		"open parenthesis":   {Filter: `(insertId="a"`},
		"open values":        {Filter: `insertId=("a"`},
		"too many closed":    {Filter: `insertId="a")`},
		"open quote":         {Filter: `insertId="a`},
		"no value":           {Filter: `insertId=`},
		"AND at the end":     {Filter: `insertId=a AND`},
		"wrong time":         {Filter: `timestamp>="yesterday"`},
		"part of a time":     {Filter: `timestamp:"2026"`},
		"wrong severity":     {Filter: `severity>=BAD`},
		"too long":           {Filter: `insertId="` + strings.Repeat("a", maxFilter-10) + `"`},
		"too large a page":   {PageSize: 1001},
		"negative page":      {PageSize: -1},
		"unknown order":      {OrderBy: "severity"},
		"made-up token":      {PageToken: "next"},
		"no resource":        {ResourceNames: []string{}},
		"view":               {ResourceNames: []string{"projects/p/locations/l/buckets/b/views/v"}},
	} {
		if r.ResourceNames == nil {
			r.ResourceNames = []string{"projects/p"}
		}
		if _, err := client.ListLogEntries(t.Context(), r).Next(); status.Code(err) != codes.InvalidArgument {
			t.Errorf("%s: %v", name, err)
		}
	}
	longest := `insertId="` + strings.Repeat("a", maxFilter-11) + `"`
	list(t, client, &loggingpb.ListLogEntriesRequest{Filter: longest, PageSize: 1000})
}

func TestListedInOrderAndEachOnce(t *testing.T) {
	s, client := open(t)
	write(t, client, "b", 2*time.Hour)
	write(t, client, "c", time.Hour)
	write(t, client, "a", 2*time.Hour)
	write(t, client, "b", 2*time.Hour)                                                                                    // a repeat
	write(t, client, "b", 3*time.Hour)                                                                                    // another time
	write(t, client, "d", 4*time.Hour, func(e *loggingpb.LogEntry) { e.LogName = "projects/q/logs/webhooks" })            // of another project
	write(t, client, "e", time.Hour, func(e *loggingpb.LogEntry) { e.Timestamp = timestamppb.New(noon.Add(-retention)) }) // as old as can be
	const inOrder, newestFirst = "[e b a b c]", "[c a b b e]"
	for _, limit := range []int{0, 1, 2, 3} {
		s.PageLimit = limit
		if got := fmt.Sprint(list(t, client, &loggingpb.ListLogEntriesRequest{OrderBy: "timestamp asc"})); got != inOrder {
			t.Errorf("pages of %d: %s", limit, got)
		}
		if got := fmt.Sprint(list(t, client, &loggingpb.ListLogEntriesRequest{OrderBy: "timestamp desc"})); got != newestFirst {
			t.Errorf("pages of %d, newest first: %s", limit, got)
		}
	}
	s.Now = func() time.Time { return noon.Add(time.Second) }
	if got := list(t, client, &loggingpb.ListLogEntriesRequest{}); slices.Contains(got, "e") {
		t.Errorf("an entry is listed that is older than the log is kept: %s", got)
	}
}

// TestFoldedWithinOneQueryOnly is about a copy on stdout and its entry, which
// have the same insertId and timestamp.
func TestFoldedWithinOneQueryOnly(t *testing.T) {
	_, client := open(t)
	write(t, client, "a", time.Hour, func(e *loggingpb.LogEntry) { e.LogName = "projects/p/logs/stdout" })
	write(t, client, "a", time.Hour)
	for filter, want := range map[string]int{"": 1, `logName:stdout`: 1, `logName:webhooks`: 1} {
		if got := len(list(t, client, &loggingpb.ListLogEntriesRequest{Filter: filter})); got != want {
			t.Errorf("%q lists %d, want %d", filter, got, want)
		}
	}
}

func TestPagesGoOnBehindTheLastEntry(t *testing.T) {
	s, client := open(t)
	for i := range 120 {
		write(t, client, fmt.Sprintf("%03d", i), time.Hour)
	}
	it := client.ListLogEntries(t.Context(), &loggingpb.ListLogEntriesRequest{ResourceNames: []string{"projects/p"}})
	n := 0
	for {
		_, err := it.Next()
		if errors.Is(err, iterator.Done) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if n++; n == 10 {
			write(t, client, "000-", time.Hour) // behind the page, before its end
		}
	}
	if n != 120 || s.Lists() != 3 {
		t.Errorf("%d entries on %d pages, want 120 on 3: the default is %d per page", n, s.Lists(), defaultPage)
	}
	first := client.ListLogEntries(t.Context(), &loggingpb.ListLogEntriesRequest{ResourceNames: []string{"projects/p"}, PageSize: 1})
	if _, err := first.Next(); err != nil {
		t.Fatal(err)
	}
	token := first.PageInfo().Token
	other := client.ListLogEntries(t.Context(), &loggingpb.ListLogEntriesRequest{ResourceNames: []string{"projects/p"}, PageToken: token, Filter: "severity=NOTICE"})
	if _, err := other.Next(); status.Code(err) != codes.InvalidArgument {
		t.Errorf("a token of another call: %v", err)
	}
}

func TestListFails(t *testing.T) {
	s, client := open(t)
	s.SetFaults(Faults{List: func(context.Context, *loggingpb.ListLogEntriesRequest) error {
		return status.Error(codes.PermissionDenied, "as told")
	}})
	it := client.ListLogEntries(t.Context(), &loggingpb.ListLogEntriesRequest{ResourceNames: []string{"projects/p"}})
	if _, err := it.Next(); status.Code(err) != codes.PermissionDenied {
		t.Error(err)
	}
}

// TestPrinted is about a line in the form that
// https://docs.cloud.google.com/run/docs/logging shows.
func TestPrinted(t *testing.T) {
	s, client := open(t)
	resource := &mrpb.MonitoredResource{Type: "cloud_run_revision", Labels: map[string]string{"project_id": "p", "service_name": "s"}}
	err := s.Print(resource, []byte("\n"+`{"severity":"ERROR","time":"2026-11-24T10:00:00.000000001Z","message":"m","n":12345678901234567890,"split":{"uid":"u"},`+
		`"logging.googleapis.com/insertId":"i","logging.googleapis.com/labels":{"event":"e"},"logging.googleapis.com/trace":"projects/p/traces/t",`+
		`"logging.googleapis.com/spanId":"s","logging.googleapis.com/trace_sampled":true}`+"\n\n"))
	if err != nil {
		t.Fatal(err)
	}
	it := client.ListLogEntries(t.Context(), &loggingpb.ListLogEntriesRequest{ResourceNames: []string{"projects/p"},
		Filter: `logName="projects/p/logs/run.googleapis.com%2Fstdout" AND resource.labels.service_name="s" AND receiveTimestamp>="2026-11-24T12:00:00Z"`})
	e, err := it.Next()
	if err != nil {
		t.Fatal(err)
	}
	if got, want := fmt.Sprintln(e.GetSeverity(), e.GetTimestamp().AsTime(), e.GetInsertId(), e.GetLabels(), e.GetTrace(), e.GetSpanId(), e.GetTraceSampled()),
		"ERROR 2026-11-24 10:00:00.000000001 +0000 UTC i map[event:e instanceId:0069c7a988d7a3b1] projects/p/traces/t s true\n"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if got, want := fmt.Sprint(e.GetJsonPayload().AsMap()), "map[message:m n:1.2345678901234567e+19 split:map[uid:u]]"; got != want {
		t.Errorf("payload %s, want %s", got, want)
	}
	for _, line := range []string{`text`, `[]`, `{"severity":"BAD"}`, `{"n":1e999}`, `{"severity":"INFO","message":"` + strings.Repeat("x", maxEntry) + `"}`} {
		if err := s.Print(resource, []byte(line+"\n")); err == nil {
			t.Errorf("%.40s is stored", line)
		}
	}
}
