// Package testdata holds bodies of LiveChat's webhooks, for the local run to
// send. See README.md.
package testdata

import "embed"

// Files are the bodies by family, such as v3/incoming_event-v3.2.json, and
// whole chats, such as chats/ordinary/deliveries.json.
//
//go:embed v2/*.json v3/*.json app/*.json chats/*/deliveries.json
var Files embed.FS
