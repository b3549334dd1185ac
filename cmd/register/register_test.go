package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	_ "example.com/livechat-webhook/internal/golden"
	"example.com/livechat-webhook/internal/livechattest"
	"example.com/livechat-webhook/payload"
)

const (
	ours   = "https://function.example.com/"
	theirs = "https://other.example.com/"
	appID  = "app-1"
)

// TestMain lets a test run this binary as the command.
func TestMain(m *testing.M) {
	if os.Getenv("TEST_RUN_COMMAND") != "" {
		main()
	}
	os.Exit(m.Run())
}

// bench is a command between a stand-in for LiveChat and a function.
type bench struct {
	*livechattest.Server
	ctx context.Context
	// interrupt ends ctx.
	interrupt context.CancelFunc
	env       map[string]string
	timeout   time.Duration
	// pauses are the requested ones; each ends at once, with the result of pause
	// if that is set.
	pauses []time.Duration
	pause  func(context.Context, time.Duration) error
	// transport reaches the function under every subdomain of example.com.
	transport http.RoundTripper
	// function serves the URL, and posted holds the bodies that it received.
	function http.HandlerFunc
	posted   []string
}

func newBench(t *testing.T) *bench {
	t.Helper()
	server := livechattest.New("the-account", "the-token")
	web := httptest.NewServer(server)
	t.Cleanup(web.Close)
	b := &bench{Server: server, timeout: callTimeout, env: map[string]string{
		"LIVECHAT_ACCOUNT_ID": "the-account",
		"LIVECHAT_PAT":        "the-token",
		"LIVECHAT_SECRETS":    "new-secret, old-secret",
		"LIVECHAT_API_URL":    web.URL + "/v3.6",
	}}
	b.ctx, b.interrupt = context.WithCancel(t.Context())
	b.function = func(http.ResponseWriter, *http.Request) {}
	function := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		b.posted = append(b.posted, r.Method+" "+string(body))
		b.function(w, r)
	}))
	t.Cleanup(function.Close)
	b.transport = function.Client().Transport
	return b
}

// answer makes the function answer with the statuses, the last one from then on.
func (b *bench) answer(statuses ...int) {
	b.function = func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(statuses[0])
		statuses = statuses[min(1, len(statuses)-1):]
	}
}

// changed reports whether anything was changed in LiveChat.
func (b *bench) changed() bool {
	return b.count("register_webhook")+b.count("unregister_webhook")+b.count("enable_license_webhooks") > 0
}

// here registers an action with the function's URL and the old secret.
func (b *bench) here(action string) string {
	return b.Add(livechattest.Webhook{Action: action, URL: ours, OwnerClientID: appID, Type: "license", SecretKey: "old-secret"})
}

// there registers an action with another URL, n times.
func (b *bench) there(action string, n int) {
	for range n {
		b.Add(livechattest.Webhook{Action: action, URL: theirs, OwnerClientID: appID, Type: "license", SecretKey: "x"})
	}
}

// command runs the command for the function's URL.
func (b *bench) command(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	s, err := parse(append([]string{"-url", ours, "-client-id", appID}, args...), b.getenv, new(strings.Builder))
	if err != nil {
		return exitUsage, "", err.Error()
	}
	s.timeout, s.transport = b.timeout, b.transport
	s.pause = func(ctx context.Context, d time.Duration) error {
		b.pauses = append(b.pauses, d)
		if b.pause != nil {
			return b.pause(ctx, d)
		}
		return nil
	}
	var out, errs strings.Builder
	code = run(b.ctx, s, &out, &errs)
	return code, out.String(), errs.String()
}

func (b *bench) getenv(name string) string { return b.env[name] }

// succeed runs the command and fails the test unless it exits with 0 and prints
// exactly want.
func (b *bench) succeed(t *testing.T, want string, args ...string) {
	t.Helper()
	b.expect(t, exitOK, want, args...)
}

func (b *bench) expect(t *testing.T, wantCode int, want string, args ...string) {
	t.Helper()
	code, stdout, stderr := b.command(t, args...)
	if diff := cmp.Diff(strings.TrimPrefix(want, "\n"), stdout); diff != "" || code != wantCode || stderr != "" {
		t.Errorf("exit %d, stderr %q, (-want +got)\n%s", code, stderr, diff)
	}
}

// secrets returns action and secret of all registrations with the function's
// URL.
func (b *bench) secrets() []string {
	var all []string
	for _, w := range b.Webhooks() {
		if w.URL == ours {
			all = append(all, w.Action+" "+w.SecretKey)
		}
	}
	return all
}

// count returns how often a method was called.
func (b *bench) count(method string) int {
	n := 0
	for _, call := range b.Calls() {
		if call == method {
			n++
		}
	}
	return n
}

func wantStrings(t *testing.T, what string, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: %q, want %q", what, got, want)
	}
}

