package page

import (
	"crypto/subtle"
	"net"
	"net/http"
	"net/netip"
	"strings"
)

// policy lets the page load its own script and style, and nothing else. With
// trusted types the script cannot turn a string into markup either.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
	"form-action 'self'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"

// guard is around everything, whatever the path. Any website may send requests
// to this machine, and by DNS rebinding under its own name too; what the page
// shows was written by strangers.
func (p *Page) guard(next http.Handler) http.Handler {
	next = p.withToken(next)
	next = http.NewCrossOriginProtection().Handler(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		if !p.isHost(r.Host) {
			http.Error(w, "This page is for this machine only: open it as localhost.", http.StatusMisdirectedRequest)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// isHost reports whether the page is served under a Host. A name could be a
// website's that resolves to this machine, an address cannot.
func (p *Page) isHost(host string) bool {
	name := host
	if n, _, err := net.SplitHostPort(host); err == nil {
		name = n
	}
	name = strings.ToLower(strings.Trim(name, "[]"))
	if name == "localhost" || name == "127.0.0.1" || name == "::1" {
		return true
	}
	_, err := netip.ParseAddr(name)
	return p.token != "" && err == nil
}

const tokenName = "token"

// withToken asks for the token, if there is one: in the URL once, then in a
// cookie, so that the URL can be shared and seen in the history without it.
func (p *Page) withToken(next http.Handler) http.Handler {
	if p.token == "" {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if p.isToken(r.URL.Query().Get(tokenName)) && r.Method == http.MethodGet {
			http.SetCookie(w, &http.Cookie{Name: tokenName, Value: p.token, Path: "/", HttpOnly: true, SameSite: http.SameSiteStrictMode})
			http.Redirect(w, r, r.URL.Path, http.StatusSeeOther)
			return
		}
		if c, err := r.Cookie(tokenName); err != nil || !p.isToken(c.Value) {
			http.Error(w, "This page needs the token of the URL that the command printed.", http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func (p *Page) isToken(s string) bool {
	return subtle.ConstantTimeCompare([]byte(s), []byte(p.token)) == 1
}
