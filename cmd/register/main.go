// Command register registers the function's URL in LiveChat, through the
// Configuration API v3.6, shows what is registered, and removes it:
//
//	go run ./cmd/register -url https://HOST -client-id ID
//
// It first lists what is registered and leaves it alone, so it is safe to rerun.
// The steps of a run, in [run]:
//
//	list     what is registered for the client id            client.go
//	compare  LiveChat's list of actions with ours            actions.go
//	plan     what is to be done for each action              plan.go
//	probe    does the function accept the secret             probe.go
//	work     do it, printing one line per action             work.go
//
// Up to the probe nothing is changed, and nothing is unless the URL answers it
// with 200. The command asks nothing of Google: the URL may be any that LiveChat
// reaches, for example a tunnel to a local run.
//
// A secret is never a flag and never printed: it would end up in shell history
// or CI logs.
//
// It exits with 0, with 1 if something failed, and with 2 on a usage error.
package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
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

// callTimeout bounds one request. LiveChat's own APIs give up after 15 s.
const callTimeout = 20 * time.Second

// maxURL is the maximum length in characters of a URL in register_webhook
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

// settings are the flags and environment, validated.
type settings struct {
	// url is where LiveChat will send webhooks; empty only with list.
	url string
	// actions are those to register, replace or remove, and all is whether they
	// are all that the API has. Nil means those registered for url.
	actions []string
	all     bool
	// What to do instead of registering what is missing.
	list, replace, unregister bool
	// chatProperties asks for the properties of the chat with each event.
	chatProperties bool
	// dryRun changes nothing.
	dryRun bool

	// clientID, account and token identify who registers, and secret is what
	// LiveChat will send.
	clientID, account, token, secret string
	// api is the Configuration API's URL with the version.
	api string

	timeout   time.Duration
	pause     func(context.Context, time.Duration) error
	transport http.RoundTripper // nil means the default
}

const usage = `usage: go run ./cmd/register -url https://HOST -client-id ID [flags]

Registers the URL for LiveChat's webhooks and turns them on. It leaves existing
registrations alone. Before it registers, it posts one test webhook to the URL,
with the secret, and stops unless the answer is 200; in the log that is an entry
"unknown event registration_probe" of severity NOTICE.

  LIVECHAT_ACCOUNT_ID  account id of a personal access token
  LIVECHAT_PAT         the token, with the scopes webhooks.configuration:rw,
                       webhooks.state:ro and webhooks.state:rw
  LIVECHAT_SECRETS     the function's secrets; the first one is registered
  LIVECHAT_API_URL     another API than https://api.livechatinc.com/v3.6

`

// parse reads flags and environment. The error lists every problem and contains
// no secret; it is [flag.ErrHelp] if help was requested.
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
	if s.registers() && !s.replace && len(config.List(*actions)) == 0 {
		*actions = usual
	}
	var unknownNames error
	s.actions, s.all, unknownNames = chosen(*actions)
	faults := append(s.faults(), unknownNames)
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

// flags returns the flag set, which writes into s, and the value of -actions. It
// prints nothing; the caller reports errors.
func (s *settings) flags() (flags *flag.FlagSet, actions *string) {
	flags = flag.NewFlagSet("register", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.StringVar(&s.url, "url", "", "`URL` of the function, https, without user and password")
	flags.StringVar(&s.clientID, "client-id", "", "`ID` of your app in the Developer Console")
	actions = flags.String("actions", "", "`names` of actions, separated by commas; numbers: those that the numbers\n"+
		"and transcripts of chats need; all: every action of the API. If empty,\n"+
		usual+",\n"+
		"or with -replace and -unregister every action registered with the URL")
	flags.BoolVar(&s.chatProperties, "chat-properties", false,
		"have LiveChat send the properties of the chat with each event (give it again with -replace)")
	flags.BoolVar(&s.list, "list", false, "show what is registered for the client id, and change nothing")
	flags.BoolVar(&s.replace, "replace", false,
		"register again, with the current secret, and remove the old registrations two minutes later")
	flags.BoolVar(&s.unregister, "unregister", false, "remove what is registered with the URL")
	flags.BoolVar(&s.dryRun, "dry-run", false, "print what would be done, and change nothing")
	return flags, actions
}

// registers reports whether s registers webhooks, and so needs a secret.
func (s *settings) registers() bool { return !s.list && !s.unregister }

// faults returns what is wrong with s, except for the actions.
func (s *settings) faults() []error {
	var faults []error
	fault := func(wrong bool, what string) {
		if wrong {
			faults = append(faults, errors.New(what))
		}
	}
	fault(s.list && s.replace || s.list && s.unregister || s.replace && s.unregister,
		"-list, -replace and -unregister exclude each other")
	fault(s.chatProperties && !s.registers(), "-chat-properties is for registering")
	fault(s.clientID == "", "-client-id is missing: find it in your app's App Authorization block")
	fault(s.account == "", "LIVECHAT_ACCOUNT_ID is not set")
	fault(s.token == "", "LIVECHAT_PAT is not set: set it to a personal access token")
	fault(s.registers() && s.secret == "", "LIVECHAT_SECRETS is not set: set it to what the function has")
	if !s.list {
		faults = append(faults, reachable("-url", s.url))
	}
	fault(utf8.RuneCountInString(s.url) > maxURL, fmt.Sprintf("-url has more than %d characters", maxURL))
	return append(faults, reachable("LIVECHAT_API_URL", s.api))
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
