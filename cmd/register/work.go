package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// settling is how long LiveChat may take to apply a change
// (https://platform.text.com/docs/management/configuration-api#propagation-delay).
const settling = 2 * time.Minute

// The verb of an output line; dry runs prefix it with "would be".
const (
	registered = "registered"
	already    = "already"
	removed    = "removed"
	enabled    = "enabled"
	failed     = "failed"
	notTried   = "not tried"
)

// licenseWebhooks takes the place of the action in lines about all of them.
const licenseWebhooks = "license webhooks"

// run does what s says and returns the exit code. It prints what it does to
// stdout; warnings, and why it could not start, go to stderr.
func run(ctx context.Context, s settings, stdout, stderr io.Writer) int {
	c := newClient(s)
	known, err := c.list(ctx)
	if err != nil {
		fmt.Fprintln(stderr, err)
		return exitFailed
	}
	defer warnOfAliases(stderr, s, known)
	w := &work{settings: s, client: c, known: known, out: stdout, counts: map[string]int{}}
	if s.list {
		w.show(ctx)
		return w.exit()
	}
	var offers []offer
	if s.registers() {
		offers = w.compare(ctx, stderr)
	}
	steps := plan(w.settings, known, offers)
	if err := w.check(ctx, steps); err != nil {
		fmt.Fprintf(stderr, "nothing was changed: %v\n", err)
		return exitFailed
	}
	w.carryOut(ctx, steps)
	if s.registers() {
		w.enable(ctx)
	}
	w.summary()
	return w.exit()
}

// warnOfAliases warns of webhooks that are registered for another URL of the
// same service, and says how to remove them.
func warnOfAliases(stderr io.Writer, s settings, known []webhook) {
	for _, alias := range aliases(s.url, known) {
		name, _ := service(alias)
		fmt.Fprintf(stderr, `warning: webhooks are registered for %s too, which looks like another URL of the same service: they may arrive twice.
To see the service's URLs:
    gcloud run services describe %s --format 'value(metadata.annotations["run.googleapis.com/urls"])'
To remove those webhooks:
    go run ./cmd/register -client-id %s -unregister -url %s
`, shown(alias), name, s.clientID, shown(alias))
	}
}

// work does what was planned and prints one line per change.
type work struct {
	settings
	client  *client
	known   []webhook
	out     io.Writer
	width   int // of the longest action
	counts  map[string]int
	stopped bool
}

// check returns why nothing must be changed, or nil. Before anything is
// registered, the function has to accept a webhook with the secret that
// LiveChat will send: LiveChat does not say later which secret a registration
// has, so a wrong one would look like a right one to the next run.
func (w *work) check(ctx context.Context, steps []step) error {
	switch {
	case w.replace && len(steps) == 0:
		return errors.New("nothing is registered with this URL, so there is nothing to replace")
	case w.dryRun || !slices.ContainsFunc(steps, func(s step) bool { return s.register }):
		return nil
	}
	return w.client.probe(ctx)
}

// carryOut carries out the steps. Old webhooks stay until all their
// replacements are live.
func (w *work) carryOut(ctx context.Context, steps []step) {
	w.width = len(licenseWebhooks)
	for _, s := range steps {
		w.width = max(w.width, len(s.action))
	}
	var begun []step
	replaces := false
	for _, s := range steps {
		if w.begin(ctx, s) {
			begun = append(begun, s)
			replaces = replaces || s.register && len(s.old) > 0
		}
	}
	if replaces {
		w.settle(ctx)
	}
	for _, s := range begun {
		for _, old := range s.old {
			w.remove(ctx, old)
		}
	}
}

// begin does a step up to the removal of old webhooks, and reports whether they
// may be removed.
func (w *work) begin(ctx context.Context, s step) bool {
	switch {
	case s.problem != nil:
		w.fail(s.action, s.problem)
	case s.already != nil:
		note := s.note
		if !s.already.whole() {
			note = "  of type bot or with filters, so it does not receive everything: see -replace"
		}
		w.line(already, s.action, s.already.ID+note)
	}
	for _, spare := range s.spare {
		if !w.remove(ctx, spare) {
			return false
		}
	}
	return !s.register || w.do(ctx, registered, s.action, "", func() (string, error) {
		id, err := w.client.register(ctx, s.action, s.data, w.known)
		return id + s.note, err
	})
}

