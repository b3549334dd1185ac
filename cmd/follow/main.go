// Command follow shows what the function writes to the log of a project, as it
// comes:
//
//	go run ./cmd/follow -project PROJECT
//
// It prints the lines that the local run prints, and serves the same page. The
// way of one entry to the screen:
//
//	filter   what to ask Cloud Logging for              filter.go
//	follow   a tail, and lists for what it cannot have  follow.go
//	fold     show each entry once                       fold.go
//	show     on the terminal and on the page            show.go
//
// It only reads, except that the page sends a webhook to the function on this
// machine if asked to. It exits with 0 when it is interrupted, with 1 if it cannot
// read the log, and with 2 on a usage error.
package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"cloud.google.com/go/logging/apiv2/loggingpb"
	"golang.org/x/time/rate"

	"example.com/livechat-webhook/cmd/listen"
	"example.com/livechat-webhook/cmd/page"
	"example.com/livechat-webhook/cmd/terminal"
	"example.com/livechat-webhook/internal/config"
	"example.com/livechat-webhook/internal/console"
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
	con := terminal.NewConsole(io.Discard, os.Stderr)
	err = run(ctx, s, printer(os.Stdout, s.asJSON, terminal.Colors(os.Stdout), con), con)
	stop()
	if err != nil {
		con.Say(console.Error, strings.ReplaceAll(err.Error(), "\n", "; "))
		os.Exit(exitFailed)
	}
}

// settings are the flags and environment, validated.
type settings struct {
	project, log string
	emulator     string
	since        loglist.Period
	chat, event  string
	asJSON       bool
	// page is the host:port of the page, or empty.
	page string
	// port is that of the function on this machine, and secrets are what it
	// accepts.
	port    string
	secrets []string

	// pace limits the calls that list entries.
	pace *rate.Limiter
	// dial replaces the way to connect, unless it is nil.
	dial func(ctx context.Context, addr string) (net.Conn, error)
}

const usage = `usage: go run ./cmd/follow -project PROJECT [flags]

Shows the webhooks in the log of a project, and new ones as they come: as lines,
and on a page, which shows the chats too. It reads the log only. It also shows
copies on stdout of what could not be written, and refused requests.

It uses your credentials (gcloud auth application-default login), which need
roles/logging.viewer, and roles/logging.viewAccessor if the webhooks are kept in
their own bucket.

The page can send a webhook to the function on this machine (go run ./cmd, at
PORT or 8080), with the first of LIVECHAT_SECRETS.

`

// parse reads flags and environment. The error lists every problem; it is
// [flag.ErrHelp] if help was requested.
func parse(args []string, getenv func(string) string, help io.Writer) (settings, error) {
	s := settings{
		emulator: getenv("LOGGING_EMULATOR_HOST"),
		since:    loglist.Period(time.Hour),
		port:     cmp.Or(getenv("PORT"), "8080"),
		secrets:  config.List(getenv("LIVECHAT_SECRETS")),
		pace:     loglist.Quota(),
	}
	flags := flag.NewFlagSet("follow", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.StringVar(&s.project, "project", "", "`ID` of the Google Cloud project that the function writes to")
	flags.StringVar(&s.log, "log", "livechat-webhooks", "`ID` of the log, the function's LOG_ID")
	flags.Var(&s.since, "since", "begin with the last `period`, such as 12h or 7d")
	flags.StringVar(&s.chat, "chat", "", "show the chat of this `ID` only")
	flags.StringVar(&s.event, "event", "", "show webhooks of this `event` only, such as chat_ended")
	flags.BoolVar(&s.asJSON, "json", false, "print entries as Cloud Logging's own JSON, one per line")
	flags.StringVar(&s.page, "page", "localhost:8081", "serve the page at `HOST:PORT`, or the next free port; no page if empty")
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			fmt.Fprint(help, usage)
			flags.SetOutput(help)
			flags.PrintDefaults()
		}
		return settings{}, err
	}
	faults := loglist.CheckNames(s.project, s.log)
	if flags.NArg() > 0 {
		faults = append(faults, fmt.Errorf("%q is not a flag", flags.Args()))
	}
	return s, errors.Join(faults...)
}

// run shows the log until ctx ends: it calls print with each entry, and serves the
// page.
func run(ctx context.Context, s settings, print func(*loggingpb.LogEntry), con *console.Console) error {
	say := func(format string, args ...any) { con.Say(console.Warning, fmt.Sprintf(format, args...)) }
	reader, err := loglist.Open(ctx, loglist.Options{Project: s.project, Emulator: s.emulator, Pace: s.pace, Say: say, Dial: s.dial})
	if err != nil {
		return err
	}
	defer reader.Close()
	show := print
	if s.page != "" {
		pg := newPage(s, reader)
		closePage, err := listen.Page(pg, s.page, s.port, con)
		if err != nil {
			return err
		}
		defer closePage()
		show = func(e *loggingpb.LogEntry) {
			print(e)
			pg.Show(e)
		}
	}
	con.Say(console.Info, fmt.Sprintf("following log %s of project %s, since %s ago", s.log, s.project, &s.since))
	start := time.Now()
	f := &follower{reader: reader, filter: filter(s), since: start.Add(-time.Duration(s.since)), show: show, say: say, fold: newFold(start)}
	return f.follow(ctx)
}

// newPage returns the page over the log.
func newPage(s settings, reader *loglist.Reader) *page.Page {
	return page.New(page.Options{
		Store:    page.NewStore(),
		Config:   config.Config{Project: s.project, LogID: s.log, Secrets: s.secrets},
		Function: listen.Address{Host: "localhost", Port: s.port}.URL(),
		Log:      &page.Log{Since: s.since.String(), Answer: answers{reader, s.project}.of},
	})
}
