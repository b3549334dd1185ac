package deploy

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"example.com/livechat-webhook/deploy/googleapis"
)

// realGcloud returns the path of the gcloud that is installed, and skips the
// test where there is none.
func realGcloud(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("gcloud")
	if err != nil {
		t.Skip("gcloud is not installed: the script is tested with a stand-in only")
	}
	out, err := exec.Command(path, "--version").Output()
	if err != nil {
		t.Fatal(err)
	}
	match := regexp.MustCompile(`Google Cloud SDK (\d+)`).FindSubmatch(out)
	if match == nil {
		t.Skipf("gcloud says no version: %s", out)
	}
	if version, _ := strconv.Atoi(string(match[1])); version < 528 {
		t.Skipf("gcloud %d is older than 528, which the script needs", version)
	}
	return path
}

// withGcloud returns a script in a copy of the kit, with the real gcloud and a
// project. edit changes a file of the copy before.
func withGcloud(t *testing.T, cloud *googleapis.Cloud, edits ...func(file, text string) string) script {
	t.Helper()
	gcloud := realGcloud(t)
	folder := t.TempDir()
	files := slices.Concat(glob(t, "metrics/*.json"), glob(t, "alerts/*.json"), glob(t, "*.json"), []string{"deploy.sh", "../.gcloudignore", "../function.go", "../go.mod"})
	for _, file := range files {
		text := read(t, file)
		for _, edit := range edits {
			text = edit(file, text)
		}
		write(t, filepath.Join(folder, "deploy", file), text, 0o777)
	}
	return script{filepath.Join(folder, "deploy/deploy.sh"), append(cloud.Start(t),
		"PATH="+absolute(t, "testdata/real")+":"+os.Getenv("PATH"), "REAL_GCLOUD="+gcloud, "PAUSE=0")}
}

// deployed returns a separate project to which the script was deployed with
// --redact email,ip --secret-name chat-secrets. It is deployed to once.
func deployed(t *testing.T) *googleapis.Cloud {
	t.Helper()
	realGcloud(t)
	first.once.Do(func() {
		cloud := googleapis.New()
		first.out, first.ok = withGcloud(t, cloud).run(t, "", "--redact", "email,ip", "--secret-name", "chat-secrets")
		first.cloud = cloud
	})
	if !first.ok {
		t.Fatalf("the first run failed:\n%s", first.out)
	}
	return first.cloud.Clone()
}

// a run of the script that is made once.
type run struct {
	once  sync.Once
	cloud *googleapis.Cloud
	out   string
	ok    bool
}

var first, keeping run

// kept returns a separate project where the function was deployed as in
// deployed, and then with keepFlags.
func kept(t *testing.T) *googleapis.Cloud {
	t.Helper()
	cloud := deployed(t)
	keeping.once.Do(func() {
		keeping.out, keeping.ok = withGcloud(t, cloud).run(t, "", keepFlags...)
		keeping.cloud = cloud
	})
	if !keeping.ok {
		t.Fatalf("the run failed:\n%s", keeping.out)
	}
	return keeping.cloud.Clone()
}

var keepFlags = []string{"--keep", "365", "--notify", "me@example.com"}

const (
	service   = "run/my-project/services/livechat-webhook"
	runs      = "serviceAccount:livechat-webhook@my-project.iam.gserviceaccount.com"
	builds    = "serviceAccount:livechat-webhook-build@my-project.iam.gserviceaccount.com"
	alerts    = "alerts/projects/my-project/alertPolicies/"
	dashboard = "dashboards/projects/my-project/dashboards/"
	metrics   = "logging/projects/my-project/metrics/"
	bucket    = "logbuckets/projects/my-project/locations/europe-west1/buckets/livechat-webhook"
	sinks     = "sinks/projects/my-project/sinks/"
	channels  = "channels/projects/my-project/notificationChannels/"
)

// path returns a value deep inside JSON.
func path(v any, keys ...any) any {
	for _, key := range keys {
		switch key := key.(type) {
		case string:
			o, _ := v.(map[string]any)
			v = o[key]
		case int:
			a, _ := v.([]any)
			if key >= len(a) {
				return nil
			}
			v = a[key]
		}
	}
	return v
}

