// Package fftest serves functions to tests by the real functions framework.
package fftest

import (
	"fmt"
	"net"
	"net/http"
	"sync/atomic"
	"testing"

	"github.com/GoogleCloudPlatform/functions-framework-go/funcframework"
	"github.com/GoogleCloudPlatform/functions-framework-go/functions"
)

var served atomic.Int64

// Serve registers fn with the framework, serves it on a free port of the
// loopback and returns its URL. The framework offers no way to stop, so that
// the server lives as long as the test binary. Tests that call Serve cannot be
// parallel: the framework is told by the environment what to serve.
func Serve(t testing.TB, fn http.HandlerFunc) string {
	t.Helper()
	name := fmt.Sprint("Function", served.Add(1))
	functions.HTTP(name, fn)
	t.Setenv("FUNCTION_TARGET", name)
	for {
		port := freePort(t)
		ended := make(chan error, 1)
		go func() { ended <- funcframework.StartHostPort("127.0.0.1", port) }()
		if listening("127.0.0.1:"+port, ended) {
			return "http://127.0.0.1:" + port
		}
	}
}

// listening waits for addr to take connections; false if the server ended
// instead, because somebody else took the port.
func listening(addr string, ended <-chan error) bool {
	for {
		select {
		case <-ended:
			return false
		default:
		}
		if conn, err := net.Dial("tcp", addr); err == nil {
			conn.Close()
			return true
		}
	}
}

func freePort(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return port
}
