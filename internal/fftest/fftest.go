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
	serving := make(chan bool, 1)
	functions.HTTP(name, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == knock {
			serving <- true
			return
		}
		fn(w, r)
	})
	t.Setenv("FUNCTION_TARGET", name)
	for {
		port := freePort(t)
		ended := make(chan error, 1)
		go func() { ended <- funcframework.StartHostPort("127.0.0.1", port) }()
		if listening("http://127.0.0.1:"+port, serving, ended) {
			return "http://127.0.0.1:" + port
		}
	}
}

// knock is the method of the request that finds out whether a function is
// served. By then the framework has read its registry, which it does not lock
// against the registration of the next function.
const knock = "KNOCK"

// listening waits until the function is served at url; false if the server ended
// instead, because somebody else took the port.
func listening(url string, serving <-chan bool, ended <-chan error) bool {
	for {
		select {
		case <-ended:
			return false
		case <-serving:
			return true
		default:
		}
		if r, err := http.NewRequest(knock, url, nil); err == nil {
			if resp, err := http.DefaultClient.Do(r); err == nil {
				resp.Body.Close()
			}
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
