package argusfeed

import (
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"
)

// connRecord is a record of a TCP connection to port 80 with the flags of both
// sides, as the stream has it; it starts at a second and is a millisecond long.
func connRecord(sport, flags byte, start uint32) string {
	key := part(dsrFlow, keyFiveTuple, byte(familyIPv4), []byte{10, 0, 0, 1, 10, 0, 0, 2, 6, 0, 3, sport, 0, 80, 0, 0})
	return string(flowRecord(0x13, 0x20, key, part(dsrTime, 2, 0x18, be32(start, 0, start, 1000)), udpMetric,
		part(dsrNetwork, 4, 0, []byte{0, 0, 0, 7, flags, flags, 0, 0})))
}

// sends plays an Argus that sends records, each after a pause, and then goes or,
// where stays is set, only reports itself.
func sends(stays bool, steps ...any) peer {
	return func(t *testing.T, c net.Conn) {
		if !greeted(t, c, 1, 1) {
			return
		}
		gone := make(chan struct{})
		go func() { _, _ = io.Copy(io.Discard, c); close(gone) }()
		for _, s := range steps {
			switch s := s.(type) {
			case time.Duration:
				time.Sleep(s)
			case string:
				_, _ = io.WriteString(c, s)
			}
		}
		beat := time.NewTicker(10 * time.Second)
		defer beat.Stop()
		for stays {
			select {
			case <-beat.C:
				_, _ = c.Write(beatRecord(t, 2, 0))
			case <-gone:
				return
			}
		}
	}
}

// joinedSource is fakeSource with joining.
func joinedSource(t *testing.T, opt Joining, peers ...peer) *liveSource {
	s := fakeSource(t, &logBuffer{}, peers...)
	s.opt.Joining = opt
	return s
}

// A connection that is open while Argus is away is one flow all the same.
func TestJoiningOutlivesAConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := joinedSource(t, Joining{Growing: true},
			sends(false, connRecord(1, 0x12, 1700000000)),
			sends(true, time.Second, connRecord(1, 0x11, 1700000020)))
		flows, mu, stop := running(t, s)
		time.Sleep(time.Minute)
		mu.Lock()
		got := *flows
		mu.Unlock()
		if len(got) != 3 || got[0].Part != PartBegun || got[1].Part != PartGrown || got[2].Part != PartClosed ||
			got[2].Bytes != 2*got[0].Bytes || got[2].Dur != 20*time.Second+time.Millisecond {
			t.Errorf("%+v", got)
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}

// What is held comes when its time is over though nothing else is reported, and
// all of it when the source is told to stop.
func TestHeldFlowsComeInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		udp := string(flowRecord(0x13, 0x20, udpKey, udpTime, udpMetric))
		s := joinedSource(t, Joining{}, sends(true, udp, connRecord(1, 0x12, 1700000001)))
		flows, mu, stop := running(t, s)
		count := func() int {
			mu.Lock()
			defer mu.Unlock()
			return len(*flows)
		}
		time.Sleep(60 * time.Second)
		if n := count(); n != 0 {
			t.Errorf("%d flows after a minute of silence", n)
		}
		time.Sleep(8 * time.Second) // the interval of the Argus is 5 s
		if n := count(); n != 1 {
			t.Errorf("%d flows after a minute and an interval, want that of UDP", n)
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
		if n := count(); n != 2 {
			t.Errorf("%d flows at the end, want also that of the open connection", n)
		}
	})
}
