// Package livechatwebhook is a cloud function that writes every webhook that
// LiveChat sends to Cloud Logging, and answers once it is written.
//
// The way of one webhook, in [Function.ServeHTTP]:
//
//	LiveChat ── POST ──▶ read     at most 4 MiB of body (internal/intake)
//	                     parse    what is it: family, event, ids, secret (payload)
//	                     verify   is it LiveChat's: one of the secrets (internal/secrets)
//	                     record   what will be logged, secrets removed (internal/entry)
//	                     write    acknowledged by Cloud Logging (internal/cloudlog)
//	LiveChat ◀── 200 ─── answer   one table from error to status
//
// Importing the package registers the function as LiveChatWebhook with the
// functions framework. On Cloud Run it starts at once and ends the process if
// the environment is wrong; elsewhere it starts with the first request or with
// [Start].
package livechatwebhook

import (
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/GoogleCloudPlatform/functions-framework-go/functions"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"example.com/livechat-webhook/internal/cloudlog"
	"example.com/livechat-webhook/internal/config"
	"example.com/livechat-webhook/internal/console"
	"example.com/livechat-webhook/internal/entry"
	"example.com/livechat-webhook/internal/intake"
	"example.com/livechat-webhook/internal/secrets"
	"example.com/livechat-webhook/payload"
)

// entryPoint is the name under which the function is deployed.
const entryPoint = "LiveChatWebhook"

// deadline is how long a webhook may take, all told. LiveChat gives up after
// about 10 s (https://platform.text.com/docs/getting-started/livechat-apps/webhook-apps).
const deadline = 8 * time.Second

func init() {
	functions.HTTP(entryPoint, serve)
	if os.Getenv("K_SERVICE") == "" && os.Getenv("FUNCTION_TARGET") != entryPoint {
		return // imported, not started as a function
	}
	tune()
	if err := Start(); err != nil {
		os.Exit(1)
	}
}

// tune sets how Go's runtime works, unless its own variables say otherwise.
// BenchmarkReceivers shows what they cost.
//
// One processor, because that is what the README and deploy.sh give the
// function, and it takes thousands of webhooks a second. Go would take two even
// there (https://pkg.go.dev/runtime#GOMAXPROCS), and waking the second for work
// that is done by then was a sixth of the CPU of a webhook.
//
// More memory, which every instance has, for fewer collections, which took a
// quarter, and a limit beyond which it collects as often as it takes.
func tune() {
	if os.Getenv("GOMAXPROCS") == "" {
		runtime.GOMAXPROCS(1)
	}
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(400)
	}
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(128 << 20)
	}
}

// The requests that are refused, beside those that [intake] and [payload]
// refuse.
var (
	errMethod      = errors.New("not a POST")
	errNoSecret    = errors.New("no secret")
	errWrongSecret = errors.New("wrong secret")
	errUpgrade     = errors.New("in-app upgrade")
	errNotWritten  = errors.New("not written")
	errPanic       = errors.New("panic")
)

// answers is the one table from what became of a request to how it is
// answered: the first row whose error the outcome is. LiveChat repeats a
// webhook unless the answer is 200.
var answers = []struct {
	err    error
	status int
	text   string
}{
	{nil, http.StatusOK, "ok"},
	{errMethod, http.StatusMethodNotAllowed, "This URL receives LiveChat webhooks. They come by POST; there is nothing to see here."},
	{intake.ErrTooLarge, http.StatusRequestEntityTooLarge, "The body has more than 4 MiB."},
	{intake.ErrCutShort, http.StatusBadRequest, "The body did not arrive whole."},
	{payload.ErrEmpty, http.StatusBadRequest, "The body is empty."},
	{payload.ErrNotObject, http.StatusBadRequest, "The body is not a JSON object."},
	{payload.ErrSyntax, http.StatusBadRequest, "The body is not JSON."},
	{errNoSecret, http.StatusUnauthorized, "The webhook carries no secret."},
	{errWrongSecret, http.StatusUnauthorized, "The webhook carries a wrong secret."},
	{errUpgrade, http.StatusForbidden, "In-app upgrades are not taken here."},
	{intake.ErrBusy, http.StatusServiceUnavailable, "Too many webhooks at once. Please repeat this one."},
	{errNotWritten, http.StatusServiceUnavailable, "The webhook could not be written. Please repeat it."},
	{errPanic, http.StatusInternalServerError, "The webhook could not be handled."},
}

// Function receives webhooks.
type Function struct {
	deadline   time.Duration
	now        func() time.Time
	unverified bool
	secrets    secrets.Set
	intake     *intake.Intake
	entries    *entry.Builder
	log        *cloudlog.Writer
	console    *console.Console
}

// New returns a Function that works as c says and writes its structured lines
// to con. It starts to connect to Cloud Logging, and does not wait for that.
func New(ctx context.Context, c config.Config, con *console.Console) (*Function, error) {
	log, err := cloudlog.Open(ctx, cloudlog.Destination{
		Project: c.Project, LogID: c.LogID, Resource: c.Resource, Emulator: c.Emulator,
	})
	if err != nil {
		return nil, err
	}
	f := &Function{
		deadline:   deadline,
		now:        time.Now,
		unverified: c.AllowUnverified,
		secrets:    secrets.New(c.Secrets),
		intake:     intake.New(),
		entries:    entry.NewBuilder(c.Project, c.Redact, c.Secrets),
		log:        log,
		console:    con,
	}
	go f.warmUp(ctx)
	return f, nil
}

