package policy

import (
	"net/netip"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func protecting(t interface{ Fatal(...any) }, networks ...string) (c ProtectConfig) {
	for _, text := range networks {
		var n Network
		if err := n.UnmarshalText([]byte(text)); err != nil {
			t.Fatal(err)
		}
		c.Networks = append(c.Networks, n)
	}
	return c
}

func TestEverything(t *testing.T) {
	for _, tt := range []struct {
		networks []string
		want     string
	}{
		{nil, ""},
		{[]string{"10.0.0.0/8", "2001:db8::/32"}, ""},
		{[]string{"0.0.0.0/0 for a test"}, "IPv4"},
		{[]string{"::/0"}, "IPv6"},
		{[]string{"0.0.0.0/0", "::/0"}, "IPv4 IPv6"},
		{[]string{"128.0.0.0/1"}, ""},
		{[]string{"0.0.0.0/1", "128.0.0.0/1"}, "IPv4"},
		{[]string{"0.0.0.0/2", "64.0.0.0/2", "128.0.0.0/2", "192.0.0.0/3", "224.0.0.0/3"}, "IPv4"},
		{[]string{"0.0.0.0/2", "64.0.0.0/2", "128.0.0.0/2", "192.0.0.0/3", "224.0.0.0/4"}, ""},
		{[]string{"::/1", "8000::/1", "128.0.0.0/1"}, "IPv6"},
		{[]string{"::ffff:0.0.0.0/96"}, "IPv4"},
	} {
		var versions []string
		for _, said := range protecting(t, tt.networks...).Everything() {
			_, version, _ := strings.Cut(said, "every address of ")
			version, _, _ = strings.Cut(version, ":")
			versions = append(versions, version)
		}
		if got := strings.Join(versions, " "); got != tt.want {
			t.Errorf("%q: %q, want %q", tt.networks, got, tt.want)
		}
	}
}

// What is said to be everything is: no public address is left.
func TestEverythingIsProtected(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var c ProtectConfig
		for range rapid.IntRange(0, 8).Draw(t, "networks") {
			ip := netip.AddrFrom4([4]byte{rapid.Byte().Draw(t, "address")})
			p, err := ip.Prefix(rapid.IntRange(0, 4).Draw(t, "bits"))
			if err != nil {
				t.Fatal(err)
			}
			c.Networks = append(c.Networks, Network{Prefix: Prefix{p}})
		}
		left := false
		for first := range 256 {
			ip := netip.AddrFrom4([4]byte{byte(first), 1, 2, 3})
			in := false
			for _, n := range c.Networks {
				in = in || n.Contains(ip)
			}
			left = left || !in
		}
		if said := c.Everything(); (len(said) > 0) == left {
			t.Errorf("%v: %q, an address is left: %v", c.Networks, said, left)
		}
	})
}
