package enforce

import (
	"errors"
	"net/netip"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/nftables"

	"slips-ips/argusfeed"
	"slips-ips/internal/lab"
	"slips-ips/internal/testenv"
	"slips-ips/policy"
)

// Whatever others do to our table, the next check, or the next block, puts it
// right: the table is as we make it and every block is in it.
func TestDamage(t *testing.T) {
	ns := newNS(t)
	for _, test := range []struct{ name, script, rebuilt string }{
		{"flush ruleset", "flush ruleset", "the table was gone"},
		{"delete table", "delete table inet slips", "the table was gone"},
		{"delete and add", "delete table inet slips; add table inet slips", "the set blocked4 was gone"},
		{"flush table", "flush table inet slips", "the chain dropped has 0 rules, not 1"},
		{"flush chain", "flush chain inet slips block6", "the chain block6 has 0 rules, not 5"},
		{"delete chain", "flush chain inet slips forward; delete chain inet slips forward", "the chain forward was gone"},
		{"accept before", "insert rule inet slips block accept", "the chain block has 3 rules, not 2"},
		{"chains and guards", "delete element inet slips never4 { 224.0.0.0/4 }; flush chain inet slips block4", "the protected addresses in it were others"},
		{"other verdict", "flush chain inet slips forward; add rule inet slips forward return", "rule 1 of the chain forward is another one"},
		{"policy", "add chain inet slips input { policy drop; }", "the chain input is another one (filter hook 1 priority -10 policy 0, not filter hook 1 priority -10 policy 1)"},
		{"dormant", "add table inet slips { flags dormant; }", "the table has the flags 0x1"},
		{"flush set", "flush set inet slips blocked4", ""},
		{"delete element", "delete element inet slips pair6 { fd00:20::11 . 2001:db8:113::80 . ipv6-icmp }", ""},
		{"shortened", "delete element inet slips blocked4 { 10.20.0.11 . 203.0.113.80 . udp . 53 };" +
			"add element inet slips blocked4 { 10.20.0.11 . 203.0.113.80 . udp . 53 timeout 20s }", ""},
	} {
		for _, how := range []string{"check", "apply"} {
			t.Run(test.name+", "+how, func(t *testing.T) {
				e := open(t, ns)
				defer func() { nft(t, ns, "flush ruleset", "-f", "-") }()
				apply(t, e, many(40, time.Hour)...)
				apply(t, e,
					block(tuple(lab.ClientA4, lab.Server4, argusfeed.ProtoUDP, 53), time.Hour),
					block(tuple(lab.ClientA6, lab.Server6, argusfeed.ProtoICMPv6, 0), time.Hour))
				if report, err := e.Check(); err != nil || !report.Quiet() {
					t.Fatalf("before anything happened: %+v, %v", report, err)
				}
				before := timeless(ruleset(t, ns))

				nft(t, ns, test.script, "-f", "-")
				want := 42
				if how == "apply" {
					apply(t, e, block(tuple(lab.ClientB4, lab.Server4, argusfeed.ProtoTCP, 80), time.Hour))
					want++
				}
				report, err := e.Check()
				if err != nil {
					t.Fatal(err)
				}
				if report.Rebuilt != test.rebuilt {
					t.Errorf("rebuilt because %q, not %q", report.Rebuilt, test.rebuilt)
				}
				// Where only chains or rules were gone, the blocks stayed.
				chains := strings.Contains(test.rebuilt, "chain") || strings.Contains(test.rebuilt, "protected")
				if (report.Restored == 0) != chains || report.Missing != 0 {
					t.Errorf("%d restored, %d missing", report.Restored, report.Missing)
				}
				enforced(t, e, want)
				if diff := cmp.Diff(before, timeless(ruleset(t, ns))); how == "check" && diff != "" {
					t.Errorf("not as before (-before +after):\n%s", diff)
				}
				if report, err := e.Check(); err != nil || !report.Quiet() {
					t.Errorf("afterwards: %+v, %v", report, err)
				}
			})
		}
	}
}

// timeless takes the timeouts of elements from a listing: what is restored has
// what was left.
func timeless(list string) string {
	return regexp.MustCompile(`counter timeout [0-9a-z]+`).ReplaceAllString(list, "counter")
}

// What is restored has the time left that it had.
func TestRestoredTime(t *testing.T) {
	r := newRouter(t)
	e := open(t, r.Router)
	start := time.Now()
	apply(t, e, block(tuple(lab.ClientA4, lab.Server4, argusfeed.ProtoTCP, 8080), 1500*time.Millisecond))
	testenv.Until(t, "half a second gone", func() bool { return time.Since(start) > 500*time.Millisecond })
	nft(t, r.Router, "flush ruleset", "-f", "-")
	to := netip.AddrPortFrom(lab.Server4, 8080)
	passes(t, r.ClientA, "tcp", to)
	if _, err := e.Check(); err != nil {
		t.Fatal(err)
	}
	dropped(t, r.ClientA, "tcp", to)
	testenv.Until(t, "the block is over", func() bool { return r.ClientA.Reach("tcp", to, 50*time.Millisecond) == nil })
	if took := time.Since(start); took < 1450*time.Millisecond || took > 2200*time.Millisecond {
		t.Errorf("a block of 1.5s, restored in between, lasted %v", took)
	}
}

