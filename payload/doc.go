// Package payload knows the webhooks of LiveChat, and nothing of HTTP or of
// what becomes of them.
//
// [Parse] reads a body once. It tells the [Family], by the member that only
// that family has, and finds the event, the ids, the time and the secret of the
// [Webhook]. It decodes nothing else, so it is cheap enough to come before the
// secret is verified.
//
// [Webhook.Decode] returns the typed event, as the table in actions.go has it:
//
//   - [V2], API v2: [ChatStarted], [ChatEnded], [ChatChanged], [VisitorQueued],
//     [TicketCreated], [CannedResponseChanged].
//   - [V3], the Configuration API from 3.0 to 3.7, about chats: [IncomingChat],
//     [ChatDeactivated], [ChatTransferred], [AccessChanged], [UserAddedToChat],
//     [UserRemovedFromChat], [IncomingEvent], [EventDeleted],
//     [RichMessagePostback], [EventsMarkedAsSeen], [FollowUpRequested],
//     [ThreadSummarySet], [PropertiesUpdated], [PropertiesDeleted],
//     [ThreadTagged], [IncomingCustomer], [CustomerSessionFieldsUpdated].
//   - [V3], about the configuration: [RoutingStatusSet], [Agent], [Bot],
//     [AutoAccess], [AutoAccesses], [Group], [Tag].
//   - [App] and [Upgrade], the Developer Console: [AppEvent], [UpgradeRequest].
//
// [Webhook.Summary] says the same in one line for people, and [Webhook.Numbers]
// what there is to plot. Both work on a body of which any value was redacted.
//
// [Actions] and [LookupAction] tell which API version has which action.
//
// LiveChat's own sources disagree on many shapes, and their newest version adds
// members without notice. So the types accept each shape that a source has,
// and what they do not know or expect never costs the rest.
package payload