func TestFirstRunRegisters(t *testing.T) {
	b := newBench(t)
	b.Enable(false)
	b.succeed(t, `
registered  incoming_chat      00000000000000000000000000000001
registered  incoming_event     00000000000000000000000000000002
registered  chat_deactivated   00000000000000000000000000000003
enabled     license webhooks
3 registered, 1 enabled
LiveChat may take 2 minutes to start sending
`)
	if !b.Enabled() {
		t.Error("license webhooks are off")
	}
	want := livechattest.Webhook{
		ID:            "00000000000000000000000000000001",
		URL:           ours,
		Description:   "livechat-webhook",
		Action:        "incoming_chat",
		SecretKey:     "new-secret",
		OwnerClientID: appID,
		Type:          "license",
	}
	if diff := cmp.Diff(want, b.Webhooks()[0]); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestSecondRunChangesNothing(t *testing.T) {
	b := newBench(t)
	id := b.here("incoming_chat")
	b.Add(livechattest.Webhook{
		ID:            "odd",
		Action:        "incoming_event",
		URL:           "https://FUNCTION.example.com",
		OwnerClientID: appID,
		Type:          "license",
		Filters:       []byte(`{"author_type":"agent"}`),
	})
	b.Add(livechattest.Webhook{ID: "bot", Action: "chat_deactivated", URL: ours, OwnerClientID: appID, Type: "bot"})
	b.succeed(t, fmt.Sprintf(`
already     incoming_chat      %s
already     incoming_event     odd  of type bot or with filters, so it does not receive everything: see -replace
already     chat_deactivated   bot  of type bot or with filters, so it does not receive everything: see -replace
3 already
`, id))
	wantStrings(t, "calls", b.Calls(), "list_webhooks", "list_webhook_names", "get_license_webhooks_state")
}

func TestAllActionsOfTheAPI(t *testing.T) {
	b := newBench(t)
	if code, stdout, stderr := b.command(t, "-actions", "incoming_chat all"); code != exitOK {
		t.Fatalf("exit %d: %s%s", code, stdout, stderr)
	}
	var want, got []string
	for _, a := range payload.Actions() {
		if a.In("3.6") {
			want = append(want, a.Name)
		}
	}
	for _, w := range b.Webhooks() {
		got = append(got, w.Action)
	}
	wantStrings(t, "registered", got, want...)
}

func TestChosenActionsOnce(t *testing.T) {
	b := newBench(t)
	b.succeed(t, `
registered  thread_summary_set   00000000000000000000000000000001
registered  event_deleted        00000000000000000000000000000002
2 registered
LiveChat may take 2 minutes to start sending
`, "-actions", "thread_summary_set, event_deleted,event_deleted")
}

func TestWrongActions(t *testing.T) {
	tests := []struct{ name, actions, want string }{
		{"misspelt", "incomming_caht", `there is no "incomming_caht", did you mean incoming_chat?`},
		{"like nothing", "everything", `there is no "everything"`},
		{"of the legacy API", "chat_started", `there is no "chat_started"`},
		{"old name", "thread_closed", "thread_closed ended with API version 3.1, chat_deactivated replaced it"},
		{"older name", "access_granted", "access_granted ended with API version 3.1, chat_access_updated replaced it"},
		{"dropped", "customer_created", "API version 3.6 has no customer_created, and nothing replaced it"},
		{"misspelt preset", "numebrs", `there is no "numebrs", did you mean numbers?`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := newBench(t)
			code, _, stderr := b.command(t, "-actions", "incoming_chat,"+tt.actions)
			if code != exitUsage || stderr != "-actions: "+tt.want {
				t.Errorf("exit %d, %q", code, stderr)
			}
			wantStrings(t, "calls", b.Calls())
		})
	}
}

func TestFailedActionDoesNotStopTheOthers(t *testing.T) {
	b := newBench(t)
	b.Fail(livechattest.Fault{Method: "register_webhook", Times: 1, Status: 400})
	b.expect(t, exitFailed, `
failed      incoming_chat:     LiveChat answers register_webhook with 400, validation, Wrong format of request
registered  incoming_event     00000000000000000000000000000001
registered  chat_deactivated   00000000000000000000000000000002
2 registered, 1 failed
LiveChat may take 2 minutes to start sending
`)
}

func TestLimitIsRespected(t *testing.T) {
	b := newBench(t)
	b.there("incoming_chat", 3)
	b.expect(t, exitFailed, `
failed      incoming_chat:     3 webhooks are registered for other URLs, the maximum: see -list
1 failed
`, "-actions", "incoming_chat")
	wantStrings(t, "calls", b.Calls(), "list_webhooks", "list_webhook_names", "get_license_webhooks_state")
}

// The documentation does not say which status an error comes with.
func TestErrorsAreKnownByTheirKind(t *testing.T) {
	for kind, want := range map[string]string{
		"authentication": "LiveChat does not accept LIVECHAT_ACCOUNT_ID and LIVECHAT_PAT",
		"authorization":  "LIVECHAT_PAT may not register_webhook: the token needs the scope webhooks.configuration:rw",
		"limit_reached":  "3 webhooks are registered for the action, the maximum: see -list",
	} {
		if err := (&apiError{method: "register_webhook", status: 400, kind: kind}); !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: %v", kind, err)
		}
	}
}

