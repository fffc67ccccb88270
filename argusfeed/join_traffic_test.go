package argusfeed

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
)

// tracks are captures that overlap in time.
type tracks struct {
	all  []*capture
	seed uint64
}

// from begins a track that long after the others' beginning.
func (t *tracks) from(offset time.Duration) *capture {
	t.seed++
	c := newCapture(t.seed)
	c.wait(offset)
	t.all = append(t.all, c)
	return c
}

// merged is one capture with the packets of all, in the order of time.
func (t *tracks) merged() *capture {
	const fileHeader, packetHeader = 24, 16
	var packets [][]byte
	for _, c := range t.all {
		for b := c.b[fileHeader:]; len(b) > 0; {
			n := packetHeader + int(binary.BigEndian.Uint32(b[8:]))
			packets = append(packets, b[:n])
			b = b[n:]
		}
	}
	slices.SortStableFunc(packets, func(a, b []byte) int { return bytes.Compare(a[:8], b[:8]) })
	out := newCapture(0)
	out.b = append(out.b, bytes.Join(packets, nil)...)
	return out
}

// clockwork sends a small packet each second, so that Argus, which reads time
// from packets, reports in time.
func (t *tracks) clockwork(length time.Duration) {
	c := t.from(0)
	for range int(length / time.Second) {
		start := c.now
		c.udp(ip{src: "10.0.0.1", dst: "10.255.0.2"}, 7, 7, ">20")
		c.now = start.Add(time.Second)
	}
}

const (
	opens  = ">S <SA >A "
	talks  = ">PA100 <PA300 >A "
	closes = ">FA <FA >A"
)

// joinCase is traffic of one tuple, and why its letters may depend on the
// interval; different is "" where they must not.
type joinCase struct {
	different string
	play      func(t *tracks, p ip)
}

// joinCases are the ways in which a flow can be told in pieces. Their names end
// up nowhere: the n-th case has the destination 10.1.n.2.
var joinCases = []joinCase{
	{"", func(t *tracks, p ip) { // one packet a second, for minutes
		t.from(time.Second).tcp(p, 1000, 80, opens+strings.Repeat("1s >PA10 <A ", 200)+closes)
	}},
	{"", func(t *tracks, p ip) { // short ones
		for i := range 12 {
			t.from(time.Duration(i)*37*time.Second).tcp(p, uint16(1000+i), 80, opens+talks+closes)
		}
	}},
	{"", func(t *tracks, p ip) { // silent for longer than Argus remembers
		t.from(3*time.Second).tcp(p, 1000, 80, opens+talks+strings.Repeat("130s >PA10 <A ", 5)+closes)
	}},
	{"", func(t *tracks, p ip) { // and never closed
		t.from(4*time.Second).tcp(p, 1000, 80, opens+strings.Repeat("100s >PA10 <A ", 70))
	}},
	{"", func(t *tracks, p ip) { // never closed, soon silent, and then another
		t.from(5*time.Second).tcp(p, 1000, 80, opens+talks)
		t.from(300*time.Second).tcp(p, 1001, 80, opens+talks+closes)
	}},
	{"", func(t *tracks, p ip) { // short ones while a long one lasts
		t.from(8*time.Second).tcp(p, 1000, 80, opens+strings.Repeat("50s >PA10 <A ", 10)+closes)
		for i := range 10 {
			t.from(time.Duration(10+i*40)*time.Second).tcp(p, uint16(1001+i), 80, opens+talks+closes)
		}
	}},
	{"", func(t *tracks, p ip) { // it began before the capture did, and the server speaks first
		t.from(9*time.Second).tcp(p, 1000, 80, ">PA10 <A 5s >PA10 <A 100s <PA20 >A 100s <PA20 >A <FA >FA <A")
	}},
	{"", func(t *tracks, p ip) { // both halves around a report
		for i := range 20 {
			gap := fmt.Sprintf(" %dms ", 700+i*30)
			t.from(time.Duration(i)*30*time.Second).tcp(p, uint16(1000+i), 80, opens+talks+gap+talks+closes)
		}
	}},
	{"", func(t *tracks, p ip) { // one half closed before the other
		t.from(7*time.Second).tcp(p, 1000, 80, opens+talks+">FA <A 20s <PA100 >A 9s <FA >A")
	}},
	{"", func(t *tracks, p ip) { // nobody answers
		for i := range 5 {
			t.from(time.Duration(6+i*200)*time.Second).tcp(p, uint16(1000+i), 80, ">S 1s >S 2s >S 4s >S 8s >S 16s >S")
		}
	}},
	{"", func(t *tracks, p ip) { // refused, three times from one port
		for i := range 5 {
			t.from(time.Duration(6+i*90)*time.Second).tcp(p, uint16(1000+i), 80, ">S <RA 500ms >S <RA 500ms >S <RA")
		}
	}},
	{"", func(t *tracks, p ip) { // reset, and data that was under way
		for i := range 8 {
			t.from(time.Duration(6+i*90)*time.Second+time.Duration(i)*130*time.Millisecond).tcp(p, uint16(1000+i), 80, opens+talks+">RA 80ms <PA100 >R 90ms <PA100 >R")
		}
	}},
	{"", func(t *tracks, p ip) { // UDP in both directions for ten minutes
		t.from(4*time.Second).udp(p, 1000, 500, strings.Repeat(">30 <40 20s ", 30))
	}},
	{"", func(t *tracks, p ip) { // UDP, in which the other side begins again
		t.from(4*time.Second).udp(p, 1000, 500, ">30 <40 45s <40 >30 45s <40 >30 45s >30 <40")
	}},
	{"", func(t *tracks, p ip) { // UDP requests
		for i := range 12 {
			t.from(time.Duration(i)*61*time.Second).udp(p, uint16(1000+i), 53, ">40 30ms <200")
		}
	}},
	{"", func(t *tracks, p ip) { // UDP for three hours
		t.from(11*time.Second).udp(p, 1000, 4500, strings.Repeat(">120 <120 25s ", 430))
	}},
	{"", func(t *tracks, p ip) { // pings
		c := t.from(13 * time.Second)
		for seq := range byte(20) {
			c.icmp(p, 8, 0, 0, 77, 0, seq, 1, 2, 3, 4)
			c.icmp(p.back(), 0, 0, 0, 77, 0, seq, 1, 2, 3, 4)
			c.wait(7 * time.Second)
		}
	}},
	{"the port is used again half a minute after the end", func(t *tracks, p ip) {
		t.from(5*time.Second).tcp(p, 1000, 80, opens+talks+closes+" 30s "+opens+talks+closes)
	}},
	{"the port is used again at once", func(t *tracks, p ip) {
		t.from(5*time.Second).tcp(p, 1000, 80, opens+talks+closes+" 2s "+opens+talks+closes)
	}},
	{"UDP that is silent for a minute and a half is over", func(t *tracks, p ip) {
		t.from(4*time.Second).udp(p, 1000, 500, strings.Repeat(">30 <40 90s ", 20))
	}},
	{"the same ping, minutes later", func(t *tracks, p ip) {
		c := t.from(13 * time.Second)
		for range 4 {
			c.icmp(p, 8, 0, 0, 77, 0, 1, 1, 2, 3, 4)
			c.icmp(p.back(), 0, 0, 0, 77, 0, 1, 1, 2, 3, 4)
			c.wait(7 * time.Minute)
		}
	}},
	{"a server that sends again, seconds after the connection was reset", func(t *tracks, p ip) {
		t.from(7*time.Second).tcp(p, 1000, 80, opens+talks+">RA 3s <PA900 >R 20s <PA900 >R")
	}},
}

