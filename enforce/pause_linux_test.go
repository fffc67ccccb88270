package enforce

import (
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"slips-ips/argusfeed"
	"slips-ips/internal/lab"
	"slips-ips/policy"
)

// Everything off: the table is gone and stays away, blocks are refused, traffic
// passes; and after that everything as before.
func TestPause(t *testing.T) {
	for _, ownership := range []Ownership{OwnershipNone, OwnershipAuto} {
		t.Run(string(ownership), func(t *testing.T) {
			r := newRouter(t)
			owned := func(c *Config, _ *Options) { c.Ownership = ownership }
			e := open(t, r.Router, owned)
			to := netip.AddrPortFrom(lab.Server4, 8080)
			b := block(tuple(lab.ClientA4, lab.Server4, argusfeed.ProtoTCP, 8080), time.Hour)
			apply(t, e, append(many(200, time.Hour), b)...)
			dropped(t, r.ClientA, "tcp", to)
			if e.kernel.flags != 0 {
				// Nobody else can remove it while its owner lives.
				cfg := DefaultConfig()
				cfg.Ownership = ownership
				if err := Remove(cfg, r.Router.FD()); err == nil {
					t.Error("somebody else removed the table of a living owner")
				}
				dropped(t, r.ClientA, "tcp", to)
			}
			ended, err := e.Pause()
			if err != nil || len(ended) != 201 || ended[200].Block.ID != b.ID || ended[200].State != StateBlocked {
				t.Fatalf("%d ended, %v", len(ended), err)
			}
			gone := func() {
				t.Helper()
				if rules := ruleset(t, r.Router); strings.Contains(rules, "table inet slips") {
					t.Errorf("the table is there:\n%s", rules)
				}
				if err := r.ClientA.Reach("tcp", to, passTime); err != nil {
					t.Error(err)
				}
			}
			gone()
			if res := e.Apply(many(1, time.Hour)); !errors.Is(res[0].Err, ErrPaused) {
				t.Errorf("a block while paused: %v", res[0].Err)
			}
			if res := e.Lift(many(1, time.Hour)); res[0].Err != nil || res[0].Before {
				t.Errorf("lifting while paused: %+v", res[0])
			}
			if _, err := e.Counts(); !errors.Is(err, ErrNotCounted) {
				t.Errorf("counts while paused: %v", err)
			}
			for range 3 {
				if rep, err := e.Check(); err != nil || !rep.Quiet() {
					t.Errorf("%+v, %v", rep, err)
				}
			}
			gone()
			if h := e.Health(); h.Err != nil || h.Enforced != 0 || time.Since(h.Checked) > time.Minute || !h.Differs.IsZero() {
				t.Errorf("%+v", h)
			}
			for range 2 {
				if err := e.Resume(); err != nil {
					t.Fatal(err)
				}
			}
			apply(t, e, b)
			dropped(t, r.ClientA, "tcp", to)
			enforced(t, e, 1)
			if s := e.Stats(); s.Rebuilds != 0 || s.Lifted != 201 {
				t.Errorf("%+v", s)
			}

			// A new process that begins paused takes away what the one before left.
			if err := e.Close(); err != nil {
				t.Fatal(err)
			}
			dropped(t, r.ClientA, "tcp", to)
			e = open(t, r.Router, owned, func(_ *Config, o *Options) { o.Paused = true })
			gone()
			if !e.Paused() || e.Len() != 0 {
				t.Errorf("paused: %v, %d blocks", e.Paused(), e.Len())
			}
			if err := e.Resume(); err != nil {
				t.Fatal(err)
			}
			apply(t, e, b)
			dropped(t, r.ClientA, "tcp", to)
		})
	}
}

// A dry-run is paused like any other.
func TestPauseDryRun(t *testing.T) {
	e, err := New(DefaultConfig(), Options{DryRun: true, Protected: func() *policy.Protected { return noneProtected }})
	if err != nil {
		t.Fatal(err)
	}
	apply(t, e, many(2, time.Hour)...)
	if ended, err := e.Pause(); err != nil || len(ended) != 2 || e.Len() != 0 {
		t.Errorf("%v, %v", ended, err)
	}
	if res := e.Apply(many(1, time.Hour)); !errors.Is(res[0].Err, ErrPaused) {
		t.Errorf("%+v", res)
	}
	if err := e.Resume(); err != nil {
		t.Error(err)
	}
	apply(t, e, many(2, time.Hour)...)
}
