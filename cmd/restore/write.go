package main

import (
	"context"
	"errors"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	"google.golang.org/protobuf/proto"

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

// writers are open writers by the resource that their entries belong to, in its
// wire form: each revision of the service is another one.
type writers map[string]*cloudlog.Writer

func (ws writers) open(ctx context.Context, d cloudlog.Destination) (*cloudlog.Writer, error) {
	resource, err := proto.MarshalOptions{Deterministic: true}.Marshal(d.Resource)
	if err != nil {
		return nil, err
	}
	if ws[string(resource)] == nil {
		writer, err := cloudlog.Open(ctx, d)
		if err != nil {
			return nil, err
		}
		ws[string(resource)] = writer
	}
	return ws[string(resource)], nil
}

func (ws writers) close() {
	for _, w := range ws {
		w.Close()
	}
}
