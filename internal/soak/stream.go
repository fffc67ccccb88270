//go:build linux

package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"net"
	"net/netip"
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
	start := time.Now()
	if _, err := conn.Write(s.management(start, start, true)); err != nil {
		return err
	}
	for i, b := range s.beacons {
		b.next = start.Add(time.Duration(i) * b.every / time.Duration(len(s.beacons)))
	}
	tick := time.NewTicker(slice)
	defer tick.Stop()
	beat, n, probes := start, uint64(0), uint64(0)
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
		for due := uint64(now.Sub(start).Seconds() * s.rate); n < due && !quiet; n++ {
			buf = s.appendLoad(buf, start, n)
			records++
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

// offices gives how many networks like that of the load it takes for the rate, each at
// its own pace: one that was hurried would call the same services every few seconds,
// which is what beacons do.
func (s *stream) offices() uint64 {
	seconds := float64(s.load.span) / 1e6
	return uint64(max(1, min(maxOffices, math.Round(s.rate*seconds/float64(len(s.load.flows))))))
}

// maxOffices is how many there are addresses for, below those of the scan.
const maxOffices = 98 << 6

// position gives which record of the load is sent as number n, by which office and for
// the how manieth time. Each office begins elsewhere.
func (s *stream) position(n uint64) (at int, office, round uint64) {
	flows, offices := uint64(len(s.load.flows)), s.offices()
	office = n % offices
	from := ((office * 0x9e3779b97f4a7c15) >> 11) % flows
	i := n/offices + from
	return int(i % flows), office, i / flows
}

// appendLoad appends record n of the load, with the times that it has now.
func (s *stream) appendLoad(buf []byte, start time.Time, n uint64) []byte {
	i, office, round := s.position(n)
	r, flows, offices := &s.load.flows[i], float64(len(s.load.flows)), float64(s.offices())
	pace := flows * offices / s.rate * 1e6 / float64(s.load.span) // nearly 1, but for small rates
	now := float64(start.Add(-behind).UnixMicro()) + float64(n)/s.rate*1e6
	then := float64(s.load.first) + float64(s.load.span)*float64(i)/flows // the traffic is steady
	at := len(buf)
	buf = append(buf, r.raw...)
	b := buf[at:]
	for _, t := range r.times {
		putStamp(b[t:], int64(now+(float64(stamp(b[t:]))-then)*pace))
	}
	number := binary.BigEndian.Uint32(b[r.seq:])
	binary.BigEndian.PutUint32(b[r.seq:], number+uint32(office+round*uint64(offices))*s.load.numbers)
	if r.port > 0 {
		port := binary.BigEndian.Uint16(b[r.port:])
		if port >= 1024 {
			port = 1024 + uint16((uint64(port)-1024+round*977)%(65536-1024))
		}
		binary.BigEndian.PutUint16(b[r.port:], port)
	}
	for _, host := range r.inside {
		move(b[host:], office)
	}
	return buf
}

// move gives a host inside, whose address begins at b, its place in an office.
func move(b []byte, office uint64) {
	if b[0] == inside4[0] {
		host := binary.BigEndian.Uint16(b[2:]) & 0x3ff // the load has three networks of 256, and a resolver
		binary.BigEndian.PutUint32(b, uint32(inside4[0])<<24|uint32(office)<<10|uint32(host))
		return
	}
	binary.BigEndian.PutUint16(b[6:], uint16(office))
}

// appendBeacon appends a connection of b that has just ended.
func (s *stream) appendBeacon(buf []byte, b *beacon, now time.Time) []byte {
	r := &s.load.beacon
	at := len(buf)
	buf = append(buf, r.raw...)
	c := buf[at:]
	const took = 40_000 // microseconds
	end := now.Add(-behind).UnixMicro()
	putStamp(c[r.times[0]:], end-took)
	putStamp(c[r.times[1]:], end)
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
		putStamp(p[t:], now.Add(-behind).UnixMicro())
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
