package agent

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"
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
