package enforce

import (
	"net/netip"
	"testing"
	"time"

	"slips-ips/argusfeed"
	"slips-ips/internal/lab"
	"slips-ips/internal/testenv"
)

// Somebody loads a ruleset that was saved before, our table in it: it looks right,
// but the newest block is not among its elements. It is back at once, although
// nothing names it and a sample would hardly find it.
func TestSavedRulesetIsLoaded(t *testing.T) {
	r := newRouter(t)
	e := open(t, r.Router)
	apply(t, e, many(1500, time.Hour)...)
	saved := ruleset(t, r.Router)
	apply(t, e, block(tuple(lab.ClientA4, lab.Server4, argusfeed.ProtoTCP, 8080), time.Hour))
	watching(t, e)
	for range 3 {
		nft(t, r.Router, "flush ruleset\n"+saved, "-f", "-")
		start := time.Now()
		to := netip.AddrPortFrom(lab.Server4, 8080)
		for r.ClientA.Reach("tcp", to, dropTime) == nil {
			if time.Since(start) > 2*time.Second {
				t.Fatal("a block that a saved ruleset does not have is missing")
			}
		}
	}
	testenv.Until(t, "all are there", func() bool { return e.Stats().Missing == 0 })
	enforced(t, e, 1501)
}
