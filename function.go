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
// functions framework. Where the platform or FUNCTION_TARGET asks for it, the
// function starts at once, ends the process if the environment is wrong, and on
// SIGTERM finishes the webhooks in flight. Elsewhere it starts with the first
// request. [New] makes one without the environment.
package livechatwebhook

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/GoogleCloudPlatform/functions-framework-go/functions"

	"example.com/livechat-webhook/internal/cloudlog"
	"example.com/livechat-webhook/internal/config"
	"example.com/livechat-webhook/internal/console"
	"example.com/livechat-webhook/internal/entry"
	"example.com/livechat-webhook/internal/intake"
	"example.com/livechat-webhook/internal/redact"
	"example.com/livechat-webhook/internal/repeats"
	"example.com/livechat-webhook/internal/secrets"
	"example.com/livechat-webhook/payload"
)

// entryPoint is the name under which the function is deployed.
const entryPoint = "LiveChatWebhook"

const (
	// deadline is how long a webhook may take in total. LiveChat gives up after
	// about 10 s (https://platform.text.com/docs/getting-started/livechat-apps/webhook-apps).
	deadline = 8 * time.Second
	// grace is how long the webhooks in flight may take after SIGTERM. The
	// platform kills the process after 10 s
	// (https://docs.cloud.google.com/run/docs/container-contract#instance-shutdown).
	grace = 9 * time.Second
	// flushTime is how long the last lines on stderr may take after that.
	flushTime = time.Second / 2
)

func init() {
	functions.HTTP(entryPoint, serve)
	if os.Getenv("K_SERVICE") == "" && os.Getenv("FUNCTION_TARGET") != entryPoint {
		return // imported, not started as a function
	}
	if _, err := started(); err != nil {
		os.Exit(1)
	}
	terminated := make(chan os.Signal, 1)
	signal.Notify(terminated, syscall.SIGTERM)
	go exitAfter(terminated)
}

// What can become of a request, besides what [intake] and [payload] say.
var (
	errMethod      = errors.New("not a POST")
	errNoSecret    = errors.New("no secret")
	errWrongSecret = errors.New("wrong secret")
	errUpgrade     = errors.New("in-app upgrade")
	errNotWritten  = errors.New("not written")
	errPanic       = errors.New("panic")
	errInternal    = errors.New("internal error")
)

// An answer is how a request is answered whose outcome is err.
type answer struct {
	err    error
	status int
	text   string
}

// answers is the one table from outcomes to answers: the first row whose error
// the outcome is. LiveChat retries a webhook unless the answer is 200.
var answers = []answer{
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

// internalError is the answer to an outcome that no row of answers lists: a
// fault of the function.
var internalError = answer{errInternal, http.StatusInternalServerError, "The webhook could not be handled."}

// Function receives webhooks.
type Function struct {
	deadline   time.Duration
	now        func() time.Time
	unverified bool
	secrets    secrets.Set
	intake     *intake.Intake
	entries    *entry.Builder
	repeats    *repeats.Memory
	log        *cloudlog.Writer
	console    *console.Console
	// serving is read-locked by each request in flight.
	serving sync.RWMutex
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
		entries:    entry.NewBuilder(c.Project, redact.Rules{Members: c.Redact, Secrets: c.Secrets}),
		repeats:    repeats.New(),
		log:        log,
		console:    con,
	}
	go f.warmUp(ctx, time.Now)
	return f, nil
}

// warmUp has the connection and the token ready before the first webhook
// needs them, and reports early what would keep webhooks out of the log.
func (f *Function) warmUp(ctx context.Context, now func() time.Time) {
	for {
		began := now()
		err := f.check(ctx)
		if err == nil {
			return
		}
		if now().Sub(began) < 2*deadline {
			f.console.Say(console.Warning, "Cloud Logging cannot be written to at present: "+err.Error())
			return
		}
		// The instance had no CPU in the meantime, so the failure means nothing.
	}
}

func (f *Function) check(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, deadline)
	defer cancel()
	return f.log.Check(ctx)
}

// ServeHTTP takes one request from its body to its answer.
func (f *Function) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.serving.RLock()
	defer f.serving.RUnlock()
	defer func() {
		if recover() != nil {
			f.console.Panicked(debug.Stack())
			f.answer(w, errPanic)
		}
	}()
	f.answer(w, f.handle(w, r))
}

