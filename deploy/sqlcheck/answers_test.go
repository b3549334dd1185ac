package sqlcheck

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"example.com/livechat-webhook/internal/chats"
)

// row is a row of an answer, with the types that JSON has in Go.
type row map[string]any

// customer is who customer.sql is asked about.
const customer = "T.Anderson@example.com"

// counts are the endings once more, in Go, on what package chats found.
var counts = map[string]func([]chats.Chat) []row{
	"agents": countAgents,
	"charts": func(all []chats.Chat) []row {
		return each(started(all), func(c chats.Chat) row {
			agent := "nobody"
			if len(c.Agents) > 0 {
				agent = c.Agents[0].ID
			}
			return row{
				"started": c.Started.Format(time.RFC3339Nano), "chat": c.ChatID + " " + c.ThreadID, "outcome": outcome(c),
				"handled": cmp.Or(c.Handled, "nobody"), "seconds": number(c.Seconds), "first_agent_reply_seconds": after(c.FirstAgentReply),
				"first_bot_reply_seconds": after(c.FirstBotReply), "wait_seconds": wait(c), "agent": agent,
				"group_id": cmp.Or(c.Group, "none"), "rating": cmp.Or(score(c), "none"), "closed": closed(c),
			}
		})
	},
	"closed": func(all []chats.Chat) []row {
		return by(only(all, func(c chats.Chat) bool { return !c.Ended.IsZero() }), func(c chats.Chat) [2]string {
			return [2]string{kind(c), cmp.Or(c.ClosedHow, "unknown")}
		}, func(key [2]string, all []chats.Chat) row {
			return row{"closed_by": key[0], "closed_how": key[1], "chats": size(all), "missed": size(only(all, missed))}
		})
	},
	"customer": func(all []chats.Chat) []row {
		return each(only(all, func(c chats.Chat) bool { return strings.EqualFold(c.Customer.Email, customer) }), func(c chats.Chat) row {
			var agents []string
			for _, a := range c.Agents {
				agents = append(agents, a.ID)
			}
			r := row{
				"seconds": number(c.Seconds), "chat_id": text(c.ChatID), "thread_id": text(c.ThreadID), "name": text(c.Customer.Name), "group_id": text(c.Group),
				"agents": strings.Join(agents, ", "), "first_agent_reply_seconds": after(c.FirstAgentReply), "tags": strings.Join(c.Tags, ", "),
				"started": nil, "first_question": nil, "missed": nil, "rating": text(score(c)), "comment": nil,
			}
			if !c.Started.IsZero() {
				r["started"] = c.Started.Format(time.RFC3339Nano)
			}
			if c.FirstQuestion != nil {
				r["first_question"] = text(c.FirstQuestion.Text)
			}
			if c.Missed != nil {
				r["missed"] = *c.Missed
			}
			if c.Rating != nil {
				r["comment"] = text(c.Rating.Comment)
			}
			return r
		})
	},
	"first_reply": func(all []chats.Chat) []row {
		return by(started(all), day, func(day string, all []chats.Chat) row {
			agent := numbers(all, func(c chats.Chat) any { return after(c.FirstAgentReply) })
			bot := numbers(all, func(c chats.Chat) any { return after(c.FirstBotReply) })
			return row{
				"day":         day,
				"agent_chats": float64(len(agent)), "agent_average": average(agent), "agent_p50": percent(agent, 50), "agent_p95": percent(agent, 95),
				"bot_chats": float64(len(bot)), "bot_average": average(bot), "bot_p50": percent(bot, 50), "bot_p95": percent(bot, 95),
			}
		})
	},
	"groups": func(all []chats.Chat) []row {
		return by(all, func(c chats.Chat) string { return cmp.Or(c.Group, "none") }, func(group string, all []chats.Chat) row {
			return row{
				"group_id": group, "chats": size(all), "missed": size(only(all, missed)),
				"first_agent_reply_average": average(numbers(all, func(c chats.Chat) any { return after(c.FirstAgentReply) })),
				"wait_average":              average(numbers(all, wait)), "good": rated(all, "good"), "bad": rated(all, "bad"),
			}
		})
	},
	"length": func(all []chats.Chat) []row {
		return by(started(all), day, func(day string, all []chats.Chat) row {
			s := numbers(all, func(c chats.Chat) any { return number(c.Seconds) })
			return row{"day": day, "chats": float64(len(s)), "p50": percent(s, 50), "p95": percent(s, 95)}
		})
	},
	"per_day": func(all []chats.Chat) []row {
		return by(started(all), day, func(day string, all []chats.Chat) row {
			messages := 0
			for _, c := range all {
				messages += c.Messages.Customer + c.Messages.Agent + c.Messages.Bot
			}
			handled := func(how string) any { return size(only(all, func(c chats.Chat) bool { return c.Handled == how })) }
			return row{
				"day": day, "chats": size(all), "missed": size(only(all, missed)),
				"answered":  size(only(all, func(c chats.Chat) bool { return c.Missed != nil && !*c.Missed })),
				"by_agents": handled("manual"), "by_bots": handled("automated"), "by_both": handled("assisted"), "messages": float64(messages),
			}
		})
	},
	"ratings": func(all []chats.Chat) []row {
		return by(started(all), day, func(day string, all []chats.Chat) row {
			return row{
				"day": day, "chats": size(all), "good": rated(all, "good"), "bad": rated(all, "bad"),
				"comments": size(only(all, func(c chats.Chat) bool { return c.Rating != nil && c.Rating.Comment != "" })),
				"csat":     csat(rated(all, "good"), rated(all, "bad")),
			}
		})
	},
	"tags": func(all []chats.Chat) []row {
		tagged := map[string]float64{}
		for _, c := range all {
			for _, tag := range c.Tags {
				tagged[tag]++
			}
		}
		var rows []row
		for tag, n := range tagged {
			rows = append(rows, row{"tag": tag, "chats": n, "share": n / float64(len(all))})
		}
		return rows
	},
	"wait": func(all []chats.Chat) []row {
		queued := only(started(all), func(c chats.Chat) bool { return c.Queue != nil })
		return by(queued, day, func(day string, all []chats.Chat) row {
			left := only(all, func(c chats.Chat) bool { return c.Queue.Left })
			s := numbers(only(all, func(c chats.Chat) bool { return !c.Queue.Left }), wait)
			return row{"day": day, "queued": size(all), "given_up": size(left), "p50": percent(s, 50), "p95": percent(s, 95)}
		})
	},
}

