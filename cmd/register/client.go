package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	// A call that fails temporarily is tried up to this many times, with pauses
	// that start at firstPause and double, unless LiveChat asks for a longer one.
	attempts     = 4
	firstPause   = time.Second
	longestPause = time.Minute

	// maxAnswer is far above the list of three webhooks for every action.
	maxAnswer = 1 << 20
)

// errNoAnswer means that it is unknown whether a call was carried out.
var errNoAnswer = errors.New("no answer")

// scopes are the scopes that the token needs, by method
// (https://platform.text.com/docs/management/configuration-api#webhooks). A
// method that is not listed needs no authorization.
var scopes = map[string]string{
	"list_webhooks":              "webhooks.configuration:rw",
	"register_webhook":           "webhooks.configuration:rw",
	"unregister_webhook":         "webhooks.configuration:rw",
	"get_license_webhooks_state": "webhooks.state:ro",
	"enable_license_webhooks":    "webhooks.state:rw",
}

// webhook is a registration as list_webhooks returns it: without its secret and
// its additional data.
type webhook struct {
	ID      string          `json:"id"`
	URL     string          `json:"url"`
	Action  string          `json:"action"`
	Type    string          `json:"type"`
	Filters json.RawMessage `json:"filters"`
}

// whole reports whether it receives every event of its action.
func (w webhook) whole() bool {
	return w.Type != "bot" && !w.filtered()
}

func (w webhook) filtered() bool {
	return !slices.Contains([]string{"", "null", "{}"}, string(w.Filters))
}

// sendsTo reports whether the webhook points to url.
func (w webhook) sendsTo(url string) bool {
	return canonical(w.URL) == canonical(url)
}

// offer is an action that can be registered, as list_webhook_names returns it.
type offer struct {
	Action         string   `json:"action"`
	AdditionalData []string `json:"additional_data"`
}

// client calls the Configuration API for one client id. Methods retry temporary
// failures: rate limits, server errors, no answer. An error that LiveChat
// answered is an [*apiError].
type client struct {
	settings settings
	region   string // the account's home region, if known
	http     *http.Client
	hide     *strings.Replacer // redacts token and secret
}

