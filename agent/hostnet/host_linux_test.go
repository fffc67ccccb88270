package hostnet

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/vishvananda/netlink"

	"slips-ips/internal/lab"
	"slips-ips/internal/testenv"
)

func newRouter(t *testing.T) *lab.Router {
	t.Helper()
	r, err := lab.NewRouter()
	if errors.Is(err, lab.ErrUnavailable) {
		testenv.Skip(t, err.Error())
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	return r
}

func lines(s Snapshot) []string {
	var list []string
	for _, e := range s.Entries {
		if !e.Prefix.Addr().IsLinkLocalUnicast() || e.Kind != "own" { // those are random
			list = append(list, fmt.Sprintf("%s %s: %s", e.Kind, e.Prefix, e.Why))
		}
	}
	for _, name := range s.Default {
		list = append(list, "default "+name)
	}
	return list
}

func TestDiscover(t *testing.T) {
	r := newRouter(t)
	file := filepath.Join(t.TempDir(), "resolv.conf")
	if err := os.WriteFile(file, []byte("nameserver 192.0.2.53\nnameserver 10.20.0.1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	opt := Options{NetNS: r.ClientA.FD(), ResolverFiles: []string{file, file + ".missing"}}
	check := func(want ...string) {
		t.Helper()
		s, err := Discover(opt)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, lines(s)); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
	own := []string{
		"own 10.20.0.11/32: an own address of eth0",
		"own 127.0.0.1/32: an own address of lo",
		"own ::1/128: an own address of lo",
		"own fd00:20::11/128: an own address of eth0",
		"resolver 10.20.0.1/32: a resolver (" + file + ")",
		"resolver 192.0.2.53/32: a resolver (" + file + ")",
		"special 10.20.0.255/32: the broadcast address of eth0",
		"default eth0",
	}
	check(append([]string{
		"gateway 10.20.0.1/32: the default gateway on eth0",
		"gateway fd00:20::1/128: the default gateway on eth0",
	}, own...)...)

	// A default route over two ways, one through an IPv6 gateway, a route in a
	// table of its own, one to somewhere else, and a way into nowhere.
	links := r.ClientA.Links()
	eth0, err := links.LinkByName("eth0")
	if err != nil {
		t.Fatal(err)
	}
	index := eth0.Attrs().Index
	prefix := func(s string) *net.IPNet { _, n, _ := net.ParseCIDR(s); return n }
	hop := func(gw string) *netlink.NexthopInfo {
		return &netlink.NexthopInfo{LinkIndex: index, Gw: net.ParseIP(gw)}
	}
	for _, route := range []*netlink.Route{
		{Dst: prefix("0.0.0.0/0"), Priority: 9, MultiPath: []*netlink.NexthopInfo{hop("10.20.0.2"), hop("10.20.0.3")}},
		{Dst: prefix("0.0.0.0/0"), Priority: 10, LinkIndex: index, Via: &netlink.Via{AddrFamily: netlink.FAMILY_V6, Addr: net.ParseIP("fd00:20::4")}},
		{Dst: prefix("0.0.0.0/0"), Table: 99, Gw: net.ParseIP("10.20.0.5")},
		{Dst: prefix("198.51.100.0/24"), Gw: net.ParseIP("10.20.0.6")},
		{Dst: prefix("198.51.101.0/24"), Gw: net.ParseIP("10.20.0.6")},
		{Dst: prefix("192.0.2.0/24"), Type: 7}, // unreachable
	} {
		if err := links.RouteAdd(route); err != nil {
			t.Fatalf("%v: %v", route, err)
		}
	}
	if err := links.AddrAdd(eth0, &netlink.Addr{
		IPNet: &net.IPNet{IP: net.ParseIP("10.99.0.1").To4(), Mask: net.CIDRMask(32, 32)},
		Peer:  &net.IPNet{IP: net.ParseIP("10.99.0.2").To4(), Mask: net.CIDRMask(32, 32)},
	}); err != nil {
		t.Fatal(err)
	}
	check(append([]string{
		"gateway 10.20.0.1/32: the default gateway on eth0",
		"gateway 10.20.0.2/32: the default gateway on eth0",
		"gateway 10.20.0.3/32: the default gateway on eth0",
		"gateway 10.20.0.5/32: the default gateway on eth0",
		"gateway 10.20.0.6/32: a gateway on eth0",
		"gateway 10.99.0.2/32: the other end of eth0",
		"gateway fd00:20::1/128: the default gateway on eth0",
		"gateway fd00:20::4/128: the default gateway on eth0",
	}, slices.Insert(own, 1, "own 10.99.0.1/32: an own address of eth0")...)...)
}

// Watch tells of every change, with all that is found afterwards.
func TestWatch(t *testing.T) {
	r := newRouter(t)
	dir := t.TempDir()
	file := filepath.Join(dir, "resolv.conf")
	ctx, stop := context.WithCancel(t.Context())
	snapshots := make(chan Snapshot, 100)
	done := make(chan error, 1)
	go func() {
		opt := Options{NetNS: r.ClientA.FD(), ResolverFiles: []string{file}, Every: 50 * time.Millisecond}
		done <- Watch(ctx, opt, func(s Snapshot) { snapshots <- s }, func(err error) { t.Error(err) })
	}()
	await := func(line string, there bool) {
		t.Helper()
		var last []string
		for deadline := time.After(testenv.Patience); ; {
			select {
			case s := <-snapshots:
				if last = lines(s); slices.Contains(last, line) == there {
					return
				}
			case <-deadline:
				t.Fatalf("%q did not become %v; the last snapshot is %q", line, there, last)
			}
		}
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	everywhere := netip.MustParsePrefix("0.0.0.0/0")
	await("gateway 10.20.0.1/32: the default gateway on eth0", true)
	must(r.ClientA.Addr("eth0", netip.MustParsePrefix("10.20.0.77/24")))
	await("own 10.20.0.77/32: an own address of eth0", true)
	must(r.ClientA.DelAddr("eth0", netip.MustParsePrefix("10.20.0.77/24")))
	await("own 10.20.0.77/32: an own address of eth0", false)
	must(r.ClientA.DelRoute(everywhere, lab.RouterLAN4))
	await("gateway 10.20.0.1/32: the default gateway on eth0", false)
	must(r.ClientA.Route(everywhere, netip.MustParseAddr("10.20.0.9")))
	await("gateway 10.20.0.9/32: the default gateway on eth0", true)
	must(r.ClientA.Down("eth0")) // takes the IPv4 route along without an event
	await("gateway 10.20.0.9/32: the default gateway on eth0", false)
	must(os.WriteFile(file, []byte("nameserver 192.0.2.53\n"), 0o600))
	await("resolver 192.0.2.53/32: a resolver ("+file+")", true)
	must(os.Remove(file))
	await("resolver 192.0.2.53/32: a resolver ("+file+")", false)
	stop()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// Events arrive by themselves, not only with the next look.
func TestWatchEvents(t *testing.T) {
	r := newRouter(t)
	ctx, stop := context.WithCancel(t.Context())
	snapshots := make(chan Snapshot, 100)
	done := make(chan error, 1)
	go func() {
		opt := Options{NetNS: r.ClientA.FD(), ResolverFiles: []string{}, Every: time.Hour}
		done <- Watch(ctx, opt, func(s Snapshot) { snapshots <- s }, func(err error) { t.Error(err) })
	}()
	<-snapshots
	if err := r.ClientA.Addr("eth0", netip.MustParsePrefix("10.20.0.77/24")); err != nil {
		t.Fatal(err)
	}
	select {
	case s := <-snapshots:
		if !slices.Contains(lines(s), "own 10.20.0.77/32: an own address of eth0") {
			t.Errorf("%q", lines(s))
		}
	case <-time.After(testenv.Patience):
		t.Error("no event")
	}
	stop()
	<-done
}