func countAgents(all []chats.Chat) []row {
	type agent struct {
		chats, good, bad int
		replies          []float64
	}
	agents := map[string]*agent{}
	get := func(id string) *agent {
		if agents[id] == nil {
			agents[id] = &agent{}
		}
		return agents[id]
	}
	for _, c := range all {
		for _, a := range c.Agents {
			if a.ID != "" {
				get(a.ID).chats++
			}
		}
		if r := c.FirstAgentReply; r != nil {
			get(r.By.ID).replies = append(get(r.By.ID).replies, r.Seconds)
		}
		who := ratedAgent(c)
		switch {
		case who == "":
		case c.Rating.Score == "good":
			get(who).good++
		case c.Rating.Score == "bad":
			get(who).bad++
		}
	}
	var rows []row
	for id, a := range agents {
		r := row{
			"agent": id, "chats": float64(a.chats), "first_replies": float64(len(a.replies)), "first_reply_average": average(a.replies),
			"good": float64(a.good), "bad": float64(a.bad), "csat": csat(float64(a.good), float64(a.bad)), "ranking": nil,
		}
		if a.good+a.bad > 0 {
			r["ranking"] = chats.Ranking(a.good, a.bad)
		}
		rows = append(rows, r)
	}
	return rows
}

// ratedAgent returns whom the chat's rating is about, nothing without one.
func ratedAgent(c chats.Chat) string {
	if score(c) == "" {
		return ""
	}
	who := ""
	if len(c.Agents) > 0 {
		who = c.Agents[len(c.Agents)-1].ID
	}
	for _, r := range c.Replies {
		if r.By.Kind == chats.KindAgent && !r.At.After(c.Rating.At) {
			who = r.By.ID
		}
	}
	return who
}

