package history

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"slips-ips/detection"
)

func TestManyAtATime(t *testing.T) {
	s := testStore(t, Options{QueueLen: 100_000, KeepBytes: 64 << 20})
	const each, recorders = 300, 4
	var recording, others sync.WaitGroup
	stop := make(chan struct{})
	for r := range recorders {
		var events []Event
		for i := range each {
			events = append(events, testAlert(t, i, fmt.Sprintf("10.0.%d.5-203.0.113.7-443-tcp", r), "A"))
		}
		recording.Go(func() {
			for _, e := range events {
				s.Record(e)
				s.Detected(*e.Detection)
			}
		})
	}
	for _, ask := range []func(context.Context) error{
		func(ctx context.Context) error { _, err := s.Events(ctx, Query{Limit: 50, Label: "*"}); return err },
		func(ctx context.Context) error { _, err := s.Events(ctx, Query{Host: "10.0.1.0/24"}); return err },
		func(ctx context.Context) error { _, err := s.Detections(ctx, DetectionQuery{}); return err },
		func(ctx context.Context) error { _, err := s.Blocks(ctx); return err },
		func(context.Context) error { s.Status(); return nil },
		s.Flush,
	} {
		others.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if err := ask(context.Background()); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	// Those who lose interest harm nobody.
	others.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
			}
			ctx, cancel := context.WithTimeout(context.Background(), time.Duration(i%500)*time.Microsecond)
			_, _ = s.Events(ctx, Query{Limit: 1000})
			cancel()
		}
	})
	recording.Wait()
	flush(t, s)
	close(stop)
	others.Wait()
	page, err := s.Events(context.Background(), Query{Limit: MaxPage})
	if err != nil || len(page.Events) != each*recorders || s.Status().Lost != 0 {
		t.Errorf("%d events, %+v: %v", len(page.Events), s.Status(), err)
	}
	found, err := s.Detections(context.Background(), DetectionQuery{})
	var n uint64
	for _, e := range found.Episodes {
		n += e.Count
	}
	if err != nil || n != each*recorders || len(found.Episodes) != recorders {
		t.Errorf("%d detections in %d episodes: %v", n, len(found.Episodes), err)
	}
}

// Another program in the middle of a transaction keeps us from writing, not from
// going on.
func TestAnotherWriter(t *testing.T) {
	log := &logText{}
	s := testStore(t, Options{Log: log.logger()})
	db, err := sql.Open("sqlite", dsn(s.opt.Path, "rw"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	c, err := db.Conn(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.ExecContext(context.Background(), "BEGIN IMMEDIATE"); err != nil {
		t.Fatal(err)
	}
	s.Record(Event{Kind: KindAgent})
	waitFor(t, s, func() bool { return !s.Status().Failing.IsZero() })
	if st := s.Status(); !strings.Contains(st.Error, "another program is writing") || st.Waiting != 1 {
		t.Errorf("status %+v", st)
	}
	if _, err := s.Events(context.Background(), Query{}); err != nil {
		t.Errorf("reading meanwhile: %v", err)
	}
	if _, err := c.ExecContext(context.Background(), "ROLLBACK"); err != nil {
		t.Fatal(err)
	}
	flush(t, s)
	waitFor(t, s, func() bool { return s.Status().Failing.IsZero() })
}

func TestGate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g gate
		if err := g.wait(t.Context()); err != nil {
			t.Fatal(err)
		}
		g.shut()
		g.shut()
		done := make(chan error, 1)
		go func() { done <- g.wait(context.Background()) }()
		synctest.Wait()
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if err := g.wait(ctx); err == nil {
			t.Error("the gate is open")
		}
		select {
		case <-done:
			t.Error("the gate is open")
		default:
		}
		g.unshut()
		g.unshut()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// What is being written and fails is counted with what came meanwhile.
func TestCountsThatAreTriedAgain(t *testing.T) {
	c := counts{max: 2, byKey: make(map[episodeKey]*count)}
	put := func(label string, score float64, at time.Duration) {
		c.put(detection.Detection{Label: label, Scorer: "behaviour", Score: score, Flows: uint64(at)}, start.Add(at))
	}
	put("A", 0.9, 1)
	put("B", 0.5, 1)
	taken := c.take(10)
	put("C", 0.5, 2) // what is being written takes places too
	if waiting, accepted, _, lost := c.stats(); waiting != 2 || accepted != 2 || lost != 1 {
		t.Errorf("%d wait, %d came, %d are lost", waiting, accepted, lost)
	}
	c.done(taken, false)
	c.max = 3
	taken = c.take(1)
	put("A", 0.6, 3)
	put("B", 0.6, 3)
	c.done(taken, false)
	for k, v := range c.take(10) {
		want := map[string]float64{"A": 0.9, "B": 0.6}[k.label]
		if v.n != 2 || v.score != want || !v.first.Equal(start.Add(1)) || !v.last.Equal(start.Add(3)) || v.newest.Flows != 3 {
			t.Errorf("%s: %+v", k.label, v)
		}
	}
}
