package deploy

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"example.com/livechat-webhook/deploy/googleapis"
)

// excluded returns our exclusion of _Default, nil if there is none.
func excluded(cloud *googleapis.Cloud) map[string]any {
	list, _ := cloud.Get(sinks + "_Default")["exclusions"].([]any)
	for _, e := range list {
		if path(e, "name") == "livechat-webhook" {
			return e.(map[string]any)
		}
	}
	return nil
}

// keepingState returns all that --keep and --notify make, apart from the
// channels that alerts have, as text.
func keepingState(t *testing.T, cloud *googleapis.Cloud) string {
	t.Helper()
	var text strings.Builder
	for _, prefix := range []string{"logbuckets/", sinks, channels} {
		for _, name := range cloud.Names(prefix) {
			part, err := json.Marshal(cloud.Get(prefix + name))
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(&text, "%s%s: %s\n", prefix, name, part)
		}
	}
	fmt.Fprintln(&text, cloud.Get(find(t, cloud, dashboard, "chats")))
	return text.String()
}

// webhooksFilter is the filter for the webhooks of a log.
func webhooksFilter(log string) string {
	return `logName="projects/my-project/logs/` + log + `" AND resource.type="cloud_run_revision" AND resource.labels.service_name="livechat-webhook"`
}

const copiesFilter = `logName="projects/my-project/logs/run.googleapis.com%2Fstdout" AND jsonPayload.not_written:*` +
	` AND resource.type="cloud_run_revision" AND resource.labels.service_name="livechat-webhook"`

func checkRouting(t *testing.T, cloud *googleapis.Cloud, log string) {
	t.Helper()
	sink := cloud.Get(sinks + "livechat-webhook")
	if want := "logging.googleapis.com/projects/my-project/locations/europe-west1/buckets/livechat-webhook"; sink["destination"] != want {
		t.Errorf("the sink goes to %v", sink["destination"])
	}
	if want := "(" + webhooksFilter(log) + ") OR (" + copiesFilter + ")"; sink["filter"] != want {
		t.Errorf("the sink has %v, want %s", sink["filter"], want)
	}
	// The copies, which are the last resort, stay in _Default as well.
	if filter := excluded(cloud)["filter"]; filter != webhooksFilter(log) {
		t.Errorf("the exclusion has %v", filter)
	}
}

// routingChanges returns the calls so far that changed buckets and sinks.
func routingChanges(cloud *googleapis.Cloud) []string {
	return slices.DeleteFunc(cloud.Changes(), func(change string) bool {
		return !strings.Contains(change, "/buckets") && !strings.Contains(change, "/sinks")
	})
}

// TestKeepAndNotifyOverADeploymentWithout is the run of kept.
func TestKeepAndNotifyOverADeploymentWithout(t *testing.T) {
	t.Parallel()
	cloud := kept(t)
	b := cloud.Get(bucket)
	if b["retentionDays"] != 365.0 || b["analyticsEnabled"] != true {
		t.Errorf("the bucket: %v", b)
	}
	checkRouting(t, cloud, "livechat-webhooks")
	channel := cloud.Names(channels)
	if len(channel) != 1 || path(cloud.Get(channels+channel[0]), "labels", "email_address") != "me@example.com" {
		t.Fatalf("channels %q", channel)
	}
	for _, id := range cloud.Names(alerts) {
		if list := fmt.Sprint(cloud.Get(alerts + id)["notificationChannels"]); list != "[projects/my-project/notificationChannels/"+channel[0]+"]" {
			t.Errorf("alert %s notifies %s", id, list)
		}
	}
	board := fmt.Sprint(cloud.Get(find(t, cloud, dashboard, "chats"))["mosaicLayout"])
	if n := len(cloud.Names(dashboard)); n != 2 || !strings.Contains(board, "`my-project.europe-west1.livechat-webhook._AllLogs`") {
		t.Errorf("%d dashboards, that of SQL: %.1000s", n, board)
	}
	routing := routingChanges(keeping.cloud)
	if want := []string{
		"POST /v2/projects/my-project/locations/europe-west1/buckets",
		"POST /v2/projects/my-project/locations/europe-west1/buckets/livechat-webhook:updateAsync",
		"POST /v2/projects/my-project/sinks",
		"PATCH /v2/projects/my-project/sinks/_Default",
	}; !slices.Equal(routing, want) {
		t.Errorf("it changed %q", routing)
	}
}

// TestLongerKeepAndMoreToNotify finds the bucket deleted, channels that somebody
// attached, an exclusion of somebody else and another LOG_ID.
func TestLongerKeepAndMoreToNotify(t *testing.T) {
	t.Parallel()
	cloud := kept(t)
	cloud.Edit(bucket, func(b map[string]any) { b["lifecycleState"] = "DELETE_REQUESTED" })
	other := map[string]any{"name": "health-checks", "filter": "httpRequest.userAgent:\"check\"\nOR severity<DEBUG"}
	cloud.Edit(sinks+"_Default", func(s map[string]any) { s["exclusions"] = append([]any{other}, s["exclusions"].([]any)...) })
	setVariable(cloud, "LOG_ID", "mine/chats")
	mine, theirs := "projects/my-project/notificationChannels/"+cloud.Names(channels)[0], "projects/my-project/notificationChannels/900"
	silence, refusals := find(t, cloud, alerts, "silence"), find(t, cloud, alerts, "refusals")
	cloud.Add(channels+"900", map[string]any{"name": theirs, "type": "slack", "enabled": true})
	cloud.Edit(silence, func(p map[string]any) { p["notificationChannels"] = []any{theirs} })
	cloud.Edit(refusals, func(p map[string]any) { p["notificationChannels"] = []any{theirs, mine} })

	out := withGcloud(t, cloud).deploy(t, "--keep", "730", "--notify", "Me@example.com", "--notify", "you@example.com")
	says(t, out, "undeleting", "730 days instead of 365")
	if b := cloud.Get(bucket); b["retentionDays"] != 730.0 || b["lifecycleState"] != "ACTIVE" || b["analyticsEnabled"] != true {
		t.Errorf("the bucket: %v", b)
	}
	checkRouting(t, cloud, "mine%2Fchats")
	if first := path(cloud.Get(sinks+"_Default"), "exclusions", 0); fmt.Sprint(first) != fmt.Sprint(other) {
		t.Errorf("the exclusion of somebody else became %v", first)
	}
	var yours string
	for _, id := range cloud.Names(channels) {
		if path(cloud.Get(channels+id), "labels", "email_address") == "you@example.com" {
			yours = "projects/my-project/notificationChannels/" + id
		}
	}
	if n := len(cloud.Names(channels)); n != 3 {
		t.Errorf("%d channels", n)
	}
	for alert, want := range map[string][]any{silence: {theirs, mine, yours}, refusals: {theirs, mine, yours}} {
		if got := cloud.Get(alert)["notificationChannels"]; fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s notifies %v, want %v", alert, got, want)
		}
	}
}
