package enforce

import (
	"fmt"
	"net"
	"net/netip"
	"testing"
	"time"

	"slips-ips/internal/lab"
)

// BenchmarkPacketPath is what a forwarded packet costs that no block is about, by
// the number of blocks. Each number has a router of its own, all are there at the
// same time, and rounds of a few thousand datagrams go to each in turn: of each
// the fastest round counts, so that what else the machine does blurs it little. A
// datagram is sent, forwarded and received in the time of the call that sends it,
// since both links are virtual.
func BenchmarkPacketPath(b *testing.B) {
	const datagrams, rounds = 2000, 150
	variants := []struct {
		name   string
		blocks int // -1: no table
		conn   net.Conn
		best   time.Duration
	}{{name: "no-table", blocks: -1}, {name: "0"}, {name: "1k", blocks: 1000}, {name: "100k", blocks: 100_000}, {name: "1M", blocks: 1_000_000}}
	for i := range variants {
		v := &variants[i]
		r := newRouter(b)
		if v.blocks >= 0 {
			e := open(b, r.Router, func(c *Config, _ *Options) { c.MaxBlocks = MaxMaxBlocks })
			if v.blocks > 0 {
				apply(b, e, many(v.blocks, time.Hour)...)
			}
		}
		sink, err := r.Server.ListenPacket("udp", netip.AddrPortFrom(lab.Server4, 7007).String())
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { sink.Close() })
		c, err := r.ClientA.Dial("udp", netip.AddrPortFrom(lab.Server4, 7007), passTime)
		if err != nil {
			b.Fatal(err)
		}
		v.conn, v.best = c, time.Hour
		b.Cleanup(func() { c.Close() })
	}
	payload := make([]byte, 64)
	for b.Loop() {
		for range rounds {
			for i := range variants {
				v := &variants[i]
				start := time.Now()
				for range datagrams {
					if _, err := v.conn.Write(payload); err != nil {
						b.Fatal(err)
					}
				}
				v.best = min(v.best, time.Since(start))
			}
		}
	}
	for _, v := range variants {
		b.ReportMetric(float64(v.best.Nanoseconds())/datagrams, fmt.Sprintf("ns/packet-%s", v.name))
		b.ReportMetric(float64(v.best)/float64(variants[0].best), fmt.Sprintf("ratio-%s", v.name))
	}
}
