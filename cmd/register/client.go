package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	// A call that failed for the moment is tried this often, with pauses that
	// begin with firstPause and double, unless LiveChat asks for a longer one.
	attempts     = 4
	firstPause   = time.Second
	longestPause = time.Minute

	// maxAnswer is far above the list of three webhooks for every action.
	maxAnswer = 1 << 20
)

// errNoAnswer is that of a call of which nobody knows whether it was carried
// out.
var errNoAnswer = errors.New("no answer")

// scopes are those that a method asks of the token
// (https://platform.text.com/docs/management/configuration-api#webhooks).
var scopes = map[string]string{
	"list_webhooks":              "webhooks.configuration:rw",
	"register_webhook":           "webhooks.configuration:rw",
	"unregister_webhook":         "webhooks.configuration:rw",
	"get_license_webhooks_state": "webhooks.state:ro",
	"enable_license_webhooks":    "webhooks.state:rw",
}

// webhook is a registration as list_webhooks returns it. The secret is not
// part of that.
type webhook struct {
	ID      string          `json:"id"`
	URL     string          `json:"url"`
	Action  string          `json:"action"`
	Type    string          `json:"type"`
	Filters json.RawMessage `json:"filters"`
}

// whole reports whether LiveChat sends every webhook of the action by it.
func (w webhook) whole() bool {
	return w.Type != "bot" && !w.filtered()
}

func (w webhook) filtered() bool {
	return !slices.Contains([]string{"", "null", "{}"}, string(w.Filters))
}

// sendsTo reports whether the webhook has that URL.
func (w webhook) sendsTo(url string) bool {
	return canonical(w.URL) == canonical(url)
}

// canonical returns raw in the one of its forms that others can be compared
// with: https://Host and https://host/ are the same place.
func canonical(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return raw
	}
	u.Host = strings.ToLower(u.Host)
	if u.Path == "" {
		u.Path = "/"
	}
	return u.String()
}

// client calls the Configuration API for one client id. Each method repeats
// what failed for the moment: too many requests, a fault of LiveChat's, no
// answer. An error that LiveChat answered is an [*apiError].
type client struct {
	settings settings
	region   string // where the account is at home, if known
	http     *http.Client
	hide     *strings.Replacer // what must not be printed
}

func newClient(s settings) *client {
	c := &client{
		settings: s,
		// A redirect would carry the secret to another host.
		http: &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }},
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

// register registers the URL for an action and returns the id. Those known
// are registered before. If a call fails without an answer, LiveChat may have
// registered it all the same: the next attempt looks for it first, or there
// would be two.
func (c *client) register(ctx context.Context, action string, known []webhook) (string, error) {
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
		return c.call(ctx, "register_webhook", map[string]string{
			"url":         c.settings.url,
			"description": "livechat-webhook",
			"action":      action,
			"secret_key":  c.settings.secret,
			"type":        "license",
		}, &answer)
	})
	return answer.ID, err
}

// unregister removes a webhook. Like register, it looks before it repeats.
func (c *client) unregister(ctx context.Context, id string) error {
	return c.retry(ctx, func(again bool) error {
		if again {
			all, err := c.listOnce(ctx)
			if err != nil || !contains(all, id) {
				return err
			}
		}
		return c.call(ctx, "unregister_webhook", map[string]string{"id": id}, nil)
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

// retry calls try, again being true from the second time on, until it succeeds
// or a repetition cannot help.
func (c *client) retry(ctx context.Context, try func(again bool) error) error {
	pause := firstPause
	for n := 1; ; n++ {
		err := try(n > 1)
		if n == attempts || !temporary(err) {
			return err
		}
		if c.settings.pause(ctx, min(max(pause, asked(err)), longestPause)) != nil {
			return err
		}
		pause *= 2
	}
}

// temporary reports whether a call that failed so may succeed later.
func temporary(err error) bool {
	e, ok := errors.AsType[*apiError](err)
	return errors.Is(err, errNoAnswer) || ok && (e.status == http.StatusTooManyRequests || e.status >= 500)
}

// asked returns how long LiveChat asks to wait.
func asked(err error) time.Duration {
	if e, ok := errors.AsType[*apiError](err); ok {
		return e.retryAfter
	}
	return 0
}

// call posts once, or twice if LiveChat says that the account is at home in
// another region.
func (c *client) call(ctx context.Context, method string, fields map[string]string, answer any) error {
	err := c.post(ctx, method, fields, answer)
	if e, ok := errors.AsType[*apiError](err); ok && e.region != "" {
		c.region = e.region
		return c.post(ctx, method, fields, answer)
	}
	return err
}

// post posts fields and the client id to a method and decodes what comes back
// into answer, unless that is nil.
func (c *client) post(ctx context.Context, method string, fields map[string]string, answer any) error {
	ctx, cancel := context.WithTimeoutCause(ctx, c.settings.timeout, fmt.Errorf("nothing came within %v", c.settings.timeout))
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
		return fmt.Errorf("%s answered what its documentation does not know: %w", method, err)
	}
	return nil
}

func (c *client) request(ctx context.Context, method string, fields map[string]string) (*http.Request, error) {
	all := map[string]string{"owner_client_id": c.settings.clientID}
	for name, value := range fields {
		all[name] = value
	}
	body, _ := json.Marshal(all) // strings always marshal
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, c.settings.api+"/configuration/action/"+method, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", method, err)
	}
	r.SetBasicAuth(c.settings.account, c.settings.token)
	r.Header.Set("Content-Type", "application/json")
	if c.region != "" {
		r.Header.Set("X-Region", c.region)
	}
	return r, nil
}

// lost returns the errNoAnswer of a call that err cut off.
func lost(method string, err error) error {
	if e, ok := errors.AsType[*url.Error](err); ok {
		err = e.Err // without the URL, which the reader knows
	}
	return fmt.Errorf("%w to %s: %w", errNoAnswer, method, err)
}

// apiError is an error that LiveChat answered
// (https://platform.text.com/docs/management/configuration-api#errors). Its
// documentation has the kinds, but not which status they come with.
type apiError struct {
	method        string
	status        int
	kind, message string // LiveChat's own words, either may be empty
	region        string // where the account is at home, for misdirected_request
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
	// What is not JSON, such as the page of a proxy, leaves the status.
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

// quotable returns text in one line of 200 characters at most, without token
// and secret.
func (c *client) quotable(text string) string {
	line := strings.Join(strings.Fields(c.hide.Replace(text)), " ")
	return string([]rune(line)[:min(200, len([]rune(line)))])
}

// credentials reports whether LiveChat does not know account and token. Then
// no other call can succeed.
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
		return fmt.Sprintf("LiveChat does not accept LIVECHAT_ACCOUNT_ID and LIVECHAT_PAT: both stand in the Developer Console under Settings, Authorization (%s)", answer)
	case e.status == http.StatusForbidden || e.kind == "authorization":
		return fmt.Sprintf("LIVECHAT_PAT may not %s: the token needs the scope %s, and -client-id an app of the same organization (%s)", e.method, scopes[e.method], answer)
	case e.kind == "limit_reached":
		return fmt.Sprintf("%d webhooks are registered for the action, and LiveChat takes no more: see -list (%s)", limit, answer)
	}
	return fmt.Sprintf("LiveChat answers %s with %s", e.method, answer)
}
