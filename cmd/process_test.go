package main

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// TestMain lets the test binary be the command, so that tests can run it as a
// process: with real signals, exit codes, stdout and stderr.
func TestMain(m *testing.M) {
	if os.Getenv("TEST_AS_COMMAND") != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// command returns the command as a process yet to be started, with no more of
// the environment than env.
func command(t *testing.T, env []string, args ...string) *exec.Cmd {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, args...)
	cmd.Env = append([]string{"TEST_AS_COMMAND=1", "PATH=" + os.Getenv("PATH")}, env...)
	return cmd
}

// output runs the command to its end and returns its exit code and what it
// wrote to stdout and stderr.
func output(t *testing.T, env []string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	cmd := command(t, env, args...)
	var out, err bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &err
	// A command that serves instead of ending is ended.
	defer time.AfterFunc(20*time.Second, func() { cmd.Process.Kill() }).Stop()
	var exit *exec.ExitError
	if err := cmd.Run(); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), out.String(), err.String()
}

// localRun is a running command.
type localRun struct {
	cmd            *exec.Cmd
	port, url      string
	started        []string // lines on stderr up to the one that says that it listens
	stdout, stderr *bufio.Reader
}

// start starts the command on a free port and returns once it says that it
// listens. Its stderr is not a terminal.
func start(t *testing.T, env []string, args ...string) *localRun {
	t.Helper()
	port := freePort(t)
	return startAt(t, "http://localhost:"+port, port, env, args...)
}

func startAt(t *testing.T, url, port string, env []string, args ...string) *localRun {
	t.Helper()
	p := &localRun{cmd: command(t, append(env, "PORT="+port), args...), port: port, url: url}
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	stderr, err := p.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	p.stdout, p.stderr = bufio.NewReader(stdout), bufio.NewReader(stderr)
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.cmd.Process.Kill() })
	for {
		line, err := p.stderr.ReadString('\n')
		if err != nil {
			t.Fatalf("ended with %v after %q %q", err, p.started, line)
		}
		p.started = append(p.started, line)
		if strings.Contains(line, "listening on "+p.url) {
			return p
		}
	}
}

// stop sends the signal and returns what is left on stdout and stderr.
func (p *localRun) stop(t *testing.T, signal os.Signal) (stdout, stderr string) {
	t.Helper()
	if err := p.cmd.Process.Signal(signal); err != nil {
		t.Fatal(err)
	}
	texts := make(chan string)
	go func() {
		text, _ := io.ReadAll(p.stdout)
		texts <- string(text)
	}()
	text, _ := io.ReadAll(p.stderr)
	stdout = <-texts
	if err := p.cmd.Wait(); err != nil {
		t.Errorf("ended with %v", err)
	}
	return stdout, string(text)
}

// post sends a body and returns status and answer.
func (p *localRun) post(t *testing.T, body string, headers ...string) (int, string) {
	t.Helper()
	r, err := http.NewRequest(http.MethodPost, p.url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	r.Host = r.Header.Get("Host") // the URL's if empty
	return do(t, r)
}

func do(t *testing.T, r *http.Request) (int, string) {
	t.Helper()
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(answer)
}

// freePort returns a port that was free on all interfaces.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", ":0")
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
