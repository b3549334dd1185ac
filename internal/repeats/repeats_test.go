package repeats

import (
	"context"
	"fmt"
	"testing"
	"time"

	_ "example.com/livechat-webhook/internal/golden"
)

var start = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// deliver begins and ends a delivery, and returns when it was first received.
func deliver(m *Memory, insertID string, now time.Time, acknowledged bool) time.Time {
	first, end := m.Begin(context.Background(), insertID, now)
	end(acknowledged)
	return first
}

// wantFirst delivers and acknowledges webhook a after a time, and checks when it
// was first received.
func wantFirst(t *testing.T, m *Memory, after time.Duration, want time.Time) {
	t.Helper()
	if got := deliver(m, "a", start.Add(after), true); !got.Equal(want) {
		t.Errorf("first received %s, want %s", got, want)
	}
}

func TestRepeatHasTheTimeOfTheFirstDelivery(t *testing.T) {
	m := New()
	deliver(m, "a", start, false)
	deliver(m, "a", start.Add(20*time.Second), false)
	wantFirst(t, m, time.Minute, start)
}

func TestRecurrenceAfterAnAcknowledgedDeliveryIsNoRepeat(t *testing.T) {
	m := New()
	deliver(m, "a", start, false)
	wantFirst(t, m, time.Second, start)
	wantFirst(t, m, 2*time.Second, start.Add(2*time.Second))
}

func TestForgottenTenMinutesAfterTheFirstDelivery(t *testing.T) {
	for _, test := range []struct {
		name  string
		after time.Duration
		want  time.Time
	}{
		{"ten minutes", 10 * time.Minute, start},
		{"longer", 10*time.Minute + 1, start.Add(10*time.Minute + 1)},
	} {
		t.Run(test.name, func(t *testing.T) {
			m := New()
			deliver(m, "a", start, false)
			deliver(m, "a", start.Add(9*time.Minute), false) // which does not renew it
			wantFirst(t, m, test.after, test.want)
		})
	}
}

func TestRepeatWhileTheFirstDeliveryIsInFlight(t *testing.T) {
	m := New()
	_, endFirst := m.Begin(t.Context(), "a", start)
	second, endSecond := m.Begin(t.Context(), "a", start.Add(time.Second))
	if !second.Equal(start) {
		t.Errorf("first received %s, want %s", second, start)
	}
	endFirst(false)
	endSecond(true)
	wantFirst(t, m, 2*time.Second, start.Add(2*time.Second))
}

// TestAcknowledgedRepeatOutlivesTheFirstDelivery: the order in which deliveries
// end does not matter.
func TestAcknowledgedRepeatOutlivesTheFirstDelivery(t *testing.T) {
	m := New()
	_, endFirst := m.Begin(t.Context(), "a", start)
	_, endSecond := m.Begin(t.Context(), "a", start.Add(time.Second))
	endSecond(true)
	wantFirst(t, m, 2*time.Second, start) // while the first is in flight
	endFirst(false)
	wantFirst(t, m, 3*time.Second, start.Add(3*time.Second))
}

func TestRepeatAfterTheSenderHungUp(t *testing.T) {
	for _, test := range []struct {
		name    string
		written bool
		after   time.Duration
		want    time.Time
	}{
		{"written", true, 2 * time.Minute, start},
		{"written, later", true, 2*time.Minute + 1, start.Add(2*time.Minute + 1)},
		{"not written", false, 10 * time.Minute, start},
		{"not written, later", false, 10*time.Minute + 1, start.Add(10*time.Minute + 1)},
	} {
		t.Run(test.name, func(t *testing.T) {
			m := New()
			ctx, hangUp := context.WithCancel(t.Context())
			_, end := m.Begin(ctx, "a", start)
			hangUp()
			end(test.written)
			wantFirst(t, m, test.after, test.want)
		})
	}
}

func TestOldestForgottenFirst(t *testing.T) {
	m := New()
	for i := range maxWebhooks + 1 {
		deliver(m, fmt.Sprint(i), start, false)
	}
	now := start.Add(time.Second)
	if got := deliver(m, "0", now, true); !got.Equal(now) {
		t.Error("more webhooks are remembered than promised")
	}
	if got := deliver(m, "2", now, true); !got.Equal(start) {
		t.Error("fewer webhooks are remembered than promised")
	}
}

// TestForgottenInFlightDoesNoHarm: a delivery may end after its webhook was
// forgotten and began again.
func TestForgottenInFlightDoesNoHarm(t *testing.T) {
	m := New()
	_, end := m.Begin(t.Context(), "a", start)
	for i := range maxWebhooks {
		deliver(m, fmt.Sprint(i), start, false)
	}
	deliver(m, "a", start.Add(time.Second), false)
	end(true)
	wantFirst(t, m, 2*time.Second, start.Add(time.Second))
}
