package enforce

import (
	"errors"
	"net/netip"
	"testing"
	"time"

	"slips-ips/argusfeed"
	"slips-ips/internal/lab"
	"slips-ips/internal/testenv"
)

// A client in a VLAN (802.1Q) of the router is blocked as others are, established
// connections included, and a client beside the VLAN on the same cable is not.
func TestVLAN(t *testing.T) {
	r := newRouter(t)
	client, err := lab.NewNS("vlan client")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	if err := lab.Veth(r.Router, "trunk0", client, "eth0"); err != nil {
		t.Fatal(err)
	}
	type ends struct{ router, client netip.Prefix }
	tagged := []ends{
		{netip.MustParsePrefix("10.25.0.1/24"), netip.MustParsePrefix("10.25.0.11/24")},
		{netip.MustParsePrefix("fd00:25::1/64"), netip.MustParsePrefix("fd00:25::11/64")},
	}
	for ns, iface := range map[*lab.NS]string{r.Router: "trunk0", client: "eth0"} {
		err := ns.VLAN(iface, iface+".5", 5)
		if errors.Is(err, lab.ErrUnavailable) {
			testenv.Kernel(t, "VLANs (CONFIG_VLAN_8021Q)")
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, e := range tagged {
		if err := errors.Join(r.Router.Addr("trunk0.5", e.router), client.Addr("eth0.5", e.client)); err != nil {
			t.Fatal(err)
		}
		everywhere := netip.PrefixFrom(netip.IPv4Unspecified(), 0)
		if e.client.Addr().Is6() {
			everywhere = netip.PrefixFrom(netip.IPv6Unspecified(), 0)
		}
		if err := client.Route(everywhere, e.router.Addr()); err != nil {
			t.Fatal(err)
		}
	}
	e := open(t, r.Router)
	for i, server := range []netip.Addr{lab.Server4, lab.Server6} {
		to := netip.AddrPortFrom(server, 8080)
		established, err := client.Dial("tcp", to, passTime)
		if err != nil {
			t.Fatal(err)
		}
		defer established.Close()
		if err := established.Echo(passTime); err != nil {
			t.Fatal(err)
		}
		apply(t, e, block(tuple(tagged[i].client.Addr(), server, argusfeed.ProtoTCP, 8080), time.Minute))
		if established.Echo(dropTime) == nil {
			t.Error("an established connection lives on")
		}
		dropped(t, client, "tcp", to)
		passes(t, client, "tcp", netip.AddrPortFrom(server, 9090))
		passes(t, r.ClientA, "tcp", to)
	}
}
