package deploy

import (
	"encoding/json"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/logging/apiv2/loggingpb"
	"cloud.google.com/go/monitoring/apiv3/v2/monitoringpb"
	"cloud.google.com/go/monitoring/dashboard/apiv1/dashboardpb"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"example.com/livechat-webhook/deploy/picture/day"
	"example.com/livechat-webhook/deploy/picture/metric"
	"example.com/livechat-webhook/internal/chats"
	"example.com/livechat-webhook/internal/chats/logentry"
)

// parse reads a file with its placeholders filled in; an unknown field is an
// error.
func parse(t *testing.T, file string, m proto.Message) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	filled := strings.NewReplacer("@PROJECT@", "my-project", "@SERVICE@", "livechat-webhook").Replace(string(text))
	if err := protojson.Unmarshal([]byte(filled), m); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
}

// entries returns what the function really writes, as Cloud Logging keeps it:
// golden entries, and golden lines as the platform takes them in.
func entries(t *testing.T) []map[string]any {
	t.Helper()
	var all []map[string]any
	for _, file := range glob(t, "../testdata/*/*.entry.json") {
		all = append(all, object(t, file))
	}
	for _, file := range glob(t, "../testdata/lines/*.json") {
		line := object(t, file)
		e := map[string]any{"logName": "", "severity": line["severity"], "resource": map[string]any{
			"type": "cloud_run_revision", "labels": map[string]any{"service_name": ""}}, "jsonPayload": line}
		e["labels"] = line["logging.googleapis.com/labels"]
		all = append(all, e)
	}
	if len(all) < 60 {
		t.Fatalf("only %d golden entries", len(all))
	}
	// Of a split entry, which is too large for a golden file, the contract has
	// these.
	return append(all, map[string]any{"split": map[string]any{"uid": "", "index": 0.0, "totalSplits": 2.0}})
}

func object(t *testing.T, file string) map[string]any {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var o map[string]any
	if err := json.Unmarshal(text, &o); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	return o
}

// has reports whether an entry has the field of that path.
func has(e map[string]any, path string) bool {
	var v any = e
	for name := range strings.SplitSeq(path, ".") {
		o, ok := v.(map[string]any)
		if !ok {
			return false
		}
		if v, ok = o[name]; !ok {
			return false
		}
	}
	return true
}

var (
	quoted = regexp.MustCompile(`"[^"]*"`)
	field  = regexp.MustCompile(`[a-zA-Z][a-zA-Z_]*(\.[a-zA-Z_]+)*`)
)

// fields returns the fields that a filter or an extractor names.
func fields(filter string) []string {
	var names []string
	for _, name := range field.FindAllString(quoted.ReplaceAllString(filter, " "), -1) {
		switch name {
		case "AND", "OR", "NOT", "EXTRACT", "REGEXP_EXTRACT":
		default:
			names = append(names, name)
		}
	}
	return names
}

func checkFields(t *testing.T, all []map[string]any, where, filter string) {
	t.Helper()
	names := fields(filter)
	if len(names) == 0 {
		t.Errorf("%s: no field in %q", where, filter)
	}
	for _, name := range names {
		found := false
		for _, e := range all {
			found = found || has(e, name)
		}
		if !found {
			t.Errorf("%s: no entry has %s", where, name)
		}
	}
}

func TestMetricsNameFieldsThatEntriesHave(t *testing.T) {
	all := entries(t)
	for _, file := range glob(t, "metrics/*.json") {
		m := new(loggingpb.LogMetric)
		parse(t, file, m)
		checkFields(t, all, file, m.GetFilter())
		if v := m.GetValueExtractor(); v != "" {
			checkFields(t, all, file, v)
		}
		for _, l := range m.GetMetricDescriptor().GetLabels() {
			checkFields(t, all, file, m.GetLabelExtractors()[l.GetKey()])
		}
		if len(m.GetLabelExtractors()) != len(m.GetMetricDescriptor().GetLabels()) {
			t.Errorf("%s: labels and extractors differ", file)
		}
	}
}

// eventName finds the events that filters compare with.
var eventName = regexp.MustCompile(`labels\.event=(\([^)]*\)|"[^"]*")`)

func TestMetricsNameEventsThatExist(t *testing.T) {
	events := map[string]bool{}
	for _, e := range entries(t) {
		if labels, ok := e["labels"].(map[string]any); ok {
			events[labels["event"].(string)] = true
		}
	}
	for _, file := range glob(t, "metrics/*.json") {
		m := new(loggingpb.LogMetric)
		parse(t, file, m)
		for _, list := range eventName.FindAllString(m.GetFilter(), -1) {
			for _, name := range quoted.FindAllString(list, -1) {
				if !events[strings.Trim(name, `"`)] {
					t.Errorf("%s: no entry of %s", file, name)
				}
			}
		}
	}
}

// metricName finds our metrics in filters and, in PromQL's spelling, in
// queries.
var metricName = regexp.MustCompile(`(?:logging\.googleapis\.com/user/|logging_googleapis_com:user_)([a-z_]+)`)

