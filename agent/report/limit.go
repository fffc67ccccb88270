package report

import (
	"container/list"
	"fmt"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"slips-ips/agent/history"
	"slips-ips/argusfeed"
)

// LimitConfig is the table [report.limit]: how many alerts of one tuple are told.
type LimitConfig struct {
	// Burst alerts of a tuple are told at once, then one each Every; 0: no limit.
	Burst int           `toml:"burst"`
	Every time.Duration `toml:"every"`
	// MaxTuples bounds the tuples that are remembered.
	MaxTuples int `toml:"max_tuples"`
}

// DefaultLimitConfig tells five alerts of a tuple and then one in ten minutes.
func DefaultLimitConfig() LimitConfig {
	return LimitConfig{Burst: 5, Every: 10 * time.Minute, MaxTuples: 10_000}
}

func (c LimitConfig) validate() []error {
	var all []error
	if c.Burst < 0 || c.Burst > 10_000 {
		all = append(all, fmt.Errorf("burst: %d is not allowed; use 1 to 10000, or 0 for no limit", c.Burst))
	}
	all = append(all, checkSpan("every", c.Every, time.Second, 24*time.Hour)...)
	if c.MaxTuples < 16 || c.MaxTuples > 1_000_000 {
		all = append(all, fmt.Errorf("max_tuples: %d is not allowed; use 16 to 1000000", c.MaxTuples))
	}
	return all
}

// held tells of alerts that were held back before the one that carries it.
type held struct {
	// Count is how many there were, Since when the first of them came.
	Count uint64    `json:"count"`
	Since time.Time `json:"since"`
}

// limiter limits alerts by tuple. What it holds back is told with the next
// alert of the tuple, or by due once the tuple may speak again: nothing is
// silently lost. It is safe for concurrent use.
type limiter struct {
	mu     sync.Mutex
	cfg    LimitConfig
	tuples map[argusfeed.Tuple]*list.Element
	// order has the tuple whose alert is the newest in front.
	order   *list.List
	evicted uint64
}

// quota is what the limiter knows of a tuple.
type quota struct {
	tuple  argusfeed.Tuple
	tokens *rate.Limiter
	// last is the newest alert held back, if any is.
	last *history.Event
	held held
}

func newLimiter(cfg LimitConfig) *limiter {
	return &limiter{cfg: cfg, tuples: map[argusfeed.Tuple]*list.Element{}, order: list.New()}
}

// allow tells whether an alert is told now, and what was held back before it.
// Where the table is full, the tuple whose newest alert is the oldest makes
// room; what was held back of it comes back as out.
func (l *limiter) allow(tuple argusfeed.Tuple, e *history.Event, now time.Time) (ok bool, before held, out []item) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.cfg.Burst == 0 {
		return true, held{}, nil
	}
	el, known := l.tuples[tuple]
	if !known {
		for len(l.tuples) >= l.cfg.MaxTuples {
			out = append(out, l.forget(l.order.Back())...)
			l.evicted++
		}
		el = l.order.PushFront(&quota{tuple: tuple, tokens: rate.NewLimiter(rate.Every(l.cfg.Every), l.cfg.Burst)})
		l.tuples[tuple] = el
	}
	l.order.MoveToFront(el)
	q := el.Value.(*quota)
	if q.tokens.AllowN(now, 1) {
		before, q.held, q.last = q.held, held{}, nil
		return true, before, out
	}
	if q.held.Count == 0 {
		q.held.Since = now
	}
	q.held.Count++
	q.last = e
	return false, held{}, out
}

// due gives the alerts to tell of tuples that were held back and may speak
// again, and forgets those that have been quiet for long.
func (l *limiter) due(now time.Time) []item {
	l.mu.Lock()
	defer l.mu.Unlock()
	var out []item
	for el := l.order.Back(); el != nil; {
		q, before := el.Value.(*quota), el.Prev()
		switch {
		case q.last != nil && q.tokens.AllowN(now, 1):
			out = append(out, q.tell())
		case q.last == nil && q.tokens.TokensAt(now) >= float64(l.cfg.Burst):
			l.forget(el)
		}
		el = before
	}
	return out
}

// rest gives all that is held back, at the end.
func (l *limiter) rest() []item {
	l.mu.Lock()
	defer l.mu.Unlock()
	var out []item
	for el := l.order.Back(); el != nil; el = el.Prev() {
		if q := el.Value.(*quota); q.last != nil {
			out = append(out, q.tell())
		}
	}
	return out
}

// reconfigure takes other limits. Tuples begin anew with them; what is held
// back comes back to be told.
func (l *limiter) reconfigure(cfg LimitConfig) []item {
	l.mu.Lock()
	defer l.mu.Unlock()
	if cfg == l.cfg {
		return nil
	}
	var out []item
	for l.order.Len() > 0 {
		out = append(out, l.forget(l.order.Back())...)
	}
	l.cfg = cfg
	return out
}

// forget drops a tuple and gives what was held back of it.
func (l *limiter) forget(el *list.Element) []item {
	q := l.order.Remove(el).(*quota)
	delete(l.tuples, q.tuple)
	if q.last == nil {
		return nil
	}
	return []item{q.tell()}
}

// tell makes the newest alert held back the one that is told for all of them.
func (q *quota) tell() item {
	it := item{event: q.last, held: q.held}
	it.held.Count-- // the one that is told
	q.last, q.held = nil, held{}
	return it
}
