// Command register registers the function's URL in LiveChat, through the
// Configuration API v3.6, shows what is registered, and removes it:
//
//	go run ./cmd/register -url https://HOST -client-id ID
//
// It lists first and leaves alone what is there, so that it can be run again
// at any time. The way of one run, in [run]:
//
//	list     what is registered for the client id          client.go
//	plan     what is to be done for each action            plan.go
//	work     do it, one line an action as it goes          work.go
//
// A secret is never a flag and never printed: it would stay in the history of
// the shell, or in the log of what runs the command.
//
// It exits with 0, with 1 if something failed, and with 2 if it was called
// wrongly.
package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/netip"
	"net/url"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
	"unicode/utf8"

	"example.com/livechat-webhook/internal/config"
)

// How the command ends.
const (
	exitOK = iota
	exitFailed
	exitUsage
)

// callTimeout is the longest that LiveChat may take for an answer. Its own
// APIs give up after 15 s.
const callTimeout = 20 * time.Second

// maxURL is the length of a URL in characters that register_webhook takes
// (https://platform.text.com/docs/management/configuration-api#register-webhook).
const maxURL = 500

func main() {
	s, err := parse(os.Args[1:], os.Getenv, os.Stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		os.Exit(exitOK)
	case err != nil:
		fmt.Fprintln(os.Stderr, err)
		os.Exit(exitUsage)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, s, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// settings are flags and environment, read and found sound.
type settings struct {
	// url is where LiveChat shall send webhooks. Empty only with list.
	url string
	// actions are those to register, or to remove. None: all that there are.
	actions []string
	// What is to be done, instead of registering what is missing.
	list, replace, unregister bool
	// dryRun changes nothing in LiveChat.
	dryRun bool

	// clientID, account and token say who registers, and secret is what the
	// webhooks will carry.
	clientID, account, token, secret string
	// api is the Configuration API's URL with the version.
	api string

	timeout time.Duration
	pause   func(context.Context, time.Duration) error
}

const usage = `usage: go run ./cmd/register -url https://HOST -client-id ID [flags]

Registers the URL for LiveChat's webhooks and enables them. It leaves alone
what is registered already.

  LIVECHAT_ACCOUNT_ID  account id of a personal access token
  LIVECHAT_PAT         the token, with the scopes webhooks.configuration:rw,
                       webhooks.state:ro and webhooks.state:rw
  LIVECHAT_SECRETS     the function's secrets; the first one is registered
  LIVECHAT_API_URL     another API than https://api.livechatinc.com/v3.6

`

// parse reads flags and environment. The error names every fault at once, and
// no secret; it is [flag.ErrHelp] if only help was wanted.
func parse(args []string, getenv func(string) string, help io.Writer) (settings, error) {
	s := fromEnvironment(getenv)
	flags, actions := s.flags()
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			fmt.Fprint(help, usage)
			flags.SetOutput(help)
			flags.PrintDefaults()
		}
		return settings{}, err
	}
	if s.registers() && len(config.List(*actions)) == 0 {
		*actions = usual
	}
	var unknown error
	s.actions, unknown = chosen(*actions)
	faults := append(s.faults(), unknown)
	if flags.NArg() > 0 {
		faults = append(faults, fmt.Errorf("%q is not a flag", flags.Args()))
	}
	return s, errors.Join(faults...)
}

func fromEnvironment(getenv func(string) string) settings {
	s := settings{
		account: getenv("LIVECHAT_ACCOUNT_ID"),
		token:   getenv("LIVECHAT_PAT"),
		api:     strings.TrimRight(cmp.Or(getenv("LIVECHAT_API_URL"), "https://api.livechatinc.com/v"+version), "/"),
		timeout: callTimeout,
		pause:   sleep,
	}
	if secrets := config.List(getenv("LIVECHAT_SECRETS")); len(secrets) > 0 {
		s.secret = secrets[0]
	}
	return s
}

// flags returns the flags, which set s, and what -actions will be. They print
// nothing: the caller has the error.
func (s *settings) flags() (flags *flag.FlagSet, actions *string) {
	flags = flag.NewFlagSet("register", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.StringVar(&s.url, "url", "", "`URL` of the function, https, without user and password")
	flags.StringVar(&s.clientID, "client-id", "", "`ID` of your app in the Developer Console")
	actions = flags.String("actions", "", "`names` of actions, separated by commas, or all; if none, "+usual+", or with -unregister every action of the URL")
	flags.BoolVar(&s.list, "list", false, "show what is registered for the client id, and change nothing")
	flags.BoolVar(&s.replace, "replace", false, "register anew what is there, with the present secret, and remove the old two minutes later")
	flags.BoolVar(&s.unregister, "unregister", false, "remove what is registered with the URL")
	flags.BoolVar(&s.dryRun, "dry-run", false, "say what would be done, and change nothing")
	return flags, actions
}

// registers reports whether a secret and actions are needed.
func (s *settings) registers() bool { return !s.list && !s.unregister }

// faults returns what is wrong with s, actions aside.
func (s *settings) faults() []error {
	var faults []error
	fault := func(wrong bool, what string) {
		if wrong {
			faults = append(faults, errors.New(what))
		}
	}
	fault(s.list && s.replace || s.list && s.unregister || s.replace && s.unregister,
		"-list, -replace and -unregister exclude each other")
	fault(s.clientID == "", "-client-id is missing: it stands in the App Authorization block of your app")
	fault(s.account == "", "LIVECHAT_ACCOUNT_ID is not set")
	fault(s.token == "", "LIVECHAT_PAT is not set: set it to a personal access token")
	fault(s.registers() && s.secret == "", "LIVECHAT_SECRETS is not set: set it to what the function has")
	if !s.list {
		faults = append(faults, reachable("-url", s.url))
	}
	fault(utf8.RuneCountInString(s.url) > maxURL, fmt.Sprintf("-url has more than %d characters", maxURL))
	return append(faults, reachable("LIVECHAT_API_URL", s.api))
}

// reachable returns what is wrong with a URL, or nil. The error does not show
// it: a secret may stand in it.
func reachable(name, raw string) error {
	u, err := url.Parse(raw)
	switch {
	case raw == "":
		return fmt.Errorf("%s is missing", name)
	case err != nil || u.Host == "":
		return fmt.Errorf("%s is not a URL", name)
	case u.User != nil:
		return fmt.Errorf("%s must not have a user or password", name)
	case u.Scheme != "https" && (u.Scheme != "http" || !loopback(u.Hostname())):
		return fmt.Errorf("%s must begin with https://", name)
	}
	return nil
}

// loopback reports whether host is this machine, where secrets may travel in
// clear.
func loopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}

// sleep waits for d, or returns ctx's error if that ends first.
func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
