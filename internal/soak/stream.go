//go:build linux

package main

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"net"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// What the stream is made of besides the load.
const (
	// behind is how far the times of the records are behind the clock: no load is
	// perfectly steady, and none of it may be of the future.
	behind = 500 * time.Millisecond
	// slice is how often records are sent. Those that are sent at once are looked at one
	// after the other, and the beacon's comes last: what is sent in larger portions
	// waits for longer before us than in us.
	slice = time.Millisecond
	// heartbeat is the interval of management records, as the greeting tells it.
	heartbeat = 10 * time.Second
)

// stream is the Argus that the agent reads: the load at a steady rate, with times of
// now, of as many networks with hosts of their own as that takes, and connections of
// beacons in between. Where the load ends it begins again, with other numbers and other
// source ports.
type stream struct {
	load    *load
	rate    float64 // flow records a second, those of beacons and of the scan not included
	scan    float64 // and those of a scan
	beacons []*beacon

	offices []office
	pace    float64 // of their time to ours, nearly 1 but for small rates

	sent, connections atomic.Uint64
	late              atomic.Int64 // the longest that sending was behind, nanoseconds
	quiet             atomic.Bool  // from now on nothing but heartbeats
}

// beacon is a client that calls its master in a steady rhythm.
type beacon struct {
	src, dst netip.Addr
	every    time.Duration
	next     time.Time

	mu   sync.Mutex
	sent []time.Time // when the last record of connection i+1 was sent
}

func newBeacons(n int, every time.Duration) []*beacon {
	var all []*beacon
	for i := range n {
		all = append(all, &beacon{
			src: netip.AddrFrom4([4]byte{10, 99, byte(i >> 8), byte(i)}),
			dst: netip.AddrFrom4([4]byte{198, 18, byte(i), 7}), every: every,
		})
	}
	return all
}

// beaconPort is one that nothing in the load has.
const beaconPort = 44318

// tuple is the beacon's as the agent writes it.
func (b *beacon) tuple() string { return fmt.Sprintf("%s-%s-%d-tcp", b.src, b.dst, beaconPort) }

// serve sends to whoever connects, one after the other, until ctx ends.
func (s *stream) serve(ctx context.Context, l net.Listener) error {
	defer context.AfterFunc(ctx, func() { _ = l.Close() })()
	for ctx.Err() == nil {
		conn, err := l.Accept()
		if err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return err
		}
		s.connections.Add(1)
		end := context.AfterFunc(ctx, func() { _ = conn.Close() })
		err = s.send(ctx, conn)
		end()
		_ = conn.Close() // it is over either way
		if err != nil && ctx.Err() == nil && !errors.Is(err, net.ErrClosed) {
			return fmt.Errorf("sending to the agent: %w", err)
		}
	}
	return nil
}

// send sends until ctx ends or nobody reads.
func (s *stream) send(ctx context.Context, conn net.Conn) error {
	s.offices = nil
	s.open()
	start := time.Now()
	if _, err := conn.Write(s.management(start, start, true)); err != nil {
		return err
	}
	for i, b := range s.beacons {
		b.next = start.Add(time.Duration(i) * b.every / time.Duration(len(s.beacons)))
	}
	tick := time.NewTicker(slice)
	defer tick.Stop()
	beat, probes := start, uint64(0)
	var buf []byte
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		now := time.Now()
		buf = buf[:0]
		records := uint64(0)
		quiet := s.quiet.Load()
		if !quiet {
			buf, records = s.appendLoad(buf, start, now)
		}
		for due := uint64(now.Sub(start).Seconds() * s.scan); probes < due && !quiet; probes++ {
			buf = s.appendProbe(buf, now, probes)
			records++
		}
		var called []*beacon
		for _, b := range s.beacons {
			if !quiet && !b.next.After(now) {
				buf = s.appendBeacon(buf, b, now)
				called = append(called, b)
				b.next = b.next.Add(b.every)
				records++
			}
		}
		if now.Sub(beat) >= heartbeat {
			buf = append(buf, s.management(beat, now, false)...)
			beat = now
		}
		if len(buf) == 0 {
			continue
		}
		for _, b := range called {
			b.mu.Lock()
			b.sent = append(b.sent, time.Now())
			b.mu.Unlock()
		}
		if _, err := conn.Write(buf); err != nil {
			return err
		}
		s.sent.Add(records)
		if took := time.Since(now); int64(took) > s.late.Load() {
			s.late.Store(int64(took))
		}
	}
}

// office is a network like that of the load, at its own place in it.
type office struct {
	next   int   // the record that is sent next
	round  int64 // how often it has been around
	behind int64 // how far before the beginning of the load it began, microseconds
}

// maxOffices is how many there are addresses for, below those of the scan.
const maxOffices = 98 << 6

// open opens as many offices as the rate takes, each at another place in the load. One
// that was hurried would call the same services every few seconds, which is what
// beacons do.
func (s *stream) open() {
	seconds := float64(s.load.span) / 1e6
	own := float64(len(s.load.flows)) / seconds // flows a second of an office
	n := max(1, min(maxOffices, math.Round(s.rate/own)))
	s.pace = s.rate / (n * own)
	for i := range uint64(n) {
		from := int64((i*0x9e3779b97f4a7c15)>>20) % s.load.span
		next, _ := slices.BinarySearchFunc(s.load.flows, s.load.first+from, func(r record, at int64) int { return cmp.Compare(r.due, at) })
		s.offices = append(s.offices, office{next: next % len(s.load.flows), round: int64(next / len(s.load.flows)), behind: from})
	}
}

