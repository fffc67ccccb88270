package enforce

import (
	"errors"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"slips-ips/internal/testenv"
)

func total(l Latency) (n uint64) {
	for _, c := range l.Counts {
		n += c
	}
	return n
}

// What the kernel lacks shows at once, with the reason, and until it is back.
func TestHealth(t *testing.T) {
	ns := newNS(t)
	e := open(t, ns)
	made := e.Health()
	if made.Checked.IsZero() || made.Err != nil || !made.Differs.IsZero() || made.Enforced != 0 {
		t.Errorf("at the start: %+v", made)
	}
	begun := total(e.Latency()) // the table
	apply(t, e, many(3, time.Hour)...)
	if h := e.Health(); h.Enforced != 3 || h.Err != nil || !h.Differs.IsZero() {
		t.Errorf("with blocks: %+v", h)
	}
	if l := e.Latency(); total(l) != begun+1 || begun == 0 || l.Sum <= 0 {
		t.Errorf("%d transactions at the start; then %+v", begun, l)
	}

	nft(t, ns, "flush ruleset; table inet slips { chain mine { }; }", "-f", "-")
	if _, err := e.Check(); !errors.Is(err, ErrForeignTable) {
		t.Fatalf("Check says %v", err)
	}
	first := e.Health()
	if !errors.Is(first.Err, ErrForeignTable) || first.Enforced != 0 || first.Differs.IsZero() || first.Failed.Before(first.Checked) {
		t.Errorf("another's table: %+v", first)
	}
	if res := e.Apply(many(4, time.Hour)[3:]); res[0].Err == nil {
		t.Error("a block is in a foreign table")
	}
	h := e.Health()
	if h.Failed != first.Failed || h.Differs != first.Differs || h.Checked != first.Checked || h.Err == nil || h.Enforced != 0 {
		t.Errorf("and still: %+v, before %+v", h, first)
	}

	nft(t, ns, "flush ruleset", "-f", "-")
	if _, err := e.Check(); err != nil {
		t.Fatal(err)
	}
	h = e.Health()
	if h.Err != nil || !h.Failed.IsZero() || !h.Differs.IsZero() || h.Enforced != 4 || !h.Checked.After(first.Checked) {
		t.Errorf("mended: %+v", h)
	}
}

// ticks waits for some ticks of the kernel's clock.
func ticks(t *testing.T, n int) {
	t.Helper()
	coarse := func() (at unix.Timespec) {
		if err := unix.ClockGettime(unix.CLOCK_MONOTONIC_COARSE, &at); err != nil {
			t.Fatal(err)
		}
		return at
	}
	for range n {
		before := coarse()
		testenv.Until(t, "a tick", func() bool { return coarse() != before })
	}
}

// Begin and force are known after a restart.
func TestAdoptedOrderAndForce(t *testing.T) {
	ns := newNS(t)
	e := open(t, ns)
	blocks := many(6, time.Hour)
	var want []string
	for i := range blocks {
		blocks[i].Forced = i%2 == 0
		blocks[i].Duration += time.Duration(6-i) * time.Minute // so that ends do not tell the order
		apply(t, e, blocks[i])
		want = append(want, blocks[i].ID)
		ticks(t, 5) // the kernel tells begins in them
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	again := open(t, ns)
	list := again.List()
	if got := idsOf(list); !slices.Equal(got, want) {
		t.Errorf("adopted in the order %q, want %q", got, want)
	}
	for i, a := range list {
		if a.Block.Forced != blocks[i].Forced {
			t.Errorf("%s: forced is %v", a.Block.ID, a.Block.Forced)
		}
	}
	r, ok := again.LiftID(want[2])
	if !ok || r.Err != nil || !r.Before {
		t.Errorf("lifting an adopted block: %v, %+v", ok, r)
	}
	enforced(t, again, 5)
}
