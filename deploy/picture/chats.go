package main

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"time"

	"example.com/livechat-webhook/deploy/picture/day"
	"example.com/livechat-webhook/internal/chats"
	"example.com/livechat-webhook/internal/chats/logentry"
)

// row has the columns of sql/charts.sql: text, float64, time.Time, and nil for
// NULL.
type row map[string]any

func rowOf(c chats.Chat) row {
	r := row{
		"started": c.Started, "outcome": "unknown", "handled": cmp.Or(c.Handled, "nobody"),
		"seconds": number(c.Seconds), "group_id": cmp.Or(c.Group, "none"), "rating": "none", "closed": "open",
	}
	switch {
	case c.Missed != nil && *c.Missed:
		r["outcome"] = "missed"
	case c.Missed != nil:
		r["outcome"] = "answered"
	case c.Ended.IsZero():
		r["outcome"] = "open"
	}
	if c.FirstAgentReply != nil {
		r["first_agent_reply_seconds"] = c.FirstAgentReply.Seconds
	}
	if c.FirstBotReply != nil {
		r["first_bot_reply_seconds"] = c.FirstBotReply.Seconds
	}
	if c.Queue != nil {
		r["wait_seconds"] = number(c.Queue.Seconds)
	}
	if c.Rating != nil {
		r["rating"] = cmp.Or(c.Rating.Score, "none")
	}
	if !c.Ended.IsZero() {
		kind := chats.KindUnknown
		if c.ClosedBy != nil {
			kind = c.ClosedBy.Kind
		}
		r["closed"] = cmp.Or(c.ClosedHow, "closed by "+string(kind))
	}
	return r
}

func number(f *float64) any {
	if f == nil {
		return nil
	}
	return *f
}

// chatPanels returns the charts of b over the chats of that many days.
func chatPanels(b board, days int) ([]panel, error) {
	entries, err := day.Entries(days)
	if err != nil {
		return nil, err
	}
	var read []chats.Entry
	for _, e := range entries {
		read = append(read, logentry.Entry(e))
	}
	var rows []row
	for _, c := range chats.From(read) {
		if !c.Started.IsZero() {
			rows = append(rows, rowOf(c))
		}
	}
	var panels []panel
	for _, t := range b.MosaicLayout.Tiles {
		if sets := t.Widget.Chart.DataSets; len(sets) > 0 {
			p, err := chatPanel(t, sets[0], rows, days)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", t.Widget.Title, err)
			}
			panels = append(panels, p)
		}
	}
	return panels, nil
}

// chatPanel aggregates rows as a data set says: by time or by the words in a
// column, perhaps broken down by another column.
func chatPanel(t tile, set dataSet, rows []row, days int) (panel, error) {
	dimension := set.Dimensions[0]
	p := panel{tile: t, lines: set.PlotType == "LINE", unit: "chats"}
	index := func(r row) int { return slices.Index(p.words, r[dimension.Column].(string)) }
	if dimension.Bin > 0 {
		p.bin, p.bins = time.Duration(dimension.Bin), days*24*int(time.Hour)/int(dimension.Bin)
		index = func(r row) int { return int(r[dimension.Column].(time.Time).Sub(firstDay) / p.bin) }
	} else {
		p.words = words(rows, dimension.Column)
		p.bins = len(p.words)
	}
	groups := map[string][]row{"": rows}
	if len(set.Breakdowns) > 0 {
		groups = map[string][]row{}
		for _, r := range rows {
			word := r[set.Breakdowns[0].Column].(string)
			groups[word] = append(groups[word], r)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(groups)) {
		binned := make([][]row, p.bins)
		for _, r := range groups[name] {
			binned[index(r)] = append(binned[index(r)], r)
		}
		for _, measure := range set.Measures {
			s := series{name: name}
			switch measure.Function.Type {
			case "count":
				s.values = count(binned)
			case "percentile":
				p.unit = "seconds"
				percent := measure.Function.Parameters[0].Double
				s.name = "p" + strconv.Itoa(int(percent))
				s.values = percentile(binned, measure.Column, percent)
			default:
				return p, fmt.Errorf("the function %q is unknown", measure.Function.Type)
			}
			p.series = append(p.series, s)
		}
	}
	if !p.lines {
		p.series = bySize(p.series)
	}
	return p, nil
}

// words returns those in a column, the most frequent first.
func words(rows []row, column string) []string {
	n := map[string]int{}
	for _, r := range rows {
		n[r[column].(string)]++
	}
	return slices.SortedFunc(maps.Keys(n), func(a, b string) int { return cmp.Or(n[b]-n[a], cmp.Compare(a, b)) })
}

func count(binned [][]row) []float64 {
	values := make([]float64, len(binned))
	for i, rows := range binned {
		values[i] = float64(len(rows))
	}
	return values
}

// percentile returns that percentile of each bin by nearest rank, NaN for a bin
// without values.
func percentile(binned [][]row, column string, percent float64) []float64 {
	values := make([]float64, len(binned))
	for i, rows := range binned {
		var all []float64
		for _, r := range rows {
			if v, ok := r[column].(float64); ok {
				all = append(all, v)
			}
		}
		slices.Sort(all)
		values[i] = math.NaN()
		if len(all) > 0 {
			values[i] = all[max(0, int(math.Ceil(percent/100*float64(len(all))))-1)]
		}
	}
	return values
}