func TestOnlyFiltersThatFilterCount(t *testing.T) {
	for filters, want := range map[string]bool{"": true, "null": true, "{}": true, `{"only_my_chats":true}`: false} {
		if got := (webhook{Filters: []byte(filters)}).whole(); got != want {
			t.Errorf("%q: whole %v", filters, got)
		}
	}
}

func TestReplacePutsNewBeforeOld(t *testing.T) {
	b := newBench(t)
	b.there("incoming_chat", 1)
	b.here("incoming_chat")
	b.here("chat_deactivated")
	b.pause = func(context.Context, time.Duration) error {
		wantStrings(t, "while waiting", b.secrets(), "incoming_chat old-secret", "chat_deactivated old-secret",
			"incoming_chat new-secret", "chat_deactivated new-secret", "incoming_event new-secret")
		return nil
	}
	b.succeed(t, `
registered  incoming_chat      00000000000000000000000000000004
registered  chat_deactivated   00000000000000000000000000000005
registered  incoming_event     00000000000000000000000000000006
waiting 2 minutes until LiveChat is sure to use the new ones before removing the old ones
removed     incoming_chat      00000000000000000000000000000002
removed     chat_deactivated   00000000000000000000000000000003
3 registered, 2 removed
`, "-replace", "-actions", "incoming_chat,chat_deactivated,incoming_event")
	wantStrings(t, "in the end", b.secrets(), "incoming_chat new-secret", "chat_deactivated new-secret", "incoming_event new-secret")
	if !slices.Equal(b.pauses, []time.Duration{settling}) {
		t.Errorf("pauses %v", b.pauses)
	}
}

func TestReplaceRegistersWhatIsMissing(t *testing.T) {
	b := newBench(t)
	b.succeed(t, `
registered  incoming_chat      00000000000000000000000000000001
1 registered
LiveChat may take 2 minutes to start sending
`, "-replace", "-actions", "incoming_chat")
	if len(b.pauses) > 0 {
		t.Errorf("waits for %v", b.pauses)
	}
}

// Without -actions, or what is not replaced would be refused once the old
// secret is gone.
func TestReplaceAllThatIsRegistered(t *testing.T) {
	b := newBench(t)
	b.there("tag_created", 1)
	b.here("thread_tagged")
	b.here("incoming_chat")
	b.here("thread_tagged")
	b.Actions = append(b.Actions, livechattest.Action{Action: "chat_painted"}) // unknown to the command
	b.here("chat_painted")
	if code, stdout, _ := b.command(t, "-replace"); code != exitOK {
		t.Errorf("exit %d\n%s", code, stdout)
	}
	wantStrings(t, "in the end", b.secrets(), "thread_tagged new-secret", "incoming_chat new-secret", "chat_painted new-secret")
}

func TestReplaceFailsIfNothingIsRegistered(t *testing.T) {
	b := newBench(t)
	b.there("incoming_chat", 1)
	code, stdout, stderr := b.command(t, "-replace")
	want := "nothing was changed: nothing is registered with this URL, so there is nothing to replace\n"
	if code != exitFailed || stdout != "" || stderr != want || b.changed() || len(b.posted) > 0 {
		t.Errorf("exit %d, %q, %q, calls %q", code, stdout, stderr, b.Calls())
	}
}

func TestReplaceMakesRoomWithWhatIsNotNeeded(t *testing.T) {
	b := newBench(t)
	b.there("incoming_chat", 1)
	whole := b.here("incoming_chat")
	b.Add(livechattest.Webhook{
		ID:            "part",
		Action:        "incoming_chat",
		URL:           ours,
		OwnerClientID: appID,
		Type:          "license",
		Filters:       []byte(`{"only_my_chats":true}`),
	})
	b.succeed(t, fmt.Sprintf(`
removed     incoming_chat      part
registered  incoming_chat      00000000000000000000000000000003
waiting 2 minutes until LiveChat is sure to use the new ones before removing the old ones
removed     incoming_chat      %s
1 registered, 2 removed
`, whole), "-replace", "-actions", "incoming_chat")
	wantStrings(t, "in the end", b.secrets(), "incoming_chat new-secret")
}

func TestReplaceWithoutRoomLosesNothing(t *testing.T) {
	b := newBench(t)
	b.here("incoming_chat")
	b.there("incoming_chat", 2)
	b.expect(t, exitFailed, `
failed      incoming_chat:     no room for a new webhook next to the old one and 2 for other URLs; nothing was changed: remove one of those, or accept a gap with -unregister -actions incoming_chat and register again
1 failed
`, "-replace", "-actions", "incoming_chat")
	wantStrings(t, "in the end", b.secrets(), "incoming_chat old-secret")
}