// container returns the function's container.
func container(s map[string]any) map[string]any {
	c, _ := path(s, "spec", "template", "spec", "containers", 0).(map[string]any)
	return c
}

// environment returns the variables of the function; secrets as "secret:NAME:VERSION".
func environment(cloud *googleapis.Cloud) map[string]string {
	variables := map[string]string{}
	list, _ := container(cloud.Get(service))["env"].([]any)
	for _, v := range list {
		value := fmt.Sprint(path(v, "value"))
		if secret := path(v, "valueFrom", "secretKeyRef"); secret != nil {
			value = fmt.Sprintf("secret:%v:%v", path(secret, "name"), path(secret, "key"))
		}
		variables[fmt.Sprint(path(v, "name"))] = value
	}
	return variables
}

// find returns the full name of the dashboard or alert of a part.
func find(t *testing.T, cloud *googleapis.Cloud, collection, part string) string {
	t.Helper()
	for _, id := range cloud.Names(collection) {
		r := cloud.Get(collection + id)
		for _, labels := range []string{"labels", "userLabels"} {
			if path(r, labels, "livechat_webhook") == "livechat-webhook_"+part {
				return collection + id
			}
		}
	}
	t.Fatalf("there is no %s", part)
	return ""
}

func TestFirstRun(t *testing.T) {
	t.Parallel()
	cloud := deployed(t)
	s := cloud.Get(service)
	want := map[string]string{"GOOGLE_CLOUD_PROJECT": "my-project", "GOMAXPROCS": "1", "GOGC": "400", "GOMEMLIMIT": "384MiB",
		"LIVECHAT_REDACT": "email,ip", "LIVECHAT_SECRETS": "secret:chat-secrets:latest"}
	if got := environment(cloud); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("environment %v", got)
	}
	for what, got := range map[string][2]any{
		"CPU":            {path(container(s), "resources", "limits", "cpu"), "1"},
		"memory":         {path(container(s), "resources", "limits", "memory"), "512Mi"},
		"concurrency":    {path(s, "spec", "template", "spec", "containerConcurrency"), 80.0},
		"timeout":        {path(s, "spec", "template", "spec", "timeoutSeconds"), 30.0},
		"account":        {path(s, "spec", "template", "spec", "serviceAccountName"), "livechat-webhook@my-project.iam.gserviceaccount.com"},
		"most instances": {path(s, "spec", "template", "metadata", "annotations", "autoscaling.knative.dev/maxScale"), "10"},
		"function":       {path(s, "metadata", "annotations", "run.googleapis.com/build-function-target"), "LiveChatWebhook"},
		"builder":        {path(s, "metadata", "annotations", "run.googleapis.com/build-service-account"), "projects/my-project/serviceAccounts/livechat-webhook-build@my-project.iam.gserviceaccount.com"},
		"public":         {path(s, "metadata", "annotations", "run.googleapis.com/invoker-iam-disabled"), "true"},
	} {
		if !strings.EqualFold(fmt.Sprint(got[0]), fmt.Sprint(got[1])) {
			t.Errorf("%s: %v, want %v", what, got[0], got[1])
		}
	}
	build := cloud.Get("artifacts/projects/my-project/locations/europe-west1/repositories/cloud-run-source-deploy/packages/livechat-webhook")
	if base := path(build, "build", "buildpackBuild", "baseImage"); base != "go127" {
		t.Errorf("built on %v", base)
	}
	for member, want := range map[string]string{runs: "roles/logging.logWriter", builds: "roles/run.builder"} {
		if got := cloud.Roles("projects/my-project", member); !slices.Equal(got, []string{want}) {
			t.Errorf("%s has %q", member, got)
		}
	}
	if got := cloud.Roles("projects/my-project/secrets/chat-secrets", runs); !slices.Equal(got, []string{"roles/secretmanager.secretAccessor"}) {
		t.Errorf("on the secret the function has %q", got)
	}
	if n := len(cloud.Names(metrics)); n != len(glob(t, "metrics/*.json")) {
		t.Errorf("%d metrics", n)
	}
	if dashboards, policies := cloud.Names(dashboard), cloud.Names(alerts); len(dashboards) != 1 || len(policies) != len(glob(t, "alerts/*.json")) {
		t.Errorf("%d dashboards, %d alerts", len(dashboards), len(policies))
	}
	// The URL is the one that describe prints.
	says(t, first.out, "-url https://livechat-webhook-abcdefghij-ew.a.run.app", "--secret chat-secrets")
}

