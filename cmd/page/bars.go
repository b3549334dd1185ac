package page

import (
	"fmt"
	"time"
)

const (
	barCount  = 60
	barHeight = 28
)

// bars is how many webhooks came when.
type bars struct {
	From, To time.Time
	Bars     []bar
	Label    string
}

// bar is one span of time, as rectangles on each other.
type bar struct {
	X     int
	Title string
	Parts []barPart
	// From and Counts are for readers who see no picture.
	From   time.Time
	Counts [3]int
}

type barPart struct {
	State     string
	Y, Height float64
}

var states = []string{"ok", "refused", "failed"}

// barsOf counts webhooks, newest first, over time. It returns nil for fewer
// than two.
func barsOf(found []*Webhook) *bars {
	if len(found) < 2 {
		return nil
	}
	b := &bars{From: found[len(found)-1].Received, To: found[0].Received}
	step := max(b.To.Sub(b.From)/barCount+1, time.Second)
	b.From = b.To.Add(1 - barCount*step) // the latest is in the last bar
	var counts [barCount][3]int
	most := 1
	for _, w := range found {
		i := min(max(int(w.Received.Sub(b.From)/step), 0), barCount-1)
		for s, state := range states {
			if w.State() == state {
				counts[i][s]++
			}
		}
		most = max(most, counts[i][0]+counts[i][1]+counts[i][2])
	}
	for i, c := range counts {
		if c != [3]int{} {
			b.Bars = append(b.Bars, barOf(i, c, most, b.From.Add(time.Duration(i)*step)))
		}
	}
	b.Label = fmt.Sprintf("%d webhooks between %s and %s", len(found), clock(found[len(found)-1].Received), clock(b.To))
	return b
}

func barOf(i int, counts [3]int, most int, from time.Time) bar {
	b := bar{X: i * 10, From: from, Counts: counts, Title: clock(from) + ":"}
	y := float64(barHeight)
	for s, n := range counts {
		if n == 0 {
			continue
		}
		height := max(float64(n)/float64(most)*barHeight, 2)
		y -= height
		b.Parts = append(b.Parts, barPart{states[s], max(y, 0), height})
		b.Title += fmt.Sprintf(" %d %s", n, states[s])
	}
	return b
}
