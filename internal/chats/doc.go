// Package chats turns log entries of LiveChat webhooks back into chats: the
// people, the transcript, what happened around it, and the numbers that
// LiveChat's own reports show. It does no I/O.
//
// [From] takes entries in any order, duplicated or incomplete, and returns one
// [Chat] per v3 thread and per v2 chat. The path of an entry:
//
//	entries.go       the parts of a split entry are joined
//	delivery.go      the webhook is decoded
//	conversation.go  entries are grouped by chat, sorted and deduplicated, and
//	                 put into threads
//	people.go        who is a customer, an agent or a bot
//	thread.go        each thread becomes a Chat, with the transcript
//	                 (transcript.go, content.go), messages and replies (talk.go),
//	                 the end (ending.go), the queue (queue.go), ratings
//	                 (rating.go), transfers and groups (moves.go), and the course
//	                 (course.go)
//	legacy.go        a v2 chat, which one webhook holds whole, becomes a Chat
//
// Package logentry makes an [Entry] from what the Cloud Logging API lists.
//
// # Definitions
//
// LiveChat's reports count threads and call them chats
// (https://platform.text.com/docs/data-reporting/reports-api), and so does this
// package. It uses LiveChat's definitions where they exist:
//
//   - A message is an event of type message, file or rich_message that the
//     customer can see. Whispers (visibility agents; recipients agents up to
//     3.3) and the automatic greeting (event property lc2.welcome_message) are
//     counted separately and are never a question or a reply.
//   - The first question is the customer's first message. The first reply is
//     the first message of a human agent, or of a bot, after it: "average
//     seconds to the first reply to the customer's messages"
//     (agents/performance). Humans and bots are separate because LiveChat does
//     not document whether its figure includes bots.
//   - A response time runs from the customer's first unanswered message to the
//     next message of an agent or a bot: "time to respond to a new message in a
//     chat" (API v2 reports).
//   - A missed chat has ended "with no messages sent by agents (except the first
//     welcome message)" (API v2 reports, not replied). A bot's message counts as
//     an answer, as in LiveChat's property routing.unreplied: "no Agent or Bot
//     responded".
//   - The length runs from the creation of the thread to the receipt of
//     chat_deactivated, which has no clock of its own. Without that webhook it
//     ends with the system message about the archiving.
//   - A rating is in the system messages rating.*, or in a thread without any in
//     the properties rating.score and rating.comment. The last one wins. A
//     rating that was canceled is none.
//   - The wait runs from queue.queued_at until a human agent whom the customer
//     can see is added, or the chat is transferred to a human agent. If the
//     thread has left the queue and has queues_duration, LiveChat's own sum,
//     that is used.
//
// LiveChat does not publish its formula for the length, nor what its clocks do
// in a transferred chat, so its figures may differ.
//
// # Who is who
//
// The shape of an id cannot distinguish a customer from an AI agent: both have
// UUIDs (https://platform.text.com/docs/messaging/references/system-activities,
// agentId). A customer is a user with type customer in incoming_chat, or
// user_type customer when added or removed. Any other user is a human agent if
// the id is an e-mail address, and otherwise a bot. If the log does not have the
// customer of the chat, the author of a message may remain [KindUnknown], and
// [Chat.Incomplete] has [UnknownAuthor].
//
// # What the log does not have
//
// Nothing is guessed. A value that the log does not have is nil or zero and is
// omitted from the JSON; [Chat.Incomplete] lists what is missing. A value
// replaced by LIVECHAT_REDACT remains "[redacted]" if it is text. A redacted id,
// time or number is missing, and affects only what is computed from it.
//
// # JSON
//
// The JSON of a [Chat] is stable: members are only added. Times are RFC 3339 in
// UTC, durations are seconds with up to six decimals, and ids are strings, those
// of groups too. Members without a value are omitted. The files
// testdata/chats/*/chats.json are examples.
package chats
