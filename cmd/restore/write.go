package main

import (
	"context"
	"errors"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	mrpb "google.golang.org/genproto/googleapis/api/monitoredres"

	"example.com/livechat-webhook/internal/cloudlog"
)

const (
	// inFlight is how many webhooks are written at once. The writer has them
	// share calls.
	inFlight = 64
	// writeTimeout bounds the write of one webhook with its retries. A quota that
	// somebody else has used up is free again after a minute.
	writeTimeout = 2 * time.Minute
)

// write writes of each webhook what is not in the log, and calls done with each
// that was written or refused for good, one at a time. Any other failure ends
// it.
func write(ctx context.Context, webhooks []*webhook, done func(w *webhook, refused bool)) error {
	writers := writers{}
	defer writers.close()
	group, each := errgroup.WithContext(ctx)
	group.SetLimit(inFlight)
	var mu sync.Mutex // of done
	for _, w := range webhooks {
		if each.Err() != nil {
			break
		}
		writer, err := writers.open(ctx, w.destination)
		if err != nil {
			return errors.Join(err, group.Wait())
		}
		group.Go(func() error {
			err := writeOne(each, writer, w.unlisted())
			refused := errors.Is(err, cloudlog.ErrRefused)
			if err != nil && !refused {
				return err
			}
			mu.Lock()
			defer mu.Unlock()
			done(w, refused)
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	return ctx.Err()
}

func writeOne(ctx context.Context, writer *cloudlog.Writer, entries [][]byte) error {
	ctx, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	return writer.Write(ctx, entries)
}

// writers are open writers by the resource that their entries belong to: each
// revision of the service is another one.
type writers map[*mrpb.MonitoredResource]*cloudlog.Writer

func (ws writers) open(ctx context.Context, d cloudlog.Destination) (*cloudlog.Writer, error) {
	if w := ws[d.Resource]; w != nil {
		return w, nil
	}
	w, err := cloudlog.Open(ctx, d)
	if err == nil {
		ws[d.Resource] = w
	}
	return w, err
}

func (ws writers) close() {
	for _, w := range ws {
		w.Close()
	}
}
