package enforce

import (
	"strings"
	"testing"
	"time"
)

// countingKilled leaves what a counting dry-run leaves that is killed.
func countingKilled(t *testing.T, open func(...func(*Config, *Options)) *Enforcer) {
	t.Helper()
	e := open(func(c *Config, o *Options) { c.Count, o.Count, o.DryRun = true, true, true })
	apply(t, e, many(3, time.Hour)...)
	e.opt.DryRun = false // so that Close leaves the table
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
}

// The table of a counting dry-run that was killed goes with the next agent that
// enforces, and with a rescue; doctor knows of it. A plain dry-run writes nothing.
func TestCountingLeftBehind(t *testing.T) {
	for name, ends := range map[string]func(t *testing.T, open func(...func(*Config, *Options)) *Enforcer, ns int){
		"the next that enforces": func(t *testing.T, open func(...func(*Config, *Options)) *Enforcer, _ int) {
			e := open()
			apply(t, e, many(2, time.Hour)...)
			enforced(t, e, 2)
		},
		"the next that begins paused": func(_ *testing.T, open func(...func(*Config, *Options)) *Enforcer, _ int) {
			open(func(_ *Config, o *Options) { o.Paused = true })
		},
		"a rescue": func(t *testing.T, _ func(...func(*Config, *Options)) *Enforcer, ns int) {
			if err := Remove(DefaultConfig(), ns); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			ns := newNS(t)
			here := func(change ...func(*Config, *Options)) *Enforcer { return open(t, ns, change...) }
			countingKilled(t, here)
			left := func() bool { return strings.Contains(ruleset(t, ns), "slips_count") }
			said := func() bool { return strings.Contains(strings.Join(inspectIn(t, ns).Warnings, "\n"), "slips_count") }
			if !left() || !said() {
				t.Fatalf("left: %v, told: %v", left(), said())
			}
			here(func(_ *Config, o *Options) { o.DryRun = true }).Close()
			if !left() {
				t.Error("a plain dry-run wrote")
			}
			ends(t, here, ns.FD())
			if left() || said() {
				t.Errorf("left: %v, told: %v", left(), said())
			}
		})
	}
}

// Somebody else's table of that name stays, and keeps nobody from enforcing.
func TestCountingForeign(t *testing.T) {
	ns := newNS(t)
	nft(t, ns, "add table inet slips_count; add chain inet slips_count theirs", "-f", "-")
	open(t, ns)
	if list := ruleset(t, ns); !strings.Contains(list, "theirs") {
		t.Errorf("it is gone:\n%s", list)
	}
}
