package main

import (
	"crypto/rand"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"time"

	"example.com/livechat-webhook/cmd/page"
	"example.com/livechat-webhook/internal/console"
)

// morePorts is how many ports after the one of -page are tried.
const morePorts = 20

// servePage serves the page, if there is to be one, and keeps webhooks if that is
// asked for. It returns what ends both, after what has come.
func servePage(pg *page.Page, o options, function address, con *console.Console) (end func(), err error) {
	stop := pg.Close
	if o.page != "" {
		if stop, err = listenPage(pg, o.page, function, con); err != nil {
			return nil, err
		}
	}
	if o.keep == "" {
		return stop, nil
	}
	kept, err := keep(pg, o.keep, con)
	if err != nil {
		return nil, err
	}
	return func() {
		stop()
		<-kept
	}, nil
}

// keep shows what is in the folder and keeps webhooks there, until the page is
// closed. The channel is closed when all are.
func keep(pg *page.Page, dir string, con *console.Console) (<-chan struct{}, error) {
	n, err := pg.Restore()
	if err != nil {
		return nil, err
	}
	con.Say(console.Info, fmt.Sprintf("keeping webhooks in %s, which has %d", dir, n))
	kept := make(chan struct{})
	go func() {
		defer close(kept)
		if err := pg.Keep(); err != nil {
			con.Failed("webhooks are not kept any more", err)
		}
	}()
	return kept, nil
}

// listenPage serves the page at host:port or the next free port, never the one
// of the function: people put tunnels in front of that. It says where.
func listenPage(pg *page.Page, hostPort string, function address, con *console.Console) (end func(), err error) {
	host, port, err := net.SplitHostPort(hostPort)
	if err != nil {
		return nil, fmt.Errorf("-page: %w", err)
	}
	a, err := freeAddress(host, port, function)
	if err != nil {
		return nil, err
	}
	l, err := net.Listen("tcp", a.String())
	if err != nil {
		return nil, fmt.Errorf("-page: %w", err)
	}
	_, a.port, _ = net.SplitHostPort(l.Addr().String()) // of port 0
	at := a.url() + "/"
	if !isLoopback(host) {
		token := rand.Text()
		pg.RequireToken(token)
		at += "?" + url.Values{"token": {token}}.Encode()
	}
	con.Say(console.Info, "page on "+at)
	if !isLoopback(host) {
		con.Say(console.Warning, "the page is not only for this machine: whoever has its URL reads what arrives and sends webhooks with your secret")
	}
	s := &http.Server{Handler: pg.Handler(), ReadHeaderTimeout: 10 * time.Second}
	go s.Serve(l) // ends with Close
	return func() {
		pg.Close()
		s.Close()
	}, nil
}

// freeAddress returns the address of the first port from port on that is free.
// Port 0 is any.
func freeAddress(host, port string, function address) (address, error) {
	n, err := strconv.Atoi(port)
	if err != nil {
		return address{}, fmt.Errorf("-page: port %q is not a number", port)
	}
	for i := range morePorts {
		a := address{host, strconv.Itoa(n + i)}
		if a.port != function.port && a.free() == nil {
			return a, nil
		}
	}
	return address{}, fmt.Errorf("-page: cannot listen on %s, nor on the %d ports after it", net.JoinHostPort(host, port), morePorts-1)
}

// isLoopback reports whether only this machine reaches host.
func isLoopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}
