package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"cloud.google.com/go/logging/apiv2/loggingpb"
	mrpb "google.golang.org/genproto/googleapis/api/monitoredres"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	"example.com/livechat-webhook/internal/cloudlog"
	"example.com/livechat-webhook/internal/entry"
)

// repeatWindow is how far apart deliveries of the same body may be to count as
// one webhook: LiveChat retries for about a minute. Later the same body is
// another webhook: an agent can go offline twice.
const repeatWindow = 2 * time.Minute

// delivery is the copy of one delivery of a webhook. All of its lines have the
// same insertId, apart from the part's number, and time.
type delivery struct {
	insertID string
	time     time.Time
	// lines are those that were listed, by their index.
	lines map[int]entry.Copied
	total int
	// resource is what the copy belongs to, as the entry would.
	resource *mrpb.MonitoredResource
}

func (d *delivery) complete() bool { return len(d.lines) == d.total }

func (d *delivery) record() *entry.Record {
	lines := make([]entry.Copied, d.total)
	for i, line := range d.lines {
		lines[i] = line
	}
	return entry.Join(lines)
}

// refused reports whether Cloud Logging refused the delivery for good. It was
// acknowledged then, so LiveChat does not repeat it. All lines say the same.
func (d *delivery) refused() bool {
	for _, line := range d.lines {
		return line.NotWritten == codes.InvalidArgument.String()
	}
	return false
}

// copies are the copies that were listed.
type copies struct {
	deliveries map[deliveryKey]*delivery
	// unreadable are the insertIds of lines that are no copies that this
	// version knows.
	unreadable []string
	// services are those that printed them, and resources their revisions, by
	// their wire form: thousands of copies share one.
	services  map[string]bool
	resources map[string]*mrpb.MonitoredResource
	// latest is when the last one was received.
	latest time.Time
}

type deliveryKey struct {
	insertID string
	time     time.Time
}

func newCopies() *copies {
	return &copies{
		deliveries: map[deliveryKey]*delivery{}, services: map[string]bool{}, resources: map[string]*mrpb.MonitoredResource{},
	}
}

// add adds what e is a line of.
func (c *copies) add(e *loggingpb.LogEntry) {
	c.services[e.GetResource().GetLabels()["service_name"]] = true
	if received := e.GetReceiveTimestamp().AsTime(); received.After(c.latest) {
		c.latest = received
	}
	line, err := entry.ReadCopy(e)
	if err != nil {
		c.unreadable = append(c.unreadable, fmt.Sprintf("%q: %v", e.GetInsertId(), err))
		return
	}
	key := deliveryKey{line.InsertID, line.Time}
	d := c.deliveries[key]
	if d == nil {
		d = &delivery{insertID: line.InsertID, time: line.Time, total: line.Total, resource: c.shared(e.GetResource()), lines: map[int]entry.Copied{}}
		c.deliveries[key] = d
	}
	if line.Total == d.total {
		d.lines[line.Index] = line
	}
}

// shared returns the one resource that is equal to r.
func (c *copies) shared(r *mrpb.MonitoredResource) *mrpb.MonitoredResource {
	wire, err := proto.MarshalOptions{Deterministic: true}.Marshal(r)
	if err != nil {
		return r // cannot happen: it came over the wire
	}
	if c.resources[string(wire)] == nil {
		c.resources[string(wire)] = r
	}
	return c.resources[string(wire)]
}

// webhook is what one or more deliveries are copies of.
type webhook struct {
	deliveries []*delivery
	// refused says that Cloud Logging refused it for good.
	refused bool
	// destination and entries are what to write, and wanted is where to look
	// for each; none if no delivery is complete.
	destination cloudlog.Destination
	entries     [][]byte
	wanted      []*wantedEntry
}

// wantedEntry is an entry to look for in the log.
type wantedEntry struct {
	insertID string
	time     time.Time
	// window is how far its time may be from that of another delivery.
	window time.Duration
	listed bool
}

// isIn reports whether e is the wanted entry, be it under the time of another
// delivery.
func (w *wantedEntry) isIn(e *loggingpb.LogEntry) bool {
	return e.GetInsertId() == w.insertID && e.GetTimestamp().AsTime().Sub(w.time).Abs() <= w.window
}

// listed reports whether all entries of w are in the log.
func (w *webhook) listed() bool {
	return !slices.ContainsFunc(w.wanted, func(e *wantedEntry) bool { return !e.listed })
}

// unlisted returns the entries of w that are not in the log.
func (w *webhook) unlisted() [][]byte {
	var entries [][]byte
	for i, e := range w.wanted {
		if !e.listed {
			entries = append(entries, w.entries[i])
		}
	}
	return entries
}

// plan returns the webhooks that the copies are of, in order of their times,
// with what would be written of each to a log.
func (c *copies) plan(log cloudlog.Destination) []*webhook {
	deliveries := make([]*delivery, 0, len(c.deliveries))
	for _, d := range c.deliveries {
		deliveries = append(deliveries, d)
	}
	slices.SortFunc(deliveries, func(a, b *delivery) int {
		return cmp.Or(a.time.Compare(b.time), strings.Compare(a.insertID, b.insertID))
	})
	var webhooks []*webhook
	latest := map[string]*webhook{} // by insertId
	for _, d := range deliveries {
		w := latest[d.insertID]
		if w == nil || d.time.Sub(w.deliveries[0].time) > repeatWindow || w.deliveries[len(w.deliveries)-1].refused() {
			w = new(webhook)
			latest[d.insertID] = w
			webhooks = append(webhooks, w)
		}
		w.deliveries = append(w.deliveries, d)
	}
	for _, w := range webhooks {
		w.prepare(log)
	}
	return webhooks
}

// prepare takes what to write from the first delivery whose copy is complete.
func (w *webhook) prepare(log cloudlog.Destination) {
	w.refused = slices.ContainsFunc(w.deliveries, (*delivery).refused)
	first := slices.IndexFunc(w.deliveries, (*delivery).complete)
	if first < 0 {
		return
	}
	window := repeatWindow
	if w.refused {
		window = 0
	}
	d := w.deliveries[first]
	w.destination = log
	w.destination.Resource = d.resource
	w.entries = d.record().Entries(w.destination.Overhead())
	for _, wire := range w.entries {
		e := new(loggingpb.LogEntry)
		if err := proto.Unmarshal(wire, e); err != nil {
			panic(err) // Entries writes what can be read
		}
		w.wanted = append(w.wanted, &wantedEntry{insertID: e.GetInsertId(), time: d.time, window: window})
	}
	for _, d := range w.deliveries {
		d.lines = nil // as large as all bodies
	}
}