func TestReplaceKeepsTheOld(t *testing.T) {
	tests := []struct {
		name  string
		fault livechattest.Fault
		pause error
		want  []string
	}{
		{
			name:  "without a new one",
			fault: livechattest.Fault{Method: "register_webhook", Times: 1, Status: 400},
			want:  []string{"incoming_chat old-secret"},
		},
		{
			name:  "interrupted",
			pause: context.Canceled,
			want:  []string{"incoming_chat old-secret", "incoming_chat new-secret"},
		},
		{
			name:  "that cannot be removed",
			fault: livechattest.Fault{Method: "unregister_webhook", Times: 1, Status: 403},
			want:  []string{"incoming_chat old-secret", "incoming_chat new-secret"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := newBench(t)
			b.here("incoming_chat")
			b.Fail(tt.fault)
			b.pause = func(context.Context, time.Duration) error { return tt.pause }
			code, stdout, _ := b.command(t, "-replace", "-actions", "incoming_chat")
			if code != exitFailed {
				t.Errorf("exit %d", code)
			}
			if tt.pause != nil && !strings.Contains(stdout, "not tried   incoming_chat      00000000000000000000000000000001\n") {
				t.Errorf("does not say what stayed:\n%s", stdout)
			}
			wantStrings(t, "in the end", b.secrets(), tt.want...)
		})
	}
}

func TestReplaceStopsWithoutCredentials(t *testing.T) {
	b := newBench(t)
	b.here("incoming_chat")
	b.here("incoming_event")
	b.Fail(livechattest.Fault{Method: "register_webhook", After: 1, Times: 1, Status: 401})
	code, stdout, _ := b.command(t, "-replace", "-actions", "incoming_chat,incoming_event")
	if code != exitFailed || !strings.Contains(stdout, "not tried   incoming_chat      00000000000000000000000000000001\n") {
		t.Errorf("exit %d\n%s", code, stdout)
	}
	wantStrings(t, "in the end", b.secrets(), "incoming_chat old-secret", "incoming_event old-secret", "incoming_chat new-secret")
	if len(b.pauses) > 0 {
		t.Errorf("waits for %v", b.pauses)
	}
}

func TestReplaceStopsIfNoRoomCanBeMade(t *testing.T) {
	b := newBench(t)
	for range 3 {
		b.here("incoming_chat")
	}
	b.Fail(livechattest.Fault{Method: "unregister_webhook", Times: 1, Status: 400})
	if code, _, _ := b.command(t, "-replace", "-actions", "incoming_chat"); code != exitFailed || b.count("register_webhook") > 0 {
		t.Errorf("exit %d, calls %q", code, b.Calls())
	}
}

func TestUnregisterRemovesThisURL(t *testing.T) {
	b := newBench(t)
	b.there("incoming_chat", 1)
	id := b.here("incoming_chat")
	odd := b.here("incoming_customer") // of another version
	b.Add(livechattest.Webhook{Action: "incoming_chat", URL: "https://host:bad", OwnerClientID: appID, Type: "license"})
	delete(b.env, "LIVECHAT_SECRETS")
	b.succeed(t, fmt.Sprintf(`
removed     incoming_chat       %s
removed     incoming_customer   %s
2 removed
`, id, odd), "-unregister")
	if len(b.secrets()) > 0 || len(b.Webhooks()) != 2 || len(b.pauses) > 0 {
		t.Errorf("left: %v, pauses: %v", b.Webhooks(), b.pauses)
	}
	b.succeed(t, "nothing is registered with this URL\n", "-unregister")
}

func TestUnregisterOneAction(t *testing.T) {
	b := newBench(t)
	id := b.here("incoming_chat")
	b.here("incoming_event")
	b.succeed(t, fmt.Sprintf("removed     incoming_chat      %s\n1 removed\n", id), "-unregister", "-actions", "incoming_chat")
	wantStrings(t, "left", b.secrets(), "incoming_event old-secret")
}

func TestDryRunChangesNothing(t *testing.T) {
	b := newBench(t)
	b.here("incoming_chat")
	b.Enable(false)
	b.succeed(t, `
already              incoming_chat      00000000000000000000000000000001
would be registered  incoming_event
would be registered  chat_deactivated
would be enabled     license webhooks
2 would be registered, 1 already, 1 would be enabled
`, "-dry-run")
	b.succeed(t, `
would be registered  incoming_chat
would be removed     incoming_chat      00000000000000000000000000000001
would be enabled     license webhooks
1 would be registered, 1 would be removed, 1 would be enabled
`, "-dry-run", "-replace", "-actions", "incoming_chat")
	b.succeed(t, `
would be removed     incoming_chat      00000000000000000000000000000001
1 would be removed
`, "-dry-run", "-unregister")
	for _, call := range b.Calls() {
		if call != "list_webhooks" && call != "list_webhook_names" && call != "get_license_webhooks_state" {
			t.Errorf("calls %s", call)
		}
	}
	if len(b.posted) > 0 {
		t.Errorf("posts %q", b.posted)
	}
	if len(b.pauses) > 0 {
		t.Errorf("waits for %v", b.pauses)
	}
}

