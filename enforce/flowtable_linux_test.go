package enforce

import (
	"net/netip"
	"os/exec"
	"strings"
	"testing"
	"time"

	"slips-ips/argusfeed"
	"slips-ips/internal/lab"
	"slips-ips/internal/testenv"
	"slips-ips/policy"
)

// A connection that a flowtable has taken over passes no hook. That of a blocked
// tuple ends at once all the same, with and without masquerading, and Inspect names
// the flowtable.
func TestFlowtable(t *testing.T) {
	for _, nat := range []string{"", "masquerade"} {
		for network, proto := range protocols {
			t.Run(network+nat, func(t *testing.T) { testFlowtable(t, network, proto, nat, true) })
		}
	}
	// That it is the doing of connection tracking: without, the block is past by.
	t.Run("conntrack = false", func(t *testing.T) { testFlowtable(t, "udp", argusfeed.ProtoUDP, "", false) })
}

func testFlowtable(t *testing.T, network string, proto argusfeed.Proto, nat string, forget bool) {
	r := newRouter(t)
	probe := exec.Command(testenv.Program(t, "nft"), "add table inet probe; add flowtable inet probe f { hook ingress priority filter; devices = { lo }; }; delete table inet probe")
	if _, err := r.Router.Output(probe); err != nil {
		testenv.Kernel(t, "flowtables (CONFIG_NF_FLOW_TABLE_INET): "+err.Error())
	}
	script := `table inet theirs {
	flowtable fast { hook ingress priority filter; devices = { br0, wan0 }; }
	chain forward {
		type filter hook forward priority filter; policy accept;
		ct state established flow add @fast
		counter comment "slow"
	}
`
	if nat != "" {
		script += "	chain post { type nat hook postrouting priority srcnat; oifname wan0 masquerade; }\n"
	}
	nft(t, r.Router, script+"}\n", "-f", "-")
	e := open(t, r.Router, func(c *Config, _ *Options) { c.Conntrack = forget })
	to := netip.AddrPortFrom(lab.Server4, 8080)
	c, err := r.ClientA.Dial(network, to, passTime)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	offloaded := func() bool {
		if err := c.Echo(passTime); err != nil {
			t.Fatal(err)
		}
		list, err := r.Router.ReadFile("/proc/thread-self/net/nf_conntrack")
		if err != nil {
			t.Fatal(err)
		}
		return strings.Contains(list, "[OFFLOAD]")
	}
	testenv.Until(t, "the flowtable takes the connection over", offloaded)
	if in := inspectIn(t, r.Router); len(in.Flowtables) != 1 || in.Flowtables[0].Name != "fast" ||
		!strings.Contains(strings.Join(in.Warnings, "\n"), "the flowtable fast of inet theirs") {
		t.Errorf("it is not named: %+v, %q", in.Flowtables, in.Warnings)
	}

	b := block(tuple(lab.ClientA4, lab.Server4, proto, 8080), time.Minute)
	apply(t, e, b)
	if !forget {
		if c.Echo(passTime) != nil {
			t.Error("an offloaded connection ended without anybody's doing")
		}
		return
	}
	start := time.Now()
	for c.Echo(dropTime) == nil {
		if time.Since(start) > recovery {
			t.Fatal("an offloaded connection lives on")
		}
	}
	t.Logf("it lived on for %v", time.Since(start)-dropTime)
	if c.Echo(dropTime) == nil {
		t.Error("an offloaded connection came back")
	}
	dropped(t, r.ClientA, network, to)
	passes(t, r.ClientB, network, to)
	passes(t, r.ClientA, network, netip.AddrPortFrom(lab.Server4, 9090))
	for _, res := range e.Lift([]policy.Block{b}) {
		if res.Err != nil {
			t.Error(res.Err)
		}
	}
	passes(t, r.ClientA, network, to)
	enforced(t, e, 0)
}
