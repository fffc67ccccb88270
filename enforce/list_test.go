package enforce

import (
	"errors"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"slips-ips/policy"
)

func idsOf(list []Active) (ids []string) {
	for _, a := range list {
		ids = append(ids, a.Block.ID)
	}
	return ids
}

// Blocks are listed in the order in which they began, and a renewal leaves them
// in their place, under its own id.
func TestListOrder(t *testing.T) {
	e, clock := dryRun(t, 10, noneProtected)
	blocks := someBlocks(4)
	for _, b := range blocks {
		clock.Time = clock.Add(time.Second)
		e.Apply([]policy.Block{b})
	}
	renewal := blocks[1]
	renewal.ID = "renewal"
	clock.Time = clock.Add(time.Minute)
	e.Apply([]policy.Block{renewal})
	want := []string{"id-0", "renewal", "id-2", "id-3"}
	if got := idsOf(e.List()); !slices.Equal(got, want) {
		t.Errorf("listed are %q, want %q", got, want)
	}
	slices.Reverse(want)
	if got := idsOf(slices.Collect(e.Newest())); !slices.Equal(got, want) {
		t.Errorf("the newest first: %q, want %q", got, want)
	}
	for id, known := range map[string]bool{"renewal": true, "id-1": false, "id-2": true, "": false, "none": false} {
		a, ok := e.Find(id)
		if ok != known || ok && a.Block.ID != id {
			t.Errorf("%q: found %v, %+v", id, ok, a)
		}
	}
	r, ok := e.LiftID("id-2")
	if !ok || r.Err != nil || !r.Before || r.Block != blocks[2] || r.Until.IsZero() {
		t.Errorf("lifted %v, %+v", ok, r)
	}
	if _, ok := e.LiftID("id-2"); ok {
		t.Error("lifted twice")
	}
	if _, ok := e.Lookup(blocks[2].Tuple); ok || e.Len() != 3 || e.Stats().Lifted != 1 {
		t.Errorf("after lifting %d are left, %+v", e.Len(), e.Stats())
	}
	clock.Time = clock.Add(2 * time.Hour)
	if _, ok := e.Find("renewal"); ok {
		t.Error("a block that ran out is found")
	}
	if n := len(slices.Collect(e.Newest())) + len(e.List()); n > 0 {
		t.Errorf("%d blocks that ran out are listed", n)
	}
}

// Whatever begins and ends while the newest are listed: what stays is given once,
// in order, and what is new is not.
func TestNewestWhileBlocksComeAndGo(t *testing.T) {
	changed := 0
	rapid.Check(t, func(rt *rapid.T) {
		e, clock := dryRun(t, 10*pageSize, noneProtected)
		n := rapid.IntRange(0, 3*pageSize).Draw(rt, "blocks")
		all := someBlocks(n + 100)
		e.Apply(all[:n])
		stays := map[string]bool{}
		for _, b := range all[:n] {
			stays[b.ID] = true
		}
		begun := clock.Time
		next, given := n, 0
		last := pageEnd{number: 1 << 62}
		for a := range e.Newest() {
			w := e.wanted.places[e.wanted.ids[a.Block.ID]]
			if a.Since != begun || w.number != 0 && w.active.Block.ID == a.Block.ID && w.number >= last.number {
				rt.Fatalf("%s is new, or out of order", a.Block.ID)
			}
			if w.active.Block.ID == a.Block.ID {
				last.number = w.number
			}
			if stays[a.Block.ID] {
				stays[a.Block.ID] = false
				given++
			}
			if given%97 != 0 && given%pageSize != 0 {
				continue
			}
			changed++
			clock.Time = clock.Add(time.Millisecond)
			for range rapid.IntRange(0, 3).Draw(rt, "lifted") {
				b := all[rapid.IntRange(0, n-1).Draw(rt, "which")]
				delete(stays, b.ID)
				e.Lift([]policy.Block{b})
			}
			if next < len(all) {
				e.Apply(all[next : next+1])
				next++
			}
		}
		for id, missed := range stays {
			if missed {
				rt.Fatalf("%s is not given", id)
			}
		}
	})
	if changed == 0 {
		t.Error("nothing changed meanwhile: nothing was tested")
	}
}