// A new process finds the blocks of the one before, and they stay in force
// meanwhile.
func TestAdoption(t *testing.T) {
	r := newRouter(t)
	first := open(t, r.Router)
	blocks := many(100, time.Hour)
	hostile := block(tuple(lab.ClientA4, lab.Server4, argusfeed.ProtoTCP, 8080), 30*time.Minute)
	hostile.ID, hostile.Label = "a b\"", "evil\" }\n; flush ruleset; # \x1b[31m\\ "+strings.Repeat("ÿ", 300)
	icmp := block(tuple(lab.ClientA4, lab.Server4, argusfeed.ProtoICMP, 0), time.Hour)
	apply(t, first, append(blocks, hostile, icmp)...)
	before := ruleset(t, r.Router)
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	to := netip.AddrPortFrom(lab.Server4, 8080)
	dropped(t, r.ClientA, "tcp", to)

	second := open(t, r.Router)
	if s := second.Stats(); s.Adopted != 102 || s.Rebuilds != 0 {
		t.Errorf("adopted %d blocks and rebuilt %d times; expected 102 and 0", s.Adopted, s.Rebuilds)
	}
	if diff := cmp.Diff(before, ruleset(t, r.Router)); diff != "" {
		t.Errorf("adopting changed the ruleset (-before +after):\n%s", diff)
	}
	enforced(t, second, 102)
	for _, b := range append(blocks, icmp) {
		a, ok := second.Lookup(b.Tuple)
		if !ok {
			t.Fatalf("%s was not adopted", b.Tuple)
		}
		if diff := cmp.Diff(b, a.Block, cmp.AllowUnexported(argusfeed.Addr{})); diff != "" {
			t.Fatalf("adopted with a difference (-before +after):\n%s", diff)
		}
		if left := time.Until(a.Until); left > time.Hour || left < 59*time.Minute {
			t.Fatalf("%s has %v left of an hour", b.Tuple, left)
		}
	}
	a, _ := second.Lookup(hostile.Tuple)
	if a.Block.ID != "a_b_" || !strings.HasPrefix(a.Block.Label, "evil_ }_; flush ruleset; # _[31m_ ___") {
		t.Errorf("the hostile comment became %q and %q", a.Block.ID, a.Block.Label)
	}
	// And nft reads back what it printed, label and all.
	other := newNS(t)
	nft(t, other, before, "-f", "-")
	if diff := cmp.Diff(before, ruleset(t, other)); diff != "" {
		t.Errorf("loaded again it differs:\n%s", diff)
	}

	for _, res := range second.Lift([]policy.Block{hostile}) {
		if res.Err != nil || !res.Before {
			t.Errorf("lifting an adopted block: %+v", res)
		}
	}
	passes(t, r.ClientA, "tcp", to)
}

// A damaged table, one of another version and one for another configuration are
// replaced, with their blocks.
func TestReplacement(t *testing.T) {
	r := newRouter(t)
	to := netip.AddrPortFrom(lab.Server4, 8080)
	for _, test := range []struct {
		name   string
		damage func(string) string // of the listing
		change func(*Config, *Options)
	}{
		{name: "other rules", damage: func(s string) string {
			return strings.ReplaceAll(s, "ip saddr @quar4", "ip daddr @quar4")
		}},
		{name: "another version", damage: func(s string) string {
			s = strings.ReplaceAll(s, schema, schemaMark+"0")
			return strings.ReplaceAll(s, "pair6", "older6")
		}},
		{name: "another configuration", change: func(c *Config, _ *Options) {
			c.Hooks, c.Verdict, c.MaxBlocks = []Hook{HookForward}, VerdictReject, 500
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			first := open(t, r.Router)
			apply(t, first, append(many(50, time.Hour), block(tuple(lab.ClientA4, lab.Server4, argusfeed.ProtoTCP, 8080), time.Hour))...)
			first.Close()
			change := func(*Config, *Options) {}
			if test.damage != nil {
				nft(t, r.Router, "flush ruleset\n"+test.damage(ruleset(t, r.Router)), "-f", "-")
			}
			if test.change != nil {
				change = test.change
			}
			second := open(t, r.Router, change)
			if s := second.Stats(); s.Adopted != 51 || s.Rebuilds != 1 {
				t.Errorf("adopted %d blocks and rebuilt %d times; expected 51 and 1", s.Adopted, s.Rebuilds)
			}
			enforced(t, second, 51)
			dropped(t, r.ClientA, "tcp", to)
			nft(t, r.Router, "flush ruleset", "-f", "-")
		})
	}
}

