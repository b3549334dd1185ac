package page

import (
	_ "embed"
	"encoding/json"
	"io/fs"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"example.com/livechat-webhook/testdata"
)

// sample is a body of testdata.
type sample struct{ Name, Family, Event string }

// samples returns all bodies, those of today's API first.
var samples = sync.OnceValue(func() []sample {
	var all []sample
	for _, family := range []string{"v3", "v2", "app"} {
		for _, file := range must(fs.Glob(testdata.Files, family+"/*.json")) {
			if name, ok := strings.CutSuffix(file, ".json"); ok && !strings.HasSuffix(name, ".entry") {
				all = append(all, sample{name, family, path.Base(name)})
			}
		}
	}
	return all
})

// sampleBody returns the body of a sample. It is not ok if there is no such
// sample.
func sampleBody(name string) (body []byte, ok bool) {
	if !slices.ContainsFunc(samples(), func(s sample) bool { return s.Name == name }) {
		return nil, false
	}
	body, err := testdata.Files.ReadFile(name + ".json")
	return body, err == nil
}

// scenario is a whole chat of testdata.
type scenario struct {
	Name       string     `json:"-"`
	About      string     `json:"about"`
	Redact     []string   `json:"redact"`
	Deliveries []delivery `json:"deliveries"`
}

type delivery struct {
	Received time.Time       `json:"received"`
	Body     json.RawMessage `json:"body"`
}

// Seconds returns how long the chat takes at real speed.
func (s scenario) Seconds() int {
	return int(s.Deliveries[len(s.Deliveries)-1].Received.Sub(s.Deliveries[0].Received).Seconds())
}

// complete is the chat that has most to show, in the shape of testdata/chats.
//
//go:embed complete.json
var complete []byte

// scenarios returns all chats, the complete one first. Those that are about
// LIVECHAT_REDACT are left out, because it is not for the page to set.
var scenarios = sync.OnceValue(func() []scenario {
	all := []scenario{{Name: "complete"}}
	if err := json.Unmarshal(complete, &all[0]); err != nil {
		panic(err)
	}
	for _, file := range must(fs.Glob(testdata.Files, "chats/*/deliveries.json")) {
		s := scenario{Name: path.Base(path.Dir(file))}
		if err := json.Unmarshal(must(testdata.Files.ReadFile(file)), &s); err != nil {
			panic(err)
		}
		if s.Redact == nil && len(s.Deliveries) > 0 {
			all = append(all, s)
		}
	}
	return all
})
