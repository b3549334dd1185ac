// Package day simulates the v3 webhooks of a shop's days and returns the log
// entries that the function makes of them.
package day

import (
	"encoding/json"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"cloud.google.com/go/logging/apiv2/loggingpb"
	"google.golang.org/genproto/googleapis/api/monitoredres"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"example.com/livechat-webhook/internal/chatstest"
	"example.com/livechat-webhook/internal/console"
)

// Start is when the first day begins, a Monday.
var Start = time.Date(2026, 3, 9, 0, 0, 0, 0, time.UTC)

// Entries returns the entries of that many days, the same in every call: few
// chats at night and on weekends and many in the afternoon. Each day has an hour
// in which somebody guesses at the secret, and some minutes in which Cloud
// Logging is unavailable.
//
// The bodies have the shapes of testdata/chats. Packages payload and entry turn
// them into entries, as in the function, with the time of the day instead of
// the clock's.
func Entries(days int) ([]*loggingpb.LogEntry, error) {
	r := rand.New(rand.NewPCG(1, 2))
	all, err := chatstest.Chat{Deliveries: deliveries(r, days)}.Entries()
	if err != nil {
		return nil, err
	}
	for d := range days {
		refused, err := refusals(r, Start.AddDate(0, 0, d).Add(3*time.Hour))
		if err != nil {
			return nil, err
		}
		all = append(all, refused...)
	}
	for _, e := range all {
		e.Resource = resource
	}
	return all, nil
}

var resource = &monitoredres.MonitoredResource{Type: "cloud_run_revision", Labels: map[string]string{
	"project_id": "my-project", "location": "europe-west1", "service_name": "livechat-webhook",
	"revision_name": "livechat-webhook-00001-abc", "configuration_name": "livechat-webhook",
}}

// deliveries returns the webhooks in the order in which they come.
func deliveries(r *rand.Rand, days int) []chatstest.Delivery {
	end := Start.AddDate(0, 0, days)
	var all []chatstest.Delivery
	for at := Start; at.Before(end); at = at.Add(time.Minute) {
		if load := load(at); r.Float64() < 0.03+0.75*load {
			c := newChat(r, at.Add(time.Duration(r.Float64()*float64(time.Minute))).Truncate(time.Microsecond), load)
			c.run()
			all = append(all, c.sent...)
		}
	}
	all = slices.DeleteFunc(all, func(d chatstest.Delivery) bool { return !d.Received.Before(end) })
	for d := range days {
		all = failed(all, Start.AddDate(0, 0, d).Add(16*time.Hour+10*time.Minute))
	}
	slices.SortStableFunc(all, func(a, b chatstest.Delivery) int { return a.Received.Compare(b.Received) })
	return all
}

// load returns how busy the shop is at a time, from 0 to 1.
func load(at time.Time) float64 {
	hour := float64(at.Hour()) + float64(at.Minute())/60
	load := math.Exp(-math.Pow((hour-14)/4, 2))
	if at.Weekday() == time.Saturday || at.Weekday() == time.Sunday {
		load *= 0.4
	}
	return load
}

// failed has every other write of six minutes fail. LiveChat delivers the
// webhook again after 20 seconds.
func failed(all []chatstest.Delivery, since time.Time) []chatstest.Delivery {
	var again []chatstest.Delivery
	for i := range all {
		d := &all[i]
		if d.Received.After(since) && d.Received.Before(since.Add(6*time.Minute)) && i%2 == 0 {
			again = append(again, chatstest.Delivery{Received: d.Received.Add(20 * time.Second), Body: d.Body})
			d.Copy = true
		}
	}
	return append(all, again...)
}

// refusals returns the function's lines about an hour of guesses at the secret,
// which are too few per minute to share lines.
func refusals(r *rand.Rand, since time.Time) ([]*loggingpb.LogEntry, error) {
	var all []*loggingpb.LogEntry
	for minute := range 60 {
		for range r.IntN(9) {
			e, err := refusal(since.Add(time.Duration((float64(minute) + r.Float64()) * float64(time.Minute))))
			if err != nil {
				return nil, err
			}
			all = append(all, e)
		}
	}
	return all, nil
}

// refusal returns what Cloud Run makes of the line that the function writes.
func refusal(at time.Time) (*loggingpb.LogEntry, error) {
	var line buffer
	console.New(nil, &line).Refused("wrong secret", 401, errors.New("wrong secret"))
	fields := &structpb.Struct{}
	if err := protojson.Unmarshal(line, fields); err != nil {
		return nil, err
	}
	delete(fields.Fields, "severity")
	delete(fields.Fields, "time")
	return &loggingpb.LogEntry{
		LogName: "projects/my-project/logs/run.googleapis.com%2Fstderr", Timestamp: timestamppb.New(at),
		Payload: &loggingpb.LogEntry_JsonPayload{JsonPayload: fields},
	}, nil
}

type buffer []byte

func (b *buffer) Write(text []byte) (int, error) {
	*b = append(*b, text...)
	return len(text), nil
}

// body returns a webhook.
func body(action string, payload object) json.RawMessage {
	text, err := json.Marshal(object{
		"webhook_id": "2c0b13904e79b2aca271e5f84b898f35", "secret_key": "dummy_key", "action": action,
		"organization_id": "390e44e6-f1e6-4368-b6dd-74c14508c2e0", "payload": payload, "additional_data": object{},
	})
	if err != nil {
		panic(err) // an object always marshals
	}
	return text
}

type object map[string]any