// handle takes a webhook to Cloud Logging. The error is one of those in
// answers, or a fault of the function.
func (f *Function) handle(w http.ResponseWriter, r *http.Request) error {
	// The write outlives a client that hangs up: LiveChat might not retry.
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
	insertID := f.entries.InsertID(body, secret)
	acknowledged := false
	first, end := f.repeats.Begin(r.Context(), insertID, received)
	defer func() { end(acknowledged) }()
	record, err := f.entries.Record(webhook, entry.Delivery{
		InsertID: insertID, Received: first, Secret: secret, Header: r.Header,
	})
	if err != nil {
		return err
	}
	if err := f.write(ctx, record); err != nil {
		return err
	}
	if webhook.Family == payload.Upgrade {
		return errUpgrade
	}
	acknowledged = true
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

// write returns nil once the record is in Cloud Logging, or is on stdout because
// Cloud Logging will never accept it. A record that could not be written now
// goes to stdout too: LiveChat gives up after a minute.
func (f *Function) write(ctx context.Context, record *entry.Record) error {
	writeErr := f.log.Write(ctx, record.Entries(f.log.Overhead()))
	if writeErr == nil {
		return nil
	}
	if err := f.copy(record, cloudlog.Reason(writeErr)); err != nil {
		return fmt.Errorf("%w: %w; no copy on stdout: %w", errNotWritten, writeErr, err)
	}
	if errors.Is(writeErr, cloudlog.ErrRefused) {
		return nil // no retry could help, and the copy is safe
	}
	return fmt.Errorf("%w: %w", errNotWritten, writeErr)
}

// copy writes the record to stdout.
func (f *Function) copy(record *entry.Record, notWritten string) error {
	lines, err := record.Copy(notWritten)
	if err != nil {
		return err
	}
	return f.console.Copy(lines)
}

// answer answers a request by its outcome. No answer depends on what was sent.
func (f *Function) answer(w http.ResponseWriter, outcome error) {
	a := answerTo(outcome)
	h := w.Header()
	switch a.status {
	case http.StatusMethodNotAllowed:
		h.Set("Allow", http.MethodPost)
	case http.StatusUnauthorized:
		h.Set("WWW-Authenticate", `Basic realm="livechat"`)
	case http.StatusServiceUnavailable:
		h.Set("Retry-After", "10")
	}
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("Content-Length", strconv.Itoa(len(a.text)))
	w.WriteHeader(a.status)
	io.WriteString(w, a.text)
	// The answer has left before the request counts as served, because the
	// process may exit then.
	http.NewResponseController(w).Flush()
	f.report(a, outcome)
}

// report writes to stderr what went wrong. The answer does not wait for it.
func (f *Function) report(a answer, outcome error) {
	switch a.err {
	case nil:
	case errInternal:
		f.console.Failed(a.err.Error(), outcome)
	default:
		f.console.Refused(a.err.Error(), a.status, outcome)
	}
}

// answerTo returns the row of answers for an outcome.
func answerTo(outcome error) answer {
	for _, a := range answers {
		if errors.Is(outcome, a.err) {
			return a
		}
	}
	return internalError
}

// exitAfter ends the process after a signal, once no request is in flight. The
// framework does not handle SIGTERM, and offers no handle to its server.
func exitAfter(terminated <-chan os.Signal) {
	<-terminated
	if f, err := started(); err == nil {
		f.Drain()
		f.flush()
	}
	os.Exit(0)
}

// flush writes what the console has counted, unless stderr stalls.
func (f *Function) flush() {
	flushed := make(chan struct{})
	go func() {
		f.console.Flush()
		close(flushed)
	}()
	select {
	case <-flushed:
	case <-time.After(flushTime):
	}
}

// Drain returns once no request is in flight, after nine seconds at the latest.
// Later requests wait until the process ends, so it must end then.
func (f *Function) Drain() {
	drained := make(chan struct{})
	go func() {
		f.serving.Lock()
		close(drained)
	}()
	select {
	case <-drained:
	case <-time.After(grace):
	}
}

// started returns the function that the framework serves, which it starts once,
// configured by the environment. The error, which is also on stderr, names all
// faults of the environment.
var started = sync.OnceValues(func() (*Function, error) {
	ctx := context.Background()
	con := console.New(os.Stdout, os.Stderr)
	c, err := config.Load(ctx, os.Getenv)
	if err != nil {
		con.Say(console.Error, "cannot start: "+strings.ReplaceAll(err.Error(), "\n", "; "))
		return nil, err
	}
	for _, warning := range c.Warnings {
		con.Say(console.Warning, warning)
	}
	f, err := New(ctx, c, con)
	if err != nil {
		con.Say(console.Error, "cannot start: "+err.Error())
	}
	return f, err
})

// serve is the registered entry point.
func serve(w http.ResponseWriter, r *http.Request) {
	f, err := started()
	if err != nil {
		http.Error(w, "The function is not configured.", http.StatusInternalServerError)
		return
	}
	f.ServeHTTP(w, r)
}
