package main

import (
	"errors"
	"net/http"
	"net/netip"
	"net/url"

	"example.com/livechat-webhook/internal/console"
)

var errWebsite = errors.New("sent by a website")

// refuseWebsites refuses requests that a browser sends for a website, and
// counts them.
//
// Any website that the user visits can make the browser post to localhost, and
// without a secret the function would accept that. LiveChat, curl and tunnels
// do not send the headers that browsers add, so nothing changes for them.
// Methods other than POST are harmless: the function never accepts them.
func refuseWebsites(next http.Handler, con *console.Console) http.Handler {
	protection := http.NewCrossOriginProtection()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if protection.Check(r) != nil || rebound(r) {
			con.Refused(errWebsite.Error(), http.StatusForbidden, errWebsite)
			http.Error(w, "Without a secret, this server does not accept webhooks from websites. Set LIVECHAT_SECRETS to accept LiveChat's only.", http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// rebound reports whether a browser sent r to a domain name other than
// localhost. A website can make its own name resolve to this machine (DNS
// rebinding), and then its requests are same-origin to the browser. Browsers
// send Origin with every POST. Without Origin, any Host is fine: tunnels forward
// LiveChat's webhooks under their own names.
func rebound(r *http.Request) bool {
	if r.Header.Get("Origin") == "" {
		return false
	}
	host := (&url.URL{Host: r.Host}).Hostname()
	_, err := netip.ParseAddr(host)
	return host != "localhost" && err != nil
}
