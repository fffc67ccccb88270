package agent

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"slips-ips/argusfeed"
)

// Every line comes once and in order, flows before what was skipped behind them.
func TestReadAheadKeepsTheOrder(t *testing.T) {
	const lines = 20 * replayBatch
	var text strings.Builder
	for i := range lines {
		if i%700 == 3 || i > 5*replayBatch && i < 8*replayBatch {
			fmt.Fprintln(&text, "no flow")
			continue
		}
		fmt.Fprintf(&text, "2026/03/01 12:%02d:%02d.000000,1.0,tcp,10.0.0.7,40000,   ->,203.0.113.9,80,CON,0,0,10,1000\n", i/60%60, i%60)
	}
	for _, apart := range []bool{true, false} {
		var last, flows, skips uint64
		err := readAhead(t.Context(), strings.NewReader(text.String()), argusfeed.FormatText, "x", readOptions{apart: apart}, func(b *readBatch) error {
			if apart && len(b.skips) > 1 || len(b.skips) > replayBatch || len(b.flows) > replayBatch {
				t.Errorf("a batch of %d flows and %d others", len(b.flows), len(b.skips))
			}
			for i := range b.flows {
				if apart && b.flows[i].Line != last+1 {
					t.Fatalf("line %d comes after %d", b.flows[i].Line, last)
				}
				last = b.flows[i].Line
				flows++
			}
			for _, s := range b.skips {
				if apart && s.Line != last+1 {
					t.Fatalf("line %d comes after %d", s.Line, last)
				}
				last = s.Line
				skips++
			}
			return nil
		})
		if err != nil || flows+skips != lines || skips < 3*replayBatch-1 {
			t.Errorf("%d flows and %d others of %d lines, %v", flows, skips, lines, err)
		}
	}
}

// Who takes may refuse; and what was read before a failure is taken.
func TestReadAheadEnds(t *testing.T) {
	line := "2026/03/01 12:00:00.000000,1.0,tcp,10.0.0.7,40000,   ->,203.0.113.9,80,CON,0,0,10,1000\n"
	endless := io.MultiReader(strings.NewReader(strings.Repeat(line, 50*replayBatch)), blocked{t.Context()})
	wrong := errors.New("wrong")
	taken := 0
	err := readAhead(t.Context(), endless, argusfeed.FormatText, "x", readOptions{}, func(*readBatch) error {
		taken++
		return wrong
	})
	if !errors.Is(err, wrong) || taken != 1 {
		t.Errorf("%v after %d batches, want it after the first", err, taken)
	}

	flows := 0
	broken := io.MultiReader(strings.NewReader(strings.Repeat(line, replayBatch+7)), iotest.ErrReader(wrong))
	err = readAhead(t.Context(), broken, argusfeed.FormatText, "some-file", readOptions{}, func(b *readBatch) error {
		flows += len(b.flows)
		return nil
	})
	if !errors.Is(err, wrong) || !strings.Contains(err.Error(), "some-file") || flows != replayBatch+7 {
		t.Errorf("%d flows, then %v", flows, err)
	}
}

// blocked never reads anything.
type blocked struct{ ctx context.Context }

func (b blocked) Read([]byte) (int, error) {
	<-b.ctx.Done()
	return 0, io.EOF
}
