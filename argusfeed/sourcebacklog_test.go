package argusfeed

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"slips-ips/internal/testenv"
)

func TestQueueShedsAtItsBound(t *testing.T) {
	q := newBacklog()
	taken := 0
	for range 2 * liveQueue / batchSize {
		if q.push(make([]Flow, batchSize)) {
			taken += batchSize
		}
	}
	if taken != liveQueue || q.push(make([]Flow, 1)) {
		t.Errorf("%d flows were taken, want %d", taken, liveQueue)
	}
	if n := q.drop(); n != liveQueue || !q.push(make([]Flow, 1)) {
		t.Errorf("%d flows were in it", n)
	}
}

// Single flows that have to wait are handed over together, in their order.
func TestQueueJoinsSmallBatches(t *testing.T) {
	q := newBacklog()
	for i := range 3 * batchSize {
		q.push([]Flow{{Line: uint64(i + 1)}})
	}
	q.close()
	var next uint64 = 1
	for n := 0; ; n++ {
		b := q.pop()
		if b == nil {
			if n != 3 || next != 3*batchSize+1 {
				t.Errorf("%d batches, %d flows", n, next-1)
			}
			return
		}
		for _, f := range b {
			if f.Line != next {
				t.Fatalf("flow %d came as %d", f.Line, next)
			}
			next++
		}
	}
}

func TestQueueGivesUpOnlyAfterAStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		s, q, out := newStatus("test"), newBacklog(), make(chan []Flow)
		ended := make(chan error, 1)
		go func() { ended <- q.deliver(ctx, out, s) }()
		for range 3 {
			batch := make([]Flow, batchSize)
			for i := range batch[:batchSize/4] { // the flows of some that are over later
				batch[i].Part, batch[i+batchSize/4].Part = PartBegun, PartClosed
			}
			q.push(batch)
		}
		const each = batchSize - batchSize/4 // flows of a batch
		time.Sleep(time.Hour)
		stop()
		q.close()
		time.Sleep(deliverWait - time.Second)
		<-out // late, but in time
		began := time.Now()
		if err := <-ended; !errors.Is(err, errNotTaken) || time.Since(began) != deliverWait {
			t.Errorf("%v after %v", err, time.Since(began))
		}
		if got := s.Stats(); got.Flows != each || got.Dropped != 2*each || got.Stalls != 2 {
			t.Errorf("%+v", got)
		}
	})
}

// A receiver that stands still does not stop the reading: what does not fit is
// thrown away and told of once, and the rest is delivered when it goes on.
func TestStalledReceiver(t *testing.T) {
	const flows = 500_000
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	sent := make(chan error, 1)
	go func() {
		sent <- func() error {
			c, err := l.Accept()
			if err != nil {
				return err
			}
			defer c.Close()
			if !greeted(t, c, 1, 1) {
				return errors.New("not greeted")
			}
			// As fast as it goes: a reader that waits is dropped, as argus does.
			some := bytes.Repeat(aFlow(t), 1000)
			for range flows / 1000 {
				if err := c.SetWriteDeadline(time.Now().Add(5 * time.Second)); err != nil {
					return err
				}
				if _, err := c.Write(some); err != nil {
					return err
				}
			}
			_, err = c.Write(beatRecord(t, 2, 3))
			_, _ = io.Copy(io.Discard, c)
			return err
		}()
	}()
	var log logBuffer
	s := dialSource("argus://fast", l.Addr().String(), Options{Joining: Joining{Off: true}, Log: textLog(&log)}, (&net.Dialer{}).DialContext)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	out, ended := make(chan []Flow), make(chan error, 1)
	go func() { ended <- s.Run(ctx, out); close(out) }()
	testenv.Until(t, "all is read", func() bool { return s.Stats().Lost == 3 })
	stop()
	got := 0
	for b := range out {
		got += len(b)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if err := <-sent; err != nil {
		t.Errorf("the server: %v", err)
	}
	st := s.Stats()
	if st.Flows != uint64(got) || st.Flows+st.Dropped != flows || got < liveQueue-2*batchSize || got > liveQueue+2*batchSize || st.Restarts != 0 {
		t.Errorf("%d received, %+v", got, st)
	}
	for _, line := range []string{"flows are thrown away: detection", "no more flows are thrown away", "argus loses packets", "argus loses no more packets"} {
		if log.count(line) != 1 {
			t.Errorf("not once: %s\n%s", line, log.String())
		}
	}
}

func TestEpisodes(t *testing.T) {
	var e episode
	at := time.Unix(1000, 0)
	second := func(n int) time.Time { return at.Add(time.Duration(n) * time.Second) }
	if !e.add(1, at) || e.add(2, second(9)) || e.add(3, second(18)) {
		t.Error("one episode began more than once, or not at all")
	}
	if _, _, ok := e.over(second(27), false); ok {
		t.Error("over too soon")
	}
	if total, lasted, ok := e.over(second(28), false); !ok || total != 6 || lasted != 18*time.Second {
		t.Errorf("%d in %v, %t", total, lasted, ok)
	}
	if !e.add(1, second(30)) {
		t.Error("no new episode")
	}
	if total, _, ok := e.over(second(30), true); !ok || total != 1 {
		t.Error("not over at the end of the source")
	}
}

func TestOverdue(t *testing.T) {
	for interval, want := range map[time.Duration][2]time.Duration{
		time.Second:      {2250 * time.Millisecond, 5 * time.Second},
		10 * time.Second: {13500 * time.Millisecond, 23 * time.Second},
		0:                {376 * time.Second, 603 * time.Second},
		18 * time.Hour:   {751 * time.Second, 1203 * time.Second},
	} {
		if silent, lost := overdue(interval); silent != want[0] || lost != want[1] {
			t.Errorf("%v: %v, %v, want %v", interval, silent, lost, want)
		}
	}
}

// The number of the next flow tells what was missed only of the same Argus.
func TestMissedFlows(t *testing.T) {
	for _, tt := range []struct {
		name          string
		before, after argusPosition
		missed        uint64
		text          string
	}{
		{"the same", argusPosition{start: 5, next: 10}, argusPosition{start: 5, next: 17}, 7, `missed_flows="7 at most"`},
		{"restarted", argusPosition{start: 5, next: 10}, argusPosition{start: 6, next: 17}, 0, "argus was started again"},
		{"another probe", argusPosition{start: 5, probe: 1, next: 10}, argusPosition{start: 5, probe: 2, next: 17}, 0, "argus was started again"},
		{"radium", argusPosition{}, argusPosition{}, 0, `missed_flows="not known"`},
	} {
		var log logBuffer
		s := &liveSource{status: newStatus("test"), opt: Options{Joining: Joining{Off: true}, Log: textLog(&log)}}
		beat := func(p argusPosition) *heartbeat {
			h := &heartbeat{Probe: p.probe}
			h.Start, h.NextSeq = p.start, p.next
			if p.start != 0 {
				h.StatusInterval = time.Second
			}
			return h
		}
		now := time.Unix(1000, 0)
		s.connected(beat(tt.before), now)
		s.away.began(now, "cut")
		s.away.began(now.Add(time.Second), "cut")
		s.connected(beat(tt.after), now.Add(3*time.Second))
		got := s.Stats()
		if got.Missed != tt.missed || got.Gaps != 1 || got.Away != 3*time.Second || !strings.Contains(log.String(), tt.text) || !strings.Contains(log.String(), "attempts=2") {
			t.Errorf("%s: %+v\n%s", tt.name, got, log.String())
		}
	}
}
