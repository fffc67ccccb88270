package enforce

import (
	"net/netip"
	"testing"
	"time"

	"slips-ips/argusfeed"
	"slips-ips/internal/lab"
	"slips-ips/internal/testenv"
	"slips-ips/policy"
)

var protocols = map[string]argusfeed.Proto{"tcp": argusfeed.ProtoTCP, "udp": argusfeed.ProtoUDP}

// A block of a forwarded tuple drops that tuple, established connections
// included, and nothing else.
func TestForward(t *testing.T) {
	r := newRouter(t)
	for _, test := range []struct {
		name           string
		network        string
		client, server netip.Addr
	}{
		{"tcp4", "tcp", lab.ClientA4, lab.Server4},
		{"udp4", "udp", lab.ClientA4, lab.Server4},
		{"tcp6", "tcp", lab.ClientA6, lab.Server6},
		{"udp6", "udp", lab.ClientA6, lab.Server6},
	} {
		t.Run(test.name, func(t *testing.T) {
			e := open(t, r.Router)
			to := netip.AddrPortFrom(test.server, 8080)
			established, err := r.ClientA.Dial(test.network, to, passTime)
			if err != nil {
				t.Fatal(err)
			}
			defer established.Close()
			if err := established.Echo(passTime); err != nil {
				t.Fatal(err)
			}

			b := block(tuple(test.client, test.server, protocols[test.network], 8080), time.Minute)
			apply(t, e, b)
			if established.Echo(dropTime) == nil {
				t.Error("an established connection lives on")
			}
			dropped(t, r.ClientA, test.network, to)
			passes(t, r.ClientB, test.network, to)
			passes(t, r.ClientA, test.network, netip.AddrPortFrom(test.server, 9090))
			for network := range protocols {
				if network != test.network {
					passes(t, r.ClientA, network, to)
				}
			}
			for _, other := range []netip.Addr{lab.Server4, lab.Server6} {
				if other != test.server {
					passes(t, r.ClientA, test.network, netip.AddrPortFrom(other, 8080))
				}
			}

			if res := e.Lift([]policy.Block{b}); res[0].Err != nil || !res[0].Before {
				t.Errorf("lifting: %+v", res[0])
			}
			passes(t, r.ClientA, test.network, to)
		})
	}
}

// The answer is dropped too: a datagram from the blocked service to the client
// that never asked.
func TestReverse(t *testing.T) {
	r := newRouter(t)
	e := open(t, r.Router)
	for _, test := range []struct{ client, server netip.Addr }{{lab.ClientA4, lab.Server4}, {lab.ClientA6, lab.Server6}} {
		inside, err := r.ClientA.ListenPacket("udp", netip.AddrPortFrom(test.client, 6666).String())
		if err != nil {
			t.Fatal(err)
		}
		defer inside.Close()
		outside, err := r.Server.ListenPacket("udp", netip.AddrPortFrom(test.server, 5555).String())
		if err != nil {
			t.Fatal(err)
		}
		defer outside.Close()
		arrives := func(within time.Duration) bool {
			if _, err := outside.WriteTo([]byte{1}, inside.LocalAddr()); err != nil {
				t.Fatal(err)
			}
			_ = inside.SetReadDeadline(time.Now().Add(within))
			_, _, err := inside.ReadFrom(make([]byte, 10))
			return err == nil
		}
		if !arrives(passTime) {
			t.Fatal("nothing arrives before the block")
		}
		apply(t, e, block(tuple(test.client, test.server, argusfeed.ProtoUDP, 5555), time.Minute))
		if arrives(dropTime) {
			t.Error("an answer arrives in spite of the block")
		}
		// The other way round, as if the server were the client, it is another tuple.
		apply(t, e, block(tuple(test.server, test.client, argusfeed.ProtoUDP, 5556), time.Minute))
		passes(t, r.ClientA, "udp", netip.AddrPortFrom(test.server, 8080))
	}
}