func TestListShowsWhatIsThere(t *testing.T) {
	b := newBench(t)
	b.env = maps.Clone(b.env)
	delete(b.env, "LIVECHAT_SECRETS")
	for _, w := range []livechattest.Webhook{
		{
			ID:      "2",
			Action:  "incoming_event",
			URL:     "https://livechat:password@function.example.com/",
			Type:    "bot",
			Filters: []byte(`{"author_type":"agent"}`),
		},
		{ID: "1", Action: "incoming_chat", URL: ours, Type: "license", SecretKey: "x"},
		{ID: "3", Action: "tag_created", URL: "https://user:password@host:bad", Type: "license"},
	} {
		w.OwnerClientID = appID
		b.Add(w)
	}
	b.Add(livechattest.Webhook{ID: "4", Action: "incoming_chat", URL: ours, OwnerClientID: "app-2", Type: "license"})
	const table = `
ACTION          ID  TYPE     FILTERS  URL
incoming_chat   1   license  no       https://function.example.com/
incoming_event  2   bot      yes      https://livechat:xxxxx@function.example.com/
tag_created     3   license  no       (not a URL)
`
	b.succeed(t, table+"license webhooks are on\n", "-list", "-url", "")
	b.Enable(false)
	b.succeed(t, table+"license webhooks are off: LiveChat sends none of type license\n", "-list")
	b.Fail(livechattest.Fault{Method: "get_license_webhooks_state", Times: 1, Status: 400})
	b.expect(t, exitFailed, table+"failed      license webhooks:  LiveChat answers get_license_webhooks_state with 400, validation, Wrong format of request\n", "-list")
}

func TestTemporaryFailuresAreRetried(t *testing.T) {
	tests := []struct {
		name   string
		fault  livechattest.Fault
		pauses []time.Duration
	}{
		{
			name:   "too many requests",
			fault:  livechattest.Fault{Status: 429, Times: 1},
			pauses: []time.Duration{time.Second},
		},
		{
			name:   "Retry-After",
			fault:  livechattest.Fault{Status: 429, Times: 1, RetryAfter: "7"},
			pauses: []time.Duration{7 * time.Second},
		},
		{
			name:   "Retry-After of a day",
			fault:  livechattest.Fault{Status: 429, Times: 1, RetryAfter: "86400"},
			pauses: []time.Duration{time.Minute},
		},
		{
			name:   "server error",
			fault:  livechattest.Fault{Status: 503, Times: 3},
			pauses: []time.Duration{time.Second, 2 * time.Second, 4 * time.Second},
		},
		{
			name:   "broken connection",
			fault:  livechattest.Fault{Times: 1},
			pauses: []time.Duration{time.Second},
		},
	}
	for _, method := range append(slices.Sorted(maps.Keys(scopes)), "list_webhook_names") {
		for _, tt := range tests {
			t.Run(method+", "+tt.name, func(t *testing.T) {
				b := newBench(t)
				b.Enable(false)
				args := []string{"-actions", "incoming_chat"}
				if method == "unregister_webhook" {
					args = []string{"-unregister"}
					b.here("incoming_chat")
				}
				tt.fault.Method = method
				b.Fail(tt.fault)
				if code, stdout, stderr := b.command(t, args...); code != exitOK {
					t.Errorf("exit %d: %s%s", code, stdout, stderr)
				}
				if !slices.Equal(b.pauses, tt.pauses) {
					t.Errorf("pauses %v, want %v", b.pauses, tt.pauses)
				}
			})
		}
	}
}

func TestRetriesEnd(t *testing.T) {
	b := newBench(t)
	b.Fail(livechattest.Fault{Status: 500, Times: 1000})
	code, stdout, stderr := b.command(t)
	if code != exitFailed || stdout != "" || stderr != "LiveChat answers list_webhooks with 500, internal, Internal server error\n" {
		t.Errorf("exit %d, %q, %q", code, stdout, stderr)
	}
	if n := len(b.Calls()); n != attempts {
		t.Errorf("%d calls", n)
	}
}

func TestInterruptedPauseEndsRetries(t *testing.T) {
	b := newBench(t)
	b.Fail(livechattest.Fault{Status: 500, Times: 1})
	b.pause = func(context.Context, time.Duration) error { return context.Canceled }
	if code, _, _ := b.command(t); code != exitFailed || len(b.Calls()) != 1 {
		t.Errorf("exit %d, calls %q", code, b.Calls())
	}
}

func TestInterruptionStopsTheRun(t *testing.T) {
	b := newBench(t)
	b.Fail(livechattest.Fault{Method: "register_webhook", Times: 1, Status: 500})
	b.pause = func(ctx context.Context, _ time.Duration) error {
		b.interrupt()
		return ctx.Err()
	}
	b.expect(t, exitFailed, `
failed      incoming_chat:     LiveChat answers register_webhook with 500, internal, Internal server error
not tried   incoming_event
not tried   chat_deactivated
1 failed, 2 not tried
`)
}