func newClient(s settings) *client {
	c := &client{
		settings: s,
		// A redirect would carry the secret to another host.
		http: &http.Client{
			Transport:     s.transport,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
	// A token that begins with fra: belongs to LiveChat's data center there.
	if region, _, ok := strings.Cut(s.token, ":"); ok {
		c.region = region
	}
	hidden := []string{s.token, "[redacted]"}
	if s.secret != "" {
		hidden = append(hidden, s.secret, "[redacted]")
	}
	c.hide = strings.NewReplacer(hidden...)
	return c
}

// list returns all webhooks of the client id.
func (c *client) list(ctx context.Context) (all []webhook, err error) {
	err = c.retry(ctx, func(bool) error {
		all, err = c.listOnce(ctx)
		return err
	})
	return all, err
}

// offers returns the actions that LiveChat has in this version of the API.
func (c *client) offers(ctx context.Context) (all []offer, err error) {
	err = c.retry(ctx, func(bool) error {
		return c.call(ctx, "list_webhook_names", map[string]any{"version": version}, &all)
	})
	return all, err
}

// register registers the URL for an action, with additional data, and returns
// the id. known lists what was registered before. If a call fails without an
// answer, LiveChat may still have registered it, so a retry looks for it first
// to avoid a duplicate.
func (c *client) register(ctx context.Context, action string, data []string, known []webhook) (string, error) {
	var answer webhook
	err := c.retry(ctx, func(again bool) error {
		if again {
			all, err := c.listOnce(ctx)
			if err != nil {
				return err
			}
			if i := slices.IndexFunc(all, func(w webhook) bool {
				return w.Action == action && w.sendsTo(c.settings.url) && !contains(known, w.ID)
			}); i >= 0 {
				answer = all[i]
				return nil
			}
		}
		fields := map[string]any{
			"url":         c.settings.url,
			"description": "livechat-webhook",
			"action":      action,
			"secret_key":  c.settings.secret,
			"type":        "license",
		}
		if data != nil {
			fields["additional_data"] = data
		}
		return c.call(ctx, "register_webhook", fields, &answer)
	})
	return answer.ID, err
}

// unregister removes a webhook. Like register, it looks before it retries.
func (c *client) unregister(ctx context.Context, id string) error {
	return c.retry(ctx, func(again bool) error {
		if again {
			all, err := c.listOnce(ctx)
			if err != nil || !contains(all, id) {
				return err
			}
		}
		return c.call(ctx, "unregister_webhook", map[string]any{"id": id}, nil)
	})
}

// enabled reports whether LiveChat sends the client id's webhooks of type
// license at all.
func (c *client) enabled(ctx context.Context) (bool, error) {
	var state struct {
		Enabled bool `json:"license_webhooks_enabled"`
	}
	err := c.retry(ctx, func(bool) error {
		return c.call(ctx, "get_license_webhooks_state", nil, &state)
	})
	return state.Enabled, err
}

// enable has LiveChat send the client id's webhooks of type license.
func (c *client) enable(ctx context.Context) error {
	return c.retry(ctx, func(bool) error {
		return c.call(ctx, "enable_license_webhooks", nil, nil)
	})
}

func (c *client) listOnce(ctx context.Context) ([]webhook, error) {
	var all []webhook
	err := c.call(ctx, "list_webhooks", nil, &all)
	return all, err
}

func contains(webhooks []webhook, id string) bool {
	return slices.ContainsFunc(webhooks, func(w webhook) bool { return w.ID == id })
}

// retry calls try, with again true after the first attempt, until it succeeds or
// retrying is pointless.
func (c *client) retry(ctx context.Context, try func(again bool) error) error {
	pause := firstPause
	for n := 1; ; n++ {
		err := try(n > 1)
		if n == attempts || !temporary(err) {
			return err
		}
		if c.settings.pause(ctx, min(max(pause, retryAfter(err)), longestPause)) != nil {
			return err
		}
		pause *= 2
	}
}

// temporary reports whether a retry may succeed after err.
func temporary(err error) bool {
	status := 0
	if e, ok := errors.AsType[*apiError](err); ok {
		status = e.status
	}
	if e, ok := errors.AsType[*probeError](err); ok {
		status = e.status
	}
	return errors.Is(err, errNoAnswer) || status == http.StatusTooManyRequests || status >= 500
}

// retryAfter returns how long LiveChat asks to wait.
func retryAfter(err error) time.Duration {
	if e, ok := errors.AsType[*apiError](err); ok {
		return e.retryAfter
	}
	return 0
}

// call posts once, or twice if LiveChat answers that the account's home is
// another region.
func (c *client) call(ctx context.Context, method string, fields map[string]any, answer any) error {
	err := c.post(ctx, method, fields, answer)
	if e, ok := errors.AsType[*apiError](err); ok && e.region != "" {
		c.region = e.region
		return c.post(ctx, method, fields, answer)
	}
	return err
}

// bounded returns a context for one request, which ends after the timeout.
func (c *client) bounded(ctx context.Context) (context.Context, context.CancelFunc) {
	timeout := c.settings.timeout
	return context.WithTimeoutCause(ctx, timeout, fmt.Errorf("nothing came within %v", timeout))
}

// post posts fields to a method and decodes the response into answer, unless
// that is nil.
func (c *client) post(ctx context.Context, method string, fields map[string]any, answer any) error {
	ctx, cancel := c.bounded(ctx)
	defer cancel()
	r, err := c.request(ctx, method, fields)
	if err != nil {
		return err
	}
	resp, err := c.http.Do(r)
	if err != nil {
		return lost(method, err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(http.MaxBytesReader(nil, resp.Body, maxAnswer))
	switch {
	case err != nil:
		return lost(method, err)
	case resp.StatusCode != http.StatusOK:
		return c.refusal(method, resp, text)
	case answer == nil:
		return nil
	}
	if err := json.Unmarshal(text, answer); err != nil {
		return fmt.Errorf("%s did not answer as documented: %w", method, err)
	}
	return nil
}

// request returns the request for a method, with the client id and the
// credentials unless the method needs no authorization.
func (c *client) request(ctx context.Context, method string, fields map[string]any) (*http.Request, error) {
	_, authorized := scopes[method]
	all := map[string]any{}
	if authorized {
		all["owner_client_id"] = c.settings.clientID
	}
	maps.Copy(all, fields)
	body, _ := json.Marshal(all) // strings always marshal
	url := c.settings.api + "/configuration/action/" + method
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", method, err)
	}
	if authorized {
		r.SetBasicAuth(c.settings.account, c.settings.token)
	}
	r.Header.Set("Content-Type", "application/json")
	if c.region != "" {
		r.Header.Set("X-Region", c.region)
	}
	return r, nil
}

// lost returns the errNoAnswer of a call that err cut off.
func lost(method string, err error) error {
	return fmt.Errorf("%w to %s: %w", errNoAnswer, method, withoutURL(err))
}

// apiError is an error that LiveChat answered
// (https://platform.text.com/docs/management/configuration-api#errors). The
// documentation lists the kinds, but not the status of each.
type apiError struct {
	method        string
	status        int
	kind, message string // LiveChat's own words; either may be empty
	region        string // the account's home region, of misdirected_request
	retryAfter    time.Duration
}

// refusal returns the error that LiveChat answered.
func (c *client) refusal(method string, resp *http.Response, text []byte) error {
	var body struct {
		Error struct {
			Type    string `json:"type"`
			Message string `json:"message"`
			Data    struct {
				Region string `json:"region"`
			} `json:"data"`
		} `json:"error"`
	}
	// If the body is not JSON (a proxy's error page), only the status is known.
	_ = json.Unmarshal(text, &body)
	seconds, _ := strconv.Atoi(resp.Header.Get("Retry-After"))
	return &apiError{
		method:     method,
		status:     resp.StatusCode,
		kind:       c.quotable(body.Error.Type),
		message:    c.quotable(body.Error.Message),
		region:     body.Error.Data.Region,
		retryAfter: time.Duration(seconds) * time.Second,
	}
}

// quotable returns text as one line of at most 200 characters, without token and
// secret.
func (c *client) quotable(text string) string {
	line := strings.Join(strings.Fields(c.hide.Replace(text)), " ")
	return string([]rune(line)[:min(200, len([]rune(line)))])
}

// credentials reports whether LiveChat rejected the account or token, so that no
// other call can succeed.
func (e *apiError) credentials() bool {
	return e.status == http.StatusUnauthorized || e.kind == "authentication"
}

func (e *apiError) Error() string {
	answer := strconv.Itoa(e.status)
	for _, words := range []string{e.kind, e.message} {
		if words != "" {
			answer += ", " + words
		}
	}
	switch {
	case e.credentials():
		return fmt.Sprintf("LiveChat does not accept LIVECHAT_ACCOUNT_ID and LIVECHAT_PAT: find both in the Developer Console under Settings, Authorization (%s)", answer)
	case e.status == http.StatusForbidden || e.kind == "authorization":
		return fmt.Sprintf("LIVECHAT_PAT may not %s: the token needs the scope %s, and -client-id an app of the same organization (%s)", e.method, scopes[e.method], answer)
	case e.kind == "limit_reached":
		return fmt.Sprintf("%d webhooks are registered for the action, the maximum: see -list (%s)", limit, answer)
	}
	return fmt.Sprintf("LiveChat answers %s with %s", e.method, answer)
}