// A forced block stands although the admin allows an end of it, and no other does.
func TestForced(t *testing.T) {
	entry := func(prefix string, kind policy.Kind) *policy.Protected {
		return policy.NewProtected(policy.Entry{Prefix: mustPrefix(prefix), Kind: kind, Why: "of a test"})
	}
	p := entry("192.0.2.0/24", policy.KindAllow)
	e, err := New(DefaultConfig(), Options{DryRun: true, Protected: func() *policy.Protected { return p }})
	if err != nil {
		t.Fatal(err)
	}
	blocks := someBlocks(2)
	blocks[1].Forced = true
	for i, want := range []error{ErrRefused, nil} {
		if res := e.Apply(blocks[i : i+1]); !errors.Is(res[0].Err, want) {
			t.Errorf("block %d: %v", i, res[0].Err)
		}
	}
	p = entry("192.0.2.2/32", policy.KindAllow)
	if r, err := e.Check(); err != nil || len(r.Lifted) > 0 {
		t.Errorf("lifted: %+v, %v", r, err)
	}
	p = entry("192.0.2.2/32", policy.KindResolver)
	if r, err := e.Check(); err != nil || len(r.Lifted) != 1 || e.Len() != 0 {
		t.Errorf("not lifted: %+v, %v", r, err)
	}
	if res := e.Apply(blocks[1:]); !errors.Is(res[0].Err, ErrRefused) {
		t.Errorf("a resolver is blocked: %v", res[0].Err)
	}
}

// In dry-run all is in order, and nothing is in the kernel.
func TestDryRunHealth(t *testing.T) {
	e, clock := dryRun(t, 10, noneProtected)
	made := clock.Time
	e.Apply(someBlocks(3))
	if h := e.Health(); h != (Health{Checked: made}) {
		t.Errorf("%+v", h)
	}
	clock.Time = clock.Add(time.Second)
	if _, err := e.Check(); err != nil {
		t.Fatal(err)
	}
	if h := e.Health(); h != (Health{Checked: made.Add(time.Second)}) {
		t.Errorf("%+v", h)
	}
	for _, n := range e.Latency().Counts {
		if n > 0 {
			t.Error("there was a transaction")
		}
	}
}

func TestLatencies(t *testing.T) {
	e, _ := dryRun(t, 1, noneProtected)
	for _, d := range []time.Duration{0, 100 * time.Microsecond, 101 * time.Microsecond, 10 * time.Second, 11 * time.Second} {
		e.latencies.add(d)
	}
	l := e.Latency()
	want := make([]uint64, len(latencyBounds)+1)
	want[0], want[1], want[len(want)-2], want[len(want)-1] = 2, 1, 1, 1
	if !slices.Equal(l.Counts, want) || l.Sum < 21.0002 || l.Sum > 21.0003 {
		t.Errorf("%+v", l)
	}
	if len(l.Bounds) != len(l.Counts)-1 || l.Bounds[0] != 0.0001 || l.Bounds[len(l.Bounds)-1] != 10 || !slices.IsSorted(l.Bounds) {
		t.Errorf("bounds %v", l.Bounds)
	}
	l.Counts[0], l.Bounds[0] = 99, 99
	if again := e.Latency(); again.Counts[0] != 2 || again.Bounds[0] != 0.0001 {
		t.Error("the caller's slices are ours")
	}
}

func BenchmarkManyBlocks(b *testing.B) {
	const n = 100_000
	now := time.Now()
	cfg := DefaultConfig()
	cfg.MaxBlocks = 2 * n
	e, err := New(cfg, Options{DryRun: true, Protected: func() *policy.Protected { return noneProtected }, Now: func() time.Time { return now }})
	if err != nil {
		b.Fatal(err)
	}
	blocks := someBlocks(2 * n)
	for i := range blocks { // each ends at its own time
		blocks[i].Duration += time.Duration(i*7919%n) * 20 * time.Millisecond
	}
	e.Apply(blocks[:n])
	for _, bench := range []struct {
		name string
		f    func()
	}{
		{"stats", func() { e.Stats() }},
		{"health", func() { e.Health() }},
		{"find", func() { e.Find("id-77777") }},
		{"list", func() { e.List() }},
		{"newest", func() {
			for a := range e.Newest() {
				_ = a
			}
		}},
		{"newest-100", func() {
			left := 100
			for range e.Newest() {
				if left--; left == 0 {
					break
				}
			}
		}},
	} {
		b.Run(bench.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				bench.f()
			}
		})
	}
	b.Run("one-ends-one-begins", func(b *testing.B) {
		b.ReportAllocs()
		i := n
		for b.Loop() {
			a := e.wanted.places[e.wanted.ends[0]].active
			now = a.Until
			if e.Len() >= n {
				b.Fatal("nothing ended")
			}
			blocks[i].Duration = time.Hour
			e.Apply(blocks[i : i+1])
			if i++; i == len(blocks) {
				i = 0
			}
			if i%1000 == 0 {
				if _, err := e.Check(); err != nil { // takes the report
					b.Fatal(err)
				}
			}
		}
	})
}
