//go:build linux

package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"

	"slips-ips/argusfeed"
)

// record is a flow record of an Argus stream and where in it is what has to be
// changed when it is sent: its times, its number and its source port.
type record struct {
	raw   []byte
	times []int // of each time, seconds and microseconds
	seq   int   // of the number of the flow
	port  int   // of the source port; 0: it has none
	key   int   // of the key
	// inside are where the addresses of the hosts inside are.
	inside []int
	// start is its first time in the file, in microseconds. Argus cannot have told it
	// before due: the last time of it and all before it, and of a first report of a flow
	// that goes on the end of its interval.
	start, due int64
}

// Parts of a flow record, as argusfeed reads them.
const (
	partTransport = 0x01
	partKey       = 0x02
	partTime      = 0x03
	keyReversed   = 0x40
	headerLen     = 4
)

// load is what a file of argus has: its first management record and its flows.
type load struct {
	greeting []byte
	flows    []record
	beacon   record // a short connection of IPv4 that begins and ends in one record
	probe    record // a SYN of IPv4 that nobody answered; without raw: there is none
	// first is the earliest start and span the time in which all of it was told,
	// microseconds.
	first, span int64
	interval    int64  // how often argus told of a flow, microseconds
	numbers     uint32 // the highest number of a flow
}

// readLoad reads a file that argus wrote.
func readLoad(path string) (*load, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	var l load
	var last int64
	a := argusfeed.NewArgus(file)
	var rec argusfeed.Record
	for {
		from := a.Offset()
		if err := a.Next(&rec); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, fmt.Errorf("reading %s: %w", path, err)
		}
		raw := b[from:a.Offset()]
		if rec.Kind == argusfeed.KindManagement && rec.Status.Initial && l.greeting == nil {
			l.greeting = raw
			l.interval = rec.Status.FlowInterval.Microseconds()
		}
		if rec.Kind != argusfeed.KindFlow {
			continue
		}
		r, err := newRecord(raw)
		if err != nil {
			return nil, fmt.Errorf("%s, byte %d: %w", path, from, err)
		}
		if len(l.flows) == 0 || r.start < l.first {
			l.first = r.start
		}
		for _, t := range r.times {
			last = max(last, stamp(raw[t:]))
		}
		if rec.Cause == argusfeed.CauseStart {
			last = max(last, r.start+l.interval)
		}
		r.due = last
		l.numbers = max(l.numbers, rec.Seq)
		l.flows = append(l.flows, r)
		if l.beacon.raw == nil && rec.State == "FSPA_FSPA" && len(r.times) == 2 && isIPv4(&rec) && !rec.Reversed && r.plain() {
			l.beacon = r
		}
		if l.probe.raw == nil && rec.State == "S_" && isIPv4(&rec) && !rec.Reversed && r.plain() {
			l.probe = r
		}
	}
	l.span = last + 1 - l.first
	if l.greeting == nil || l.beacon.raw == nil || l.span <= 0 {
		return nil, fmt.Errorf("%s has no first record of argus, or no whole connection", path)
	}
	return &l, nil
}

func isIPv4(rec *argusfeed.Record) bool {
	ip, ok := rec.Src.IP()
	return ok && ip.Is4() && rec.Proto == argusfeed.ProtoTCP
}

// newRecord finds the parts of a flow record.
func newRecord(raw []byte) (record, error) {
	r := record{raw: raw}
	for at := headerLen; at+4 <= len(raw); {
		n := partLen(raw[at:])
		if n == 0 || at+n > len(raw) {
			return r, fmt.Errorf("a part of the record has %d bytes", n)
		}
		part := raw[at : at+n]
		switch part[0] & 0x7f {
		case partTime:
			if part[1]&^0x07 != 0 || n != 12 && n != 20 {
				return r, fmt.Errorf("times of the form %02x with %d bytes are not what argus 3.0.8 writes", part[1], n)
			}
			for t := at + 4; t < at+n; t += 8 {
				r.times = append(r.times, t)
			}
		case partTransport:
			r.seq = at + n - 4
		case partKey:
			r.key, r.port, r.inside = at, sourcePort(part, at), insideHosts(part, at)
		}
		at += n
	}
	if len(r.times) == 0 || r.seq == 0 {
		return r, errors.New("the record has no time or no number")
	}
	r.start = stamp(raw[r.times[0]:])
	return r, nil
}

// partLen gives the length of the part that b begins with.
func partLen(b []byte) int {
	head := binary.BigEndian.Uint32(b)
	switch {
	case head&(0x80<<24) != 0:
		return 4
	case head&(0x80<<16) != 0:
		return int(head&0xffff) << 2
	}
	return int(head&0xff) << 2
}

// sourcePort gives where the source port of a key of TCP or UDP is, or 0.
func sourcePort(key []byte, at int) int {
	proto, port := 12, 14 // of IPv4
	if key[2]&0x1f == 2 { // IPv6
		proto, port = 36, 40
	}
	if len(key) < port+4 || key[2]&0x80 != 0 || key[proto] != 6 && key[proto] != 17 {
		return 0
	}
	if key[1]&keyReversed != 0 {
		port += 2
	}
	return at + port
}

// What the addresses of the hosts inside begin with, in the load that flowbench makes.
var (
	inside4 = []byte{10, 0}
	inside6 = []byte{0x20, 0x01, 0x0d, 0xb8, 0, 1, 0, 0}
)

// insideHosts gives where in a key of IP there are addresses of hosts inside.
func insideHosts(key []byte, at int) (all []int) {
	size, prefix := 4, inside4
	switch key[2] & 0x1f {
	case 1:
	case 2:
		size, prefix = 16, inside6
	default:
		return nil
	}
	for _, from := range []int{headerLen, headerLen + size} {
		if len(key) >= from+size && bytes.HasPrefix(key[from:], prefix) {
			all = append(all, at+from)
		}
	}
	return all
}

// plain tells whether source and destination stand in their order.
func (r *record) plain() bool { return r.port > 0 && r.raw[r.key+1]&keyReversed == 0 }

func stamp(b []byte) int64 {
	return int64(binary.BigEndian.Uint32(b))*1e6 + int64(binary.BigEndian.Uint32(b[4:]))
}

func putStamp(b []byte, at int64) {
	binary.BigEndian.PutUint32(b, uint32(at/1e6))
	binary.BigEndian.PutUint32(b[4:], uint32(at%1e6))
}
