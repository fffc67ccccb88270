package control_test

import (
	"context"
	"errors"
	"io"
	"sync/atomic"
	"testing"

	"slips-ips/agent/control"
	"slips-ips/agent/control/controltest"
	"slips-ips/internal/testenv"
)

// portions counts what is asked for of a list of tuples, and fails at one of them.
type portions struct {
	*controltest.Backend
	asked, over atomic.Int64
	failAt      int64
}

func (p *portions) Tuples(ctx context.Context, q control.TupleQuery) (control.TupleRows, error) {
	rows, err := p.Backend.Tuples(ctx, q)
	next := rows.Next
	rows.Next = func(ctx context.Context) ([]control.TupleRow, error) {
		part, err := next(ctx)
		if n := p.asked.Add(1); n == p.failAt {
			return nil, errors.New("the agent is stopping")
		}
		if errors.Is(err, io.EOF) {
			p.over.Add(1)
		}
		return part, err
	}
	return rows, err
}

// What a client does not read is not made for it.
func TestRowsAreMadeAsTheyAreRead(t *testing.T) {
	b := &portions{Backend: controltest.Large(100_000)}
	s, path := start(t, b, quick())
	c := connect(t, path)
	if _, err := io.WriteString(c, request("GET", "/v1/tuples?limit=100000", "")); err != nil {
		t.Fatal(err)
	}
	testenv.Until(t, "cut off", func() bool { st := s.Stats(); return st.Cut == 1 && st.Clients == 0 })
	if asked := b.asked.Load(); asked == 0 || asked > 1000 || b.over.Load() != 0 {
		t.Errorf("%d portions of 10 rows for a client that read nothing", asked)
	}
}

// A list that breaks off is no shorter list.
func TestRowsThatBreakOff(t *testing.T) {
	b := &portions{Backend: controltest.Large(1000), failAt: 50}
	_, path := start(t, b, control.Options{})
	client := dial(t, path)
	if l, err := client.Tuples(t.Context(), control.TupleQuery{Limit: 1000}); err == nil {
		t.Errorf("%d tuples, and no error", len(l.Tuples))
	}
	if l, err := client.Tuples(t.Context(), control.TupleQuery{Limit: 1000}); err != nil || len(l.Tuples) != 1000 {
		t.Errorf("%d tuples, %v", len(l.Tuples), err)
	}
}
