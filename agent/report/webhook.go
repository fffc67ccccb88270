package report

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// webhook posts events. What is delivered to it goes to the spool, from which
// one goroutine posts the oldest first, until the server takes it: a server that
// is away, hangs or refuses makes the others wait, and nothing else. A server
// may see an event twice, where its answer did not arrive.
type webhook struct {
	cfg        WebhookConfig
	url, agent string
	token      string
	client     http.Client
	log        *slog.Logger
	spool      spool

	count *counters
	wake  chan struct{} // something is in the spool
	stop  context.CancelFunc
	done  sync.WaitGroup

	mu      sync.Mutex
	failing bool
	changed chan struct{} // closed, and made anew, where something was sent or failed
}

func (w *webhook) deliver(_ context.Context, it *item) error {
	if it.event == nil {
		return nil
	}
	body, err := it.json()
	if err != nil {
		return lost{err}
	}
	dropped, err := w.spool.add(body)
	if dropped > 0 && w.count.drop(dropped) {
		w.log.Warn("reports are dropped: more wait than the spool holds; others are only counted", "output", "webhook/"+w.cfg.Name)
	}
	if err != nil {
		return err
	}
	select {
	case w.wake <- struct{}{}:
	default:
	}
	return nil
}

func (w *webhook) start(count *counters) {
	w.count = count
	ctx, stop := context.WithCancel(context.Background())
	w.stop = stop
	w.done.Go(func() { w.send(ctx) })
}

// send posts what is in the spool until ctx ends.
func (w *webhook) send(ctx context.Context) {
	pauses := backoff{first: webhookFirst, most: w.cfg.RetryMax}
	batch := w.cfg.Batch
	for ctx.Err() == nil {
		names, bodies, spoilt, err := w.spool.head(batch, maxBody)
		if spoilt > 0 {
			w.count.drop(spoilt)
			w.log.Warn("reports in the spool were spoilt and are lost", "output", "webhook/"+w.cfg.Name, "reports", spoilt)
		}
		if err == nil && len(names) == 0 {
			select {
			case <-w.wake:
			case <-ctx.Done():
			}
			continue
		}
		var refused refusal
		if err == nil {
			err = w.post(ctx, bodies)
		}
		if errors.As(err, &refused) && refused.content {
			if len(names) > 1 {
				batch = 1 // find the one that is to blame
				continue
			}
			w.count.drop(1)
			w.log.Warn("a report was refused and is lost", "output", "webhook/"+w.cfg.Name, "error", err)
			err = w.spool.done(names)
			names = nil
		} else if err == nil {
			err = w.spool.done(names)
		}
		if ctx.Err() != nil {
			return
		}
		if err == nil {
			if len(names) > 0 {
				w.worked(len(names))
			}
			pauses.reset()
			batch = w.cfg.Batch
			w.note(false)
			continue
		}
		if w.count.failed(err) {
			w.log.Warn("a report was not delivered; it waits in the spool", "output", "webhook/"+w.cfg.Name, "error", err)
		}
		w.note(true)
		late := time.NewTimer(min(max(pauses.pause(), refused.after), maxRetryAfter))
		select {
		case <-late.C:
			w.count.retry()
		case <-ctx.Done():
			late.Stop()
		}
	}
}

const (
	webhookFirst  = time.Second
	maxRetryAfter = time.Hour
	// maxBody bounds a request with several events.
	maxBody = 4 << 20
)

func (w *webhook) worked(n int) {
	if since, was := w.count.ok(n); was {
		w.log.Info("reports are delivered again", "output", "webhook/"+w.cfg.Name, "failed_for", time.Since(since).Round(time.Second))
	}
}

// note tells flush how it goes.
func (w *webhook) note(failing bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.failing = failing
	close(w.changed)
	w.changed = make(chan struct{})
}

func (w *webhook) flush(ctx context.Context) {
	for {
		w.mu.Lock()
		failing, changed := w.failing, w.changed
		w.mu.Unlock()
		if failing || w.spool.len() == 0 {
			return
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return
		}
	}
}

func (w *webhook) waiting() int { return w.spool.len() }

func (w *webhook) close() {
	if w.stop != nil {
		w.stop()
		w.done.Wait()
	}
	w.client.CloseIdleConnections()
	w.spool.close()
}

// refusal is an answer that is no success.
type refusal struct {
	status string
	said   string
	// content tells that it is about what was sent: another try cannot help.
	content bool
	// after is how long the server asks to wait.
	after time.Duration
}

func (r refusal) Error() string {
	if r.said == "" {
		return "the server answered " + r.status
	}
	return "the server answered " + r.status + ": " + r.said
}

// post sends bodies in one request.
func (w *webhook) post(ctx context.Context, bodies [][]byte) error {
	body := bodies[0]
	if w.cfg.Batch > 1 {
		body = append(append([]byte{'['}, bytes.Join(bodies, []byte{','})...), ']')
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, w.url, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("posting to webhook %s: %w", w.cfg.Name, err)
	}
	req.Header.Set("User-Agent", w.agent)
	for name, value := range w.cfg.Headers {
		req.Header.Set(name, value)
	}
	req.Header.Set("Content-Type", "application/json")
	if w.token != "" {
		req.Header.Set("Authorization", "Bearer "+w.token)
	}
	resp, err := w.client.Do(req)
	if err != nil {
		// The error of the client has the whole URL, with its secrets.
		return fmt.Errorf("posting to webhook %s at %s: %w", w.cfg.Name, shownURL(w.url), errors.Unwrap(err))
	}
	defer resp.Body.Close()
	said, _ := io.ReadAll(io.LimitReader(resp.Body, maxHookOutput)) // an answer is a courtesy
	if resp.StatusCode >= 200 && resp.StatusCode < 300 {
		return nil
	}
	r := refusal{status: Plain(resp.Status), said: firstLine(said), after: retryAfter(resp.Header.Get("Retry-After"), time.Now())}
	switch resp.StatusCode {
	case http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusUnprocessableEntity:
		r.content = true
	}
	return fmt.Errorf("posting to webhook %s at %s: %w", w.cfg.Name, shownURL(w.url), r)
}

func firstLine(b []byte) string {
	s, _, _ := strings.Cut(strings.TrimSpace(string(b)), "\n")
	return Plain(s[:min(len(s), 200)])
}

// retryAfter reads the header: seconds or a date (RFC 9110, 10.2.3); 0 where it
// says nothing of use.
func retryAfter(s string, now time.Time) time.Duration {
	if n, err := strconv.ParseUint(strings.TrimSpace(s), 10, 32); err == nil {
		return time.Duration(n) * time.Second
	}
	if t, err := http.ParseTime(s); err == nil {
		return max(0, t.Sub(now))
	}
	return 0
}
