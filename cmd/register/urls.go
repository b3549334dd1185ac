package main

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// serviceURLs match the URLs of a Cloud Run service in canonical form, each
// with its name: NAME-PROJECTNUMBER.REGION.run.app, NAME-HASH-xx.a.run.app
// (https://docs.cloud.google.com/run/docs/triggering/https-request) and, if
// gcloud functions deployed it, REGION-PROJECT.cloudfunctions.net/NAME.
var serviceURLs = []*regexp.Regexp{
	regexp.MustCompile(`^https://(?:[^/]*@)?([a-z0-9-]+)-[0-9]+\.[a-z0-9-]+\.run\.app/`),
	regexp.MustCompile(`^https://(?:[^/]*@)?([a-z0-9-]+)-[a-z0-9]+-[a-z]+\.a\.run\.app/`),
	regexp.MustCompile(`^https://(?:[^/]*@)?[a-z0-9-]+\.cloudfunctions\.net/([a-z0-9-]+)`),
}

// service returns the name of the Cloud Run service that has the URL, and the
// index in serviceURLs of its form; if there is none, "" and 0.
func service(raw string) (name string, form int) {
	for i, pattern := range serviceURLs {
		if match := pattern.FindStringSubmatch(canonical(raw)); match != nil {
			return match[1], i
		}
	}
	return "", 0
}

// aliases returns the URLs, other than this one, of registered webhooks that
// seem to reach the same Cloud Run service, each once. That is a guess: a
// service of the same name in another project has such URLs too.
func aliases(raw string, registered []webhook) []string {
	name, form := service(raw)
	var found []string
	for _, w := range registered {
		other, otherForm := service(w.URL)
		if other == name && otherForm != form && !slices.Contains(found, w.URL) {
			found = append(found, w.URL)
		}
	}
	return found
}

// canonical returns raw in a form for comparison: https://Host and https://host/
// are the same place.
func canonical(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return raw
	}
	u.Host = strings.ToLower(u.Host)
	if u.Path == "" {
		u.Path = "/"
	}
	return u.String()
}

// shown returns a URL without its password, which is a secret.
func shown(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return "(not a URL)"
	}
	return u.Redacted()
}

// reachable returns what is wrong with a URL, or nil. The error does not show
// the URL, which may contain a secret.
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
// clear text.
func loopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}

// withoutURL returns err without the URL that net/http puts in front, which the
// reader knows.
func withoutURL(err error) error {
	if e, ok := errors.AsType[*url.Error](err); ok {
		return e.Err
	}
	return err
}
