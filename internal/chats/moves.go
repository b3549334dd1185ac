package chats

import (
	"slices"
	"strconv"
	"strings"

	"example.com/livechat-webhook/payload"
)

// transfers returns the transfers. The system messages are about the same
// transfers, so they count only if there is no chat_transferred.
func (t *thread) transfers(transcript []Item, who *people) []Transfer {
	var all []Transfer
	for d, body := range of[payload.ChatTransferred](t.deliveries) {
		all = append(all, Transfer{
			At: d.at, Reason: body.Reason, Groups: texts(body.TransferredTo.GroupIDs), Agents: body.TransferredTo.AgentIDs,
			By: who.maybe(body.RequesterID), Queued: body.Queue != payload.Queue{}, InsertIDs: []string{d.insertID},
		})
	}
	if len(all) > 0 {
		return all
	}
	for i := range transcript {
		item := &transcript[i]
		if item.System == "chat_transferred" || strings.HasPrefix(item.System, "routing.assigned_") || strings.HasPrefix(item.System, "routing.unassigned_") {
			all = append(all, Transfer{At: item.At, Reason: item.System, InsertIDs: item.InsertIDs})
		}
	}
	return all
}

// groups returns the groups of the chat, in order.
func (t *thread) groups() []string {
	var all []string
	add := func(ids []int) {
		for _, id := range texts(ids) {
			if !slices.Contains(all, id) {
				all = append(all, id)
			}
		}
	}
	for _, d := range t.deliveries {
		switch body := d.body.(type) {
		case *payload.IncomingChat:
			if ids := body.Chat.Thread.Access.IDs(); len(ids) > 0 {
				add(ids)
			} else {
				add(body.Chat.Access.IDs())
			}
		case *payload.ChatTransferred:
			add(body.TransferredTo.GroupIDs)
		}
	}
	return all
}

func texts(ids []int) []string {
	var all []string
	for _, id := range ids {
		all = append(all, strconv.Itoa(id))
	}
	return all
}
