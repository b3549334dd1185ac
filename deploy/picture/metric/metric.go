// Package metric evaluates the definitions of log-based metrics over log
// entries, as far as ours need it: Cloud Monitoring itself cannot run offline.
package metric

import (
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"strings"
	"time"

	"cloud.google.com/go/logging/apiv2/loggingpb"
	"google.golang.org/genproto/googleapis/api/metric"
	"google.golang.org/protobuf/encoding/protojson"
)

// Point is what one entry adds to a metric.
type Point struct {
	Time time.Time
	// Value is 1 in a counter, and else what the value extractor gives.
	Value float64
	// Labels has every label; one whose field the entry lacks is empty
	// (https://docs.cloud.google.com/logging/docs/reference/v2/rest/v2/projects.metrics).
	Labels map[string]string
}

// Metric is a log-based metric.
type Metric struct {
	matches filter
	value   extractor // nil of a counter
	labels  map[string]extractor
}

// Read reads the definition in a file of deploy/metrics, for a project.
func Read(file, project string) (*Metric, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	definition := new(loggingpb.LogMetric)
	if err := protojson.Unmarshal([]byte(strings.ReplaceAll(string(text), "@PROJECT@", project)), definition); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	m, err := compile(definition)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return m, nil
}

func compile(definition *loggingpb.LogMetric) (*Metric, error) {
	m := &Metric{labels: map[string]extractor{}}
	var err error
	if m.matches, err = parseFilter(definition.GetFilter()); err != nil {
		return nil, err
	}
	if definition.GetMetricDescriptor().GetValueType() == metric.MetricDescriptor_DISTRIBUTION {
		if m.value, err = parseExtractor(definition.GetValueExtractor()); err != nil {
			return nil, err
		}
	}
	for _, label := range definition.GetMetricDescriptor().GetLabels() {
		if m.labels[label.GetKey()], err = parseExtractor(definition.GetLabelExtractors()[label.GetKey()]); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// Points returns the points of the entries that the metric counts, in order.
func (m *Metric) Points(entries []Entry) []Point {
	var points []Point
	for _, e := range entries {
		if !m.matches(e.fields) {
			continue
		}
		p := Point{Time: e.time, Value: 1, Labels: map[string]string{}}
		if m.value != nil {
			number, ok := m.value(e.fields).(float64)
			if !ok {
				continue
			}
			p.Value = number
		}
		for key, extract := range m.labels {
			p.Labels[key] = text(extract(e.fields))
		}
		points = append(points, p)
	}
	return points
}

// Entry is a log entry whose fields metrics can read.
type Entry struct {
	time   time.Time
	fields map[string]any
}

// Entries decodes entries of the Cloud Logging API.
func Entries(entries []*loggingpb.LogEntry) ([]Entry, error) {
	all := make([]Entry, len(entries))
	for i, e := range entries {
		text, err := protojson.Marshal(e)
		if err != nil {
			return nil, err
		}
		all[i].time = e.GetTimestamp().AsTime()
		if err := json.Unmarshal(text, &all[i].fields); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// An extractor returns the value of a field, nil without one.
type extractor func(entry map[string]any) any

var (
	extract       = regexp.MustCompile(`^EXTRACT\(([\w.]+)\)$`)
	regexpExtract = regexp.MustCompile(`^REGEXP_EXTRACT\(([\w.]+), ("(?:[^"\\]|\\.)*")\)$`)
)

// parseExtractor reads EXTRACT(field) or REGEXP_EXTRACT(field, "expression with
// one group").
func parseExtractor(expression string) (extractor, error) {
	if match := extract.FindStringSubmatch(expression); match != nil {
		return field(match[1]), nil
	}
	match := regexpExtract.FindStringSubmatch(expression)
	if match == nil {
		return nil, fmt.Errorf("extractor %q is unknown", expression)
	}
	re, err := regexp.Compile(strings.Trim(match[2], `"`))
	if err != nil {
		return nil, err
	}
	get := field(match[1])
	return func(entry map[string]any) any {
		if groups := re.FindStringSubmatch(text(get(entry))); len(groups) == 2 {
			return groups[1]
		}
		return nil
	}, nil
}

func field(path string) extractor {
	names := strings.Split(path, ".")
	return func(entry map[string]any) any {
		v, _ := lookup(entry, names)
		return v
	}
}