// A table of our name that we did not make is left alone, at start and later.
func TestForeignTable(t *testing.T) {
	const foreign = "table inet slips { set blocked4 { type ipv4_addr; }; chain forward { type filter hook forward priority 0; policy drop; }; }"
	ns := newNS(t)
	nft(t, ns, foreign, "-f", "-")
	before := ruleset(t, ns)
	if _, err := tryOpen(ns); !errors.Is(err, ErrForeignTable) || !strings.Contains(err.Error(), "enforce.table") {
		t.Errorf("New says %v", err)
	}
	if err := Remove(DefaultConfig(), ns.FD()); !errors.Is(err, ErrForeignTable) {
		t.Errorf("Remove says %v", err)
	}
	if diff := cmp.Diff(before, ruleset(t, ns)); diff != "" {
		t.Errorf("the foreign table was changed:\n%s", diff)
	}

	nft(t, ns, "flush ruleset", "-f", "-")
	e := open(t, ns)
	apply(t, e, many(3, time.Hour)...)
	nft(t, ns, "flush ruleset; "+foreign, "-f", "-")
	if _, err := e.Check(); !errors.Is(err, ErrForeignTable) {
		t.Errorf("Check says %v", err)
	}
	if s := e.Stats(); s.Missing != 3 {
		t.Errorf("%d blocks are known to be missing, not 3", s.Missing)
	}
	more := block(tuple(lab.ClientA4, lab.Server4, argusfeed.ProtoTCP, 80), time.Hour)
	if res := e.Apply([]policy.Block{more}); !errors.Is(res[0].Err, ErrForeignTable) {
		t.Errorf("Apply says %v", res[0].Err)
	}
	if diff := cmp.Diff(before, ruleset(t, ns)); diff != "" {
		t.Errorf("the foreign table was changed:\n%s", diff)
	}
	// When it is gone, all that is wanted is put in force, the refused one too.
	nft(t, ns, "flush ruleset", "-f", "-")
	if _, err := e.Check(); err != nil {
		t.Fatal(err)
	}
	enforced(t, e, 4)
}

// Remove takes our table and nothing else.
func TestRemove(t *testing.T) {
	ns := newNS(t)
	nft(t, ns, "table inet other { chain c { type filter hook input priority 0; }; }", "-f", "-")
	before := ruleset(t, ns)
	e := open(t, ns)
	apply(t, e, many(10, time.Hour)...)
	for range 2 { // what is not there is no error
		if err := Remove(DefaultConfig(), ns.FD()); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(before, ruleset(t, ns)); diff != "" {
			t.Errorf("after removing:\n%s", diff)
		}
	}
}

// While another program changes rulesets all the time, blocks are put in force
// none the less, and none is lost.
func TestChurn(t *testing.T) {
	ns := newNS(t)
	e := open(t, ns)
	stop := make(chan struct{})
	var others sync.WaitGroup
	churn := func(step func(*nftables.Conn, int)) {
		c, err := nftables.New(nftables.AsLasting(), nftables.WithNetNSFd(ns.FD()))
		if err != nil {
			t.Fatal(err)
		}
		others.Add(1)
		go func() {
			defer others.Done()
			defer func() { _ = c.CloseLasting() }()
			for n := 0; ; n++ {
				select {
				case <-stop:
					return
				default:
					step(c, n)
					_ = c.Flush()
				}
			}
		}()
	}
	churn(func(c *nftables.Conn, n int) {
		table := &nftables.Table{Name: "other", Family: nftables.TableFamilyIPv4}
		c.AddTable(table)
		if n%10 == 9 {
			c.FlushRuleset()
		}
		time.Sleep(time.Millisecond)
	})
	blocks := many(600, time.Hour)
	for i := 0; i < len(blocks); i += 3 {
		for _, res := range e.Apply(blocks[i : i+3]) {
			if res.Err != nil && !errors.Is(res.Err, ErrUnconfirmed) && !errors.Is(res.Err, errChanged) {
				t.Fatal(res.Err)
			}
		}
		if i%60 == 0 {
			if _, err := e.Check(); err != nil && !errors.Is(err, errChanged) && !errors.Is(err, ErrUnconfirmed) {
				t.Fatal(err)
			}
		}
		e.List()
	}
	lifted := e.Lift(blocks[:100])
	close(stop)
	others.Wait()
	for range 2 { // the second one looks for what was in doubt
		if _, err := e.Check(); err != nil {
			t.Fatal(err)
		}
	}
	want := 500
	for _, res := range lifted {
		if res.Err != nil {
			want++
		}
	}
	enforced(t, e, want)
	if e.Stats().Rebuilds == 0 {
		t.Error("nobody disturbed")
	}
}
