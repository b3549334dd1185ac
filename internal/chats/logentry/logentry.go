// Package logentry makes entries for package chats of what the Cloud Logging
// API lists, so that chats itself does not depend on that API.
package logentry

import (
	"encoding/json"

	"cloud.google.com/go/logging/apiv2/loggingpb"
	"google.golang.org/protobuf/types/known/structpb"

	"example.com/livechat-webhook/internal/chats"
)

// Entry returns what package chats needs of an entry of the function's log, or
// of a copy on stdout. Any other entry gets no webhook, and [chats.From] leaves
// it out.
func Entry(e *loggingpb.LogEntry) chats.Entry {
	entry := chats.Entry{InsertID: e.GetInsertId(), Timestamp: e.GetTimestamp().AsTime(), Labels: e.GetLabels()}
	fields := e.GetJsonPayload().GetFields()
	if piece, ok := fields["webhook_text"].GetKind().(*structpb.Value_StringValue); ok {
		entry.Webhook = []byte(piece.StringValue)
		part(&entry, e)
	} else if webhook := fields["webhook"]; webhook != nil {
		// The only errors are numbers that JSON does not have, such as NaN, which
		// no webhook has.
		entry.Webhook, _ = json.Marshal(webhook.AsInterface())
	}
	return entry
}

// part fills in which part of a webhook e is. A copy on stdout has split as a
// member of jsonPayload.
func part(entry *chats.Entry, e *loggingpb.LogEntry) {
	if s := e.GetSplit(); s != nil {
		entry.InsertID, entry.Part, entry.Parts = s.GetUid(), int(s.GetIndex()), int(s.GetTotalSplits())
	} else if s := e.GetJsonPayload().GetFields()["split"].GetStructValue().GetFields(); s != nil {
		entry.InsertID = s["uid"].GetStringValue()
		entry.Part, entry.Parts = int(s["index"].GetNumberValue()), int(s["totalSplits"].GetNumberValue())
	}
}