// warmUp has the connection and the token ready before the first webhook
// needs them, and says early what would keep webhooks out of the log.
func (f *Function) warmUp(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, deadline)
	defer cancel()
	if err := f.log.Check(ctx); err != nil {
		f.console.Say(console.Warning, "Cloud Logging cannot be written to at present: "+err.Error())
	}
}

// ServeHTTP takes one request from its body to its answer.
func (f *Function) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	defer func() {
		if recover() != nil {
			f.console.Panicked(debug.Stack())
			f.answer(w, errPanic)
		}
	}()
	f.answer(w, f.handle(w, r))
}

// handle takes a webhook to Cloud Logging. The error is one of those in
// answers.
func (f *Function) handle(w http.ResponseWriter, r *http.Request) error {
	// The write outlives a client that hangs up: LiveChat might not repeat it.
	ctx, cancel := context.WithTimeout(context.Background(), f.deadline)
	defer cancel()
	received := f.now()
	intake.Limit(w)
	if r.Method != http.MethodPost {
		return errMethod
	}
	body, release, err := f.intake.Read(w, r)
	if err != nil {
		return err
	}
	defer release()
	webhook, err := payload.Parse(body)
	if err != nil {
		return err
	}
	secret, err := f.verify(webhook, r)
	if err != nil {
		return err
	}
	record, err := f.entries.Record(webhook, entry.Delivery{Received: received, Secret: secret, Header: r.Header})
	if err != nil {
		return err
	}
	if err := f.write(ctx, record); err != nil {
		return err
	}
	if webhook.Family == payload.Upgrade {
		return errUpgrade
	}
	return nil
}

// verify returns the number of the secret that shows that LiveChat sent the
// webhook, 0 if it does not need to show that. LiveChat puts it into the body
// (secret_key today, token in the legacy API) or, for a URL with one, into
// HTTP Basic.
func (f *Function) verify(webhook *payload.Webhook, r *http.Request) (int, error) {
	_, password, _ := r.BasicAuth()
	offered := []string{webhook.SecretKey, webhook.Token, password}
	number := f.secrets.Match(offered...)
	switch {
	case number > 0 || f.unverified:
		return number, nil
	case !slices.ContainsFunc(offered, func(s string) bool { return s != "" }):
		return 0, errNoSecret
	default:
		return 0, errWrongSecret
	}
}

// write returns nil once the record is in Cloud Logging, or never will be and
// stands on stdout. A record that could not be written now stands on stdout
// too: LiveChat gives up after a minute.
func (f *Function) write(ctx context.Context, record *entry.Record) error {
	entries, err := record.Entries(f.log.Overhead())
	if err != nil {
		return err
	}
	err = f.log.Write(ctx, entries)
	if err == nil {
		return nil
	}
	code := status.Code(err)
	if err := f.console.Copy(record.Lines(code.String())); err != nil || code != codes.InvalidArgument {
		return errNotWritten
	}
	return nil
}

// answer answers what became of a request. No answer depends on what was sent.
func (f *Function) answer(w http.ResponseWriter, outcome error) {
	row := answers[len(answers)-1]
	for _, a := range answers {
		if errors.Is(outcome, a.err) {
			row = a
			break
		}
	}
	h := w.Header()
	switch row.status {
	case http.StatusMethodNotAllowed:
		h.Set("Allow", http.MethodPost)
	case http.StatusUnauthorized:
		h.Set("WWW-Authenticate", `Basic realm="livechat"`)
	case http.StatusServiceUnavailable:
		h.Set("Retry-After", "10")
	}
	if row.err != nil {
		f.console.Refused(row.err.Error(), row.status)
	}
	h.Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(row.status)
	io.WriteString(w, row.text)
}

// started is the function that the framework serves, made of the environment.
var started = sync.OnceValues(func() (*Function, error) {
	ctx := context.Background()
	con := console.New(os.Stdout, os.Stderr)
	c, err := config.Load(ctx, os.Getenv)
	if err != nil {
		con.Say(console.Error, "cannot start: "+strings.ReplaceAll(err.Error(), "\n", "; "))
		return nil, err
	}
	if c.AllowUnverified {
		con.Say(console.Warning, "webhooks are accepted from anybody: set LIVECHAT_SECRETS to accept LiveChat's only")
	}
	f, err := New(ctx, c, con)
	if err != nil {
		con.Say(console.Error, "cannot start: "+err.Error())
	}
	return f, err
})

// Start reads the environment, which the README describes, and starts the
// function; it does so once. The error, which is on stderr too, names all
// faults of the environment.
func Start() error {
	_, err := started()
	return err
}

// serve is the registered entry point.
func serve(w http.ResponseWriter, r *http.Request) {
	f, err := started()
	if err != nil {
		http.Error(w, "The function is not configured.", http.StatusInternalServerError)
		return
	}
	f.ServeHTTP(w, r)
}
