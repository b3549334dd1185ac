package page

import (
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// heartbeat is how often a stream without news is written to, so that neither
// side takes it for broken.
const heartbeat = 15 * time.Second

// events streams the numbers of webhooks as they come. A browser that lost the
// stream says what it has seen by Last-Event-ID. If what came since is not all
// here any more, it gets a reset, and has to load the list again. It gets a
// fault when Cloud Logging is made to fail or to work again.
func (p *Page) events(w http.ResponseWriter, r *http.Request) {
	stream := http.NewResponseController(w)
	w.Header().Set("Content-Type", "text/event-stream")
	at, fault := p.store.here(), p.faults.name()
	if last, err := strconv.Atoi(r.Header.Get("Last-Event-ID")); err == nil {
		at.number = last
	}
	fmt.Fprint(w, ": live\n\n")
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	for {
		changed := p.store.Changed()
		numbers, next, ok := p.store.after(at)
		if !ok {
			fmt.Fprintf(w, "event: reset\nid: %d\ndata: %d\n\n", next.number, next.number)
		}
		for _, n := range numbers {
			fmt.Fprintf(w, "event: webhook\nid: %d\ndata: %d\n\n", n, n)
		}
		at = next
		if now := p.faults.name(); now != fault {
			fmt.Fprintf(w, "event: fault\ndata: %s\n\n", now)
			fault = now
		}
		if err := stream.Flush(); err != nil {
			return
		}
		select {
		case <-changed:
		case <-beat.C:
			fmt.Fprint(w, ": \n\n")
		case <-r.Context().Done():
			return
		case <-p.ended:
			return
		}
	}
}
