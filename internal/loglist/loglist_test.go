package loglist

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"

	_ "example.com/livechat-webhook/internal/golden"
)

// The rest is tested in cmd/restore and cmd/follow, with the real client against
// a stand-in for Cloud Logging.

func TestListCallsStayWithinTheQuota(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var calls []time.Time
		pace := paced(Quota())
		for range 300 {
			err := pace(t.Context(), "", nil, nil, nil, func(context.Context, string, any, any, *grpc.ClientConn, ...grpc.CallOption) error {
				calls = append(calls, time.Now())
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		for i := range calls[60:] {
			if d := calls[i+60].Sub(calls[i]); d < time.Minute {
				t.Fatalf("61 calls within %s", d)
			}
		}
		if d := calls[299].Sub(calls[0]); d > 6*time.Minute {
			t.Errorf("300 calls take %s", d)
		}
	})
}
