package agent

import (
	"context"
	"errors"
	"fmt"
	"io"

	"slips-ips/argusfeed"
)

// replayBatch is how many flows are observed at a time, replayBatches how many
// batches there are: while one is observed the next ones are decoded.
const (
	replayBatch   = 512
	replayBatches = 4
)

// readBatch is a piece of a file: flows, then what was no flow.
type readBatch struct {
	flows []argusfeed.Flow
	skips []*argusfeed.SkipError
	// joined is told with the last batch.
	joined argusfeed.JoinStats
	// failed is why nothing comes after this batch, where that is not the end.
	failed error
}

// readOptions are how a file is read.
type readOptions struct {
	joining argusfeed.Joining
	// apart lets no flow come after a skipped line in the same batch.
	apart bool
}

// readAhead decodes a file in a goroutine of its own and hands the batches to
// take, in order. When it returns, nothing of it is running any more.
func readAhead(ctx context.Context, r io.Reader, format argusfeed.Format, path string, opt readOptions, take func(*readBatch) error) error {
	ctx, stop := context.WithCancel(ctx)
	full, free := make(chan *readBatch, replayBatches), make(chan *readBatch, replayBatches)
	for range replayBatches {
		free <- &readBatch{flows: make([]argusfeed.Flow, 0, replayBatch)}
	}
	go func() {
		defer close(full)
		// Interrupted, a reader that blocks gives up what had come.
		input := argusfeed.Interruptible(ctx, r)
		defer input.Close()
		dec := argusfeed.NewDecoder(format, input, argusfeed.TextOptions{Joining: opt.joining})
		for more := true; more; {
			b := <-free
			b.flows, b.skips = b.flows[:0], b.skips[:0]
			if more = b.fill(ctx, dec, path, opt.apart); !more {
				b.joined = dec.Joined()
			}
			full <- b
		}
	}()
	var err error
	for b := range full {
		if err == nil {
			if err = take(b); err == nil {
				err = b.failed
			}
			if err != nil {
				stop()
			}
		}
		free <- b
	}
	stop()
	return err
}

// fill decodes until the batch is full and tells whether there may be more.
func (b *readBatch) fill(ctx context.Context, dec argusfeed.Decoder, path string, apart bool) (more bool) {
	for len(b.flows) < cap(b.flows) && len(b.skips) < replayBatch {
		if ctx.Err() != nil {
			return false
		}
		b.flows = b.flows[:len(b.flows)+1]
		err := dec.Next(&b.flows[len(b.flows)-1])
		if err == nil {
			continue
		}
		b.flows = b.flows[:len(b.flows)-1]
		var skip *argusfeed.SkipError
		switch {
		case errors.As(err, &skip):
			b.skips = append(b.skips, skip)
			if apart {
				return true
			}
		case errors.Is(err, io.EOF) || ctx.Err() != nil:
			return false
		default:
			b.failed = fmt.Errorf("replaying %s: %w", path, err)
			return false
		}
	}
	return true
}
