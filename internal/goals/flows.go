package main

import (
	"encoding/binary"
	"time"

	"slips-ips/argusfeed"
)

// first is when made flows begin.
const first argusfeed.Time = 1_700_000_000_000_000

// hosts is how many sources they have.
const hosts = 2000

// flowOf makes a flow of tuple number i.
func flowOf(f *argusfeed.Flow, i uint32, start argusfeed.Time) {
	*f = argusfeed.Flow{
		Start: start, Dur: time.Duration(i%3000) * time.Millisecond, Packets: 8, Bytes: uint64(200 + i%1200),
		Sport: argusfeed.PortNumber(uint16(start/1000 + argusfeed.Time(i))), State: "FSPA_FSPA",
	}
	f.Src, f.Dst = addr(0x0a000001+i%hosts), addr(0x40000000+i*2654435761>>2)
	f.Port, f.Proto = argusfeed.PortNumber(443), argusfeed.ProtoTCP
}

func addr(n uint32) argusfeed.Addr {
	var b [4]byte
	binary.BigEndian.PutUint32(b[:], n)
	return argusfeed.AddrFrom4(b)
}

// flowsOfTuple says how many flows tuple number i has: as those of a university's
// network have (CTU-13, scenario 6), in thousandths of the tuples.
func flowsOfTuple(i int) int {
	switch n := i * 7919 % 1000; {
	case n < 750:
		return 1
	case n < 930:
		return 2
	case n < 960:
		return 3
	case n < 970:
		return 4
	case n < 989:
		return 6
	case n < 998:
		return 14
	}
	return 60
}

// batches calls do with the flows that next fills in, so many at a time.
func batches(n int, next func(i int, f *argusfeed.Flow), do func([]argusfeed.Flow)) {
	batch := make([]argusfeed.Flow, 512)
	for i := 0; i < n; {
		b := batch[:min(len(batch), n-i)]
		for k := range b {
			next(i, &b[k])
			i++
		}
		do(b)
	}
}
