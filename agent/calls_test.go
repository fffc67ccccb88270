package agent

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"slips-ips/argusfeed"
	"slips-ips/detection"
)

func TestCallsRunInTheStage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCalls("detection")
		inside := 0
		go func() {
			defer c.end()
			for range 3 {
				f := <-c.ask
				inside++
				f()
				inside--
			}
		}()
		for range 3 {
			was := 0
			if err := c.do(t.Context(), func() { was = inside }); err != nil || was != 1 {
				t.Errorf("%v, inside %d", err, was)
			}
		}
		synctest.Wait()
		if err := c.do(t.Context(), func() { t.Error("it ran after the end") }); !errors.Is(err, errStopping) {
			t.Error(err)
		}
	})
}

func TestCallsOfAStuckStage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCalls("detection")
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		begun := time.Now()
		err := c.do(ctx, func() { t.Error("it ran") })
		if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "detection") || time.Since(begun) != time.Minute {
			t.Error(err, time.Since(begun))
		}
	})
}

// However many ask, a batch that waits comes after one call at most; and however
// many batches wait, a call is answered.
func TestCallsBetweenBatches(t *testing.T) {
	const batches, callers = 20, 50
	source := make(chan []detection.Detection, batches)
	a, _, _ := testAgent(t, nil)
	var order []byte
	a.decider.now = func(detection.Detection) argusfeed.Time {
		order = append(order, 'b')
		return 0
	}
	var asked sync.WaitGroup
	for range callers {
		asked.Go(func() {
			if err := a.deciding.do(t.Context(), func() { order = append(order, 'c') }); err != nil {
				t.Error(err)
			}
		})
	}
	for range batches {
		source <- []detection.Detection{{Tuple: beaconTuple(1)}}
	}
	ended := make(chan error)
	go func() { ended <- a.decide(source) }()
	asked.Wait()
	close(source)
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	last := strings.LastIndexByte(string(order), 'b')
	if n := strings.Count(string(order), "b"); n != batches || strings.Contains(string(order[:last]), "cc") {
		t.Errorf("a batch waited for more than one call, or %d of %d are missing: %s", batches-n, batches, order)
	}
}
