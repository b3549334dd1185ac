package main

import (
	"fmt"

	"example.com/livechat-webhook/cmd/listen"
	"example.com/livechat-webhook/cmd/page"
	"example.com/livechat-webhook/internal/console"
)

// servePage serves the page, if there is to be one, and keeps webhooks if that is
// asked for. It returns what ends both, after what has come.
func servePage(pg *page.Page, o options, function listen.Address, con *console.Console) (end func(), err error) {
	stop := pg.Close
	if o.page != "" {
		if stop, err = listen.Page(pg, o.page, function.Port, con); err != nil {
			return nil, err
		}
	}
	if o.keep == "" {
		return stop, nil
	}
	kept, err := keep(pg, o.keep, con)
	if err != nil {
		return nil, err
	}
	return func() {
		stop()
		<-kept
	}, nil
}

// keep shows what is in the folder and keeps webhooks there, until the page is
// closed. The channel is closed when all are.
func keep(pg *page.Page, dir string, con *console.Console) (<-chan struct{}, error) {
	n, err := pg.Restore()
	if err != nil {
		return nil, err
	}
	con.Say(console.Info, fmt.Sprintf("keeping webhooks in %s, which has %d", dir, n))
	kept := make(chan struct{})
	go func() {
		defer close(kept)
		if err := pg.Keep(); err != nil {
			con.Failed("webhooks are not kept any more", err)
		}
	}()
	return kept, nil
}
