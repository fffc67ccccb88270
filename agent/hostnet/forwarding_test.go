package hostnet

import "testing"

// A host forwards where net.ipv4.ip_forward says so, and where only some interface
// does, as systemd-networkd sets it up.
func TestForwards(t *testing.T) {
	const all, conf = "proc/sys/net/ipv4/ip_forward", "proc/sys/net/ipv4/conf/"
	for name, tt := range map[string]struct {
		files map[string]string
		want  bool
	}{
		"everywhere":             {map[string]string{all: "1\n"}, true},
		"from one interface":     {map[string]string{all: "0\n", conf + "all/forwarding": "0\n", conf + "lan0/forwarding": "1\n"}, true},
		"interfaces to come":     {map[string]string{all: "0\n", conf + "default/forwarding": "1\n", conf + "lan0/forwarding": "0\n"}, false},
		"no IPv4 in this kernel": {nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			opt := Options{Root: t.TempDir(), ResolverFiles: []string{}}
			write(t, opt.Root, tt.files)
			s, err := Discover(opt)
			if err != nil {
				t.Fatal(err)
			}
			if s.Forwards != tt.want {
				t.Errorf("forwards: %v, want %v", s.Forwards, tt.want)
			}
		})
	}
}

// That a host begins to forward is a change as any other.
func TestForwardingIsAChange(t *testing.T) {
	opt := Options{Root: t.TempDir(), ResolverFiles: []string{}}
	f := newFinder(opt)
	look := func(text string) Snapshot {
		t.Helper()
		write(t, opt.Root, map[string]string{"proc/sys/net/ipv4/ip_forward": text})
		if err := f.look(); err != nil {
			t.Fatal(err)
		}
		return f.snapshot()
	}
	if before := look("0\n"); before.equal(look("1\n")) {
		t.Error("it is not seen")
	}
}