// joinTraffic is the traffic of all the cases.
func joinTraffic() *capture {
	t := &tracks{seed: 100}
	for i, c := range joinCases {
		c.play(t, ip{src: "10.0.0.1", dst: fmt.Sprintf("10.1.%d.2", i)})
	}
	t.clockwork(3*time.Hour + 10*time.Minute)
	return t.merged()
}

// randomTraffic has connections of every length that use no key twice.
func randomTraffic(seed uint64) *capture {
	t := &tracks{seed: seed * 1000}
	rnd := rand.New(rand.NewPCG(seed, 3))
	pause := func(most time.Duration) string {
		// As often short as long.
		d := time.Duration(float64(most) * rnd.Float64() * rnd.Float64() * rnd.Float64())
		return fmt.Sprintf(" %v ", d.Round(time.Millisecond))
	}
	for i := range 40 {
		p := ip{src: "10.0.0.1", dst: fmt.Sprintf("10.2.%d.2", i)}
		at := time.Duration(rnd.Float64() * float64(time.Minute))
		for n := range 4 + rnd.IntN(12) {
			c := t.from(at)
			at += time.Duration(rnd.Float64() * float64(4*time.Minute))
			port := uint16(2000 + n)
			var script strings.Builder
			if i%3 == 0 {
				for range 1 + rnd.IntN(20) {
					script.WriteString([]string{">30", "<400", ">60 <90"}[rnd.IntN(3)])
					script.WriteString(pause(50 * time.Second))
				}
				c.udp(p, port, 5000, script.String())
				continue
			}
			script.WriteString(opens)
			for range rnd.IntN(20) {
				script.WriteString([]string{">PA20 <A", "<PA600 >A", ">PA50 <PA50 >A"}[rnd.IntN(3)])
				script.WriteString(pause(5 * time.Minute))
			}
			script.WriteString([]string{closes, closes, "<FA >FA <A", ">RA", "<R", ""}[rnd.IntN(6)])
			c.tcp(p, port, 443, script.String())
		}
	}
	t.clockwork(3*time.Hour + 10*time.Minute)
	return t.merged()
}

// joinedBy has Argus report the capture with an interval, in seconds.
func joinedBy(t *testing.T, c *capture, interval string) string {
	t.Helper()
	return runArgus(t, c, "ARGUS_FLOW_TYPE=\"Bidirectional\"\nARGUS_FLOW_KEY=\"CLASSIC_5_TUPLE\"\nARGUS_FLOW_STATUS_INTERVAL="+interval+"\nARGUS_MAR_STATUS_INTERVAL=60\n")
}
