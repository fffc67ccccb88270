package policy

import (
	"net/netip"
	"testing"
)

func TestProtectedLookup(t *testing.T) {
	p := testProtected()
	for _, tt := range []struct {
		ip, why string
		kind    Kind
	}{
		{"0.0.0.0", "an unspecified address", KindSpecial},
		{"127.1.2.3", "a loopback address", KindSpecial},
		{"169.254.169.254", "a link-local address", KindSpecial},
		{"224.0.0.251", "a multicast address", KindSpecial},
		{"255.255.255.255", "the broadcast address", KindSpecial},
		{"::", "the unspecified address", KindSpecial},
		{"::1", "the loopback address", KindSpecial},
		{"fe80::1%eth0", "a link-local address", KindSpecial},
		{"ff02::fb", "a multicast address", KindSpecial},
		{"::ffff:127.0.0.1", "a loopback address", KindSpecial},
		{"10.0.0.1", "an own address of lan0", KindOwn},
		{"::ffff:10.0.0.1", "an own address of lan0", KindOwn},
		{"2001:db8:1::1", "an own address of lan0", KindOwn},
		{"203.0.113.1", "the gateway of wan0 and a resolver (/etc/resolv.conf)", KindGateway},
		{"10.0.0.254", "allowed in [protect]: the admins", KindAllow},
		{"10.0.0.239", "", ""},
		{"10.0.0.2", "", ""},
		{"240.0.0.1", "", ""},
		{"2001:db8:1::2", "", ""},
		{"::ffff:10.0.0.2", "", ""},
	} {
		e, ok := p.Lookup(netip.MustParseAddr(tt.ip))
		if ok != (tt.why != "") || e.Why != tt.why || e.Kind != tt.kind {
			t.Errorf("%s: %s %q, want %s %q", tt.ip, e.Kind, e.Why, tt.kind, tt.why)
		}
	}
	if e, ok := p.Lookup(netip.Addr{}); ok {
		t.Errorf("no address is protected: %+v", e)
	}
}

func TestProtectedEntriesAreTakenAsTheyAre(t *testing.T) {
	for _, tt := range []struct{ prefix, inside, outside string }{
		{"::ffff:10.1.0.0/112", "10.1.2.3", "10.2.0.1"},
		{"10.1.2.3/16", "10.1.0.1", "10.2.0.1"},
		{"::/0", "::ffff:10.1.2.3", "10.1.2.3"},
		{"0.0.0.0/0", "::ffff:10.1.2.3", "2001:db8::1"},
		{"", "127.0.0.1", "10.1.2.3"},
	} {
		var e Entry
		if tt.prefix != "" {
			e = Entry{Prefix: netip.MustParsePrefix(tt.prefix), Kind: KindAllow, Why: "allowed"}
		}
		p := NewProtected(e, e)
		if got, ok := p.Lookup(netip.MustParseAddr(tt.inside)); !ok || tt.prefix != "" && got.Why != "allowed" {
			t.Errorf("%q does not protect %s: %+v", tt.prefix, tt.inside, got)
		}
		if got, ok := p.Lookup(netip.MustParseAddr(tt.outside)); ok {
			t.Errorf("%q protects %s: %+v", tt.prefix, tt.outside, got)
		}
	}
}

// Only scope tuple may have an own address as its source.
func TestRefusesOwnSourcesOfWiderScopes(t *testing.T) {
	tuple := testTuple("203.0.113.7", "192.0.2.1", "443", "tcp")
	if why, refused := testProtected().Refuses(tuple, ScopeTuple); refused {
		t.Error(why)
	}
	const want = "source 203.0.113.7 is an own address of wan0, which is never blocked"
	if why, _ := testProtected().Refuses(tuple, "source"); why != want {
		t.Errorf("got %q, want %q", why, want)
	}
}

func TestAllowListSaysWhy(t *testing.T) {
	c, err := decode(everyKey)
	if err != nil {
		t.Fatal(err)
	}
	p := NewProtected(c.Protect.Entries()...)
	for ip, want := range map[string]string{
		"10.0.0.5":      "allowed in [protect]",
		"192.168.7.200": "allowed in [protect]: the printers",
		"2001:db8::1":   "allowed in [protect]: NAS and more",
	} {
		if e, _ := p.Lookup(netip.MustParseAddr(ip)); e.Why != want || e.Kind != KindAllow {
			t.Errorf("%s: %+v, want %q", ip, e, want)
		}
	}
}

func TestProtectedIsCountedAndListed(t *testing.T) {
	entry := func(prefix string, kind Kind, why string) Entry {
		return Entry{Prefix: netip.MustParsePrefix(prefix), Kind: kind, Why: why}
	}
	for _, order := range [][]Entry{
		{entry("10.0.0.1/32", KindAllow, "allowed"), entry("10.0.0.1/32", KindGateway, "the gateway"), entry("10.0.0.9/32", KindOwn, "own")},
		{entry("10.0.0.9/32", KindOwn, "own"), entry("10.0.0.1/32", KindGateway, "the gateway"), entry("10.0.0.1/32", KindAllow, "allowed")},
	} {
		p := NewProtected(order...)
		if p.Len() != len(special)+3 || p.Allowed() != 1 {
			t.Errorf("%d entries, %d allowed", p.Len(), p.Allowed())
		}
		kinds, last := map[Kind]int{}, Entry{}
		for e := range p.All() {
			kinds[e.Kind]++
			last = e
		}
		if kinds[KindAllow] != 1 || kinds[KindOwn] != 1 || kinds[KindGateway] != 1 || kinds[KindSpecial] != len(special) || last.Prefix.String() != "ff00::/8" {
			t.Errorf("%v, the last %v", kinds, last)
		}
		for e := range p.All() {
			if e.Kind != KindAllow {
				t.Errorf("the first is %+v", e)
			}
			break
		}
		// Both reasons are told, and the one that force cannot override counts.
		tuple := testTuple("10.0.0.5", "10.0.0.1", "443", "tcp")
		if why, _ := p.Refuses(tuple, ScopeTuple); why != "destination 10.0.0.1 is the gateway and allowed, which is never blocked" {
			t.Error(why)
		}
		if why, refused := p.RefusesForced(tuple, ScopeTuple); !refused || why != "destination 10.0.0.1 is the gateway, which is never blocked" {
			t.Error(why)
		}
		if e, ok := p.Lookup(netip.MustParseAddr("10.0.0.1")); !ok || e.Kind != KindGateway {
			t.Errorf("%+v", e)
		}
	}
	// A narrow allowed network does not open a wide protected one.
	p := NewProtected(entry("10.0.0.0/8", KindRouter, "a router"), entry("10.0.0.1/32", KindAllow, "allowed"))
	tuple := testTuple("10.0.0.1", "198.51.100.1", "443", "tcp")
	if why, refused := p.RefusesBlock(Block{Tuple: tuple, Scope: ScopeTuple, Forced: true}); !refused || why != "source 10.0.0.1 is a router, which is never blocked" {
		t.Errorf("%v %s", refused, why)
	}
	if why, _ := p.RefusesBlock(Block{Tuple: tuple, Scope: ScopeTuple}); why != "source 10.0.0.1 is allowed, which is never blocked" {
		t.Error(why)
	}
	var none *Protected
	for range none.All() {
		t.Error("nothing known has an entry")
	}
	if none.Len() != 0 || none.Allowed() != 0 {
		t.Error("nothing known is counted")
	}
	if _, refused := none.RefusesForced(tuple, ScopeTuple); !refused {
		t.Error("a block while nothing is known")
	}
}
