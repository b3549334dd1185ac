package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
)

// probeAction is no action of LiveChat's. The function writes one entry of
// severity NOTICE for it, as for every event that it does not know. The entry
// has no chat, so no number counts it; it is one more webhook in the chart of
// webhooks by event, under this name.
const probeAction = "registration_probe"

// probeError is an answer to the probe other than 200.
type probeError struct {
	url    string // without user and password
	status int
}

func (e *probeError) Error() string {
	return fmt.Sprintf("%s answers a test webhook with %d, and LiveChat needs 200: %s", e.url, e.status, e.reason())
}

func (e *probeError) reason() string {
	switch {
	case e.status == http.StatusUnauthorized:
		return "the function does not have the first secret in LIVECHAT_SECRETS"
	case e.status == http.StatusForbidden:
		return "it is not public"
	case e.status >= 300 && e.status < 400:
		return "register the URL that it redirects to"
	case e.status == http.StatusTooManyRequests || e.status >= 500:
		return "see the function's log for the cause"
	}
	return "the function is not there"
}

// probe posts a webhook to the URL, with the secret that is to be registered,
// as LiveChat would: the secret is in the body, and redirects are not followed.
// The error is nil if the answer is 200, which is what LiveChat asks for. It
// holds nothing of the answer, which may repeat the secret.
func (c *client) probe(ctx context.Context) error {
	return c.retry(ctx, func(bool) error { return c.probeOnce(ctx) })
}

func (c *client) probeOnce(ctx context.Context) error {
	ctx, cancel := c.bounded(ctx)
	defer cancel()
	body, _ := json.Marshal(map[string]string{ // strings always marshal
		"action":     probeAction,
		"secret_key": c.settings.secret,
	})
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, c.settings.url, bytes.NewReader(body))
	if err != nil {
		return withoutURL(err)
	}
	r.Header.Set("Content-Type", "application/json")
	resp, err := c.http.Do(r)
	if err != nil {
		return fmt.Errorf("%w from %s to a test webhook: %w", errNoAnswer, c.settings.url, withoutURL(err))
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return &probeError{c.settings.url, resp.StatusCode}
	}
	return nil
}