// appendLoad appends what the offices have told since the stream began until now.
func (s *stream) appendLoad(buf []byte, start, now time.Time) (more []byte, records uint64) {
	l := s.load
	since := int64(float64(now.Sub(start).Microseconds()) * s.pace)
	for i := range s.offices {
		o := &s.offices[i]
		for r := &l.flows[o.next]; r.due-l.first+o.round*l.span-o.behind <= since; r = &l.flows[o.next] {
			buf = s.appendRecord(buf, start, uint64(i), o)
			records++
			if o.next++; o.next == len(l.flows) {
				o.next, o.round = 0, o.round+1
			}
		}
	}
	return buf, records
}

// appendRecord appends the next record of an office, with the times that it has there.
func (s *stream) appendRecord(buf []byte, start time.Time, number uint64, o *office) []byte {
	r := &s.load.flows[o.next]
	at := len(buf)
	buf = append(buf, r.raw...)
	b := buf[at:]
	began := start.Add(-behind).UnixMicro()
	for _, t := range r.times {
		since := stamp(b[t:]) - s.load.first + o.round*s.load.span - o.behind
		putStamp(b[t:], began+int64(float64(since)/s.pace))
	}
	part := number + uint64(o.round)*uint64(len(s.offices))
	binary.BigEndian.PutUint32(b[r.seq:], binary.BigEndian.Uint32(b[r.seq:])+uint32(part)*s.load.numbers)
	if r.port > 0 {
		port := binary.BigEndian.Uint16(b[r.port:])
		if port >= 1024 {
			port = 1024 + uint16((int64(port)-1024+o.round*977)%(65536-1024))
		}
		binary.BigEndian.PutUint16(b[r.port:], port)
	}
	for _, host := range r.inside {
		move(b[host:], number)
	}
	return buf
}

// move gives a host inside, whose address begins at b, its place in the office of a number.
func move(b []byte, number uint64) {
	if b[0] == inside4[0] {
		host := binary.BigEndian.Uint16(b[2:]) & 0x3ff // the load has three networks of 256, and a resolver
		binary.BigEndian.PutUint32(b, uint32(inside4[0])<<24|uint32(number)<<10|uint32(host))
		return
	}
	binary.BigEndian.PutUint16(b[6:], uint16(number))
}

// beganBefore is when a flow began that argus tells of for the first time now: it waits
// for the end of an interval.
func (s *stream) beganBefore(now time.Time) int64 {
	return now.Add(-behind).UnixMicro() - s.load.interval
}

// appendBeacon appends a connection of b that has just ended.
func (s *stream) appendBeacon(buf []byte, b *beacon, now time.Time) []byte {
	r := &s.load.beacon
	at := len(buf)
	buf = append(buf, r.raw...)
	c := buf[at:]
	const took = 40_000 // microseconds
	began := s.beganBefore(now)
	putStamp(c[r.times[0]:], began)
	putStamp(c[r.times[1]:], began+took)
	key := c[r.key:]
	src, dst := b.src.As4(), b.dst.As4()
	copy(key[4:], src[:])
	copy(key[8:], dst[:])
	b.mu.Lock()
	n := len(b.sent)
	b.mu.Unlock()
	binary.BigEndian.PutUint16(key[14:], uint16(1024+n%64000))
	binary.BigEndian.PutUint16(key[16:], beaconPort)
	binary.BigEndian.PutUint32(c[r.seq:], 1<<31|s.number(b, n))
	return buf
}

// appendProbe appends probe n of the scan: ten hosts inside ask all others for a
// service.
func (s *stream) appendProbe(buf []byte, now time.Time, n uint64) []byte {
	r := &s.load.probe
	at := len(buf)
	buf = append(buf, r.raw...)
	p := buf[at:]
	for _, t := range r.times {
		putStamp(p[t:], s.beganBefore(now))
	}
	key := p[r.key:]
	copy(key[4:], []byte{10, 98, 0, byte(n % 10)})
	binary.BigEndian.PutUint32(key[8:], 100<<24|uint32(n)&(1<<24-1)) // after hours they are the first again, long forgotten
	binary.BigEndian.PutUint16(key[14:], uint16(1024+n%64000))
	binary.BigEndian.PutUint16(key[16:], 445)
	binary.BigEndian.PutUint32(p[r.seq:], 1<<30|uint32(n)&(1<<30-1))
	return buf
}

// number gives each connection of each beacon its own.
func (s *stream) number(b *beacon, n int) uint32 {
	for i, other := range s.beacons {
		if other == b {
			return uint32(n*len(s.beacons) + i)
		}
	}
	return 0
}

// management makes a management record: the greeting, or a heartbeat after it.
func (s *stream) management(from, to time.Time, greeting bool) []byte {
	b := append([]byte(nil), s.load.greeting...)
	if !greeting {
		b[1] = 2<<4 | b[1]&0x0f // CauseStatus
		clear(b[8:12])          // only the greeting has the cookie
	}
	putStamp(b[24:], from.UnixMicro())
	putStamp(b[32:], to.UnixMicro())
	return b
}
