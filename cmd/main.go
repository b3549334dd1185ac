// Command cmd runs the function on this machine, through the functions
// framework, and prints what Cloud Logging would store. See -help.
//
// What it adds to the function:
//
//	main.go      flags, environment, server, how to send a first webhook
//	website.go   refusing requests that a browser sends for a website
//	serve.go     the page, and what it keeps
//	listen       addresses, and the page at its own
//	terminal     entries and messages as lines for people or as JSON
//	page         the page: what arrives, as webhooks and as chats
package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/GoogleCloudPlatform/functions-framework-go/funcframework"
	"github.com/GoogleCloudPlatform/functions-framework-go/functions"

	"cloud.google.com/go/logging/apiv2/loggingpb"

	livechatwebhook "example.com/livechat-webhook"
	"example.com/livechat-webhook/cmd/listen"
	"example.com/livechat-webhook/cmd/page"
	"example.com/livechat-webhook/cmd/terminal"
	"example.com/livechat-webhook/internal/cloudlogtest"
	"example.com/livechat-webhook/internal/config"
	"example.com/livechat-webhook/internal/console"
)

func main() {
	o, err := parse(os.Args[1:], os.Stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return
	case err != nil:
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	store := page.NewStore()
	con := terminal.NewConsole(io.MultiWriter(os.Stdout, store.Copies()), os.Stderr)
	if err := run(ctx, o, con, store); err != nil {
		con.Say(console.Error, strings.ReplaceAll(err.Error(), "\n", "; "))
		os.Exit(1)
	}
}

// options are the flags.
type options struct {
	host, project string
	asJSON, body  bool
	// page is the host:port of the page, or empty.
	page, keep string
}

// parse parses the arguments. It writes errors and the help to w.
func parse(args []string, w io.Writer) (options, error) {
	var o options
	flags := flag.NewFlagSet("go run ./cmd", flag.ContinueOnError)
	flags.SetOutput(w)
	flags.Usage = func() {
		fmt.Fprint(w, `usage: go run ./cmd [flags]

Runs the function on http://localhost:8080 (PORT changes the port) and prints
every webhook as Cloud Logging would store it. A page shows them too, and the
chats that they are about. It needs no account.

`)
		flags.PrintDefaults()
	}
	flags.StringVar(&o.host, "host", "localhost", "`HOST` to listen on; all interfaces if empty")
	flags.BoolVar(&o.asJSON, "json", false, "print entries as Cloud Logging's own JSON, one per line")
	flags.BoolVar(&o.body, "body", false, "print each body too, indented, as it came but for its secrets")
	flags.StringVar(&o.page, "page", "localhost:8081", "serve the page at `HOST:PORT`, or the next free port; no page if empty")
	flags.StringVar(&o.keep, "keep", "", "keep each webhook as files in `DIR`, and show them after a restart")
	flags.Func("project", "write to Cloud Logging in project `P`, with your credentials, instead of the terminal", func(p string) error {
		if p == "" {
			return errors.New("the project is empty")
		}
		o.project = p
		return nil
	})
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	if flags.NArg() > 0 {
		err := fmt.Errorf("unexpected argument %q: other commands have their own path, as in go run ./cmd/register", flags.Arg(0))
		fmt.Fprintln(w, err)
		return o, err
	}
	return o, nil
}

// run serves the function until ctx ends. Entries go to the terminal, or to
// Cloud Logging if there is a project, and what arrives to store.
func run(ctx context.Context, o options, con *console.Console, store *page.Store) error {
	defer con.Flush()
	var emulator string
	var setFaults func(cloudlogtest.Faults)
	if o.project == "" {
		print := terminal.EntryPrinter(os.Stdout, o.asJSON, terminal.Colors(os.Stdout), con)
		logging, err := cloudlogtest.Start("127.0.0.1:0", func(e *loggingpb.LogEntry) {
			print(e)
			store.Written(e)
		})
		if err != nil {
			return err
		}
		defer logging.Close()
		emulator, setFaults = logging.Addr(), logging.SetFaults
	}
	c, err := config.Load(ctx, environment(o.project, emulator))
	if err != nil {
		return err
	}
	a := listen.Address{Host: strings.Trim(o.host, "[]"), Port: cmp.Or(os.Getenv("PORT"), "8080")}
	if err := a.Free(); err != nil {
		return notFree(a, err)
	}
	pg := page.New(page.Options{Store: store, Config: c, Function: a.URL(), SetFaults: setFaults, Keep: o.keep})
	if o.body {
		pg.Recorded = func(w *page.Webhook) { io.WriteString(os.Stdout, terminal.BodyLines(pg.Body(w))) }
	}
	closePage, err := servePage(pg, o, a, con)
	if err != nil {
		return err
	}
	defer closePage()
	explain(con, o, a)
	for _, warning := range c.Warnings {
		con.Say(console.Warning, warning)
	}
	// Not ctx: what the function is doing when ctx ends would fail, and be reported.
	f, err := livechatwebhook.New(context.Background(), c, con)
	if err != nil {
		return err
	}
	var handler http.Handler = f
	if c.AllowUnverified {
		handler = refuseWebsites(f, con)
	}
	defer f.Drain()
	return serve(ctx, pg.Record(handler), a, func() { hint(con, a, c.Secrets) })
}

// environment returns a getenv with the project and the stand-in for Cloud
// Logging of this run. Without a project, GOOGLE_CLOUD_PROJECT only names the
// project in the entries.
func environment(project, emulator string) func(string) string {
	return func(name string) string {
		switch name {
		case "LOGGING_EMULATOR_HOST":
			return emulator
		case "GOOGLE_CLOUD_PROJECT":
			return cmp.Or(project, os.Getenv(name), "local")
		default:
			return os.Getenv(name)
		}
	}
}

// explain reports what is about to start, and which environment variables do
// not have their usual meaning.
func explain(con *console.Console, o options, a listen.Address) {
	if o.project == "" {
		con.Say(console.Info, "starting on "+a.URL()+", entries go to stdout")
	} else {
		con.Say(console.Info, "starting on "+a.URL()+", entries go to Cloud Logging in project "+o.project)
	}
	if os.Getenv("LOGGING_EMULATOR_HOST") != "" {
		con.Say(console.Warning, "LOGGING_EMULATOR_HOST is ignored")
	}
	switch project := os.Getenv("GOOGLE_CLOUD_PROJECT"); {
	case project == "" || project == o.project:
	case o.project != "":
		con.Say(console.Warning, "GOOGLE_CLOUD_PROJECT="+project+" is ignored: -project names another project")
	default:
		con.Say(console.Warning, "GOOGLE_CLOUD_PROJECT="+project+" only names the project in the entries: nothing is written there without -project")
	}
}

// notFree says what to do about an address that is not free.
func notFree(a listen.Address, err error) error {
	if errors.Is(err, listen.ErrInUse) {
		return fmt.Errorf("PORT %s is in use by another program: set PORT to a free port, as in PORT=8090 go run ./cmd", a.Port)
	}
	return fmt.Errorf("cannot listen, see PORT and -host: %w", err)
}

// target is the name under which the framework serves the local run.
const target = "LocalRun"

// serve serves handler through the functions framework until ctx ends, and
// calls ready once it accepts connections.
func serve(ctx context.Context, handler http.Handler, a listen.Address, ready func()) error {
	functions.HTTP(target, handler.ServeHTTP)
	os.Setenv("FUNCTION_TARGET", target)
	served := make(chan error, 1)
	go func() {
		// The framework joins host and port without the brackets of IPv6.
		served <- funcframework.StartHostPort(strings.TrimSuffix(a.String(), ":"+a.Port), a.Port)
	}()
	if err := waitFor(a, served); err != nil {
		return err
	}
	ready()
	select {
	case err := <-served:
		return err
	case <-ctx.Done():
		return nil
	}
}

// waitFor waits until the address accepts connections. If the server ends
// instead, it returns the server's error.
func waitFor(a listen.Address, served <-chan error) error {
	for {
		if conn, err := net.Dial("tcp", a.String()); err == nil {
			return conn.Close()
		}
		select {
		case err := <-served:
			return err
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// hint says how to send a first webhook.
func hint(con *console.Console, a listen.Address, secrets []string) {
	if !terminal.IsTerminal(os.Stderr) {
		con.Say(console.Info, "listening on "+a.URL())
		return
	}
	fmt.Fprintf(os.Stderr, `
Send a first webhook from another terminal, in this folder:

    %s

Ctrl-C ends.

`, curl(a, os.Getenv("LIVECHAT_SECRETS"), secrets))
}

// curl returns a shell command that sends a webhook, and ends the answer with a
// line break. If there are secrets, it passes the first over HTTP Basic, which
// works for every kind of webhook. The secret itself is not in the command: the
// shell takes it from LIVECHAT_SECRETS, whose value is variable.
func curl(a listen.Address, variable string, secrets []string) string {
	var user string
	switch {
	case len(secrets) == 0:
	case secrets[0] == variable:
		user = `-u "livechat:$LIVECHAT_SECRETS" `
	default:
		user = `-u "livechat:${LIVECHAT_SECRETS%%[,[:space:]]*}" ` // up to the first separator
	}
	return `curl -w '\n' ` + user + "-d @testdata/v2/chat_started.json " + a.URL()
}