func TestSecondRunChangesNothing(t *testing.T) {
	t.Parallel()
	cloud := kept(t)
	out := withGcloud(t, cloud).deploy(t, keepFlags...)
	says(t, out, "Nothing had to be changed.", "-url https://livechat-webhook-abcdefghij-ew.a.run.app", "--secret chat-secrets")
	if changes := cloud.Changes(); len(changes) != 0 {
		t.Errorf("it made %d changes: %q", len(changes), changes)
	}
}

// setVariable sets an environment variable by hand, as in the console.
func setVariable(cloud *googleapis.Cloud, name, value string) {
	cloud.Edit(service, func(s map[string]any) {
		c := container(s)
		env, _ := c["env"].([]any)
		env = slices.DeleteFunc(env, func(v any) bool { return path(v, "name") == name })
		c["env"] = append(env, map[string]any{"name": name, "value": value})
	})
}

// newerDashboard is a kit with a new dashboard.
func newerDashboard(file, text string) string {
	if file == "dashboard.json" {
		return strings.Replace(text, "Webhooks by event", "New: webhooks by event", 1)
	}
	return text
}

// newer is a kit with two metrics, the dashboard, two alerts and the function
// new.
func newer(file, text string) string {
	switch file {
	case "metrics/livechat_messages.json", "metrics/livechat_webhooks.json":
		return strings.Replace(text, `"filter": "`, `"filter": "severity>=INFO AND `, 1)
	case "alerts/silence.json", "alerts/refusals.json":
		return strings.Replace(text, "\\n1. ", "\\n1. New: ", 1)
	case "dashboard.json":
		return newerDashboard(file, text)
	case "chats.json":
		return strings.Replace(text, `"title": "`, `"title": "New: `, 1)
	case "../function.go":
		return text + "\n// New.\n"
	}
	return text
}