func TestWrongAPI(t *testing.T) {
	c := newClient(settings{api: "%", token: "the-token"})
	if _, err := c.list(t.Context()); err == nil || !strings.HasPrefix(err.Error(), "list_webhooks: parse ") {
		t.Errorf("%v", err)
	}
}

func TestLostAnswerRegistersOnce(t *testing.T) {
	for _, status := range []int{0, 502} {
		b := newBench(t)
		b.here("incoming_chat")
		b.Fail(livechattest.Fault{Method: "register_webhook", Times: 1, Status: status, Done: true})
		b.Fail(livechattest.Fault{Method: "list_webhooks", After: 1, Times: 1, Status: 503}) // when it looks
		code, stdout, _ := b.command(t, "-replace", "-actions", "incoming_chat")
		if code != exitOK || !strings.Contains(stdout, "registered  incoming_chat      00000000000000000000000000000002\n") {
			t.Errorf("exit %d\n%s", code, stdout)
		}
		wantStrings(t, "registered", b.secrets(), "incoming_chat new-secret")
		if n := b.count("register_webhook"); n != 1 {
			t.Errorf("%d calls", n)
		}
	}
}

func TestWebhookRegisteredByOthersIsNotOurs(t *testing.T) {
	b := newBench(t)
	b.Fail(livechattest.Fault{Method: "register_webhook", Times: 1})
	b.pause = func(context.Context, time.Duration) error {
		b.there("incoming_chat", 1)
		b.here("incoming_event")
		return nil
	}
	if code, stdout, _ := b.command(t, "-actions", "incoming_chat"); code != exitOK || b.count("register_webhook") != 2 {
		t.Errorf("exit %d\n%s", code, stdout)
	}
	wantStrings(t, "registered", b.secrets(), "incoming_event old-secret", "incoming_chat new-secret")
}

func TestLostAnswerOfARemoval(t *testing.T) {
	b := newBench(t)
	b.here("incoming_chat")
	b.Fail(livechattest.Fault{Method: "unregister_webhook", Times: 1, Done: true})
	if code, stdout, _ := b.command(t, "-unregister"); code != exitOK || b.count("unregister_webhook") != 1 {
		t.Errorf("exit %d\n%s", code, stdout)
	}
}

func TestTimeoutOnSilence(t *testing.T) {
	b := newBench(t)
	b.timeout = 10 * time.Millisecond
	b.Fail(livechattest.Fault{Times: attempts, Hang: true})
	code, _, stderr := b.command(t)
	if code != exitFailed || stderr != "no answer to list_webhooks: nothing came within 10ms\n" {
		t.Errorf("exit %d, %q", code, stderr)
	}
}

func TestWrongCredentials(t *testing.T) {
	b := newBench(t)
	b.env["LIVECHAT_PAT"] = "wrong"
	code, stdout, stderr := b.command(t)
	if code != exitFailed || stdout != "" || !strings.HasPrefix(stderr, "LiveChat does not accept LIVECHAT_ACCOUNT_ID and LIVECHAT_PAT") {
		t.Errorf("exit %d, %q, %q", code, stdout, stderr)
	}
	if len(b.Calls()) != 1 {
		t.Errorf("calls %q", b.Calls())
	}
}

func TestCredentialsRevokedMeanwhile(t *testing.T) {
	b := newBench(t)
	b.here("incoming_event")
	b.Fail(livechattest.Fault{Method: "register_webhook", After: 1, Times: 9, Status: 401})
	b.expect(t, exitFailed, `
registered  incoming_chat      00000000000000000000000000000002
failed      chat_deactivated:  LiveChat does not accept LIVECHAT_ACCOUNT_ID and LIVECHAT_PAT: find both in the Developer Console under Settings, Authorization (401, authentication, Authentication error)
not tried   event_deleted
already     incoming_event     00000000000000000000000000000001
1 registered, 1 already, 1 failed, 1 not tried
LiveChat may take 2 minutes to start sending
`, "-actions", "incoming_chat,chat_deactivated,event_deleted,incoming_event")
	wantStrings(t, "calls", b.Calls(), "list_webhooks", "list_webhook_names", "register_webhook", "register_webhook")
}

func TestMissingScopeIsNamed(t *testing.T) {
	for method, scope := range scopes {
		t.Run(method, func(t *testing.T) {
			b := newBench(t)
			b.Enable(false)
			args := []string{"-actions", "incoming_chat"}
			if method == "unregister_webhook" {
				args = []string{"-unregister"}
				b.here("incoming_chat")
			}
			b.Fail(livechattest.Fault{Method: method, Times: 1, Status: 403})
			code, stdout, stderr := b.command(t, args...)
			want := "LIVECHAT_PAT may not " + method + ": the token needs the scope " + scope + ","
			if code != exitFailed || !strings.Contains(stdout+stderr, want) {
				t.Errorf("exit %d\n%s%s", code, stdout, stderr)
			}
		})
	}
}

