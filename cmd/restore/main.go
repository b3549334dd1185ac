// Command restore writes webhooks to Cloud Logging that could not be written
// when they came, from the copies that the function printed to stdout instead:
//
//	go run ./cmd/restore -project PROJECT
//
// The steps of a run, in [run]:
//
//	list    the copies, in the log of the service's stdout    list.go
//	plan    join what belongs to one webhook                  plan.go
//	look    which entries are in the log already              list.go
//	write   the rest, with their own insertId and time        write.go
//	look    again, and say what was done                      work.go
//
// It may be killed at any time and run again: what is in the log is not written
// again, and what was written but is not listed yet has the same insertId and
// timestamp, which Cloud Logging lists once.
//
// It prints no part of a webhook except its insertId and time. It exits with 0,
// with 1 if a webhook could not be restored, and with 2 on a usage error.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"regexp"
	"syscall"
	"time"

	"golang.org/x/time/rate"

	"example.com/livechat-webhook/internal/cloudlog"
	"example.com/livechat-webhook/internal/loglist"
)

// How the command ends.
const (
	exitOK = iota
	exitFailed
	exitUsage
)

func main() {
	s, err := parse(os.Args[1:], os.Getenv, os.Stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		os.Exit(exitOK)
	case err != nil:
		fmt.Fprintln(os.Stderr, err)
		os.Exit(exitUsage)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, s, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// settings are the flags and environment, validated.
type settings struct {
	// destination is the log to restore to, without a resource: each webhook
	// has its own.
	destination cloudlog.Destination
	// service names the Cloud Run service whose copies are restored; empty if
	// there is only one.
	service string
	// since is how far back copies are listed.
	since loglist.Period
	// refused restores those too that Cloud Logging refused for good.
	refused bool
	// dryRun writes nothing.
	dryRun bool

	now   func() time.Time
	pause func(context.Context, time.Duration) error
	// pace limits the calls that list entries.
	pace *rate.Limiter
}

const usage = `usage: go run ./cmd/restore -project PROJECT [flags]

Writes webhooks to Cloud Logging that could not be written when they came, from
the copies that the function printed to stdout. Each gets the insertId, time,
labels, trace and severity that it would have had. What is in the log already is
left alone, so it is safe to run again, also after it was killed.

It uses your credentials (gcloud auth application-default login), which need
roles/logging.viewer and roles/logging.logWriter, and roles/logging.viewAccessor
if the webhooks are kept in their own bucket.

`

// parse reads flags and environment. The error lists every problem; it is
// [flag.ErrHelp] if help was requested.
func parse(args []string, getenv func(string) string, help io.Writer) (settings, error) {
	s := settings{
		since: loglist.Period(30 * 24 * time.Hour),
		now:   time.Now,
		pause: sleep,
		pace:  loglist.Quota(),
	}
	s.destination.Emulator = getenv("LOGGING_EMULATOR_HOST")
	flags := flag.NewFlagSet("restore", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.StringVar(&s.destination.Project, "project", "", "`ID` of the Google Cloud project that the function writes to")
	flags.StringVar(&s.destination.LogID, "log", "livechat-webhooks", "`ID` of the log, the function's LOG_ID")
	flags.StringVar(&s.service, "service", "", "`name` of the Cloud Run service, if several have copies in the project")
	flags.Var(&s.since, "since", "look for copies of the last `period`, such as 12h or 7d")
	flags.BoolVar(&s.refused, "refused", false, "try those again that Cloud Logging refused for good (InvalidArgument)")
	flags.BoolVar(&s.dryRun, "dry-run", false, "say what would be written, and write nothing")
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			fmt.Fprint(help, usage)
			flags.SetOutput(help)
			flags.PrintDefaults()
		}
		return settings{}, err
	}
	return s, errors.Join(append(s.faults(), stray(flags.Args()))...)
}

var serviceID = regexp.MustCompile(`^[a-z0-9-]*$`)

// faults returns what is wrong with s. What it lets through needs no quoting in
// a filter.
func (s *settings) faults() []error {
	faults := loglist.CheckNames(s.destination.Project, s.destination.LogID)
	if !serviceID.MatchString(s.service) {
		faults = append(faults, fmt.Errorf("-service is %q: it must be the name of a Cloud Run service", s.service))
	}
	return faults
}

func stray(args []string) error {
	if len(args) == 0 {
		return nil
	}
	return fmt.Errorf("%q is not a flag", args)
}

// sleep waits for d, or returns ctx's error if that ends first.
func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
