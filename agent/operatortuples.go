package agent

import (
	"cmp"
	"container/heap"
	"context"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"slips-ips/agent/control"
	"slips-ips/argusfeed"
	"slips-ips/detection"
	"slips-ips/enforce"
)

// scanStep is how many places of the table of tuples are looked at before the
// pipeline goes on: about a tenth of a millisecond.
const scanStep = 1000

// longList is how many tuples are many. To make a list of a hundred thousand takes a
// core for some tenths of a second: of such lists one is made at a time, with a rest as
// long as the work after each step, so that however many clients ask, most of the
// processor is the pipeline's.
const longList = 1000

// list takes the turn to make a list of n tuples, and gives what follows each step and
// what ends the turn.
func (a *Agent) list(ctx context.Context, n int) (rest func(time.Duration), done func(), err error) {
	if n <= longList {
		return func(time.Duration) {}, func() {}, nil
	}
	select {
	case a.listing <- struct{}{}:
	case <-ctx.Done():
		return nil, nil, fmt.Errorf("%w: other long lists are being made: ask for at most %d tuples, or later", control.ErrUnavailable, longList)
	}
	rest = func(worked time.Duration) {
		select {
		case <-time.After(worked):
		case <-ctx.Done():
		}
	}
	return rest, func() { <-a.listing }, nil
}

// Tuples lists tuples. The table is walked in steps, between batches of flows;
// only as many as are given are kept meanwhile, and their letters are copied last.
func (o operator) Tuples(ctx context.Context, q control.TupleQuery) (control.TupleList, error) {
	fits, err := tupleFits(q)
	if err != nil {
		return control.TupleList{}, err
	}
	order := tupleOrder(q.Sort, o.detector.Scoring() == detection.ScoringReference)
	if order == nil {
		return control.TupleList{}, fmt.Errorf("%w: sort: %q is not allowed; use last, flows, detections or score", control.ErrInvalid, q.Sort)
	}
	found := &best{before: order, max: max(0, q.Offset) + cmp.Or(q.Limit, control.DefaultLimit)}
	rest, done, err := o.list(ctx, found.max)
	if err != nil {
		return control.TupleList{}, err
	}
	defer done()
	var list control.TupleList
	var cursor detection.Cursor
	var seen []ranked // of one step: putting them in order is not for the pipeline to wait for
	for all := false; !all; {
		began := time.Now()
		seen = seen[:0]
		if err := ask(ctx, o.detecting.calls, func() {
			cursor, all = o.detector.Scan(cursor, scanStep, func(v detection.TupleView) {
				list.Known++
				if fits(v) {
					seen = append(seen, rankOf(v))
				}
			})
		}); err != nil {
			return control.TupleList{}, err
		}
		list.Matching += len(seen)
		for i := range seen {
			found.add(seen[i])
		}
		rest(time.Since(began))
	}
	for all := false; !all; {
		began := time.Now()
		all = found.sort(scanStep / 10)
		rest(time.Since(began))
	}
	letters := cmp.Or(q.Letters, control.DefaultLetters)
	sorted := found.from(q.Offset)
	list.Tuples = make([]control.TupleRow, 0, len(sorted))
	for part := range slices.Chunk(sorted, scanStep/10) {
		began, n := time.Now(), len(list.Tuples)
		if err := ask(ctx, o.detecting.calls, func() {
			for _, r := range part {
				if info, ok := o.detector.Lookup(r.tuple, letters); ok { // it may be forgotten by now
					list.Tuples = append(list.Tuples, control.TupleRow{TupleInfo: info})
				}
			}
		}); err != nil {
			return control.TupleList{}, err
		}
		for i := n; i < len(list.Tuples); i++ {
			list.Tuples[i].Block = o.blockOf(list.Tuples[i].Tuple)
		}
		rest(time.Since(began))
	}
	return list, nil
}

// blockOf gives the state of the block that covers a tuple; empty: none does.
func (o operator) blockOf(t argusfeed.Tuple) enforce.State {
	if o.enforcer == nil {
		return ""
	}
	active, ok := o.enforcer.Lookup(t)
	if !ok {
		return ""
	}
	return active.State
}

