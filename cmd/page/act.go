package page

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"example.com/livechat-webhook/payload"
)

// replay sends a webhook again: the very bytes and headers, through the port of
// the function.
func (p *Page) replay(w http.ResponseWriter, r *http.Request) {
	webhook := p.numbered(r)
	if webhook == nil {
		http.NotFound(w, r)
		return
	}
	d := outgoing{method: webhook.Method, uri: webhook.URI, header: webhook.Header.Clone(), body: webhook.Body, replayOf: webhook.Number}
	if webhook.Kept {
		d = p.withSecret(d)
	}
	number, err := p.post(r.Context(), d)
	p.came(w, r, number, err)
}

// came answers an action with the webhook that came of it.
func (p *Page) came(w http.ResponseWriter, r *http.Request, number int, err error) {
	webhook := p.store.Get(number)
	switch {
	case err != nil || webhook == nil:
		http.Error(w, "The function did not take it: "+fmt.Sprint(err), http.StatusBadGateway)
	case wantsJSON(r):
		renderJSON(w, p.whole(webhook))
	default:
		http.Redirect(w, r, fmt.Sprintf("/webhooks/%d", number), http.StatusSeeOther)
	}
}

// outgoing is a request to the function.
type outgoing struct {
	method, uri string
	header      http.Header
	body        []byte
	replayOf    int
}

// webhookRequest returns a request as LiveChat sends it.
func webhookRequest(body []byte) outgoing {
	return outgoing{method: http.MethodPost, uri: "/", header: http.Header{"Content-Type": {"application/json"}, "User-Agent": {"livechat-webhook page"}}, body: body}
}

// hopByHop are headers of a connection, not of a webhook. The trace is new for
// each request.
var hopByHop = []string{"Connection", "Content-Length", "Transfer-Encoding", "Keep-Alive", "Te", "Trailer", "Upgrade", "Traceparent", "X-Cloud-Trace-Context", "Accept-Encoding"}

// wait is how long a webhook that was sent may take to be on the page.
const wait = 15 * time.Second

// post sends a request to the function and returns the number of what came.
func (p *Page) post(ctx context.Context, o outgoing) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	trace := randomHex(16)
	number, stop := p.store.await(trace, o.replayOf)
	defer stop()
	if _, err := p.do(ctx, o, trace); err != nil {
		return 0, err
	}
	select {
	case n := <-number:
		return n, nil
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}

// do sends a request to the function, as part of a trace, and returns the status
// of the answer.
func (p *Page) do(ctx context.Context, o outgoing, trace string) (status int, err error) {
	uri := "/"
	if strings.HasPrefix(o.uri, "/") {
		uri = o.uri
	}
	r, err := http.NewRequestWithContext(ctx, o.method, strings.TrimSuffix(p.function, "/")+uri, bytes.NewReader(o.body))
	if err != nil {
		return 0, err
	}
	r.Header = o.header.Clone()
	for _, name := range hopByHop {
		r.Header.Del(name)
	}
	r.Header.Set("Traceparent", "00-"+trace+"-"+randomHex(8)+"-00")
	resp, err := p.client.Do(r)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode, err
}

// withSecret puts the function's first secret where LiveChat puts it: into the
// body if that has a place for it, else into HTTP Basic.
func (p *Page) withSecret(o outgoing) outgoing {
	if len(p.config.Secrets) == 0 {
		return o
	}
	return signed(o, p.config.Secrets[0])
}

func signed(o outgoing, secret string) outgoing {
	o.header = o.header.Clone()
	o.header.Del("Authorization")
	if webhook, err := payload.Parse(o.body); err == nil && (webhook.SecretKey != "" || webhook.Token != "") {
		o.body = slices.Clone(webhook.WithoutCredentials(string(quote(secret))))
		return o
	}
	r := &http.Request{Header: o.header}
	r.SetBasicAuth("livechat", secret)
	return o
}

// fail makes Cloud Logging fail, or work again.
func (p *Page) fail(w http.ResponseWriter, r *http.Request) {
	if !p.faults.turn(r.FormValue("fault")) {
		http.Error(w, "There is no such fault.", http.StatusBadRequest)
		return
	}
	p.store.wake()
	if wantsJSON(r) {
		renderJSON(w, map[string]string{"fault": p.faults.name()})
		return
	}
	http.Redirect(w, r, "/send", http.StatusSeeOther)
}

// clear hides the webhooks that are here, or shows them again.
func (p *Page) clear(w http.ResponseWriter, r *http.Request) {
	if r.FormValue("undo") != "" {
		p.store.Unclear()
	} else {
		p.store.Clear()
	}
	if wantsJSON(r) {
		renderJSON(w, map[string]int{"cleared": p.store.cleared()})
		return
	}
	http.Redirect(w, r, "/webhooks", http.StatusSeeOther)
}
