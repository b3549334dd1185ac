package main

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"

	"cloud.google.com/go/logging/apiv2/loggingpb"
	"google.golang.org/protobuf/encoding/protojson"

	"example.com/livechat-webhook/cmd/listen"
	"example.com/livechat-webhook/internal/config"
	"example.com/livechat-webhook/internal/console"
	_ "example.com/livechat-webhook/internal/golden"
)

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestFirstWebhook does what the README says: run, post, look, Ctrl-C.
func TestFirstWebhook(t *testing.T) {
	p := start(t, nil)
	if status, answer := p.post(t, read(t, "../testdata/v2/chat_started.json")); status != 200 || answer != "ok" {
		t.Fatalf("answer %d %q", status, answer)
	}
	stdout, _ := p.stop(t, os.Interrupt)
	if !strings.Contains(stdout, "INFO   chat_started PO13: NAME (name@gmail.com, Japan)\n") {
		t.Errorf("printed: %s", stdout)
	}
}

func TestFirstMessages(t *testing.T) {
	p := start(t, nil)
	want := []string{"page on http://localhost:", "starting on " + p.url, "accepted from anybody", "listening on " + p.url}
	if len(p.started) != len(want) {
		t.Fatalf("%d lines, want %d: %q", len(p.started), len(want), p.started)
	}
	for i, text := range want {
		var l console.Line
		if err := json.Unmarshal([]byte(p.started[i]), &l); err != nil || !strings.Contains(l.Message, text) {
			t.Errorf("%v: line %d is %s, want a structured line with %q", err, i, p.started[i], text)
		}
	}
	p = start(t, []string{"LIVECHAT_SECRETS=a-secret-of-LiveChat"})
	if said := strings.Join(p.started, ""); strings.Contains(said, "anybody") || strings.Contains(said, "a-secret") {
		t.Errorf("with a secret: %s", said)
	}
}

// TestOnATerminal runs the command on a terminal, which script(1) provides.
func TestOnATerminal(t *testing.T) {
	script, err := exec.LookPath("script")
	if err != nil || runtime.GOOS != "linux" {
		t.Skip("no script(1) of util-linux")
	}
	for _, noColor := range []string{"", "1"} {
		testOnATerminal(t, script, noColor)
	}
}

func testOnATerminal(t *testing.T, script, noColor string) {
	port := freePort(t)
	cmd := command(t, []string{"PORT=" + port, "LIVECHAT_SECRETS=a-secret-of-LiveChat", "NO_COLOR=" + noColor})
	cmd.Args = []string{"script", "--quiet", "--return", "--command", "exec " + cmd.Path, os.DevNull}
	cmd.Path = script
	// script passes its input on to the terminal, so Ctrl-C ends the command.
	keyboard, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	screen, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Process.Kill()
	text := readUntil(t, screen, "Ctrl-C ends.")
	for _, want := range []string{
		" INFO   starting on http://localhost:" + port,
		`    curl -w '\n' -u "livechat:$LIVECHAT_SECRETS" -d @testdata/v2/chat_started.json http://localhost:` + port + "\r\n",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in:\n%s", want, text)
		}
	}
	if colors := strings.Contains(text, "\x1b["); colors != (noColor == "") {
		t.Errorf("NO_COLOR=%s: colors: %t", noColor, colors)
	}
	if strings.Contains(text, "a-secret") || strings.Contains(text, `{"severity"`) {
		t.Errorf("on the terminal:\n%s", text)
	}
	resp, err := http.Get("http://localhost:" + port)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	// Before Ctrl-C, with which a terminal drops what it has not shown yet.
	readUntil(t, screen, "refused: not a POST, answered 405\r\n")
	if _, err := io.WriteString(keyboard, "\x03"); err != nil {
		t.Fatal(err)
	}
	io.Copy(io.Discard, screen)
	if err := cmd.Wait(); err != nil {
		t.Errorf("ended with %v", err)
	}
}

// readUntil returns what r gives up to a text.
func readUntil(t *testing.T, r io.Reader, end string) string {
	t.Helper()
	var all strings.Builder
	for buf := make([]byte, 1024); !strings.Contains(all.String(), end); {
		n, err := r.Read(buf)
		all.Write(buf[:n])
		if err != nil {
			t.Fatalf("%v after %q", err, all.String())
		}
	}
	return all.String()
}

func TestRefusalsAreReportedAtTheEnd(t *testing.T) {
	for _, signal := range []os.Signal{os.Interrupt, syscall.SIGTERM} {
		t.Run(signal.String(), func(t *testing.T) {
			p := start(t, nil)
			for range 32 {
				if status, _ := p.post(t, ""); status != 400 {
					t.Fatalf("status %d", status)
				}
			}
			_, stderr := p.stop(t, signal)
			reported := 0
			for line := range strings.Lines(stderr) {
				var l console.Line
				if err := json.Unmarshal([]byte(line), &l); err != nil {
					t.Fatalf("%v: %s", err, line)
				}
				reported += l.Count
			}
			if reported != 32 {
				t.Errorf("%d of 32 refusals are reported:\n%s", reported, stderr)
			}
		})
	}
}

