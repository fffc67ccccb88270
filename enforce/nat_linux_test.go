package enforce

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"slips-ips/argusfeed"
	"slips-ips/internal/lab"
	"slips-ips/internal/testenv"
	"slips-ips/policy"
)

const masquerade = `table ip nat {
	chain postrouting { type nat hook postrouting priority srcnat; oifname "wan0" masquerade; }
	chain prerouting { type nat hook prerouting priority dstnat; iifname "wan0" tcp dport 2222 dnat to 10.20.0.11:2222; }
}
table inet filter {
	chain forward { type filter hook forward priority filter; policy accept; ct state established,related accept; }
}`

// Behind masquerading a tuple as it is on the LAN side is stopped both ways,
// open connections included, which are forgotten too. The same as it is on the
// WAN side stops nothing that is forwarded; policy refuses it on a router.
func TestMasquerade(t *testing.T) {
	r := newRouter(t)
	nft(t, r.Router, masquerade, "-f", "-")
	e := open(t, r.Router)
	to := netip.AddrPortFrom(lab.Server4, 8080)
	established, err := r.ClientA.Dial("tcp", to, passTime)
	if err != nil {
		t.Fatal(err)
	}
	defer established.Close()
	if err := established.Echo(passTime); err != nil {
		t.Fatal(err)
	}
	tracked := func() bool {
		text, err := r.Router.ReadFile("/proc/thread-self/net/nf_conntrack")
		if err != nil {
			t.Fatal(err)
		}
		return strings.Contains(text, "src=10.20.0.11 dst=203.0.113.80")
	}
	if !tracked() {
		t.Fatal("connection tracking does not know the connection")
	}

	wan := block(tuple(lab.RouterWAN4, lab.Server4, argusfeed.ProtoTCP, 8080), time.Minute)
	apply(t, e, wan)
	passes(t, r.ClientA, "tcp", to)
	own := policy.NewProtected(policy.Entry{
		Prefix: netip.PrefixFrom(lab.RouterWAN4, 32), Kind: policy.KindRouter, Why: "an address of this router",
	})
	if _, refused := own.Refuses(wan.Tuple, wan.Scope); !refused {
		t.Error("a tuple of the WAN side is not refused on a router")
	}
	e.Lift([]policy.Block{wan})

	apply(t, e, block(tuple(lab.ClientA4, lab.Server4, argusfeed.ProtoTCP, 8080), time.Minute))
	if established.Echo(dropTime) == nil {
		t.Error("the established connection lives on")
	}
	dropped(t, r.ClientA, "tcp", to)
	passes(t, r.ClientB, "tcp", to)
	passes(t, r.ClientA, "tcp", netip.AddrPortFrom(lab.Server4, 9090))
	testenv.Until(t, "the connection is forgotten", func() bool { return e.Stats().Forgotten > 0 })

	// From outside to a forwarded port: the tuple as it is behind the NAT.
	if err := r.ClientA.EchoTCP(netip.AddrPortFrom(lab.ClientA4, 2222)); err != nil {
		t.Fatal(err)
	}
	forwarded := netip.AddrPortFrom(lab.RouterWAN4, 2222)
	passes(t, r.Server, "tcp", forwarded)
	apply(t, e, block(tuple(lab.Server4, lab.ClientA4, argusfeed.ProtoTCP, 2222), time.Minute))
	dropped(t, r.Server, "tcp", forwarded)
}

// A large table of connections does not hold up a block.
func TestForgetIsOffTheHotPath(t *testing.T) {
	r := newRouter(t)
	nft(t, r.Router, masquerade, "-f", "-")
	e := open(t, r.Router)
	for i := range 300 {
		c, err := r.ClientA.Dial("udp", netip.AddrPortFrom(lab.Server4, uint16(20000+i)), passTime)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := fmt.Fprint(c, "x"); err != nil {
			t.Fatal(err)
		}
		c.Close()
	}
	for i := range 300 {
		apply(t, e, block(tuple(lab.ClientA4, lab.Server4, argusfeed.ProtoUDP, uint16(20000+i)), time.Minute))
	}
	testenv.Until(t, "all are forgotten", func() bool { return e.Stats().Forgotten >= 300 })
}
