// Package listen serves a page at an address that a person names, or at the next
// free port.
package listen

import (
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"syscall"
	"time"

	"example.com/livechat-webhook/cmd/page"
	"example.com/livechat-webhook/internal/console"
)

// Address is where a server listens.
type Address struct{ Host, Port string }

func (a Address) String() string { return net.JoinHostPort(a.Host, a.Port) }

// URL returns the URL for a client on this machine.
func (a Address) URL() string {
	if a.Host == "" {
		a.Host = "localhost"
	}
	return "http://" + a.String()
}

// ErrInUse says that another program listens on an address.
var ErrInUse = errors.New("in use by another program")

// Free returns an error if the address cannot be listened on, or if a client
// would reach another program there. That can happen even if listening works:
// localhost has an IPv4 and an IPv6 address, and some systems let a program
// listen on one address while another program has the port on all of them.
func (a Address) Free() error {
	l, err := net.Listen("tcp", a.String())
	if errors.Is(err, syscall.EADDRINUSE) {
		return ErrInUse
	}
	if err != nil {
		return err
	}
	l.Close()
	if conn, err := net.DialTimeout("tcp", a.String(), time.Second); err == nil {
		conn.Close()
		return ErrInUse
	}
	return nil
}

// morePorts is how many ports after the one of -page are tried.
const morePorts = 20

// Page serves the page at host:port or the next free port, never the one of the
// function: people put tunnels in front of that. It says where. The function that
// it returns ends that.
func Page(pg *page.Page, hostPort, functionPort string, con *console.Console) (end func(), err error) {
	host, port, err := net.SplitHostPort(hostPort)
	if err != nil {
		return nil, fmt.Errorf("-page: %w", err)
	}
	a, err := freeAddress(host, port, functionPort)
	if err != nil {
		return nil, err
	}
	l, err := net.Listen("tcp", a.String())
	if err != nil {
		return nil, fmt.Errorf("-page: %w", err)
	}
	_, a.Port, _ = net.SplitHostPort(l.Addr().String()) // of port 0
	at := a.URL() + "/"
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
func freeAddress(host, port string, functionPort string) (Address, error) {
	n, err := strconv.Atoi(port)
	if err != nil {
		return Address{}, fmt.Errorf("-page: port %q is not a number", port)
	}
	for i := range morePorts {
		a := Address{host, strconv.Itoa(n + i)}
		if a.Port != functionPort && a.Free() == nil {
			return a, nil
		}
	}
	return Address{}, fmt.Errorf("-page: cannot listen on %s, nor on the %d ports after it", net.JoinHostPort(host, port), morePorts-1)
}

// isLoopback reports whether only this machine reaches host.
func isLoopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}