// tupleFits gives what a query lets through.
func tupleFits(q control.TupleQuery) (func(detection.TupleView) bool, error) {
	fits, err := tupleFilter(q.Match, q.Host)
	if err != nil {
		return nil, err
	}
	label := strings.ToLower(q.Label)
	if _, err := path.Match(label, ""); err != nil {
		return nil, fmt.Errorf("%w: the pattern %q: %w", control.ErrInvalid, q.Label, err)
	}
	return func(v detection.TupleView) bool {
		if v.Flows() < q.MinFlows {
			return false
		}
		if q.Detected || label != "" {
			have, _, ok := v.Detected()
			if !ok {
				return false
			}
			if matched, err := path.Match(label, strings.ToLower(have)); label != "" && (!matched || err != nil) {
				return false
			}
		}
		return fits(v.Tuple())
	}, nil
}

// ranked is what a listing sorts by.
type ranked struct {
	tuple      argusfeed.Tuple
	last       argusfeed.Time
	flows      uint64
	detections uint64
	score      float64
	detected   bool
}

// tupleOrder tells what comes first; nil: there is no such order. Nearest says
// that the smallest score is the most suspicious, as a distance is.
func tupleOrder(s control.TupleSort, nearest bool) func(a, b *ranked) int {
	var by func(a, b *ranked) int
	switch s {
	case "", control.SortLast:
		by = func(*ranked, *ranked) int { return 0 }
	case control.SortFlows:
		by = func(a, b *ranked) int { return cmp.Compare(b.flows, a.flows) }
	case control.SortDetections:
		by = func(a, b *ranked) int { return cmp.Compare(b.detections, a.detections) }
	case control.SortScore:
		by = func(a, b *ranked) int {
			if a.detected != b.detected {
				if a.detected {
					return -1
				}
				return 1
			}
			if nearest {
				return cmp.Compare(a.score, b.score)
			}
			return cmp.Compare(b.score, a.score)
		}
	default:
		return nil
	}
	return func(a, b *ranked) int { return cmp.Or(by(a, b), cmp.Compare(b.last, a.last)) }
}

// best keeps those of the tuples shown to it that come first, at most max. Once it
// is sorted it takes no more.
type best struct {
	before func(a, b *ranked) int
	max    int
	list   []ranked // the first of them are a heap whose root comes last
	heaped int      // how many; the others are in their order
}

func (h *best) Len() int           { return h.heaped }
func (h *best) Less(i, j int) bool { return h.before(&h.list[i], &h.list[j]) > 0 }
func (h *best) Swap(i, j int)      { h.list[i], h.list[j] = h.list[j], h.list[i] }
func (h *best) Push(any)           {} // heap.Fix needs neither: they would put each tuple on the heap of the program
func (h *best) Pop() any           { return nil }

func rankOf(v detection.TupleView) ranked {
	r := ranked{tuple: v.Tuple(), last: v.Last(), flows: v.Flows(), detections: v.Detections()}
	_, r.score, r.detected = v.Detected()
	return r
}

func (h *best) add(r ranked) {
	switch {
	case h.max == 0:
	case len(h.list) < h.max:
		h.list = append(h.list, r)
		h.heaped++
		heap.Fix(h, h.heaped-1)
	case h.before(&r, &h.list[0]) < 0:
		h.list[0] = r
		heap.Fix(h, 0)
	}
}

// sort puts so many more of them into their order, from the last on, and tells
// whether all are.
func (h *best) sort(n int) (all bool) {
	for ; n > 0 && h.heaped > 0; n-- {
		h.heaped--
		h.Swap(0, h.heaped)
		if h.heaped > 0 {
			heap.Fix(h, 0)
		}
	}
	return h.heaped == 0
}

// from gives those that are sorted, but for the first few.
func (h *best) from(offset int) []ranked { return h.list[min(max(0, offset), len(h.list)):] }
