// Command cmd runs the function on this machine, through the functions
// framework, and shows what would stand in Cloud Logging. See -help.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"net"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"cloud.google.com/go/logging/apiv2/loggingpb"
	"github.com/GoogleCloudPlatform/functions-framework-go/funcframework"
	"google.golang.org/protobuf/encoding/protojson"

	livechatwebhook "example.com/livechat-webhook"
	"example.com/livechat-webhook/internal/cloudlogtest"
)

func main() {
	host := flag.String("host", "localhost", "host to listen on; all interfaces if empty")
	project := flag.String("project", "", "write to the Cloud Logging of this project, with your credentials, instead of the terminal")
	asJSON := flag.Bool("json", false, "print entries as Cloud Logging's own JSON, one a line")
	flag.Usage = usage
	flag.Parse()
	port := os.Getenv("PORT")
	if port == "" {
		port = "8080"
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	show := entryPrinter(os.Stdout, *asJSON, isTerminal(os.Stdout))
	if err := run(ctx, *host, port, *project, show); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func usage() {
	fmt.Fprint(flag.CommandLine.Output(), `usage: go run ./cmd [flags]

Runs the function on http://localhost:8080 (or the port in PORT) and prints
every webhook as it would stand in Cloud Logging. It needs no account.

`)
	flag.PrintDefaults()
}

// run serves the function until ctx ends. Entries go to show, or to the real
// Cloud Logging of a project if there is one.
func run(ctx context.Context, host, port, project string, show func(*loggingpb.LogEntry)) error {
	if project != "" {
		os.Setenv("GOOGLE_CLOUD_PROJECT", project)
		os.Unsetenv("LOGGING_EMULATOR_HOST")
	} else {
		logging, err := cloudlogtest.Start("127.0.0.1:0", show)
		if err != nil {
			return err
		}
		defer logging.Close()
		os.Setenv("GOOGLE_CLOUD_PROJECT", "local")
		os.Setenv("LOGGING_EMULATOR_HOST", logging.Addr())
	}
	os.Setenv("FUNCTION_TARGET", "LiveChatWebhook")
	if err := livechatwebhook.Start(); err != nil {
		return errors.New("the environment is wrong, see above")
	}
	hint(os.Stderr, host, port, project)
	served := make(chan error, 1)
	go func() { served <- funcframework.StartHostPort(host, port) }()
	select {
	case err := <-served:
		return err
	case <-ctx.Done():
		return nil
	}
}

// hint says how to send a first webhook.
func hint(w io.Writer, host, port, project string) {
	if host == "" {
		host = "localhost"
	}
	where := "the entries appear here"
	if project != "" {
		where = "the entries appear in the Logs Explorer of " + project
	}
	fmt.Fprintf(w, `Send a first webhook from another terminal, and %s:

    curl -d @testdata/v2/chat_started.json http://%s

Ctrl-C ends.

`, where, net.JoinHostPort(host, port))
}

// entryPrinter returns what prints entries to w: for people, or as JSON.
func entryPrinter(w io.Writer, asJSON, colour bool) func(*loggingpb.LogEntry) {
	if asJSON {
		return func(e *loggingpb.LogEntry) {
			text, err := protojson.Marshal(e)
			if err != nil {
				text = []byte(`{}`) // an entry that came by wire always marshals
			}
			fmt.Fprintf(w, "%s\n", text)
		}
	}
	return func(e *loggingpb.LogEntry) { io.WriteString(w, forPeople(e, colour)) }
}

// ANSI escapes.
const (
	bold   = "\x1b[1m"
	dim    = "\x1b[2m"
	yellow = "\x1b[33m"
	plain  = "\x1b[0m"
)

// forPeople returns time, severity, event and message of e in one line and its
// labels in the next.
func forPeople(e *loggingpb.LogEntry, colour bool) string {
	paint := func(code, text string) string {
		if colour {
			return code + text + plain
		}
		return text
	}
	severity := fmt.Sprintf("%-6s", e.GetSeverity())
	if severity != "INFO  " {
		severity = paint(yellow, severity)
	}
	labels := e.GetLabels()
	event := labels["event"]
	message := e.GetJsonPayload().GetFields()["message"].GetStringValue()
	var pairs []string
	for _, name := range slices.Sorted(maps.Keys(labels)) {
		pairs = append(pairs, name+"="+labels[name])
	}
	return fmt.Sprintf("%s %s %s %s\n                       %s\n",
		paint(dim, e.GetTimestamp().AsTime().Local().Format(time.TimeOnly)),
		severity,
		paint(bold, event),
		strings.TrimPrefix(message, event+" "),
		paint(dim, strings.Join(pairs, " ")))
}

func isTerminal(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0 && os.Getenv("NO_COLOR") == ""
}
