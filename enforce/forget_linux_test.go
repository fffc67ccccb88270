package enforce

import (
	"net/netip"
	"testing"
	"time"

	"slips-ips/argusfeed"
	"slips-ips/internal/lab"
	"slips-ips/internal/testenv"
)

// Connections are forgotten of every block that comes in force, however it does:
// a flowtable may have taken them over while the block was lost, or the one who
// blocked ended before it came to that.
func TestForgetWhateverBlocks(t *testing.T) {
	r := newRouter(t)
	nft(t, r.Router, masquerade, "-f", "-")
	to := netip.AddrPortFrom(lab.Server4, 20001)
	b := block(tuple(lab.ClientA4, lab.Server4, argusfeed.ProtoUDP, 20001), time.Hour)
	talk := func() {
		t.Helper()
		c, err := r.ClientA.Dial("udp", to, passTime)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if _, err := c.Write([]byte("x")); err != nil {
			t.Fatal(err)
		}
	}
	e := open(t, r.Router)
	talk()
	apply(t, e, b)
	testenv.Until(t, "that of a new block is", func() bool { return e.Stats().Forgotten == 1 })

	nft(t, r.Router, "delete table inet slips", "-f", "-")
	talk()
	if report, err := e.Check(); err != nil || report.Restored != 1 {
		t.Fatalf("%+v, %v", report, err)
	}
	testenv.Until(t, "that of a block that was lost is", func() bool { return e.Stats().Forgotten == 2 })
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}

	nft(t, r.Router, "delete table inet slips", "-f", "-")
	talk()
	e = open(t, r.Router, func(c *Config, _ *Options) { c.Conntrack = false })
	apply(t, e, b)
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	e = open(t, r.Router)
	testenv.Until(t, "that of an adopted block is", func() bool { return e.Stats().Forgotten == 1 })
}