func each(all []chats.Chat, f func(chats.Chat) row) []row {
	var rows []row
	for _, c := range all {
		rows = append(rows, f(c))
	}
	return rows
}

func by[K comparable](all []chats.Chat, key func(chats.Chat) K, f func(K, []chats.Chat) row) []row {
	sets := map[K][]chats.Chat{}
	for _, c := range all {
		sets[key(c)] = append(sets[key(c)], c)
	}
	var rows []row
	for k, set := range sets {
		rows = append(rows, f(k, set))
	}
	return rows
}

func only(all []chats.Chat, f func(chats.Chat) bool) []chats.Chat {
	return slices.DeleteFunc(slices.Clone(all), func(c chats.Chat) bool { return !f(c) })
}

func started(all []chats.Chat) []chats.Chat {
	return only(all, func(c chats.Chat) bool { return !c.Started.IsZero() })
}

func missed(c chats.Chat) bool { return c.Missed != nil && *c.Missed }

func day(c chats.Chat) string { return c.Started.Format("2006-01-02T00:00:00Z") }

func size(all []chats.Chat) any { return float64(len(all)) }

func rated(all []chats.Chat, as string) any {
	return size(only(all, func(c chats.Chat) bool { return score(c) == as }))
}

func score(c chats.Chat) string {
	if c.Rating == nil {
		return ""
	}
	return c.Rating.Score
}

func outcome(c chats.Chat) string {
	switch {
	case missed(c):
		return "missed"
	case c.Missed != nil:
		return "answered"
	case c.Ended.IsZero():
		return "open"
	}
	return "unknown"
}

func kind(c chats.Chat) string {
	if c.ClosedBy == nil {
		return "unknown"
	}
	return string(c.ClosedBy.Kind)
}

func closed(c chats.Chat) string {
	if c.Ended.IsZero() {
		return "open"
	}
	return cmp.Or(c.ClosedHow, "closed by "+kind(c))
}

func text(s string) any {
	if s == "" {
		return nil
	}
	return s
}

func number(f *float64) any {
	if f == nil {
		return nil
	}
	return *f
}

func after(r *chats.Reply) any {
	if r == nil {
		return nil
	}
	return r.Seconds
}

func wait(c chats.Chat) any {
	if c.Queue == nil {
		return nil
	}
	return number(c.Queue.Seconds)
}

// numbers returns what f has of the chats, sorted.
func numbers(all []chats.Chat, f func(chats.Chat) any) []float64 {
	var found []float64
	for _, c := range all {
		if n, ok := f(c).(float64); ok {
			found = append(found, n)
		}
	}
	slices.Sort(found)
	return found
}

func average(all []float64) any {
	if len(all) == 0 {
		return nil
	}
	sum := 0.0
	for _, n := range all {
		sum += n
	}
	return sum / float64(len(all))
}

// percent returns the percentile p of sorted numbers by nearest rank.
func percent(sorted []float64, p int) any {
	for i, n := range sorted {
		if 100*(i+1) >= p*len(sorted) {
			return n
		}
	}
	return nil
}

// csat returns the share of good ratings, nil without any.
func csat(good, bad any) any {
	if n := good.(float64) + bad.(float64); n > 0 {
		return good.(float64) / n
	}
	return nil
}

// names returns the endings.
func names() []string { return slices.Sorted(maps.Keys(counts)) }
