package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/GoogleCloudPlatform/functions-framework-go/funcframework"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/genproto/googleapis/logging/type"
	"google.golang.org/protobuf/encoding/protojson"

	_ "example.com/livechat-webhook" // registers LiveChatWebhook
	"example.com/livechat-webhook/internal/cloudlogtest"
)

// serveFunction serves the real function, by the real framework and in front of
// a stand-in for Cloud Logging, with a secret. It can be called once: the
// function reads the environment once.
func serveFunction(t *testing.T, secret string) (url string, logging *cloudlogtest.Server) {
	t.Helper()
	logging, err := cloudlogtest.Start("127.0.0.1:0", nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(logging.Close)
	for name, value := range map[string]string{
		"FUNCTION_TARGET":       "LiveChatWebhook",
		"LIVECHAT_SECRETS":      secret,
		"GOOGLE_CLOUD_PROJECT":  "my-project",
		"LOGGING_EMULATOR_HOST": logging.Addr(),
	} {
		t.Setenv(name, value)
	}
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := free.Addr().String()
	free.Close()
	_, port, _ := net.SplitHostPort(addr)
	ended := make(chan error, 1)
	go func() { ended <- funcframework.StartHostPort("127.0.0.1", port) }()
	for {
		if conn, err := net.Dial("tcp", addr); err == nil {
			conn.Close()
			return "http://" + addr, logging
		}
		select {
		case err := <-ended:
			t.Fatal(err)
		default:
		}
	}
}

func TestProbeOfTheFunction(t *testing.T) {
	url, logging := serveFunction(t, "new-secret-of-the-function")
	b := newBench(t)
	code, stdout, stderr := b.command(t, "-url", url)
	want := "nothing was changed: " + url + " answers a test webhook with 401, and LiveChat needs 200: " +
		"the function does not have the first secret in LIVECHAT_SECRETS\n"
	if code != exitFailed || stdout != "" || stderr != want || b.changed() {
		t.Errorf("wrong secret: exit %d, %q, %q, calls %q", code, stdout, stderr, b.Calls())
	}
	if n := len(logging.Entries()); n != 0 {
		t.Fatalf("wrong secret: %d entries", n)
	}

	b.env["LIVECHAT_SECRETS"] = "new-secret-of-the-function old-secret"
	if code, stdout, stderr := b.command(t, "-url", url); code != exitOK || len(b.Webhooks()) != 3 {
		t.Errorf("exit %d\n%s%s", code, stdout, stderr)
	}
	entries := logging.Entries()
	if len(entries) != 1 {
		t.Fatalf("%d entries, want 1", len(entries))
	}
	e := entries[0]
	if e.Severity != ltype.LogSeverity_NOTICE {
		t.Errorf("severity %v", e.Severity)
	}
	// No chat and no number: nothing but its event can be counted.
	labels := map[string]string{"api": "v3", "event": "registration_probe", "secret": "1"}
	if diff := cmp.Diff(labels, e.Labels); diff != "" {
		t.Errorf("labels (-want +got)\n%s", diff)
	}
	payload := map[string]any{
		"message": "unknown event registration_probe",
		"webhook": map[string]any{"action": "registration_probe", "secret_key": "[redacted]"},
	}
	if diff := cmp.Diff(payload, e.GetJsonPayload().AsMap()); diff != "" {
		t.Errorf("payload (-want +got)\n%s", diff)
	}
	if text := protojson.Format(e); strings.Contains(text, "new-secret") {
		t.Errorf("secret in %s", text)
	}
}

func TestProbeIsAWebhookAsLiveChatPostsThem(t *testing.T) {
	b := newBench(t)
	b.function = func(w http.ResponseWriter, r *http.Request) {
		if _, _, ok := r.BasicAuth(); ok || r.Header.Get("Content-Type") != "application/json" || r.URL.Path != "/" {
			t.Errorf("%s %v", r.URL, r.Header)
		}
	}
	if code, _, stderr := b.command(t); code != exitOK {
		t.Errorf("exit %d, %s", code, stderr)
	}
	wantStrings(t, "posted", b.posted, `POST {"action":"registration_probe","secret_key":"new-secret"}`)
}

func TestNothingIsChangedUnlessTheFunctionAcceptsTheSecret(t *testing.T) {
	tests := []struct {
		status int
		want   string
	}{
		{status: 201, want: "the function is not there"},
		{status: 302, want: "register the URL that it redirects to"},
		{status: 401, want: "the function does not have the first secret in LIVECHAT_SECRETS"},
		{status: 403, want: "it is not public"},
		{status: 404, want: "the function is not there"},
		{status: 429, want: "see the function's log for the cause"},
		{status: 503, want: "see the function's log for the cause"},
	}
	for _, args := range [][]string{{}, {"-replace"}} {
		for _, tt := range tests {
			t.Run(fmt.Sprint(args, tt.status), func(t *testing.T) {
				b := newBench(t)
				b.here("incoming_event")
				b.Enable(false)
				b.function = func(w http.ResponseWriter, r *http.Request) {
					w.Header().Set("Location", "/elsewhere")
					w.WriteHeader(tt.status)
					fmt.Fprint(w, "new-secret")
				}
				code, stdout, stderr := b.command(t, args...)
				want := fmt.Sprintf("nothing was changed: %s answers a test webhook with %d, "+
					"and LiveChat needs 200: %s\n", ours, tt.status, tt.want)
				if code != exitFailed || stdout != "" || stderr != want {
					t.Errorf("exit %d, %q, %q", code, stdout, stderr)
				}
				if b.changed() {
					t.Errorf("calls %q", b.Calls())
				}
				tries := 1
				if tt.status == 429 || tt.status == 503 {
					tries = attempts
				}
				if len(b.posted) != tries {
					t.Errorf("posted %q, want %d", b.posted, tries)
				}
			})
		}
	}
}

func TestProbeIsRetried(t *testing.T) {
	b := newBench(t)
	b.answer(503, 500, 200)
	if code, _, stderr := b.command(t); code != exitOK {
		t.Errorf("exit %d, %s", code, stderr)
	}
	if want := []time.Duration{time.Second, 2 * time.Second}; !slices.Equal(b.pauses, want) {
		t.Errorf("pauses %v, want %v", b.pauses, want)
	}
}

func TestNothingIsChangedWithoutAnAnswerToTheProbe(t *testing.T) {
	b := newBench(t)
	b.function = func(_ http.ResponseWriter, r *http.Request) {
		b.interrupt()
		<-r.Context().Done()
	}
	code, stdout, stderr := b.command(t)
	want := "nothing was changed: no answer from https://function.example.com/ to a test webhook: context canceled\n"
	if code != exitFailed || stdout != "" || stderr != want || b.changed() {
		t.Errorf("exit %d, %q, %q, calls %q", code, stdout, stderr, b.Calls())
	}
}

func TestProbeTimesOut(t *testing.T) {
	b := newBench(t)
	b.function = func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }
	c := newClient(settings{url: ours, timeout: time.Millisecond, transport: b.transport})
	ctx, cancel := context.WithTimeout(t.Context(), callTimeout/4)
	defer cancel()
	err := c.probeOnce(ctx)
	want := "no answer from https://function.example.com/ to a test webhook: nothing came within 1ms"
	if err == nil || err.Error() != want {
		t.Errorf("%v", err)
	}
}

func TestFunctionThatIsDown(t *testing.T) {
	b := newBench(t)
	down := httptest.NewServer(nil)
	down.Close()
	code, _, stderr := b.command(t, "-url", down.URL)
	want := "nothing was changed: no answer from " + down.URL + " to a test webhook: dial "
	if code != exitFailed || !strings.HasPrefix(stderr, want) || b.changed() {
		t.Errorf("exit %d, %q, calls %q", code, stderr, b.Calls())
	}
}

func TestProbeOnlyBeforeRegistering(t *testing.T) {
	for _, args := range [][]string{
		{"-list"},
		{"-unregister"},
		{"-dry-run"},
		{"-dry-run", "-replace"},
		{"-actions", "incoming_chat"}, // which is there
	} {
		b := newBench(t)
		b.answer(401)
		b.here("incoming_chat")
		if code, _, stderr := b.command(t, args...); code != exitOK || len(b.posted) > 0 {
			t.Errorf("%q: exit %d, %s, posted %q", args, code, stderr, b.posted)
		}
	}
}
