package main

import (
	"fmt"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"example.com/livechat-webhook/deploy/picture/day"
	"example.com/livechat-webhook/deploy/picture/metric"
)

// metricPanels returns the charts of b over log-based metrics that a day fills,
// by the definitions in dir.
func metricPanels(b board, dir string) ([]panel, error) {
	written, err := day.Entries(1)
	if err != nil {
		return nil, err
	}
	entries, err := metric.Entries(written)
	if err != nil {
		return nil, err
	}
	var panels []panel
	for _, t := range b.MosaicLayout.Tiles {
		p, err := metricPanel(t, dir, entries)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", t.Widget.Title, err)
		}
		if len(p.series) > 0 {
			panels = append(panels, p)
		}
	}
	return panels, nil
}

func metricPanel(t tile, dir string, entries []metric.Entry) (panel, error) {
	p := panel{tile: t}
	for _, set := range t.Widget.Chart.DataSets {
		q, ok, err := set.counter()
		if err != nil || !ok {
			return p, err
		}
		m, err := metric.Read(filepath.Join(dir, q.metric+".json"), "my-project")
		if err != nil {
			return p, err
		}
		p.bin, p.bins, p.lines = q.period, int(24*time.Hour/q.period), set.PlotType == "LINE"
		p.unit = per(q.period)
		p.series = append(p.series, q.sum(m.Points(entries), p.bins)...)
	}
	return p, nil
}

// per names what the sum of each period is: per 10 min, per hour.
func per(period time.Duration) string {
	if period == time.Hour {
		return "per hour"
	}
	return "per " + strconv.Itoa(int(period.Minutes())) + " min"
}

// counter is the query of a data set that sums a metric of ours.
type counter struct {
	metric, label, legend string
	period                time.Duration
}

var (
	ofOurs   = regexp.MustCompile(`metric\.type="logging\.googleapis\.com/user/(\w+)"`)
	increase = regexp.MustCompile(`^sum by \((\w+)\) \(increase\(logging_googleapis_com:user_(\w+)_sum\{[^}]*\}\[(\w+)\]\)\)$`)
)

// counter returns the data set's query, and whether it is about one of our
// counters: not about the platform's metrics, nor about percentiles, which only
// v2 webhooks fill.
func (s dataSet) counter() (c counter, ok bool, err error) {
	if match := increase.FindStringSubmatch(s.Query.Prometheus); match != nil {
		c = counter{label: match[1], metric: match[2], legend: "${metric.labels." + match[1] + "}"}
		c.period, err = time.ParseDuration(match[3])
		return c, true, err
	}
	if s.Query.Filter == nil {
		return c, false, nil
	}
	match := ofOurs.FindStringSubmatch(s.Query.Filter.Filter)
	sum := s.Query.Filter.Aggregation
	if match == nil || sum.Reducer != "REDUCE_SUM" {
		return c, false, nil
	}
	c = counter{metric: match[1], legend: s.Legend, period: time.Duration(sum.Period)}
	if len(sum.GroupBy) > 0 {
		c.label = strings.TrimPrefix(sum.GroupBy[0], "metric.label.")
	}
	return c, true, nil
}

// sum returns a series for each value of the label, the largest first.
func (c counter) sum(points []metric.Point, bins int) []series {
	byLabel := map[string]series{}
	for _, p := range points {
		value := p.Labels[c.label]
		s, ok := byLabel[value]
		if !ok {
			name := strings.ReplaceAll(c.legend, "${metric.labels."+c.label+"}", value)
			s = series{name: name, values: make([]float64, bins)}
			byLabel[value] = s
		}
		if bin := int(p.Time.Sub(firstDay) / c.period); bin >= 0 && bin < bins {
			s.values[bin] += p.Value
		}
	}
	return bySize(slices.Collect(maps.Values(byLabel)))
}
