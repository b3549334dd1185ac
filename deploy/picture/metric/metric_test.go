package metric

import (
	"testing"
)

func TestFilters(t *testing.T) {
	entry := map[string]any{
		"labels": map[string]any{"event": "incoming_chat"},
		"split":  map[string]any{"index": 1.0},
		"jsonPayload": map[string]any{
			"message": "Part 1 of 3", "count": 3.0, "webhook": map[string]any{"payload": map[string]any{}},
		},
	}
	for text, want := range map[string]bool{
		`labels.event="incoming_chat"`:                                     true,
		`labels.event="INCOMING_CHAT"`:                                     true,
		`labels.event="incoming"`:                                          false,
		`labels.event=("a" OR "incoming_chat")`:                            true,
		`labels.event=("a" OR "b")`:                                        false,
		`NOT split.index>0`:                                                false,
		`split.index>=1 AND split.index<=1 AND NOT split.index<1`:          true,
		`jsonPayload.count>=4`:                                             false,
		`jsonPayload.message>0`:                                            false,
		`jsonPayload.absent>=0`:                                            false,
		`NOT jsonPayload.absent>=0`:                                        true,
		`jsonPayload.webhook.payload:*`:                                    true,
		`jsonPayload.webhook.payload.transferred_from:*`:                   false,
		`jsonPayload.message:"part 1 of "`:                                 true,
		`jsonPayload.message:"(part 1 of "`:                                false,
		`labels.event="x" AND (labels.event="y" OR jsonPayload.count=3)`:   false,
		`labels.event="x" AND labels.event="y" OR jsonPayload.count=3`:     false,
		`jsonPayload.count=3 OR labels.event="y" AND jsonPayload.absent:*`: false,
		`NOT (labels.event="x" OR jsonPayload.count=4)`:                    true,
	} {
		f, err := parseFilter(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
		} else if got := f(entry); got != want {
			t.Errorf("%s is %t", text, got)
		}
	}
}

func TestUnknownFiltersAndExtractors(t *testing.T) {
	for _, text := range []string{``, `labels.event`, `labels.event!="x"`, `labels.event=`, `(a=1`, `a=1)`, `a=(1 OR 2`, `a=1 b=2`, `a=1 AND`} {
		if _, err := parseFilter(text); err == nil {
			t.Errorf("%s: no error", text)
		}
	}
	for _, text := range []string{``, `jsonPayload.count`, `EXTRACT()`, `REGEXP_EXTRACT(a, "(")`} {
		if _, err := parseExtractor(text); err == nil {
			t.Errorf("%s: no error", text)
		}
	}
}

func TestTagsThatMayBePersonal(t *testing.T) {
	m, err := Read("../../metrics/livechat_tags.json", "p")
	if err != nil {
		t.Fatal(err)
	}
	long := "0123456789012345678901234567890123456789012345678901234567890123"
	for tag, want := range map[string]string{"bug report": "bug report", long: long, long + "4": "", "t.anderson@example.com": ""} {
		e := Entry{fields: map[string]any{
			"logName": "projects/p/logs/livechat-webhooks",
			"labels":  map[string]any{"event": "thread_tagged"},
			"jsonPayload": map[string]any{
				"webhook": map[string]any{"payload": map[string]any{"tag": tag}},
			},
		}}
		points := m.Points([]Entry{e})
		if len(points) != 1 || points[0].Labels["tag"] != want {
			t.Errorf("%s: %v", tag, points)
		}
	}
}
