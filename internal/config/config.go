// Package config reads the function's environment, once.
package config

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode"

	"cloud.google.com/go/compute/metadata"
	mrpb "google.golang.org/genproto/googleapis/api/monitoredres"

	"example.com/livechat-webhook/internal/redact"
)

// How long the metadata server may take. On Cloud Run it usually answers within
// milliseconds, and a function that does not wait for a slow one would lack its
// region for the life of the instance. Elsewhere there is none, and an address
// that swallows packets must not hold up the start.
const (
	metadataTimeout = 10 * time.Second
	elsewhere       = time.Second
)

// How long a secret has to be, in bytes. Whoever guesses one can write to the
// log, and half a passphrase is guessed.
const (
	minSecret  = 8
	goodSecret = 16
)

// Config is the environment, validated.
type Config struct {
	// Secrets are accepted as proof that LiveChat sent a webhook. Without any,
	// AllowUnverified is true.
	Secrets         []string
	AllowUnverified bool
	// Redact names the JSON members whose values are not logged, as
	// [redact.Rules] does.
	Redact map[string]bool
	// Project and LogID say which log is written to.
	Project, LogID string
	// Resource is what the entries belong to.
	Resource *mrpb.MonitoredResource
	// Emulator is the host:port of a stand-in for Cloud Logging, or empty.
	Emulator string
	// Warnings are what the operator should know at the start.
	Warnings []string
}

// Load reads the variables that the README lists by getenv, usually os.Getenv.
// What the platform does not say in variables, project and region, it asks the
// metadata server. The error names every fault at once, and no secret.
func Load(ctx context.Context, getenv func(string) string) (Config, error) {
	e := environment{getenv: getenv}
	c := Config{
		Secrets:         List(getenv("LIVECHAT_SECRETS")),
		AllowUnverified: e.flag("LIVECHAT_ALLOW_UNVERIFIED"),
		Redact:          e.members("LIVECHAT_REDACT"),
		LogID:           e.matching("LOG_ID", "livechat-webhooks", isLogID, "letters, digits and / _ - . only, fewer than 512"),
		Project:         e.matching("GOOGLE_CLOUD_PROJECT", "", isProjectID, "a project id"),
		Emulator:        e.hostPort("LOGGING_EMULATOR_HOST"),
	}
	e.port("PORT")
	onCloudRun := getenv("K_SERVICE") != ""
	switch {
	case len(c.Secrets) > 0:
		e.secrets(c.Secrets)
	case !onCloudRun:
		c.AllowUnverified = true
	case !c.AllowUnverified:
		e.fault("LIVECHAT_SECRETS is not set: set it to the secret of your LiveChat webhooks, or LIVECHAT_ALLOW_UNVERIFIED=true to accept webhooks from anybody")
	}
	if c.AllowUnverified {
		e.warn("webhooks are accepted from anybody: set LIVECHAT_SECRETS to accept LiveChat's only")
	}
	region := e.metadata(ctx, &c, onCloudRun)
	c.Resource = resource(getenv, c.Project, region)
	c.Warnings = e.warnings
	return c, errors.Join(e.faults...)
}