func checkMetrics(t *testing.T, where, text string) {
	t.Helper()
	for _, match := range metricName.FindAllStringSubmatch(text, -1) {
		name := strings.TrimSuffix(match[1], "_sum")
		if _, err := os.Stat("metrics/" + name + ".json"); err != nil {
			t.Errorf("%s: there is no metric %s", where, name)
		}
	}
}

// ofService is what picks one function out of a metric, which all functions of
// a project share.
var ofService = regexp.MustCompile(`resource\.labels\.service_name=\\"@SERVICE@\\"|\{[^}]*service_name=\\"@SERVICE@\\"[^}]*\}`)

// TestFunctionsOfAProjectAreToldApart: metrics count all of them, dashboards and
// alerts look at one.
func TestFunctionsOfAProjectAreToldApart(t *testing.T) {
	for _, file := range glob(t, "metrics/*.json") {
		if text := read(t, file); strings.Contains(text, "@SERVICE@") || strings.Contains(text, "service_name") {
			t.Errorf("%s is of one function, but all share its name", file)
		}
	}
	for _, file := range append(glob(t, "alerts/*.json"), "dashboard.json") {
		for line := range strings.Lines(read(t, file)) {
			if uses, picks := len(metricName.FindAllString(line, -1)), len(ofService.FindAllString(line, -1)); uses > picks {
				t.Errorf("%s: %d of %d uses of a metric say which function:\n%s", file, picks, uses, line)
			}
			if strings.Contains(line, `"filter"`) && !ofService.MatchString(line) {
				t.Errorf("%s: does not say which function:\n%s", file, line)
			}
		}
	}
}

// TestSilenceIsNoticedWithoutMemory: what remembers when it last saw a webhook
// never fires if there was none, and starts again with each change.
func TestSilenceIsNoticedWithoutMemory(t *testing.T) {
	p := new(monitoringpb.AlertPolicy)
	parse(t, "alerts/silence.json", p)
	for _, c := range p.GetConditions() {
		promql := c.GetConditionPrometheusQueryLanguage()
		if promql == nil {
			t.Fatalf("the condition is %T", c.GetCondition())
		}
		if !strings.Contains(promql.GetQuery(), "or vector(0)") {
			t.Errorf("nothing at all is not 0 in %s", promql.GetQuery())
		}
		// 23 hours in the query and one of grace are a day.
		if promql.GetDuration().AsDuration() > time.Hour {
			t.Errorf("a change of the alert resets %v", promql.GetDuration().AsDuration())
		}
	}
}

func TestDashboardShowsOurMetrics(t *testing.T) {
	d := new(dashboardpb.Dashboard)
	parse(t, "dashboard.json", d)
	text := protojson.Format(d)
	checkMetrics(t, "dashboard.json", text)
	for _, file := range glob(t, "metrics/*.json") {
		if name := strings.TrimSuffix(strings.TrimPrefix(file, "metrics/"), ".json"); !strings.Contains(text, "user/"+name) && !strings.Contains(text, "user_"+name) {
			t.Errorf("%s is not shown", name)
		}
	}
	for i, tile := range d.GetMosaicLayout().GetTiles() {
		for _, other := range d.GetMosaicLayout().GetTiles()[:i] {
			if overlap(tile, other) {
				t.Errorf("%s covers %s", tile.GetWidget().GetTitle(), other.GetWidget().GetTitle())
			}
		}
		if tile.GetXPos()+tile.GetWidth() > d.GetMosaicLayout().GetColumns() {
			t.Errorf("%s lies outside", tile.GetWidget().GetTitle())
		}
		if logs := tile.GetWidget().GetLogsPanel(); logs != nil {
			checkFields(t, entries(t), "dashboard.json", logs.GetFilter())
		}
	}
}

func overlap(a, b *dashboardpb.MosaicLayout_Tile) bool {
	return a.GetXPos() < b.GetXPos()+b.GetWidth() && b.GetXPos() < a.GetXPos()+a.GetWidth() &&
		a.GetYPos() < b.GetYPos()+b.GetHeight() && b.GetYPos() < a.GetYPos()+a.GetHeight()
}

// v2Only are the metrics that v3 webhooks never fill.
var v2Only = map[string]bool{"livechat_chat_seconds": true, "livechat_first_reply_seconds": true}

// TestChartsThatV3LeavesEmpty: they are at the bottom and say so. All others
// about webhooks are filled by the simulated day, which is of v3.
func TestChartsThatV3LeavesEmpty(t *testing.T) {
	d := new(dashboardpb.Dashboard)
	parse(t, "dashboard.json", d)
	entries := simulated(t)
	var v2, bottom int32 = 1000, 0
	for _, tile := range d.GetMosaicLayout().GetTiles() {
		title, only := tile.GetWidget().GetTitle(), false
		for _, match := range metricName.FindAllStringSubmatch(protojson.Format(tile), -1) {
			name := strings.TrimSuffix(match[1], "_sum")
			if only = v2Only[name]; only == (len(points(t, entries, name)) > 0) {
				t.Errorf("%s is filled by v3: %t", name, only)
			}
		}
		if says := strings.HasSuffix(title, "(v2 webhooks only)"); says != only {
			t.Errorf("%q says that it is of v2 only: %t", title, says)
		}
		if only {
			v2 = min(v2, tile.GetYPos())
		} else {
			bottom = max(bottom, tile.GetYPos()+tile.GetHeight())
		}
	}
	if v2 < bottom {
		t.Errorf("charts that v3 leaves empty begin at %d, above the end of others at %d", v2, bottom)
	}
}

