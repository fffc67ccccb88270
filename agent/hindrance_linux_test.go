package agent

import (
	"strings"
	"testing"
	"time"

	"slips-ips/agent/control"
	"slips-ips/agent/status"
	"slips-ips/internal/testenv"
)

// While somebody else's table has our name the log says so once, and once when that is
// over; the status says it all the time, in one word too.
func TestHindranceIsToldOnce(t *testing.T) {
	r := newRouter(t)
	o, book, _ := enforcing(t, r.Router, t.TempDir(), nil)
	if _, err := o.AddBlock(t.Context(), root, control.BlockRequest{Tuple: labTuple(8080), Duration: time.Hour}); err != nil {
		t.Fatal(err)
	}
	if s := o.Status(); s.Enforce.Hindrance != "" || s.Worst() == status.Critical {
		t.Fatalf("%q, %+v", s.Enforce.Hindrance, s.Problems)
	}
	nft(t, r.Router, "delete table inet slips; add table inet slips; add chain inet slips theirs")
	testenv.Until(t, "it is told", func() bool { return len(book.find("the blocks in the kernel cannot be checked")) > 0 })
	for range 5 {
		o.checked(o.enforcer.Check())
	}
	said := book.find("the blocks in the kernel cannot be checked")
	if len(said) != 1 || !strings.Contains(said[0].attrs["error"], "not ours") || said[0].attrs["missing"] != "1" {
		t.Errorf("told %d times: %v", len(said), said)
	}
	if n := len(book.find("blocks are missing in the kernel")); n > 0 {
		t.Errorf("and %d times that blocks are missing", n)
	}
	s := o.Status()
	if s.Enforce.Hindrance != status.HindranceKernel || s.Worst() != status.Critical || !strings.Contains(s.Problems[0].What, "not ours") {
		t.Errorf("%q, %+v", s.Enforce.Hindrance, s.Problems)
	}

	nft(t, r.Router, "delete table inet slips")
	testenv.Until(t, "the end is told", func() bool { return len(book.find("all blocks are in the kernel again")) > 0 })
	for range 3 {
		o.checked(o.enforcer.Check())
	}
	if n := len(book.find("all blocks are in the kernel again")); n != 1 {
		t.Errorf("the end is told %d times", n)
	}
	if s := o.Status(); s.Enforce.Hindrance != "" || s.Enforce.Enforced != 1 {
		t.Errorf("%q, %+v", s.Enforce.Hindrance, s.Enforce)
	}
}

// A pause is told as one word too, whatever else hinders.
func TestHindrancePaused(t *testing.T) {
	r := newRouter(t)
	o, book, _ := enforcing(t, r.Router, t.TempDir(), nil)
	if _, err := o.Panic(t.Context(), root); err != nil {
		t.Fatal(err)
	}
	nft(t, r.Router, "add table inet slips; add chain inet slips theirs")
	for range 3 {
		o.checked(o.enforcer.Check())
	}
	if s := o.Status(); s.Enforce.Hindrance != status.HindrancePaused || len(s.Problems) != 1 {
		t.Errorf("%q, %+v", s.Enforce.Hindrance, s.Problems)
	}
	if n := len(book.find("the blocks in the kernel cannot be checked")); n > 0 {
		t.Errorf("told %d times what is wanted", n)
	}
}
