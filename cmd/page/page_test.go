package page

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	livechatwebhook "example.com/livechat-webhook"
	"example.com/livechat-webhook/internal/cloudlogtest"
	"example.com/livechat-webhook/internal/config"
	"example.com/livechat-webhook/internal/console"
)

// secret is the function's in tests, and other its second.
const (
	secret = "a-secret-of-LiveChat"
	other  = "another-secret-here"
)

// TestMain has times drawn the same everywhere.
func TestMain(m *testing.M) {
	time.Local = time.UTC
	os.Exit(m.Run())
}

// run is a function with its page, both over HTTP, as the local run has them.
type run struct {
	*Page
	function, page *httptest.Server
}

func configOf(t testing.TB, secrets, emulator string) config.Config {
	t.Helper()
	env := map[string]string{
		"LIVECHAT_SECRETS": secrets, "GOOGLE_CLOUD_PROJECT": "my-project", "LOGGING_EMULATOR_HOST": emulator,
	}
	c, err := config.Load(context.Background(), func(name string) string { return env[name] })
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// start starts a run that accepts webhooks with one of the secrets, any if
// there is none.
func start(t testing.TB, secrets, keep string) *run {
	t.Helper()
	store := NewStore()
	logging, err := cloudlogtest.Start("127.0.0.1:0", store.Written)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(logging.Close)
	c := configOf(t, secrets, logging.Addr())
	f, err := livechatwebhook.New(context.Background(), c, console.New(store.Copies(), io.Discard))
	if err != nil {
		t.Fatal(err)
	}
	r := &run{}
	r.function = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) { r.Record(f).ServeHTTP(w, q) }))
	t.Cleanup(r.function.Close)
	r.Page = New(Options{Store: store, Config: c, Function: r.function.URL, SetFaults: logging.SetFaults, Keep: keep})
	r.page = httptest.NewServer(r.Handler())
	t.Cleanup(r.page.Close)
	t.Cleanup(r.Close)
	return r
}

// send sends a body to the function and returns its webhook once it is on the
// page.
func (r *run) send(t testing.TB, body string, headers ...string) *Webhook {
	t.Helper()
	o := webhookRequest([]byte(body))
	for i := 0; i < len(headers); i += 2 {
		o.header.Set(headers[i], headers[i+1])
	}
	n, err := r.post(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	return r.store.Get(n)
}

// get returns status, headers and body of a page.
func (r *run) get(t testing.TB, path string, headers ...string) (int, http.Header, string) {
	t.Helper()
	return r.do(t, http.MethodGet, path, nil, headers...)
}

// act posts a form and returns what is shown in the end.
func (r *run) act(t testing.TB, path string, form url.Values, headers ...string) (int, http.Header, string) {
	t.Helper()
	return r.do(t, http.MethodPost, path, strings.NewReader(form.Encode()), append(headers, "Content-Type", "application/x-www-form-urlencoded")...)
}

func (r *run) do(t testing.TB, method, path string, body io.Reader, headers ...string) (int, http.Header, string) {
	t.Helper()
	q, err := http.NewRequest(method, r.page.URL+path, body)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		if headers[i] == "Host" {
			q.Host = headers[i+1]
		}
		q.Header.Set(headers[i], headers[i+1])
	}
	resp, err := noRedirects.Do(q)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, resp.Header, string(text)
}

var noRedirects = &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}

// until waits until something is true of the store.
func (r *run) until(t testing.TB, what string, ok func() bool) {
	t.Helper()
	late := time.After(20 * time.Second)
	for {
		changed := r.store.Changed()
		if ok() {
			return
		}
		select {
		case <-changed:
		case <-late:
			t.Fatalf("not within 20 s: %s", what)
		}
	}
}

// message is a webhook about a message, signed with the first secret.
func message(text string) string {
	return `{"webhook_id":"1","secret_key":"` + secret + `","action":"incoming_event","payload":{"chat_id":"PS0X0L086G",` +
		`"thread_id":"PZ070E0W1B","event":{"id":"PZ070E0W1B_1","type":"message","author_id":"smith@example.com","text":` +
		string(quote(text)) + `}}}`
}

// everything returns all that the page shows of webhooks and chats, in every
// form.
func (r *run) everything(t testing.TB) string {
	t.Helper()
	paths := []string{"/webhooks", "/chats", "/send"}
	for _, w := range r.store.All() {
		one := "/webhooks/" + strconv.Itoa(w.Number)
		paths = append(paths, one, one+"/body", "/send?from="+strconv.Itoa(w.Number))
	}
	for _, c := range conversationsOf(r.allChats()) {
		one := "/chats/" + url.PathEscape(c.ID)
		paths = append(paths, one, one+"/transcript.txt", one+"/transcript.md")
	}
	var all bytes.Buffer
	for _, path := range paths {
		for _, accept := range []string{"text/html", "application/json"} {
			_, _, text := r.get(t, path, "Accept", accept)
			all.WriteString(text)
		}
	}
	return all.String()
}
