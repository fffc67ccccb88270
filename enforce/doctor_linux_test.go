package enforce

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"slips-ips/internal/lab"
)

func TestSelfTest(t *testing.T) {
	newNS(t) // skips where there are none
	for _, verdict := range []Verdict{VerdictDrop, VerdictReject} {
		cfg := DefaultConfig()
		cfg.Verdict = verdict
		r, err := SelfTest(cfg)
		if err != nil || !r.Dropped || !r.Passed || r.Counted == 0 {
			t.Errorf("%s: %+v, %v", verdict, r, err)
		}
	}
}

func TestInspect(t *testing.T) {
	r := newRouter(t)
	nft(t, r.Router, `table ip filter { chain FORWARD { type filter hook forward priority filter; policy drop; }; chain DOCKER-USER { }; }
		table inet early { chain c { type filter hook forward priority -50; }; }
		table inet firewalld { chain x { type nat hook postrouting priority srcnat; }; }
		table netdev n { }`, "-f", "-")
	before := ruleset(t, r.Router)
	var in Inspection
	look := func() {
		err := r.Router.Do(func() (err error) {
			in, err = Inspect(DefaultConfig(), r.Router.FD())
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	look()
	if diff := cmp.Diff(before, ruleset(t, r.Router)); diff != "" {
		t.Errorf("looking changed the ruleset:\n%s", diff)
	}
	if !in.NetAdmin || in.Kernel == "" || in.Table != "absent" || !in.Forwarding4 || !in.Forwarding6 {
		t.Errorf("%+v", in)
	}
	if diff := cmp.Diff([]string{"docker", "firewalld", "iptables"}, in.Firewalls); diff != "" {
		t.Errorf("firewalls:\n%s", diff)
	}
	want := []BaseChain{
		{"inet", "early", "c", "filter", "forward", -50, "accept"},
		{"ip", "filter", "FORWARD", "filter", "forward", 0, "drop"},
		{"inet", "firewalld", "x", "nat", "postrouting", 100, "accept"},
	}
	if diff := cmp.Diff(want, in.Chains); diff != "" {
		t.Errorf("chains (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]Bridge{{lab.RouterLAN, []string{"lan0", "lan1"}}}, in.Bridges); diff != "" {
		t.Errorf("bridges:\n%s", diff)
	}
	words := strings.Join(in.Warnings, "\n")
	for _, part := range []string{"the chain c of inet early", "firewalld"} {
		if !strings.Contains(words, part) {
			t.Errorf("no warning says %q:\n%s", part, words)
		}
	}
	e := open(t, r.Router)
	if look(); in.Table != "ours" {
		t.Errorf("our table is %q", in.Table)
	}
	apply(t, e, many(3, time.Hour)...)
	nft(t, r.Router, "flush chain inet slips block4", "-f", "-")
	if look(); !strings.Contains(in.Table, "block4") {
		t.Errorf("our damaged table is %q", in.Table)
	}
}

// TestOneInterfaceForwards: net.ipv4.ip_forward says no, and packets are forwarded.
func TestOneInterfaceForwards(t *testing.T) {
	r := newRouter(t)
	for _, set := range [][2]string{{"net.ipv4.ip_forward", "0"}, {"net.ipv4.conf.wan0.forwarding", "1"}} {
		if err := r.Router.Sysctl(set[0], set[1]); err != nil {
			t.Fatal(err)
		}
	}
	var in Inspection
	if err := r.Router.Do(func() (err error) {
		in, err = Inspect(DefaultConfig(), r.Router.FD())
		return err
	}); err != nil || !in.Forwarding4 {
		t.Errorf("%+v, %v", in, err)
	}
}