func TestTokenOfAnotherScope(t *testing.T) {
	b := newBench(t)
	b.Scopes = []string{"webhooks.configuration:rw"}
	code, stdout, _ := b.command(t, "-actions", "incoming_chat")
	if code != exitFailed || !strings.Contains(stdout, "registered  incoming_chat") || !strings.Contains(stdout, "webhooks.state:ro") {
		t.Errorf("exit %d\n%s", code, stdout)
	}
}

func TestRegion(t *testing.T) {
	tests := []struct {
		name, token string
		calls       int
	}{
		{"in the token", "fra:the-token", 4},
		{"in LiveChat's answer", "the-token", 5},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := newBench(t)
			b.Region = "fra"
			b.Token, b.env["LIVECHAT_PAT"] = tt.token, tt.token
			if code, stdout, stderr := b.command(t, "-actions", "incoming_chat"); code != exitOK || len(b.Calls()) != tt.calls {
				t.Errorf("exit %d, calls %q\n%s%s", code, b.Calls(), stdout, stderr)
			}
		})
	}
}

func TestRedirectIsNotFollowed(t *testing.T) {
	b := newBench(t)
	target := b.env["LIVECHAT_API_URL"] + "/configuration/action/list_webhooks"
	web := httptest.NewServer(http.RedirectHandler(target, http.StatusTemporaryRedirect))
	defer web.Close()
	b.env["LIVECHAT_API_URL"] = web.URL
	code, _, stderr := b.command(t)
	if code != exitFailed || stderr != "LiveChat answers list_webhooks with 307\n" || len(b.Calls()) > 0 {
		t.Errorf("exit %d, %q, calls %q", code, stderr, b.Calls())
	}
}

func TestUnknownAnswer(t *testing.T) {
	for body, want := range map[string]string{
		`{"webhooks":[]}`:                "list_webhooks did not answer as documented: ",
		strings.Repeat(" ", maxAnswer+1): "no answer to list_webhooks: http: request body too large",
	} {
		b := newBench(t)
		web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, body) }))
		defer web.Close()
		b.env["LIVECHAT_API_URL"] = web.URL + "/"
		if code, _, stderr := b.command(t); code != exitFailed || !strings.HasPrefix(stderr, want) {
			t.Errorf("exit %d, %q", code, stderr)
		}
	}
}

func TestNothingSecretIsPrinted(t *testing.T) {
	b := newBench(t)
	message := "the-token and\nnew-secret " + strings.Repeat("x", 300)
	b.Fail(livechattest.Fault{Method: "register_webhook", Times: 1, Status: 400, Message: message})
	code, stdout, _ := b.command(t, "-actions", "incoming_chat")
	want := "with 400, validation, [redacted] and [redacted] " + strings.Repeat("x", 200-len("[redacted] and [redacted] ")) + "\n"
	if code != exitFailed || !strings.Contains(stdout, want) {
		t.Errorf("exit %d\n%s", code, stdout)
	}
}

func TestUsageErrors(t *testing.T) {
	long := "https://function.example.com/" + strings.Repeat("ü", 500-len("https://function.example.com/"))
	tests := []struct {
		name string
		args []string
		env  map[string]string
		want string
	}{
		{name: "no URL", args: []string{"-url", ""}, want: "-url is missing"},
		{name: "not a URL", args: []string{"-url", "https://user:password@host:bad"}, want: "-url is not a URL"},
		{name: "no host", args: []string{"-url", "function.example.com"}, want: "-url is not a URL"},
		{
			name: "password",
			args: []string{"-url", "https://user:password@function.example.com"},
			want: "-url must not have a user or password",
		},
		{name: "http", args: []string{"-url", "http://function.example.com"}, want: "-url must begin with https://"},
		{name: "http elsewhere", args: []string{"-url", "http://192.0.2.1"}, want: "-url must begin with https://"},
		{name: "other scheme", args: []string{"-url", "ftp://localhost"}, want: "-url must begin with https://"},
		{name: "too long", args: []string{"-url", long + "x"}, want: "-url has more than 500 characters"},
		{name: "unknown flag", args: []string{"-secret", "x"}, want: "flag provided but not defined: -secret"},
		{name: "no flag", args: []string{"incoming_chat"}, want: `["incoming_chat"] is not a flag`},
		{
			name: "list and replace",
			args: []string{"-list", "-replace"},
			want: "-list, -replace and -unregister exclude each other",
		},
		{
			name: "list and unregister",
			args: []string{"-list", "-unregister"},
			want: "-list, -replace and -unregister exclude each other",
		},
		{
			name: "replace and unregister",
			args: []string{"-replace", "-unregister"},
			want: "-list, -replace and -unregister exclude each other",
		},
		{
			name: "chat properties of nothing",
			args: []string{"-unregister", "-chat-properties"},
			want: "-chat-properties is for registering",
		},
		{
			name: "http API",
			env:  map[string]string{"LIVECHAT_API_URL": "http://api.example.com"},
			want: "LIVECHAT_API_URL must begin with https://",
		},
		{
			name: "secrets of commas",
			env:  map[string]string{"LIVECHAT_SECRETS": ", "},
			want: "LIVECHAT_SECRETS is not set: set it to what the function has",
		},
		{
			name: "all at once",
			args: []string{"-client-id", ""},
			env:  map[string]string{"LIVECHAT_ACCOUNT_ID": "", "LIVECHAT_PAT": ""},
			want: "-client-id is missing: find it in your app's App Authorization block\n" +
				"LIVECHAT_ACCOUNT_ID is not set\n" +
				"LIVECHAT_PAT is not set: set it to a personal access token",
		},
		{name: "longest URL", args: []string{"-url", long, "-dry-run"}},
		{name: "this machine", args: []string{"-url", "http://localhost:8080", "-dry-run"}},
		{name: "blank actions", args: []string{"-actions", " ", "-dry-run"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := newBench(t)
			maps.Copy(b.env, tt.env)
			code, stdout, stderr := b.command(t, tt.args...)
			wantCode := exitUsage
			if tt.want == "" {
				wantCode = exitOK
			}
			if code != wantCode || stderr != tt.want {
				t.Errorf("exit %d, %q", code, stderr)
			}
			if wantCode == exitOK && !strings.HasSuffix(stdout, "3 would be registered\n") {
				t.Errorf("stdout %s", stdout)
			}
		})
	}
}

