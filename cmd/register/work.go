package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// settling is how long LiveChat may take until it works by a change
// (https://platform.text.com/docs/management/configuration-api#propagation-delay).
const settling = 2 * time.Minute

// What a line says was done. In a dry run it says would and what.
const (
	registered = "registered"
	already    = "already"
	removed    = "removed"
	enabled    = "enabled"
	failed     = "failed"
	notTried   = "not tried"
)

// licenseWebhooks stands in lines where an action would.
const licenseWebhooks = "license webhooks"

// run does what s says, shows it on stdout, and returns the exit code. Only
// what kept it from beginning goes to stderr.
func run(ctx context.Context, s settings, stdout, stderr io.Writer) int {
	c := newClient(s)
	webhooks, err := c.list(ctx)
	if err != nil {
		fmt.Fprintln(stderr, err)
		return exitFailed
	}
	w := &work{settings: s, client: c, known: webhooks, out: stdout, counts: map[string]int{}}
	if s.list {
		w.show(ctx)
		return w.exit()
	}
	w.carryOut(ctx, plan(s, webhooks))
	if !s.unregister {
		w.enable(ctx)
	}
	w.summary()
	return w.exit()
}

// work does what was planned, one line a change.
type work struct {
	settings
	client  *client
	known   []webhook
	out     io.Writer
	width   int // of the longest action
	counts  map[string]int
	stopped bool
}

// carryOut takes the steps. What is replaced stays until all that replaces it
// sends.
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

// begin takes a step up to where the old may go, and reports whether it may.
func (w *work) begin(ctx context.Context, s step) bool {
	switch {
	case s.problem != nil:
		w.fail(s.action, s.problem)
	case s.already != nil:
		note := s.already.ID
		if !s.already.whole() {
			note += "  of type bot or with filters, so not everything comes: see -replace"
		}
		w.line(already, s.action, note)
	}
	for _, spare := range s.spare {
		if !w.remove(ctx, spare) {
			return false
		}
	}
	return !s.register || w.do(ctx, registered, s.action, "", func() (string, error) {
		return w.client.register(ctx, s.action, w.known)
	})
}

func (w *work) remove(ctx context.Context, old webhook) bool {
	return w.do(ctx, removed, old.Action, old.ID, func() (string, error) {
		return old.ID, w.client.unregister(ctx, old.ID)
	})
}

// settle waits until LiveChat sends by what was registered. If ctx ends
// before, nothing more is done, and the old goes on sending.
func (w *work) settle(ctx context.Context) {
	if w.dryRun || w.stopped {
		return
	}
	fmt.Fprintf(w.out, "waiting %.0f minutes until LiveChat surely uses the new ones, then the old ones go\n", settling.Minutes())
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

// do makes one change and shows the id that it returns, or only says what it
// would do, and reports whether it succeeded. From credentials that LiveChat
// does not accept, or the end of ctx, nothing more is tried.
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
		fmt.Fprintf(w.out, "webhooks may take %.0f minutes to come\n", settling.Minutes())
	}
}

func (w *work) exit() int {
	if w.counts[failed]+w.counts[notTried] > 0 {
		return exitFailed
	}
	return exitOK
}

// show prints a table of all webhooks of the client id, and whether LiveChat
// sends them at all.
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

// shown returns a URL without the password, which is a secret.
func shown(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return "(not a URL)"
	}
	return u.Redacted()
}