// metadata asks the metadata server for what no variable says: the project,
// unless it is set, and the region, which it returns.
func (e *environment) metadata(ctx context.Context, c *Config, onCloudRun bool) (region string) {
	timeout := elsewhere
	if onCloudRun {
		timeout = metadataTimeout
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	if e.getenv("GOOGLE_CLOUD_PROJECT") == "" {
		if c.Project = projectFromMetadata(ctx); c.Project == "" {
			e.fault("GOOGLE_CLOUD_PROJECT is not set and there is no metadata server to ask: set it to the id of your Google Cloud project")
		}
	}
	if onCloudRun {
		if region = regionFromMetadata(ctx); region == "" {
			e.warn("the metadata server does not say the region: the entries of this instance have no location")
		}
	}
	return region
}

// List splits the value of a variable at commas and white space.
func List(value string) []string {
	return strings.FieldsFunc(value, func(r rune) bool { return r == ',' || unicode.IsSpace(r) })
}

var (
	logID     = regexp.MustCompile(`^[A-Za-z0-9/_.-]+$`)
	projectID = regexp.MustCompile(`^([a-z0-9.-]+:)?[a-z0-9-]+$`)
)

// isLogID follows
// https://docs.cloud.google.com/logging/docs/reference/v2/rest/v2/LogEntry. The
// length is not for the expression to check: to compile {1,511} took longer than
// what any other package does at the start (GODEBUG=inittrace=1).
func isLogID(s string) bool { return len(s) < 512 && logID.MatchString(s) }

// isProjectID accepts ids that are scoped to a domain too.
func isProjectID(s string) bool { return projectID.MatchString(s) }

// environment reads variables and collects what is wrong with them.
type environment struct {
	getenv   func(string) string
	faults   []error
	warnings []string
}

func (e *environment) fault(format string, args ...any) {
	e.faults = append(e.faults, fmt.Errorf(format, args...))
}

func (e *environment) warn(format string, args ...any) {
	e.warnings = append(e.warnings, fmt.Sprintf(format, args...))
}

// secrets finds secrets that are easy to guess. Its texts have their position
// and length, and nothing else of them.
func (e *environment) secrets(secrets []string) {
	const why = "commas and white space separate secrets, so a passphrase becomes several; openssl rand -hex 24 makes a good one"
	for i, s := range secrets {
		if err := redact.CheckSecret(s); err != nil {
			e.fault("LIVECHAT_SECRETS: secret %d of %d: %w", i+1, len(secrets), err)
		}
		if strings.ContainsAny(s, ";|") {
			e.warn("LIVECHAT_SECRETS: secret %d of %d has a ; or |, which separates no secrets: commas and white space do", i+1, len(secrets))
		}
		switch n := len(s); {
		case n < minSecret:
			e.fault("LIVECHAT_SECRETS: secret %d of %d has %d bytes, and needs %d: %s", i+1, len(secrets), n, minSecret, why)
		case n < goodSecret:
			e.warn("LIVECHAT_SECRETS: secret %d of %d has only %d bytes; %d are hard to guess: %s", i+1, len(secrets), n, goodSecret, why)
		}
	}
}

// members returns the names in the list of JSON members in a variable.
func (e *environment) members(name string) map[string]bool {
	members := map[string]bool{}
	for _, m := range List(e.getenv(name)) {
		if err := redact.CheckMember(m); err != nil {
			e.fault("%s: %w", name, err)
		}
		members[m] = true
	}
	return members
}

func (e *environment) flag(name string) bool {
	switch value := e.getenv(name); value {
	case "true":
		return true
	case "", "false":
	default:
		e.fault("%s is %q: it can be true or false", name, value)
	}
	return false
}

func (e *environment) matching(name, byDefault string, valid func(string) bool, what string) string {
	value := e.getenv(name)
	if value == "" {
		return byDefault
	}
	if !valid(value) {
		e.fault("%s is %q: it must be %s", name, value, what)
	}
	return value
}

func (e *environment) hostPort(name string) string {
	value := e.getenv(name)
	if _, port, err := net.SplitHostPort(value); value != "" && (err != nil || !isPort(port)) {
		e.fault("%s is %q: it must be host:port", name, value)
	}
	return value
}

func (e *environment) port(name string) {
	if value := e.getenv(name); value != "" && !isPort(value) {
		e.fault("%s is %q: it must be a number from 1 to 65535", name, value)
	}
}

func isPort(s string) bool {
	n, err := strconv.ParseUint(s, 10, 16)
	return err == nil && n > 0
}

// metadataServer is asked without a proxy and, by the client's own rules, at
// the address in GCE_METADATA_HOST if that is set.
var metadataServer = metadata.NewClient(&http.Client{Transport: &http.Transport{}})

// projectFromMetadata returns the project id, or nothing if the metadata
// server does not tell before ctx ends.
func projectFromMetadata(ctx context.Context) string {
	project, err := metadataServer.ProjectIDWithContext(ctx)
	if err != nil {
		return ""
	}
	return project
}

// regionFromMetadata returns the region, or nothing if the metadata server
// does not tell before ctx ends. It says projects/NUMBER/regions/REGION.
func regionFromMetadata(ctx context.Context) string {
	path, err := metadataServer.GetWithContext(ctx, "instance/region")
	if err != nil {
		return ""
	}
	return path[strings.LastIndexByte(path, '/')+1:]
}

// resource returns the monitored resource that the platform's own entries
// have, by the variables of
// https://docs.cloud.google.com/run/docs/container-contract#services-env-vars,
// so that all stand side by side.
func resource(getenv func(string) string, project, region string) *mrpb.MonitoredResource {
	service := getenv("K_SERVICE")
	if service == "" {
		return &mrpb.MonitoredResource{Type: "global", Labels: map[string]string{"project_id": project}}
	}
	return &mrpb.MonitoredResource{Type: "cloud_run_revision", Labels: map[string]string{
		"project_id":         project,
		"location":           region,
		"service_name":       service,
		"revision_name":      getenv("K_REVISION"),
		"configuration_name": getenv("K_CONFIGURATION"),
	}}
}
