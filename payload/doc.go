// Package payload parses LiveChat webhooks. It knows nothing of HTTP or logging.
//
// [Parse] reads a body once. It identifies the [Family] by a member that only
// that family has, and finds the event, the IDs, the time and the secret of the
// [Webhook]. It decodes nothing else, so it is cheap enough to run before the
// secret is verified.
//
// [Webhook.Summary] says in one line what happened, and [Webhook.Facts] returns
// values to filter and chart by. Both work on bodies with any value redacted,
// and cost little more than the size of the body.
//
// [Webhook.Decode] returns the typed event:
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
// [Actions] and [LookupAction] say which API version has which action.
//
// LiveChat's own sources disagree on many shapes, and their newest version adds
// members without notice. The types therefore accept every documented shape, and
// ignore what they do not know without losing the rest.
package payload
