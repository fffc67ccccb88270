package enforce

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"slips-ips/argusfeed"
	"slips-ips/internal/lab"
	"slips-ips/internal/testenv"
)

// What others put into our table stops nothing: neither an element nor a chain, and
// a block that they made longer ends when it should.
func TestStrangeThings(t *testing.T) {
	r := newRouter(t)
	e := open(t, r.Router)
	b := block(tuple(lab.ClientA4, lab.Server4, argusfeed.ProtoTCP, 8080), time.Hour)
	apply(t, e, b)
	reports := watching(t, e)
	other := netip.AddrPortFrom(lab.Server4, 9090)
	list := func() string { return nft(t, r.Router, "", "list", "set", "inet", "slips", "blocked4") }
	key := lab.ClientA4.String() + " . " + lab.Server4.String() + " . tcp . 8080"

	nft(t, r.Router, "add element inet slips dest4 { "+lab.Server4.String()+" timeout 10h }", "-f", "-")
	testenv.Until(t, "another's element is removed", func() bool {
		return !strings.Contains(nft(t, r.Router, "", "list", "set", "inet", "slips", "dest4"), "expires")
	})
	if report := <-reports; report.Removed != 1 {
		t.Errorf("%+v", report)
	}
	passes(t, r.ClientA, "tcp", other)

	nft(t, r.Router, "add chain inet slips theirs { type filter hook forward priority -50; policy drop; }", "-f", "-")
	testenv.Until(t, "another's chain is removed", func() bool {
		return !strings.Contains(ruleset(t, r.Router), "theirs")
	})
	passes(t, r.ClientA, "tcp", other)

	for _, timeout := range []string{"10h", "10m"} {
		nft(t, r.Router, "delete element inet slips blocked4 { "+key+" }\nadd element inet slips blocked4 { "+key+" timeout "+timeout+" }", "-f", "-")
		testenv.Until(t, "the right end after one of "+timeout, func() bool { return strings.Contains(list(), " expires 59m") })
	}
	dropped(t, r.ClientA, "tcp", netip.AddrPortFrom(lab.Server4, 8080))
	enforced(t, e, 1)
}