// TestSamplesAsJSON posts every sample and checks each line against what
// protojson and compact JSON ask for.
func TestSamplesAsJSON(t *testing.T) {
	p := start(t, nil, "-json")
	files, err := filepath.Glob("../testdata/v*/*.json")
	if err != nil {
		t.Fatal(err)
	}
	posted := 0
	for _, file := range files {
		if strings.HasSuffix(file, ".entry.json") {
			continue
		}
		posted++
		if status, answer := p.post(t, read(t, file)); status != 200 {
			t.Fatalf("%s: %d %s", file, status, answer)
		}
		line, err := p.stdout.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		var compact bytes.Buffer
		if err := json.Compact(&compact, []byte(line)); err != nil || compact.String()+"\n" != line {
			t.Errorf("%s: %v: not compact: %s", file, err, line)
		}
		if err := protojson.Unmarshal([]byte(line), new(loggingpb.LogEntry)); err != nil {
			t.Errorf("%s: %v: %s", file, err, line)
		}
	}
	if posted < 80 {
		t.Errorf("%d samples posted", posted)
	}
	if stdout, _ := p.stop(t, os.Interrupt); stdout != "" {
		t.Errorf("more than one line per entry: %s", stdout)
	}
}

func basic(secret string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte("livechat:"+secret))
}

func TestWebsites(t *testing.T) {
	const secret = "a-secret-of-LiveChat"
	open, secured := start(t, nil), start(t, []string{"LIVECHAT_SECRETS=" + secret})
	tests := []struct {
		name    string
		headers []string
		status  int // without a secret
	}{
		{"another site", []string{"Sec-Fetch-Site", "cross-site", "Origin", "https://evil.example"}, 403},
		{"another port", []string{"Sec-Fetch-Site", "same-site", "Origin", "http://localhost:3000"}, 403},
		{"old browser", []string{"Origin", "https://evil.example"}, 403},
		{"sandboxed page", []string{"Origin", "null"}, 403},
		{"DNS rebinding", []string{"Host", "evil.example:" + open.port, "Origin", "http://evil.example:" + open.port}, 403},
		{"DNS rebinding over HTTPS", []string{"Host", "evil.example", "Origin", "https://evil.example", "Sec-Fetch-Site", "same-origin"}, 403},
		{"curl", nil, 200},
		{"tunnel", []string{"Host", "abc.tunnel.example"}, 200},
		{"this server", []string{"Host", "127.0.0.1:1", "Origin", "http://127.0.0.1:1", "Sec-Fetch-Site", "same-origin"}, 200},
		{"this server over IPv6", []string{"Host", "[::1]", "Origin", "http://[::1]", "Sec-Fetch-Site", "same-origin"}, 200},
		{"localhost", []string{"Host", "localhost:1", "Origin", "http://localhost:1"}, 200},
	}
	written := 0
	for _, test := range tests {
		status, answer := open.post(t, "{}", test.headers...)
		if status != test.status || status == 403 && !strings.HasPrefix(answer, "Without a secret, this server does not accept webhooks from websites.") {
			t.Errorf("%s: %d %s, want %d", test.name, status, answer, test.status)
		}
		if test.status == 200 {
			written++
		}
		if status, answer := secured.post(t, "{}", append(test.headers, "Authorization", basic(secret))...); status != 200 {
			t.Errorf("%s, with the secret: %d %s", test.name, status, answer)
		}
		if status, _ := secured.post(t, "{}", test.headers...); status != 401 {
			t.Errorf("%s, with a secret that is not sent: %d", test.name, status)
		}
	}
	stdout, stderr := open.stop(t, os.Interrupt)
	if n := strings.Count(stdout, " NOTICE "); n != written {
		t.Errorf("%d entries, want %d", n, written)
	}
	if n := strings.Count(stderr, `"reason":"sent by a website","status":403`); n != len(tests)-written {
		t.Errorf("%d refusals are reported, want %d:\n%s", n, len(tests)-written, stderr)
	}
}

