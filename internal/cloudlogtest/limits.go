package cloudlogtest

import (
	"regexp"
	"time"

	"cloud.google.com/go/logging/apiv2/loggingpb"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/encoding"
	_ "google.golang.org/grpc/encoding/proto" // the codec that shallow replaces
	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
)

// The limits of https://docs.cloud.google.com/logging/quotas, and what the
// comments of LogEntry's fields say.
const (
	maxRequest    = 10 << 20
	maxEntry      = 256 << 10
	maxLabels     = 64
	maxLabelName  = 512
	maxLabelValue = 64 << 10
	maxAhead      = 24 * time.Hour
	retention     = 30 * 24 * time.Hour
	// maxNesting is how deep protobuf's parsers in C++ and Java follow
	// messages within messages by default, 100, and one for the request
	// itself, which Go's parser counts
	// (https://protobuf.dev/programming-guides/proto-limits/).
	maxNesting = 100 + 1
)

var logName = regexp.MustCompile(`^(projects|folders|organizations|billingAccounts)/[^/]+/logs/[A-Za-z0-9_.%-]{1,511}$`)

// limits returns why Cloud Logging would refuse e at a time, or nil.
func limits(e *loggingpb.LogEntry, now time.Time) error {
	refuse := func(format string, args ...any) error {
		return status.Errorf(codes.InvalidArgument, format, args...)
	}
	switch {
	case !logName.MatchString(e.GetLogName()):
		return refuse("Log name %q is not valid", e.GetLogName())
	case e.GetResource().GetType() == "":
		return refuse("Log entry without a monitored resource")
	case proto.Size(e) > maxEntry:
		return refuse("Log entry with size %.1fK exceeds maximum size of %.1fK", float64(proto.Size(e))/1024, maxEntry/1024.0)
	case len(e.GetLabels()) > maxLabels:
		return refuse("Log entry has %d labels", len(e.GetLabels()))
	case e.GetTimestamp().AsTime().Sub(now) > maxAhead:
		return refuse("Log entry is more than 24 h in the future")
	case e.GetPayload() == nil:
		return refuse("Log entry without a payload")
	}
	for name, value := range e.GetLabels() {
		if len(name) > maxLabelName || len(value) > maxLabelValue {
			return refuse("Label %.20q is too long", name)
		}
	}
	return nil
}

// shallow is the protobuf codec of a server that does not follow messages
// deeper than maxNesting.
type shallow struct{}

func (shallow) Marshal(v any) (mem.BufferSlice, error) {
	return encoding.GetCodecV2("proto").Marshal(v)
}

func (shallow) Unmarshal(data mem.BufferSlice, v any) error {
	return proto.UnmarshalOptions{RecursionLimit: maxNesting}.Unmarshal(data.Materialize(), v.(proto.Message))
}

func (shallow) Name() string { return "proto" }