func (w *work) remove(ctx context.Context, old webhook) bool {
	return w.do(ctx, removed, old.Action, old.ID, func() (string, error) {
		return old.ID, w.client.unregister(ctx, old.ID)
	})
}

// settle waits for LiveChat to use the new registrations. If ctx ends first,
// nothing more is done, and the old ones stay.
func (w *work) settle(ctx context.Context) {
	if w.dryRun || w.stopped {
		return
	}
	fmt.Fprintf(w.out, "waiting %.0f minutes until LiveChat is sure to use the new ones before removing the old ones\n", settling.Minutes())
	w.stopped = w.pause(ctx, settling) != nil
}

// enable enables license webhooks if they are off.
func (w *work) enable(ctx context.Context) {
	if w.stopped {
		return
	}
	on, err := w.client.enabled(ctx)
	switch {
	case err != nil:
		w.fail(licenseWebhooks, err)
	case !on:
		w.do(ctx, enabled, licenseWebhooks, "", func() (string, error) {
			return "", w.client.enable(ctx)
		})
	}
}

// do makes one change and prints the id that it returns, or only prints what it
// would do, and reports whether it succeeded. After rejected credentials, or
// once ctx is done, it tries nothing more.
func (w *work) do(ctx context.Context, done, action, id string, change func() (string, error)) bool {
	switch {
	case w.stopped:
		w.line(notTried, action, id)
		return false
	case w.dryRun:
		w.line("would be "+done, action, id)
		return true
	}
	id, err := change()
	if err != nil {
		e, ok := errors.AsType[*apiError](err)
		w.stopped = ok && e.credentials() || ctx.Err() != nil
		w.fail(action, err)
		return false
	}
	w.line(done, action, id)
	return true
}

func (w *work) fail(action string, err error) {
	w.line(failed, action+":", err.Error())
}

func (w *work) line(what, action, rest string) {
	w.counts[what]++
	column := len(registered)
	if w.dryRun {
		column = len("would be " + registered)
	}
	line := fmt.Sprintf("%-*s  %-*s  %s", column, what, w.width+1, action, rest)
	fmt.Fprintln(w.out, strings.TrimRight(line, " "))
}

// summary counts the lines.
func (w *work) summary() {
	var counts []string
	for _, what := range []string{registered, already, removed, enabled, failed, notTried} {
		for _, what := range []string{what, "would be " + what} {
			if n := w.counts[what]; n > 0 {
				counts = append(counts, fmt.Sprint(n, " ", what))
			}
		}
	}
	if counts == nil {
		counts = []string{"nothing is registered with this URL"}
	}
	fmt.Fprintln(w.out, strings.Join(counts, ", "))
	if w.counts[registered]+w.counts[enabled] > 0 && w.counts[removed] == 0 {
		fmt.Fprintf(w.out, "LiveChat may take %.0f minutes to start sending\n", settling.Minutes())
	}
}

func (w *work) exit() int {
	if w.counts[failed]+w.counts[notTried] > 0 {
		return exitFailed
	}
	return exitOK
}

// show prints a table of all webhooks of the client id, and whether LiveChat
// sends any.
func (w *work) show(ctx context.Context) {
	slices.SortStableFunc(w.known, func(a, b webhook) int { return strings.Compare(a.Action, b.Action) })
	table := tabwriter.NewWriter(w.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "ACTION\tID\tTYPE\tFILTERS\tURL")
	for _, k := range w.known {
		filters := "no"
		if k.filtered() {
			filters = "yes"
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\n", k.Action, k.ID, k.Type, filters, shown(k.URL))
	}
	table.Flush()
	on, err := w.client.enabled(ctx)
	switch {
	case err != nil:
		w.fail(licenseWebhooks, err)
	case on:
		fmt.Fprintln(w.out, "license webhooks are on")
	default:
		fmt.Fprintln(w.out, "license webhooks are off: LiveChat sends none of type license")
	}
}
