package repeats

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
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

func TestRepeatHasTheTimeOfTheFirstDelivery(t *testing.T) {
	m := New()
	for i := range 3 {
		now := start.Add(time.Duration(i) * 9 * time.Minute)
		if got := deliver(m, "a", now, false); !got.Equal(start) {
			t.Errorf("delivery %d: first received %s, want %s", i, got, start)
		}
	}
}

func TestRecurrenceAfterAnAcknowledgedDeliveryIsNoRepeat(t *testing.T) {
	m := New()
	deliver(m, "a", start, false)
	deliver(m, "a", start.Add(time.Second), true)
	later := start.Add(2 * time.Second)
	if got := deliver(m, "a", later, true); !got.Equal(later) {
		t.Errorf("the repeat did not use the memory up: %s, want %s", got, later)
	}
}

func TestRepeatAfterTheSenderHungUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := New()
		ctx, hangUp := context.WithCancel(t.Context())
		_, end := m.Begin(ctx, "a", start)
		hangUp()
		synctest.Wait()
		// The first delivery is still in flight.
		if got := deliver(m, "a", start.Add(time.Second), true); !got.Equal(start) {
			t.Errorf("first received %s, want %s", got, start)
		}
		end(false)
		later := start.Add(2 * time.Second)
		if got := deliver(m, "a", later, true); !got.Equal(later) {
			t.Errorf("remembered again after the repeat: %s, want %s", got, later)
		}
	})
}

func TestForgottenAfterTenMinutes(t *testing.T) {
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
			if got := deliver(m, "a", start.Add(test.after), true); !got.Equal(test.want) {
				t.Errorf("first received %s, want %s", got, test.want)
			}
		})
	}
}

func TestOldestForgottenFirst(t *testing.T) {
	m := New()
	for i := range maxDeliveries + 1 {
		deliver(m, fmt.Sprint(i), start, false)
	}
	now := start.Add(time.Second)
	if got := deliver(m, "0", now, true); !got.Equal(now) {
		t.Error("more deliveries are remembered than promised")
	}
	if got := deliver(m, "1", now, true); !got.Equal(start) {
		t.Error("fewer deliveries are remembered than promised")
	}
}
