package hostnet

import "testing"

// A host forwards where net.ipv4.ip_forward says so, and where only some interface
// does, as systemd-networkd sets it up.
func TestForwards(t *testing.T) {
	const all, conf = "proc/sys/net/ipv4/ip_forward", "proc/sys/net/ipv4/conf/"
	const all6, conf6 = "proc/sys/net/ipv6/conf/all/forwarding", "proc/sys/net/ipv6/conf/"
	for name, tt := range map[string]struct {
		files map[string]string
		want4 bool
		want6 bool
	}{
		"everywhere":                       {map[string]string{all: "1\n", all6: "0\n"}, true, false},
		"from one interface":               {map[string]string{all: "0\n", conf + "all/forwarding": "0\n", conf + "lan0/forwarding": "1\n"}, true, false},
		"interfaces to come":               {map[string]string{all: "0\n", conf + "default/forwarding": "1\n", conf + "lan0/forwarding": "0\n"}, false, false},
		"IPv6 everywhere":                  {map[string]string{all: "0\n", all6: "1\n"}, false, true},
		"IPv6 advertised on one interface": {map[string]string{all: "0\n", all6: "0\n", conf6 + "lan0/forwarding": "1\n"}, false, false},
		"no IP in this kernel":             {nil, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			opt := Options{Root: t.TempDir(), ResolverFiles: []string{}}
			write(t, opt.Root, tt.files)
			s, err := Discover(opt)
			if err != nil {
				t.Fatal(err)
			}
			if s.Forwards4 != tt.want4 || s.Forwards6 != tt.want6 {
				t.Errorf("forwards IPv4: %v, IPv6: %v; want %v, %v", s.Forwards4, s.Forwards6, tt.want4, tt.want6)
			}
		})
	}
}

// That a host begins to forward is a change as any other.
func TestForwardingIsAChange(t *testing.T) {
	opt := Options{Root: t.TempDir(), ResolverFiles: []string{}}
	f := newFinder(opt)
	look := func(name, text string) Snapshot {
		t.Helper()
		write(t, opt.Root, map[string]string{"proc/sys/net/" + name: text})
		if err := f.look(); err != nil {
			t.Fatal(err)
		}
		return f.snapshot()
	}
	for _, name := range []string{"ipv4/ip_forward", "ipv6/conf/all/forwarding"} {
		if before := look(name, "0\n"); before.equal(look(name, "1\n")) {
			t.Errorf("%s is not seen", name)
		}
	}
}
