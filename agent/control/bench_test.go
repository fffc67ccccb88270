package control_test

import (
	"testing"

	"slips-ips/agent/control"
	"slips-ips/agent/control/controltest"
	"slips-ips/agent/history"
)

// Client and server over a real socket, with a hundred thousand of everything.
func BenchmarkLists(b *testing.B) {
	const n = 100_000
	_, path := start(b, controltest.Large(n), control.Options{})
	c := dial(b, path)
	for _, bb := range []struct {
		name string
		ask  func() (int, error)
	}{
		{"status", func() (int, error) { _, err := c.Status(b.Context()); return 1, err }},
		{"tuples-first-100", func() (int, error) { l, err := c.Tuples(b.Context(), control.TupleQuery{}); return len(l.Tuples), err }},
		{"tuples-all", func() (int, error) {
			l, err := c.Tuples(b.Context(), control.TupleQuery{Limit: n})
			return len(l.Tuples), err
		}},
		{"blocks-all", func() (int, error) {
			l, err := c.Blocks(b.Context(), control.BlockQuery{Limit: n})
			return len(l.Blocks), err
		}},
		{"events-10000", func() (int, error) {
			p, err := c.Events(b.Context(), history.Query{Limit: control.MaxEvents})
			return len(p.Events), err
		}},
	} {
		b.Run(bb.name, func(b *testing.B) {
			rows := 0
			for b.Loop() {
				got, err := bb.ask()
				if err != nil {
					b.Fatal(err)
				}
				rows = got
			}
			b.ReportMetric(float64(rows), "rows")
		})
	}
}
