package enforce

import (
	"net/netip"
	"testing"
	"time"

	"slips-ips/argusfeed"
	"slips-ips/internal/lab"
)

// A smaller max_blocks takes nothing away from what is in force: not at the start,
// and not where somebody flushes the ruleset after it.
func TestFewerBlocks(t *testing.T) {
	r := newRouter(t)
	e := open(t, r.Router)
	oldest := block(tuple(lab.ClientA4, lab.Server4, argusfeed.ProtoTCP, 8080), time.Hour)
	blocks := append(many(4000, time.Hour), oldest)
	apply(t, e, append(blocks[4000:], blocks[:4000]...)...)
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	fewer := func(c *Config, _ *Options) { c.MaxBlocks = 100 }
	e = open(t, r.Router, fewer)
	enforced(t, e, 4001)
	dropped(t, r.ClientA, "tcp", netip.AddrPortFrom(lab.Server4, 8080))
	nft(t, r.Router, "flush ruleset", "-f", "-")
	for range 3 {
		if _, err := e.Check(); err != nil {
			t.Fatal(err)
		}
	}
	enforced(t, e, 4001)
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	e = open(t, r.Router, fewer)
	enforced(t, e, 4001)
	if s := e.Stats(); s.Rebuilds != 0 {
		t.Errorf("%+v", s)
	}
}