// TestUpgradeKeepsWhatIsSetByHand changes all that somebody may have changed,
// then runs a newer kit: that arrives, and what was set by hand stays.
func TestUpgradeKeepsWhatIsSetByHand(t *testing.T) {
	t.Parallel()
	cloud := kept(t)
	setVariable(cloud, "LOG_ID", "mine")
	setVariable(cloud, "GOGC", "200")
	cloud.Edit(service, func(s map[string]any) {
		container(s)["resources"] = map[string]any{"limits": map[string]any{"cpu": "4", "memory": "2Gi"}}
		path(s, "spec", "template", "metadata", "annotations").(map[string]any)["autoscaling.knative.dev/maxScale"] = "50"
	})
	silence, refusals := find(t, cloud, alerts, "silence"), find(t, cloud, alerts, "refusals")
	channel := "projects/my-project/notificationChannels/"
	cloud.Edit(silence, func(p map[string]any) {
		p["notificationChannels"] = []any{channel + "1", channel + "2"}
		p["enabled"] = false
		p["userLabels"].(map[string]any)["team"] = "support"
	})
	cloud.Edit(refusals, func(p map[string]any) {
		path(p, "conditions", 0, "conditionPrometheusQueryLanguage").(map[string]any)["query"] = "mine"
	})
	board := find(t, cloud, dashboard, "dashboard")
	cloud.Edit(board, func(d map[string]any) { d["labels"].(map[string]any)["team"] = "support" })
	cloud.Edit(metrics+"livechat_messages", func(m map[string]any) { m["filter"] = "mine" })
	keepsWithout := keepingState(t, cloud)

	out := withGcloud(t, cloud, newer).deploy(t)
	says(t, out, "deploying the new version", "updating silence", "refusals was edited by hand", "updating dashboard", "livechat_messages was edited by hand",
		"updating livechat_webhooks", "GOMAXPROCS is 1, but there are 4 CPUs")
	for name, want := range map[string]string{"LOG_ID": "mine", "GOGC": "200", "GOMAXPROCS": "1", "LIVECHAT_REDACT": "email,ip", "LIVECHAT_SECRETS": "secret:chat-secrets:latest"} {
		if got := environment(cloud)[name]; got != want {
			t.Errorf("%s is %q", name, got)
		}
	}
	s := cloud.Get(service)
	if cpu, most := path(container(s), "resources", "limits", "cpu"), path(s, "spec", "template", "metadata", "annotations", "autoscaling.knative.dev/maxScale"); cpu != "4" || most != "50" {
		t.Errorf("%v CPUs, at most %v instances", cpu, most)
	}
	p := cloud.Get(silence)
	if fmt.Sprint(p["notificationChannels"]) != fmt.Sprint([]any{channel + "1", channel + "2"}) || p["enabled"] != false || path(p, "userLabels", "team") != "support" {
		t.Errorf("channels %v, enabled %v, labels %v", p["notificationChannels"], p["enabled"], p["userLabels"])
	}
	if text := fmt.Sprint(p["documentation"]); !strings.Contains(text, "1. New: ") {
		t.Errorf("not the new alert: %s", text)
	}
	if query := path(cloud.Get(refusals), "conditions", 0, "conditionPrometheusQueryLanguage", "query"); query != "mine" {
		t.Errorf("query %v", query)
	}
	d := cloud.Get(board)
	if path(d, "labels", "team") != "support" || path(d, "mosaicLayout", "tiles", 0, "widget", "title") != "New: webhooks by event" {
		t.Errorf("labels %v, title %v", d["labels"], path(d, "mosaicLayout", "tiles", 0, "widget", "title"))
	}
	if filter := cloud.Get(metrics + "livechat_messages")["filter"]; filter != "mine" {
		t.Errorf("filter %v", filter)
	}
	if filter := cloud.Get(metrics + "livechat_webhooks")["filter"]; !strings.HasPrefix(fmt.Sprint(filter), "severity>=INFO AND ") {
		t.Errorf("filter %v", filter)
	}

	// Without --keep nothing about keeping changes.
	if after := keepingState(t, cloud); after != keepsWithout {
		t.Errorf("a run without --keep changed\n%s\nto\n%s", keepsWithout, after)
	}

	// What was updated is ours: the next newer kit may update it again.
	before := len(cloud.Changes())
	says(t, withGcloud(t, cloud, newer).deploy(t), "Nothing had to be changed.", "refusals was edited by hand")
	if changes := cloud.Changes()[before:]; len(changes) != 0 {
		t.Errorf("the run after it changed %q", changes)
	}
	says(t, withGcloud(t, cloud, newer).deploy(t, "--discard-edits"), "replacing refusals", "replacing livechat_messages", "silence is up to date")
	if query := path(cloud.Get(refusals), "conditions", 0, "conditionPrometheusQueryLanguage", "query"); query == "mine" {
		t.Error("--discard-edits keeps the query")
	}
}

// TestEditedDashboardStays runs a newer kit after somebody moved a tile.
func TestEditedDashboardStays(t *testing.T) {
	t.Parallel()
	cloud := deployed(t)
	board := find(t, cloud, dashboard, "dashboard")
	cloud.Edit(board, func(d map[string]any) {
		d["displayName"] = "Our chats"
		path(d, "mosaicLayout", "tiles", 0).(map[string]any)["width"] = 12.0
	})
	before := cloud.Get(board)
	out := withGcloud(t, cloud, newerDashboard).deploy(t)
	says(t, out, "dashboard was edited by hand, and stays")
	if fmt.Sprint(cloud.Get(board)) != fmt.Sprint(before) || len(cloud.Names(dashboard)) != 1 {
		t.Errorf("%d dashboards, changed by:\n%s", len(cloud.Names(dashboard)), out)
	}
}

