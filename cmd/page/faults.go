package page

import (
	"context"
	"slices"
	"sync"
	"time"

	"cloud.google.com/go/logging/apiv2/loggingpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"example.com/livechat-webhook/internal/cloudlogtest"
)

// Fault is a way in which Cloud Logging can be made to fail.
type Fault struct{ Name, Title, Effect string }

// Faults are all ways, the first of which is none.
var Faults = []Fault{
	{"", "works", "Cloud Logging works."},
	{"down", "is down", "The function retries for 8 seconds, then answers 503, and a copy is on stdout."},
	{"slow", "is slow", "An answer takes 10 seconds. LiveChat waits no longer than that, so the function answers 503 after 8, and a copy is on stdout."},
	{"quota", "has no quota left", "The function retries for 8 seconds, then answers 503, and a copy is on stdout."},
	{"denied", "denies permission", "The service account may not write logs. The function answers 503, and a copy is on stdout."},
	{"refused", "refuses the entry", "It does so for good, with every entry. The function answers 200, because a repeat would not help, and a copy is on stdout."},
}

// slow is how long Cloud Logging takes when it is slow.
const slow = 10 * time.Second

// faults is the fault that is on.
type faults struct {
	set func(cloudlogtest.Faults) // nil if Cloud Logging is the real one

	mu sync.Mutex
	on string
}

// name returns the fault that is on, or nothing.
func (f *faults) name() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.on
}

// current returns the fault that is on.
func (f *faults) current() Fault {
	on := f.name()
	return Faults[slices.IndexFunc(Faults, func(f Fault) bool { return f.Name == on })]
}

// turn makes Cloud Logging fail in that way from now on. It reports whether
// there is such a fault.
func (f *faults) turn(name string) bool {
	if f.set == nil || !slices.ContainsFunc(Faults, func(f Fault) bool { return f.Name == name }) {
		return false
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.on = name
	f.set(fault(name))
	return true
}

// fault returns what the stand-in for Cloud Logging does for a fault.
func fault(name string) cloudlogtest.Faults {
	fails := func(code codes.Code, text string) cloudlogtest.Faults {
		return cloudlogtest.Faults{Before: func(context.Context, *loggingpb.WriteLogEntriesRequest) error {
			return status.Error(code, text)
		}}
	}
	switch name {
	case "down":
		return fails(codes.Unavailable, "The service is currently unavailable.")
	case "quota":
		return fails(codes.ResourceExhausted, "Quota exceeded for quota metric 'Write requests'")
	case "denied":
		return fails(codes.PermissionDenied, "Permission 'logging.logEntries.create' denied on resource")
	case "slow":
		return cloudlogtest.Faults{Before: func(ctx context.Context, _ *loggingpb.WriteLogEntriesRequest) error {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(slow):
				return nil
			}
		}}
	case "refused":
		return cloudlogtest.Faults{Refuse: func(*loggingpb.LogEntry) error {
			return status.Error(codes.InvalidArgument, "The entry is refused")
		}}
	}
	return cloudlogtest.Faults{}
}