// The router's own traffic: what it sends, and what it is sent.
func TestOutputAndInput(t *testing.T) {
	r := newRouter(t)
	service := netip.AddrPortFrom(lab.RouterLAN4, 7777)
	service6 := netip.AddrPortFrom(lab.RouterLAN6, 7777)
	for _, to := range []netip.AddrPort{service, service6} {
		if err := r.Router.EchoTCP(to); err != nil {
			t.Fatal(err)
		}
	}
	blocks := []policy.Block{
		block(tuple(lab.RouterWAN4, lab.Server4, argusfeed.ProtoTCP, 8080), time.Minute),
		block(tuple(lab.RouterWAN6, lab.Server6, argusfeed.ProtoTCP, 8080), time.Minute),
		block(tuple(lab.ClientA4, lab.RouterLAN4, argusfeed.ProtoTCP, 7777), time.Minute),
		block(tuple(lab.ClientA6, lab.RouterLAN6, argusfeed.ProtoTCP, 7777), time.Minute),
		block(tuple(lab.ClientA4, lab.Server4, argusfeed.ProtoTCP, 8080), time.Minute),
	}
	for _, test := range []struct {
		hooks                  []Hook
		forward, input, output bool // blocked
	}{
		{hooks, true, true, true},
		{[]Hook{HookForward}, true, false, false},
		{[]Hook{HookInput}, false, true, true}, // of the router's own connection the answer
		{[]Hook{HookOutput}, false, true, true},
	} {
		e := open(t, r.Router, func(c *Config, _ *Options) { c.Hooks = test.hooks })
		apply(t, e, blocks...)
		check := func(blocked bool, from *lab.NS, to netip.AddrPort) {
			t.Helper()
			if blocked {
				dropped(t, from, "tcp", to)
			} else {
				passes(t, from, "tcp", to)
			}
		}
		t.Log("hooks", join(test.hooks))
		check(test.forward, r.ClientA, netip.AddrPortFrom(lab.Server4, 8080))
		check(test.output, r.Router, netip.AddrPortFrom(lab.Server4, 8080))
		check(test.output, r.Router, netip.AddrPortFrom(lab.Server6, 8080))
		check(test.input, r.ClientA, service)
		check(test.input, r.ClientA, service6)
		passes(t, r.ClientB, "tcp", service)
		passes(t, r.Router, "tcp", netip.AddrPortFrom(lab.Server4, 9090))
		if err := e.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// A block without ports stops that protocol between the two, and only that.
func TestPair(t *testing.T) {
	r := newRouter(t)
	e := open(t, r.Router)
	for _, test := range []struct {
		client, server netip.Addr
		proto          argusfeed.Proto
	}{
		{lab.ClientA4, lab.Server4, argusfeed.ProtoICMP},
		{lab.ClientA6, lab.Server6, argusfeed.ProtoICMPv6},
	} {
		b := block(tuple(test.client, test.server, test.proto, 0), time.Minute)
		b.Tuple.Port = argusfeed.PortHex(0x0800) // as Argus shows it
		if err := r.ClientA.Ping(test.server, passTime); err != nil {
			t.Fatal(err)
		}
		apply(t, e, b)
		if r.ClientA.Ping(test.server, dropTime) == nil {
			t.Errorf("%s: a ping is answered in spite of the block", b.Tuple)
		}
		if r.Server.Ping(test.client, dropTime) == nil {
			t.Errorf("%s: a ping the other way is answered in spite of the block", b.Tuple)
		}
		if err := r.ClientB.Ping(test.server, passTime); err != nil {
			t.Error(err)
		}
		passes(t, r.ClientA, "tcp", netip.AddrPortFrom(test.server, 8080))
	}
}

// ICMPv6 carries neighbour discovery: a block of it between the router and a
// neighbour must not cut the rest.
func TestNeighbourDiscovery(t *testing.T) {
	r := newRouter(t)
	e := open(t, r.Router)
	apply(t, e,
		block(tuple(lab.RouterLAN6, lab.ClientA6, argusfeed.ProtoICMPv6, 0), time.Minute),
		block(tuple(lab.ClientA6, lab.RouterLAN6, argusfeed.ProtoICMPv6, 0), time.Minute))
	// Forget who is where, on both sides.
	for _, ns := range []*lab.NS{r.Router, r.ClientA} {
		name := "eth0"
		if ns == r.Router {
			name = lab.RouterLAN
		}
		link, err := ns.Links().LinkByName(name)
		if err != nil {
			t.Fatal(err)
		}
		neighbours, err := ns.Links().NeighList(link.Attrs().Index, 10) // AF_INET6
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range neighbours {
			if !n.IP.IsMulticast() {
				_ = ns.Links().NeighDel(&n)
			}
		}
	}
	if r.ClientA.Ping(lab.RouterLAN6, dropTime) == nil {
		t.Error("a ping is answered in spite of the block")
	}
	if err := r.Router.EchoTCP(netip.AddrPortFrom(lab.RouterLAN6, 7777)); err != nil {
		t.Fatal(err)
	}
	passes(t, r.ClientA, "tcp", netip.AddrPortFrom(lab.RouterLAN6, 7777))
	passes(t, r.ClientA, "tcp", netip.AddrPortFrom(lab.Server6, 8080))
}

// With reject a new connection fails at once instead of timing out.
func TestReject(t *testing.T) {
	r := newRouter(t)
	e := open(t, r.Router, func(c *Config, _ *Options) { c.Verdict = VerdictReject })
	to := netip.AddrPortFrom(lab.Server4, 8080)
	apply(t, e, block(tuple(lab.ClientA4, lab.Server4, argusfeed.ProtoTCP, 8080), time.Minute))
	start := time.Now()
	err := r.ClientA.Reach("tcp", to, 10*time.Second)
	if err == nil {
		t.Fatal("it passes")
	}
	if took := time.Since(start); took > passTime {
		t.Errorf("the client waited %v: %v", took, err)
	}
}

// A block ends by itself, in the kernel and in the list; a renewed one lasts
// longer; an open connection lives again afterwards.
func TestTimeoutAndRenewal(t *testing.T) {
	r := newRouter(t)
	e := open(t, r.Router)
	short := tuple(lab.ClientA4, lab.Server4, argusfeed.ProtoTCP, 8080)
	long := tuple(lab.ClientA4, lab.Server4, argusfeed.ProtoTCP, 9090)
	start := time.Now()
	apply(t, e, block(short, time.Second), block(long, time.Second))
	testenv.Until(t, "half a second gone", func() bool { return time.Since(start) > 500*time.Millisecond })
	// The same duration again: the kernel itself would not refresh it.
	renewed := apply(t, e, block(long, time.Second))[0]
	if !renewed.Before || renewed.Until.Sub(start) < 1500*time.Millisecond {
		t.Errorf("no renewal: %+v", renewed)
	}
	probe := func(port uint16) bool {
		return r.ClientA.Reach("tcp", netip.AddrPortFrom(lab.Server4, port), 50*time.Millisecond) == nil
	}
	var shortEnd, longEnd time.Duration
	testenv.Until(t, "both blocks over", func() bool {
		if shortEnd == 0 && probe(8080) {
			shortEnd = time.Since(start)
		}
		if longEnd == 0 && probe(9090) {
			longEnd = time.Since(start)
		}
		return shortEnd > 0 && longEnd > 0
	})
	if shortEnd < 950*time.Millisecond {
		t.Errorf("a block of 1s ended after %v", shortEnd)
	}
	if longEnd < 1450*time.Millisecond {
		t.Errorf("a block of 1s, renewed after %v, ended after %v", renewed.Until.Sub(start)-time.Second, longEnd)
	}
	if list := e.List(); len(list) != 0 {
		t.Errorf("still listed: %+v", list)
	}
	report, err := e.Check()
	if err != nil || len(report.Expired) != 2 {
		t.Errorf("%d blocks are reported as run out, not 2 (%v)", len(report.Expired), err)
	}

	// Never shortened: the longer one counts.
	apply(t, e, block(short, time.Hour))
	if res := apply(t, e, block(short, time.Second))[0]; time.Until(res.Until) < 59*time.Minute {
		t.Errorf("a block of an hour was shortened to %v", time.Until(res.Until))
	}
}