func simulated(t *testing.T) []metric.Entry {
	t.Helper()
	simulated, err := day.Entries(1)
	if err != nil {
		t.Fatal(err)
	}
	entries, err := metric.Entries(simulated)
	if err != nil {
		t.Fatal(err)
	}
	return entries
}

func points(t *testing.T, entries []metric.Entry, name string) []metric.Point {
	t.Helper()
	m, err := metric.Read("metrics/"+name+".json", "my-project")
	if err != nil {
		t.Fatal(err)
	}
	return m.Points(entries)
}

// TestMetricsAgreeWithChats compares what the metrics count on a simulated day,
// one entry at a time, with what package chats makes of the same entries.
func TestMetricsAgreeWithChats(t *testing.T) {
	all, err := day.Entries(1)
	if err != nil {
		t.Fatal(err)
	}
	var read []chats.Entry
	for _, e := range all {
		read = append(read, logentry.Entry(e))
	}
	want := map[string]map[string]int{}
	add := func(name, label string) {
		if want[name] == nil {
			want[name] = map[string]int{}
		}
		want[name][label]++
	}
	for _, c := range chats.From(read) {
		add("livechat_chats_started", "")
		add("livechat_chats_by_group", c.Group)
		for _, transfer := range c.Transfers {
			add("livechat_transfers", transfer.Reason)
		}
		if !c.Ended.IsZero() {
			add("livechat_chats_ended", "")
			add("livechat_chats_closed", closedBy(c.ClosedBy))
		}
		for _, item := range c.Transcript {
			if item.Type == "message" {
				add("livechat_messages", "")
			}
		}
		for _, step := range c.Course {
			switch step.What {
			case "rated":
				add("livechat_ratings", step.Detail)
			case "tagged":
				add("livechat_tags", step.Detail)
			}
		}
	}
	entries := simulated(t)
	for name, counts := range want {
		got := map[string]int{}
		for _, p := range points(t, entries, name) {
			got[strings.Join(slices.Collect(maps.Values(p.Labels)), " ")]++
		}
		if !maps.Equal(got, counts) {
			t.Errorf("%s: the metric counts %v, the chats have %v", name, got, counts)
		}
		if name != "livechat_chats_started" && name != "livechat_chats_ended" && name != "livechat_messages" && len(counts) < 2 {
			t.Errorf("%s: the day has only %v", name, counts)
		}
	}
	if len(want) != 8 {
		t.Errorf("%d metrics are compared", len(want))
	}
}

// closedBy is what a single webhook tells of who closed the chat: it does not
// tell a customer from an AI agent.
func closedBy(a *chats.Author) string {
	if a.Kind == chats.KindCustomer {
		return ""
	}
	return string(a.Kind)
}

// TestEachRatingCountsOnce: LiveChat sends it as an event and as a property.
func TestEachRatingCountsOnce(t *testing.T) {
	m, err := metric.Read("metrics/livechat_ratings.json", "my-project")
	if err != nil {
		t.Fatal(err)
	}
	rated, counted := 0, []string{}
	for _, file := range glob(t, "../testdata/v3/*.entry.json") {
		if !has(object(t, file), "jsonPayload.rating") {
			continue
		}
		rated++
		e := new(loggingpb.LogEntry)
		if err := protojson.Unmarshal([]byte(read(t, file)), e); err != nil {
			t.Fatal(err)
		}
		entries, err := metric.Entries([]*loggingpb.LogEntry{e})
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range m.Points(entries) {
			counted = append(counted, e.GetLabels()["event"]+" "+p.Labels["rating"])
		}
	}
	if rated < 2 || !slices.Equal(counted, []string{"incoming_event good"}) {
		t.Errorf("of %d entries with a rating these count: %q", rated, counted)
	}
}

func TestAlertsHavePlaybooks(t *testing.T) {
	all := entries(t)
	files := glob(t, "alerts/*.json")
	if len(files) != 3 {
		t.Errorf("%d alerts", len(files))
	}
	for _, file := range files {
		p := new(monitoringpb.AlertPolicy)
		parse(t, file, p)
		if !strings.Contains(p.GetDocumentation().GetContent(), "\n1. ") {
			t.Errorf("%s has no playbook", file)
		}
		checkMetrics(t, file, protojson.Format(p))
		for _, c := range p.GetConditions() {
			// The metrics are new on the first run: they have no points yet.
			if promql := c.GetConditionPrometheusQueryLanguage(); promql != nil && !promql.GetDisableMetricValidation() {
				t.Errorf("%s waits for its metrics to have points", file)
			}
			if logs := c.GetConditionMatchedLog(); logs != nil {
				checkFields(t, all, file, logs.GetFilter())
			}
		}
	}
}