func TestRedactionAndSecretChangeWhenTold(t *testing.T) {
	t.Parallel()
	cloud := deployed(t)
	setVariable(cloud, "LOG_ID", "mine")
	s := withGcloud(t, cloud)
	s.deploy(t, "--redact", "email,text", "--secret-name", "other-secrets")
	env := environment(cloud)
	if env["LIVECHAT_REDACT"] != "email,text" || env["LIVECHAT_SECRETS"] != "secret:other-secrets:latest" || env["LOG_ID"] != "mine" {
		t.Errorf("environment %v", env)
	}
	if got := cloud.Roles("projects/my-project/secrets/other-secrets", runs); len(got) != 1 {
		t.Errorf("on the new secret the function has %q", got)
	}
	for _, change := range cloud.Changes() {
		if strings.Contains(change, "builds:submit") {
			t.Error("it was built again")
		}
	}
	s.deploy(t, "--redact", "")
	env = environment(cloud)
	if _, set := env["LIVECHAT_REDACT"]; set || env["LIVECHAT_SECRETS"] != "secret:other-secrets:latest" {
		t.Errorf("environment %v", env)
	}
}

// TestFailuresThatPassAreWaitedFor is a first run in a project where nothing
// that was just created works at once. An earlier function has left its log
// bucket, which gets a shorter retention.
func TestFailuresThatPassAreWaitedFor(t *testing.T) {
	t.Parallel()
	cloud := kept(t)
	cloud.Remove("serviceusage/", "iam/", "secrets/", "run/", "artifacts/")
	cloud.RemovePolicies()
	for _, f := range []googleapis.Fault{
		{Method: "POST", Path: "/serviceAccounts", Code: 403, Status: "PERMISSION_DENIED", Message: "Identity and Access Management (IAM) API has not been used in project 1234 before or it is disabled.",
			Details: []any{map[string]any{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "SERVICE_DISABLED", "domain": "googleapis.com"}}},
		{Method: "POST", Path: ":setIamPolicy", Code: 400, Status: "INVALID_ARGUMENT", Message: "Service account livechat-webhook@my-project.iam.gserviceaccount.com does not exist."},
		{Method: "GET", Path: "serviceAccounts/livechat-webhook-build@", Code: 404, Status: "NOT_FOUND", Message: "Unknown service account"},
		{Method: "POST", Path: "builds:submit", Code: 400, Status: "INVALID_ARGUMENT", Message: "could not resolve source: googleapi: Error 403: livechat-webhook-build does not have storage.objects.get access"},
		{Method: "POST", Path: "namespaces/my-project/services", Code: 400, Status: "INVALID_ARGUMENT",
			Message: "spec.template.spec.containers[0].env[4].value_from.secret_key_ref.name: Permission denied on secret: projects/1234/secrets/livechat-secrets/versions/latest for Revision service account."},
	} {
		f.Times = 1
		cloud.Fail(f)
	}
	out := withGcloud(t, cloud).deploy(t, "--keep", "30")
	if n := strings.Count(out, "trying again"); n < 4 {
		t.Errorf("waited %d times:\n%s", n, out)
	}
	if env := environment(cloud); env["LIVECHAT_SECRETS"] != "secret:livechat-secrets:latest" {
		t.Errorf("environment %v", env)
	}
	says(t, out, "30 days instead of 365", "entries older than 30 days are deleted")
	if days := cloud.Get(bucket)["retentionDays"]; days != 30.0 {
		t.Errorf("kept for %v days", days)
	}
	if changes := routingChanges(cloud); !slices.Equal(changes, []string{"PATCH /v2/projects/my-project/locations/europe-west1/buckets/livechat-webhook"}) {
		t.Errorf("a shorter retention changed %q", changes)
	}
}

func TestWhatNoWaitCuresEndsTheRun(t *testing.T) {
	t.Parallel()
	denied := func(method, path string) googleapis.Fault {
		return googleapis.Fault{Method: method, Path: path, Code: 403, Status: "PERMISSION_DENIED", Message: "The caller does not have permission"}
	}
	for name, test := range map[string]struct {
		fault googleapis.Fault
		says  string
	}{
		"role":  {denied("POST", "my-project:setIamPolicy"), "roles/resourcemanager.projectIamAdmin"},
		"build": {googleapis.Fault{Method: "POST", Path: "builds:submit", Code: 400, Status: "INVALID_ARGUMENT", Message: "no such base image"}, "could not deploy"},
		"policy": {googleapis.Fault{Method: "PUT", Path: "services/livechat-webhook", Code: 400, Status: "FAILED_PRECONDITION",
			Message: "Constraint constraints/run.managed.requireInvokerIam violated"}, "--member allUsers"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cloud := googleapis.New()
			if name == "policy" || name == "build" {
				cloud = deployed(t)
				cloud.Remove(service)
			}
			cloud.Fail(test.fault)
			out, ok := withGcloud(t, cloud).run(t, "")
			if ok {
				t.Error("it succeeded")
			}
			says(t, out, test.says)
			if strings.Contains(out, "trying again") {
				t.Errorf("it waited:\n%s", out)
			}
		})
	}
}

