package main

import (
	"fmt"
	"strconv"
	"strings"

	"example.com/livechat-webhook/internal/cloudlog"
)

// filter matches what the function wrote, the copies of what it could not write
// and, unless webhooks are chosen by chat or event, what it refused.
func filter(s settings) string {
	chosen := ""
	for _, label := range []struct{ name, value string }{{"chat_id", s.chat}, {"event", s.event}} {
		if label.value != "" {
			chosen += fmt.Sprintf(" AND labels.%s=%s", label.name, strconv.Quote(label.value))
		}
	}
	parts := []string{
		"(" + logName(s.project, s.log) + chosen + ")",
		"(" + logName(s.project, stdout) + " AND jsonPayload.not_written:* AND jsonPayload.entry_severity:*" + chosen + ")",
	}
	if chosen == "" {
		parts = append(parts, "("+logName(s.project, stderr)+" AND jsonPayload.reason:* AND jsonPayload.status:*)")
	}
	return strings.Join(parts, " OR ")
}

// The platform's own logs of what a service prints.
const (
	stdout = "run.googleapis.com/stdout"
	stderr = "run.googleapis.com/stderr"
)

func logName(project, log string) string {
	return "logName=" + strconv.Quote(cloudlog.Destination{Project: project, LogID: log}.LogName())
}