// TestCurlCommand runs the command that the local run shows when it starts.
func TestCurlCommand(t *testing.T) {
	if _, err := exec.LookPath("curl"); err != nil {
		t.Skip(err)
	}
	for _, variable := range []string{
		"",
		"a-secret-of-LiveChat",
		`"quotes"$HOME:colons'\`,
		"the-new-secret the-old-secret",
		"the-new-secret,the-old-secret",
		"the-new-secret\n",
		"the-new-secret\tthe-old-secret, ",
	} {
		p := start(t, []string{"LIVECHAT_SECRETS=" + variable})
		command := curl(listen.Address{Host: "localhost", Port: p.port}, variable, config.List(variable))
		for _, shell := range []string{"sh", "bash", "zsh", "busybox"} {
			if _, err := exec.LookPath(shell); err != nil {
				continue
			}
			args := []string{"-c", command}
			if shell == "busybox" {
				args = append([]string{"sh"}, args...)
			}
			cmd := exec.Command(shell, args...)
			cmd.Dir = ".."
			cmd.Env = append(os.Environ(), "LIVECHAT_SECRETS="+variable)
			if answer, err := cmd.Output(); err != nil || string(answer) != "ok\n" {
				t.Errorf("LIVECHAT_SECRETS=%q %s -c %s: %q, %v", variable, shell, command, answer, err)
			}
		}
		if strings.Contains(command, "secret") || strings.Contains(command, "colons") {
			t.Errorf("the secret is in %s", command)
		}
	}
}

func TestWrongArguments(t *testing.T) {
	tests := []struct {
		args []string
		want string
	}{
		{[]string{"register"}, `unexpected argument "register": other commands have their own path, as in go run ./cmd/register`},
		{[]string{"-json", "register", "-list"}, `unexpected argument "register"`},
		{[]string{"-project", ""}, `invalid value "" for flag -project`},
	}
	for _, test := range tests {
		code, stdout, stderr := output(t, nil, test.args...)
		if code != 2 || stdout != "" || !strings.HasPrefix(stderr, test.want) {
			t.Errorf("%q: exit code %d, %s%s", test.args, code, stdout, stderr)
		}
	}
	if code, _, stderr := output(t, nil, "-help"); code != 0 || !strings.HasPrefix(stderr, "usage: go run ./cmd") {
		t.Errorf("-help: exit code %d, %s", code, stderr)
	}
}

func TestPortInUse(t *testing.T) {
	localhost, err := net.LookupHost("localhost")
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct{ other, host string }{
		{"127.0.0.1", "localhost"},
		{"", "localhost"},
		{"127.0.0.1", ""},
	}
	if slices.Contains(localhost, "::1") { // not on every machine
		tests = append(tests, struct{ other, host string }{"::1", "localhost"})
	}
	for _, test := range tests {
		l, err := net.Listen("tcp", net.JoinHostPort(test.other, "0"))
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		_, port, err := net.SplitHostPort(l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		code, stdout, stderr := output(t, []string{"PORT=" + port}, "-host", test.host)
		if code != 1 || stdout != "" || strings.Count(stderr, "\n") != 1 || !strings.Contains(stderr, "PORT "+port+" is in use") {
			t.Errorf("%s: exit code %d: %s%s", l.Addr(), code, stdout, stderr)
		}
	}
}

func TestIPv6(t *testing.T) {
	l, err := net.Listen("tcp", "[::1]:0")
	if err != nil {
		t.Skip(err)
	}
	l.Close()
	for _, host := range []string{"::1", "[::1]"} {
		port := freePort(t)
		p := startAt(t, "http://[::1]:"+port, port, nil, "-host", host)
		if status, answer := p.post(t, "{}"); status != 200 {
			t.Errorf("-host %s: %d %s", host, status, answer)
		}
	}
}

func TestWrongEnvironment(t *testing.T) {
	tests := []struct {
		env  []string
		args []string
		want string
	}{
		{env: []string{"PORT=x", "LOG_ID=a b"},
			want: `LOG_ID is \"a b\": it must be letters, digits and / _ - . only, fewer than 512; PORT is \"x\"`},
		{args: []string{"-host", "192.0.2.1"}, want: "cannot listen, see PORT and -host: listen tcp 192.0.2.1:8080: "},
	}
	for _, test := range tests {
		code, stdout, stderr := output(t, test.env, test.args...)
		if code != 1 || stdout != "" || strings.Count(stderr, "\n") != 1 || !strings.Contains(stderr, test.want) {
			t.Errorf("%q %q: exit code %d: %s%s", test.env, test.args, code, stdout, stderr)
		}
	}
}

// TestVariablesWithAnotherMeaning: nothing of the environment is replaced
// without a word.
func TestVariablesWithAnotherMeaning(t *testing.T) {
	p := start(t, []string{"GOOGLE_CLOUD_PROJECT=my-project", "LOGGING_EMULATOR_HOST=localhost:1"}, "-json")
	said := strings.Join(p.started, "")
	for _, want := range []string{"GOOGLE_CLOUD_PROJECT=my-project only names the project", "LOGGING_EMULATOR_HOST is ignored"} {
		if !strings.Contains(said, want) {
			t.Errorf("%q is not in:\n%s", want, said)
		}
	}
	if status, _ := p.post(t, "{}"); status != 200 {
		t.Errorf("status %d", status)
	}
	if stdout, _ := p.stop(t, os.Interrupt); !strings.HasPrefix(stdout, `{"logName":"projects/my-project/`) {
		t.Errorf("entry %s", stdout)
	}
	t.Setenv("GOOGLE_CLOUD_PROJECT", "my-project")
	if got := environment("another-project", "")("GOOGLE_CLOUD_PROJECT"); got != "another-project" {
		t.Errorf("with -project another-project it is %s", got)
	}
}
