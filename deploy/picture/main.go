// Command picture draws what a dashboard shows of simulated v3 webhooks:
//
//	cd deploy && go run ./picture dashboard.png
//
// dashboard.png is a day of dashboard.json, by the definitions in metrics. Of
// dashboard.json it leaves out what such a day does not fill: the charts of v2
// webhooks and of the platform's metrics, and the list of webhooks. chats.png is
// two weeks of chats.json, by package chats, without the tables. The same
// picture comes out of every run.
package main

import (
	"log"
	"os"
	"path/filepath"
	"strings"

	"example.com/livechat-webhook/deploy/picture/day"
)

func main() {
	log.SetFlags(0)
	if len(os.Args) != 2 {
		log.Fatal("usage: picture dashboard.png or chats.png")
	}
	image, err := picture(strings.TrimSuffix(os.Args[1], ".png"))
	if err == nil {
		err = os.WriteFile(os.Args[1], image, 0o644)
	}
	if err != nil {
		log.Fatal(err)
	}
}

// picture returns the picture, a PNG, of a dashboard: the path of its file
// without .json.
func picture(path string) ([]byte, error) {
	b, err := readBoard(path + ".json")
	if err != nil {
		return nil, err
	}
	if filepath.Base(path) == "chats" {
		panels, err := chatPanels(b, 14)
		if err != nil {
			return nil, err
		}
		return page("LiveChat chats: two simulated weeks", panels)
	}
	panels, err := metricPanels(b, filepath.Join(filepath.Dir(path), "metrics"))
	if err != nil {
		return nil, err
	}
	return page("LiveChat webhooks: a simulated day", panels)
}

// firstDay is the time 0 of the charts.
var firstDay = day.Start
