package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"example.com/livechat-webhook/internal/loglist"
)

const (
	// settling is how long after a delivery LiveChat may repeat it, and the
	// function may write it after all: three times within about a minute, and
	// each may take ten seconds
	// (https://platform.text.com/docs/getting-started/livechat-apps/webhook-apps).
	settling = 2 * time.Minute
	// A new entry may take some seconds until it is listed. It is looked for
	// looks times, with a pause in between.
	looks     = 7
	lookPause = 10 * time.Second
)

// What became of a webhook.
const (
	there      = "there before"
	written    = "written"
	wouldWrite = "would be written"
	refused    = "refused for good"
	incomplete = "incomplete"
	unreadable = "unreadable"
	unlisted   = "written but not listed"
	left       = "left"
)

// run does what s says and returns the exit code. What was done goes to stdout,
// progress and failures go to stderr.
func run(ctx context.Context, s settings, stdout, stderr io.Writer) int {
	w := &work{settings: s, out: stdout, progress: progress{out: stderr, now: s.now}, counts: map[string]int{}}
	err := w.restore(ctx)
	if err != nil {
		fmt.Fprintln(stderr, err)
	}
	if w.listed {
		w.summary()
	}
	if err != nil || w.failed {
		return exitFailed
	}
	return exitOK
}

// work is what was done.
type work struct {
	settings
	out      io.Writer
	progress progress
	listed   bool // whether the copies could be listed
	copies   int  // deliveries that there are copies of
	webhooks int  // that they are of
	counts   map[string]int
	failed   bool
}

// restore goes through the steps of a run. It counts what becomes of each
// webhook.
func (w *work) restore(ctx context.Context) error {
	reader, err := loglist.Open(ctx, loglist.Options{
		Project: w.destination.Project, Emulator: w.destination.Emulator, Pace: w.pace, Say: w.progress.say,
	})
	if err != nil {
		return err
	}
	defer reader.Close()
	copies, err := w.list(ctx, reader)
	if err != nil {
		return loglist.Explain("cannot list copies", err, loglist.CanRead)
	}
	webhooks := w.choose(copies.plan(w.destination))
	if len(webhooks) == 0 {
		return nil
	}
	if err := w.settle(ctx, copies.latest); err != nil {
		w.count(left, len(webhooks))
		return loglist.Explain("stopped", err, "")
	}
	if err := w.look(ctx, reader, webhooks); err != nil {
		w.count(left, len(webhooks))
		return loglist.Explain("cannot list what is in the log already", err, loglist.CanRead)
	}
	missing := w.missing(webhooks)
	if w.dryRun {
		w.count(wouldWrite, len(missing))
		return nil
	}
	done, err := w.write(ctx, missing)
	if err != nil {
		w.count(written, len(done))
		return loglist.Explain("cannot write", err, "roles/logging.logWriter")
	}
	return w.verify(ctx, reader, done)
}

// list returns the copies.
func (w *work) list(ctx context.Context, r *loglist.Reader) (*copies, error) {
	c, n := newCopies(), 0
	for e, err := range r.List(ctx, copiesFilter(w.settings)) {
		if err != nil {
			return nil, err
		}
		c.add(e)
		if n++; n%loglist.PageSize == 0 {
			w.progress.say("listed %d lines of copies", n)
		}
	}
	if len(c.services) > 1 {
		return nil, fmt.Errorf("services %q have copies, and may write to different logs: choose one with -service",
			slices.Sorted(maps.Keys(c.services)))
	}
	for _, what := range c.unreadable {
		w.report(unreadable, what)
	}
	w.listed, w.copies = true, len(c.deliveries)
	return c, nil
}

// choose reports the webhooks whose copies are not complete, and returns the
// others.
func (w *work) choose(webhooks []*webhook) []*webhook {
	w.webhooks = len(webhooks)
	return slices.DeleteFunc(webhooks, func(h *webhook) bool {
		if len(h.entries) > 0 {
			return false
		}
		d := h.deliveries[0]
		w.report(incomplete, fmt.Sprintf("%s, which has %d of %d parts", d, len(d.lines), d.total))
		return true
	})
}

// settle waits until LiveChat has made its last attempt at what was received
// last.
func (w *work) settle(ctx context.Context, latest time.Time) error {
	wait := latest.Add(settling).Sub(w.now())
	if wait <= 0 || w.dryRun {
		return nil
	}
	w.progress.say("waiting %s: LiveChat may still repeat what came last", wait.Round(time.Second))
	return w.pause(ctx, wait)
}