func TestDefaults(t *testing.T) {
	b := newBench(t)
	delete(b.env, "LIVECHAT_API_URL")
	s, err := parse([]string{"-url", ours, "-client-id", appID}, b.getenv, nil)
	if err != nil || s.api != "https://api.livechatinc.com/v3.6" || s.timeout != callTimeout {
		t.Errorf("%s, %v, %v", s.api, s.timeout, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.pause(ctx, time.Hour); !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted pause: %v", err)
	}
	if err := s.pause(t.Context(), 0); err != nil {
		t.Errorf("pause: %v", err)
	}
}

func TestHelpNamesFlagsAndVariables(t *testing.T) {
	var help strings.Builder
	_, err := parse([]string{"-h"}, func(string) string { return "" }, &help)
	if !errors.Is(err, flag.ErrHelp) {
		t.Errorf("error %v", err)
	}
	for _, name := range []string{
		"-url", "-client-id", "-actions", "-chat-properties", "-list", "-replace", "-unregister", "-dry-run",
		"LIVECHAT_ACCOUNT_ID", "LIVECHAT_PAT", "LIVECHAT_SECRETS", "LIVECHAT_API_URL",
	} {
		if !strings.Contains(help.String(), "  "+name+" ") && !strings.Contains(help.String(), "  "+name+"\n") {
			t.Errorf("no %s", name)
		}
	}
}

func TestDistance(t *testing.T) {
	tests := []struct {
		a, b string
		want int
	}{
		{"", "", 0},
		{"", "abc", 3},
		{"abc", "", 3},
		{"abc", "bc", 1},
		{"abc", "abd", 1},
		{"ac", "abc", 1},
		{"kitten", "sitting", 3},
	}
	for _, tt := range tests {
		if got := distance(tt.a, tt.b); got != tt.want {
			t.Errorf("%q, %q: %d, want %d", tt.a, tt.b, got, tt.want)
		}
	}
}

// TestProcess runs the command as a shell does, with no variable in the
// environment but LiveChat's, for a URL that is not on Google Cloud.
func TestProcess(t *testing.T) {
	b := newBench(t)
	local := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer local.Close()
	var env []string
	for name, value := range b.env {
		env = append(env, name+"="+value)
	}
	tests := []struct {
		name   string
		args   []string
		code   int
		stdout string
		stderr string
	}{
		{"help", []string{"-h"}, exitOK, "", "usage: go run ./cmd/register"},
		{"usage error", []string{"-client-id", appID}, exitUsage, "", "-url is missing\n"},
		{"registers", []string{"-client-id", appID, "-url", local.URL}, exitOK, "3 registered\n", ""},
		{"failure", []string{"-client-id", appID, "-url", local.URL + "/b"}, exitFailed, "2 registered, 1 failed\n", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if tt.name == "failure" {
				b.Fail(livechattest.Fault{Method: "register_webhook", Times: 1, Status: 400})
			}
			c := exec.Command(os.Args[0], tt.args...)
			c.Env = append(env, "TEST_RUN_COMMAND=1")
			var stdout, stderr bytes.Buffer
			c.Stdout, c.Stderr = &stdout, &stderr
			err := c.Run()
			if _, ok := errors.AsType[*exec.ExitError](err); err != nil && !ok {
				t.Fatal(err)
			}
			said := strings.Contains(stdout.String(), tt.stdout) && strings.HasPrefix(stderr.String(), tt.stderr)
			if code := c.ProcessState.ExitCode(); code != tt.code || !said {
				t.Errorf("exit %d\n%s%s", code, &stdout, &stderr)
			}
		})
	}
}
