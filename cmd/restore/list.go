package main

import (
	"context"
	"fmt"
	"iter"
	"net/url"
	"strconv"
	"strings"
	"time"

	"example.com/livechat-webhook/internal/loglist"
)

// copiesFilter matches what the function prints to stdout since a time because
// it could not be written.
func copiesFilter(s settings) string {
	filter := fmt.Sprintf(`logName="projects/%s/logs/%s" AND jsonPayload.not_written:* AND timestamp>="%s"`,
		s.destination.Project, url.PathEscape("run.googleapis.com/stdout"), s.now().Add(-time.Duration(s.since)).Format(time.RFC3339))
	if s.service != "" {
		filter += fmt.Sprintf(` AND resource.labels.service_name="%s"`, s.service)
	}
	return filter
}

// look looks for the entries in the log, and marks those that are listed. They
// must be in order of their times.
func look(ctx context.Context, r *loglist.Reader, logName string, wanted []*wantedEntry) error {
	for batch, filter := range batches(logName, wanted) {
		byID := map[string][]*wantedEntry{}
		for _, w := range batch {
			byID[w.insertID] = append(byID[w.insertID], w)
		}
		for e, err := range r.List(ctx, filter) {
			if err != nil {
				return err
			}
			for _, w := range byID[e.GetInsertId()] {
				w.listed = w.listed || w.isIn(e)
			}
		}
	}
	return nil
}

// batches splits wanted entries into what one filter can name.
func batches(logName string, wanted []*wantedEntry) iter.Seq2[[]*wantedEntry, string] {
	return func(yield func([]*wantedEntry, string) bool) {
		for len(wanted) > 0 {
			n, size := 1, len(entriesFilter(logName, wanted[:1]))
			for n < len(wanted) && size+len(or)+len(strconv.Quote(wanted[n].insertID)) <= loglist.MaxFilter {
				size += len(or) + len(strconv.Quote(wanted[n].insertID))
				n++
			}
			if !yield(wanted[:n], entriesFilter(logName, wanted[:n])) {
				return
			}
			wanted = wanted[n:]
		}
	}
}

const or = " OR "

// entriesFilter matches the wanted entries, and few others.
func entriesFilter(logName string, wanted []*wantedEntry) string {
	ids := make([]string, len(wanted))
	for i, w := range wanted {
		ids[i] = strconv.Quote(w.insertID)
	}
	// Whole seconds have the same length in every filter.
	from, to := wanted[0].time.Add(-repeatWindow), wanted[len(wanted)-1].time.Add(repeatWindow+time.Second)
	return fmt.Sprintf(`logName="%s" AND timestamp>="%s" AND timestamp<="%s" AND insertId=(%s)`, logName,
		from.UTC().Format(time.RFC3339), to.UTC().Format(time.RFC3339), strings.Join(ids, or))
}