// TestInterruptedFirstRunIsFinished is a run after one whose revision never
// started: it deploys again, and opens the function.
func TestInterruptedFirstRunIsFinished(t *testing.T) {
	t.Parallel()
	cloud := deployed(t)
	cloud.Edit(service, func(s map[string]any) {
		delete(s["status"].(map[string]any), "latestReadyRevisionName")
		delete(path(s, "metadata", "annotations").(map[string]any), "run.googleapis.com/invoker-iam-disabled")
	})
	withGcloud(t, cloud).deploy(t)
	if public := path(cloud.Get(service), "metadata", "annotations", "run.googleapis.com/invoker-iam-disabled"); !strings.EqualFold(fmt.Sprint(public), "true") {
		t.Errorf("public: %v", public)
	}
}

// TestDeleteTakesAwayWhatWasMade leaves what it says: the secret, the
// repository, the bucket for sources, the log bucket and the channel.
func TestDeleteTakesAwayWhatWasMade(t *testing.T) {
	t.Parallel()
	cloud := kept(t)
	s := withGcloud(t, cloud)
	if out, ok := s.run(t, "no\n", "--delete"); ok || len(cloud.Changes()) != 0 {
		t.Fatalf("deleted without yes:\n%s", out)
	}
	out, ok := s.run(t, "yes\n", "--delete")
	if !ok {
		t.Fatalf("failed:\n%s", out)
	}
	says(t, out, "The secret chat-secrets", "repository cloud-run-source-deploy", "Log entries", "webhooks registered in LiveChat",
		"gcloud logging buckets delete livechat-webhook --location europe-west1 --project my-project")
	for _, prefix := range []string{"run/", "iam/", "dashboards/", "alerts/", "logging/"} {
		if names := cloud.Names(prefix); len(names) != 0 {
			t.Errorf("left: %s%q", prefix, names)
		}
	}
	for prefix, want := range map[string]int{"secrets/": 1, "artifacts/": 1, "storage/": 1, "logbuckets/": 2, sinks: 1, channels: 1} {
		if names := cloud.Names(prefix); len(names) != want {
			t.Errorf("left: %s%q", prefix, names)
		}
	}
	if e := excluded(cloud); e != nil || cloud.Get(bucket)["lifecycleState"] != "ACTIVE" {
		t.Errorf("left: exclusion %v, bucket %v", e, cloud.Get(bucket))
	}
	policies, err := json.Marshal([]any{cloud.Policy("projects/my-project"), cloud.Policy("projects/my-project/secrets/chat-secrets")})
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(policies), "livechat-webhook") {
		t.Errorf("left: %s", policies)
	}
}

// TestDeleteLeavesWhatOthersUse keeps the metrics and the account that builds
// as long as there is another function in the project.
func TestDeleteLeavesWhatOthersUse(t *testing.T) {
	t.Parallel()
	cloud := deployed(t)
	board := cloud.Get(find(t, cloud, dashboard, "dashboard"))
	board["labels"].(map[string]any)["livechat_webhook"] = "second-shop_dashboard"
	board["name"] = "projects/1234/dashboards/second"
	cloud.Add(dashboard+"second", board)
	out, ok := withGcloud(t, cloud).run(t, "yes\n", "--delete")
	if !ok {
		t.Fatalf("failed:\n%s", out)
	}
	says(t, out, "which other functions use: second-shop")
	if names := cloud.Names(metrics); len(names) != len(glob(t, "metrics/*.json")) {
		t.Errorf("metrics left: %q", names)
	}
	if names := cloud.Names("iam/"); len(names) != 1 || len(cloud.Roles("projects/my-project", builds)) != 1 {
		t.Errorf("accounts left: %q", names)
	}
}
