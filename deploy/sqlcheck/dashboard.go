package sqlcheck

import (
	"bytes"
	"encoding/json"

	"google.golang.org/api/monitoring/v1"
)

// chart is a tile of the dashboard.
type chart struct {
	title string
	// query is the name of the file in sql.
	query string
	// plot is LINE or STACKED_BAR; without one the query's answer is a table.
	plot string
	// by is the column that the bars stand for, or empty for a day of started.
	by string
	// measures are columns that are plotted as p50 and p95. Without any, chats
	// are counted.
	measures []string
	// split is the column whose values are told apart by color.
	split string
}

// charts are the tiles, two per row.
var charts = []chart{
	{title: "Chats per day: missed or answered", query: "charts", plot: "STACKED_BAR", split: "outcome"},
	{title: "Chats per day: who answered", query: "charts", plot: "STACKED_BAR", split: "handled"},
	{title: "Chat length, p50 and p95 (s)", query: "charts", plot: "LINE", measures: []string{"seconds"}},
	{title: "Wait in the queue, p50 and p95 (s)", query: "charts", plot: "LINE", measures: []string{"wait_seconds"}},
	{title: "First reply of an agent, p50 and p95 (s)", query: "charts", plot: "LINE", measures: []string{"first_agent_reply_seconds"}},
	{title: "First reply of a bot, p50 and p95 (s)", query: "charts", plot: "LINE", measures: []string{"first_bot_reply_seconds"}},
	{title: "Ratings per day", query: "charts", plot: "STACKED_BAR", split: "rating"},
	{title: "How chats end", query: "charts", plot: "STACKED_BAR", by: "closed"},
	{title: "Chats by group", query: "charts", plot: "STACKED_BAR", by: "group_id"},
	{title: "Chats by tag", query: "tags"},
	{title: "Agents: chats, first replies, ratings, CSAT, ranking", query: "agents"},
	{title: "Groups", query: "groups"},
}

// columns returns the columns that the chart names.
func (c chart) columns() []string {
	if c.plot == "" {
		return nil
	}
	all := append([]string{c.dimension().Column}, c.measures...)
	if c.measures == nil {
		all = append(all, "chat")
	}
	if c.split != "" {
		all = append(all, c.split)
	}
	return all
}

// Columns returns, by the name of the query, the columns that the dashboard
// names.
func Columns() map[string][]string {
	all := map[string][]string{}
	for _, c := range charts {
		all[c.query] = append(all[c.query], c.columns()...)
	}
	return all
}

// dashboard returns chats.json. queries are by name.
func dashboard(queries map[string]string) ([]byte, error) {
	layout := &monitoring.MosaicLayout{Columns: 12}
	for i, c := range charts {
		layout.Tiles = append(layout.Tiles, &monitoring.Tile{
			XPos: int64(i % 2 * 6), YPos: int64(i / 2 * 4), Width: 6, Height: 4,
			Widget: c.widget(compact(queries[c.query])),
		})
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	err := e.Encode(monitoring.Dashboard{
		DisplayName:  "LiveChat chats (@SERVICE@)",
		MosaicLayout: layout,
	})
	return b.Bytes(), err
}

func (c chart) widget(sql string) *monitoring.Widget {
	w := &monitoring.Widget{Title: c.title}
	query := &monitoring.TimeSeriesQuery{OpsAnalyticsQuery: &monitoring.OpsAnalyticsQuery{Sql: sql}}
	if c.plot == "" {
		w.TimeSeriesTable = &monitoring.TimeSeriesTable{DataSets: []*monitoring.TableDataSet{{TimeSeriesQuery: query}}}
		return w
	}
	set := &monitoring.DataSet{TimeSeriesQuery: query, PlotType: c.plot, TargetAxis: "Y1", Dimensions: []*monitoring.Dimension{c.dimension()}}
	for _, column := range c.measures {
		set.Measures = append(set.Measures, percentile(column, 50), percentile(column, 95))
	}
	count := &monitoring.AggregationFunction{Type: "count"}
	if c.measures == nil {
		set.Measures = []*monitoring.Measure{{Column: "chat", AggregationFunction: count}}
	}
	if c.split != "" {
		set.Breakdowns = []*monitoring.Breakdown{{Column: c.split, AggregationFunction: count, Limit: 10, SortOrder: "SORT_ORDER_ASCENDING"}}
	}
	w.XyChart = &monitoring.XyChart{DataSets: []*monitoring.DataSet{set}}
	return w
}

func (c chart) dimension() *monitoring.Dimension {
	if c.by != "" {
		return &monitoring.Dimension{Column: c.by, MaxBinCount: 20, SortColumn: c.by, SortOrder: "SORT_ORDER_ASCENDING"}
	}
	return &monitoring.Dimension{
		Column: "started", ColumnType: "TIMESTAMP", TimeBinSize: "86400s",
		SortColumn: "started", SortOrder: "SORT_ORDER_ASCENDING",
	}
}

func percentile(column string, p float64) *monitoring.Measure {
	return &monitoring.Measure{Column: column, AggregationFunction: &monitoring.AggregationFunction{
		Type: "percentile", Parameters: []*monitoring.Parameter{{DoubleValue: p}},
	}}
}
