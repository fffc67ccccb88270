package agent

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"path"
	"strings"
	"time"

	"slips-ips/agent/control"
	"slips-ips/argusfeed"
	"slips-ips/detection"
	"slips-ips/enforce"
)

// scanStep is how many places of the table of tuples are looked at before the
// pipeline goes on: about a tenth of a millisecond. To sort a tuple and to give its
// letters takes ten times as long.
const scanStep = 1000

// longList is how many tuples are many. To make a list of a hundred thousand takes a
// core for some tenths of a second, which the pipeline may need.
const longList = 1000

// steps is in which a list of n tuples is made. Of all long lists one step is made at a
// time, with a rest as long as it took, so that however many clients ask, most of the
// processor is the pipeline's.
func (a *Agent) steps(n int) (step func(context.Context, func() error) error) {
	if n <= longList {
		return func(_ context.Context, f func() error) error { return f() }
	}
	return func(ctx context.Context, f func() error) error {
		select {
		case a.listing <- struct{}{}:
		case <-ctx.Done():
			return fmt.Errorf("%w: other long lists are being made: ask for at most %d tuples, or later", control.ErrUnavailable, longList)
		}
		defer func() { <-a.listing }()
		began := time.Now()
		err := f()
		select {
		case <-time.After(time.Since(began)):
		case <-ctx.Done():
		}
		return err
	}
}

// Tuples lists tuples. The table is walked in steps, between batches of flows; only
// what they are sorted by is kept meanwhile, of as many as are given, and of those
// then their names: the rest is read as the rows are taken.
func (o operator) Tuples(ctx context.Context, q control.TupleQuery) (control.TupleRows, error) {
	fits, err := tupleFits(q)
	if err != nil {
		return control.TupleRows{}, err
	}
	order := tupleOrder(q.Sort, o.detector.Scoring() == detection.ScoringReference)
	if order == nil {
		return control.TupleRows{}, fmt.Errorf("%w: sort: %q is not allowed; use last, flows, detections or score", control.ErrInvalid, q.Sort)
	}
	found := &best{before: order, max: max(0, q.Offset) + cmp.Or(q.Limit, control.DefaultLimit)}
	step := o.steps(found.max)
	var rows control.TupleRows
	var cursor detection.Cursor
	var seen []ranked // of one step: putting them in order is not for the pipeline to wait for
	for all := false; !all; {
		if err := step(ctx, func() error {
			seen = seen[:0]
			err := ask(ctx, o.detecting.calls, func() {
				cursor, all = o.detector.Scan(cursor, scanStep, func(v detection.TupleView) {
					rows.Known++
					if fits(v) {
						seen = append(seen, rankOf(v))
					}
				})
			})
			rows.Matching += len(seen)
			for i := range seen {
				found.add(seen[i])
			}
			return err
		}); err != nil {
			return control.TupleRows{}, err
		}
	}
	for all := false; !all; {
		if err := step(ctx, func() error {
			all = found.sort(scanStep / 10)
			return nil
		}); err != nil {
			return control.TupleRows{}, err
		}
	}
	rows.Next = o.rows(found.from(q.Offset), cmp.Or(q.Letters, control.DefaultLetters), step)
	return rows, nil
}

// rows gives what is known of tuples in portions, each when it is asked for.
func (o operator) rows(tuples []argusfeed.Tuple, letters int, step func(context.Context, func() error) error) func(context.Context) ([]control.TupleRow, error) {
	var rows []control.TupleRow
	return func(ctx context.Context) ([]control.TupleRow, error) {
		if len(tuples) == 0 {
			return nil, io.EOF
		}
		part := tuples[:min(len(tuples), scanStep/10)]
		err := step(ctx, func() error {
			rows = rows[:0]
			if err := ask(ctx, o.detecting.calls, func() {
				for _, t := range part {
					if info, ok := o.detector.Lookup(t, letters); ok { // it may be forgotten by now
						rows = append(rows, control.TupleRow{TupleInfo: info})
					}
				}
			}); err != nil {
				return err
			}
			for i := range rows {
				rows[i].Block = o.blockOf(rows[i].Tuple)
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
		tuples = tuples[len(part):]
		return rows, nil
	}
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