// look marks what is in the log.
func (w *work) look(ctx context.Context, r *loglist.Reader, webhooks []*webhook) error {
	var wanted []*wantedEntry
	for _, h := range webhooks {
		for _, e := range h.wanted {
			if !e.listed {
				wanted = append(wanted, e)
			}
		}
	}
	w.progress.say("looking for %s in the log", number(len(wanted), "entry", "entries"))
	slices.SortStableFunc(wanted, func(a, b *wantedEntry) int {
		return cmp.Or(a.time.Compare(b.time), strings.Compare(a.insertID, b.insertID))
	})
	return look(ctx, r, w.destination.LogName(), wanted)
}

// missing returns the webhooks to write: those that are neither in the log nor
// were refused for good, which it counts.
func (w *work) missing(webhooks []*webhook) []*webhook {
	var missing []*webhook
	for _, h := range webhooks {
		switch {
		case h.listed():
			w.count(there, 1)
		case h.refused && !w.refused:
			w.count(refused, 1)
			w.say(refused, fmt.Sprintf("%s, when it came: -refused tries it again", h.deliveries[0]))
		default:
			missing = append(missing, h)
		}
	}
	return missing
}

// write writes the webhooks and returns those that were written.
func (w *work) write(ctx context.Context, webhooks []*webhook) ([]*webhook, error) {
	var done []*webhook
	tried := 0
	err := write(ctx, webhooks, func(h *webhook, isRefused bool) {
		if isRefused {
			w.report(refused, h.deliveries[0].String())
		} else {
			done = append(done, h)
		}
		if tried++; tried == len(webhooks) || w.progress.quiet() {
			w.progress.say("wrote %d of %d webhooks", tried, len(webhooks))
		}
	})
	w.count(left, len(webhooks)-tried)
	return done, err
}

// verify looks until all webhooks are listed, but not for ever.
func (w *work) verify(ctx context.Context, r *loglist.Reader, webhooks []*webhook) error {
	pending := webhooks
	var err error
	for n := 1; len(pending) > 0; n++ {
		if err = w.look(ctx, r, pending); err != nil {
			err = loglist.Explain("cannot list what was written", err, loglist.CanRead)
			break
		}
		pending = slices.DeleteFunc(slices.Clone(pending), (*webhook).listed)
		if len(pending) == 0 || n == looks {
			break
		}
		w.progress.say("%s written but not listed yet", number(len(pending), "webhook is", "webhooks are"))
		if err = w.pause(ctx, lookPause); err != nil {
			err = loglist.Explain("stopped", err, "")
			break
		}
	}
	w.count(written, len(webhooks)-len(pending))
	if len(pending) > 0 {
		w.report(unlisted, fmt.Sprintf("%s and %d more: run again later. If that does not help, they are older than the log is kept, or you may not read its bucket (roles/logging.viewAccessor)",
			pending[0].deliveries[0], len(pending)-1))
		w.count(unlisted, len(pending)-1)
	}
	return err
}

// report counts and prints a webhook that could not be restored.
func (w *work) report(outcome, what string) {
	w.failed = true
	w.count(outcome, 1)
	w.say(outcome, what)
}

func (w *work) say(outcome, what string) { fmt.Fprintf(w.out, "%s: %s\n", outcome, what) }

func (w *work) count(outcome string, n int) { w.counts[outcome] += n }

// summary prints the counts.
func (w *work) summary() {
	if w.copies+w.counts[unreadable] == 0 {
		fmt.Fprintf(w.out, "no copies in the last %s\n", &w.since)
		return
	}
	parts := []string{}
	for _, outcome := range []string{there, written, wouldWrite, refused, incomplete, unreadable, unlisted, left} {
		n := w.counts[outcome]
		always := outcome == there || outcome == refused || outcome == written && !w.dryRun || outcome == wouldWrite && w.dryRun
		if n > 0 || always {
			parts = append(parts, fmt.Sprint(n, " ", outcome))
		}
	}
	fmt.Fprintf(w.out, "%s of %s: %s\n", number(w.copies, "copy", "copies"), number(w.webhooks, "webhook", "webhooks"), strings.Join(parts, ", "))
	if w.counts[left] > 0 {
		fmt.Fprintln(w.out, "run again for what is left")
	}
}

func number(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprint(n, " ", many)
}

// String identifies a delivery by what is no part of its body.
func (d *delivery) String() string {
	return fmt.Sprintf("insertId %q of %s", d.insertID, d.time.Format(time.RFC3339Nano))
}

// progress prints what is being done, with the time.
type progress struct {
	out  io.Writer
	now  func() time.Time
	last time.Time // when it printed
}

// quiet reports whether nothing was printed for a second.
func (p *progress) quiet() bool { return p.now().Sub(p.last) >= time.Second }

func (p *progress) say(format string, args ...any) {
	p.last = p.now()
	fmt.Fprintf(p.out, p.now().Format(time.TimeOnly)+" "+format+"\n", args...)
}
