package main

import (
	"time"

	"cloud.google.com/go/logging/apiv2/loggingpb"
)

// remembered is how long an entry is remembered, at least: what a tail and a list
// both bring comes within minutes, or has a time within the slack of the list
// that fills a gap. At 60,000 entries per minute that takes about 60 MB.
const remembered = 5 * time.Minute

// fold finds out which entries were seen before. Cloud Logging lists entries with
// the same insertId and timestamp once, and so does fold. It tells the logs apart
// too: an entry that was written in the end is news, though its copy on stdout
// has the same insertId and timestamp.
type fold struct {
	seen map[identity]time.Time // when they came
	// latest is the latest time of an entry that was seen.
	latest time.Time
	pruned time.Time
}

type identity struct {
	log, id string
	at      int64 // ns
}

func newFold(now time.Time) *fold {
	return &fold{seen: map[identity]time.Time{}, pruned: now}
}

// first reports whether e, which came now, was not seen before.
func (f *fold) first(e *loggingpb.LogEntry, now time.Time) bool {
	at := e.GetTimestamp().AsTime()
	id := identity{e.GetLogName(), e.GetInsertId(), at.UnixNano()}
	_, again := f.seen[id]
	f.seen[id] = now
	if at.After(f.latest) && !at.After(now) {
		f.latest = at
	}
	if now.Sub(f.pruned) > time.Minute {
		f.prune(now)
	}
	return !again
}

// prune forgets what came long ago and is too old to be listed again.
func (f *fold) prune(now time.Time) {
	f.pruned = now
	oldest := f.latest.Add(-remembered)
	for id, came := range f.seen {
		if now.Sub(came) > remembered && time.Unix(0, id.at).Before(oldest) {
			delete(f.seen, id)
		}
	}
}
