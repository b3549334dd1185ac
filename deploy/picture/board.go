package main

import (
	"encoding/json"
	"os"
	"strings"
	"time"
)

// A board is what is drawn of a dashboard's definition
// (https://docs.cloud.google.com/monitoring/api/ref_v3/rest/v1/projects.dashboards).
// The generated types do not know charts by SQL.
type board struct {
	MosaicLayout struct {
		Tiles []tile `json:"tiles"`
	} `json:"mosaicLayout"`
}

type tile struct {
	X      int `json:"xPos"`
	Y      int `json:"yPos"`
	Width  int `json:"width"`
	Height int `json:"height"`
	Widget struct {
		Title string `json:"title"`
		Chart struct {
			DataSets []dataSet `json:"dataSets"`
		} `json:"xyChart"`
	} `json:"widget"`
}

type dataSet struct {
	Query struct {
		Filter *struct {
			Filter      string `json:"filter"`
			Aggregation struct {
				Period  seconds  `json:"alignmentPeriod"`
				Reducer string   `json:"crossSeriesReducer"`
				GroupBy []string `json:"groupByFields"`
			} `json:"aggregation"`
		} `json:"timeSeriesFilter"`
		Prometheus string `json:"prometheusQuery"`
	} `json:"timeSeriesQuery"`
	PlotType string `json:"plotType"`
	Legend   string `json:"legendTemplate"`

	// Of a chart by SQL.
	Dimensions []struct {
		Column string  `json:"column"`
		Bin    seconds `json:"timeBinSize"`
	} `json:"dimensions"`
	Measures []struct {
		Column   string   `json:"column"`
		Function function `json:"aggregationFunction"`
	} `json:"measures"`
	Breakdowns []struct {
		Column string `json:"column"`
	} `json:"breakdowns"`
}

type function struct {
	Type       string `json:"type"`
	Parameters []struct {
		Double float64 `json:"doubleValue"`
	} `json:"parameters"`
}

// seconds is a duration in the form that protobuf's JSON has, such as 600s.
type seconds time.Duration

func (s *seconds) UnmarshalText(text []byte) error {
	d, err := time.ParseDuration(string(text))
	*s = seconds(d)
	return err
}

func readBoard(file string) (board, error) {
	var b board
	text, err := os.ReadFile(file)
	if err == nil {
		err = json.Unmarshal([]byte(strings.ReplaceAll(string(text), "@PROJECT@", "my-project")), &b)
	}
	return b, err
}
