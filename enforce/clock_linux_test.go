package enforce

import (
	"net/netip"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"slips-ips/argusfeed"
	"slips-ips/internal/lab"
	"slips-ips/internal/testenv"
)

// The clock of the wall jumps while a block is in force: it lasts for as long as the
// machine ran, in the kernel and in what we say alike.
//
// It needs a machine that nobody else has: that of make test-kernel.
func TestClock(t *testing.T) {
	if os.Getenv("SLIPS_REQUIRE_KERNEL") != "1" {
		t.Skip("it sets the clock: make test-kernel has one for that")
	}
	r := newRouter(t)
	to := netip.AddrPortFrom(lab.Server4, 8080)
	jump := func(by time.Duration) func() {
		return func() {
			// This is about the wall's clock.
			at := unix.NsecToTimespec(time.Now().Add(by).UnixNano())
			if err := unix.ClockSettime(unix.CLOCK_REALTIME, &at); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, test := range []struct {
		name string
		do   func()
	}{
		{"a year on", jump(365 * 24 * time.Hour)},
		{"two years back", jump(-2 * 365 * 24 * time.Hour)},
	} {
		t.Run(test.name, func(t *testing.T) {
			e := open(t, r.Router)
			const lasts = 6 * time.Second
			b := block(tuple(lab.ClientA4, lab.Server4, argusfeed.ProtoTCP, 8080), lasts)
			start := time.Now()
			apply(t, e, b)
			test.do()
			dropped(t, r.ClientA, "tcp", to)
			k, err := keyOf(b.Tuple)
			if err != nil {
				t.Fatal(err)
			}
			a, ok := e.Lookup(b.Tuple)
			e.op.Lock()
			left, err := e.kernel.find([]key{k})
			e.op.Unlock()
			ran := time.Since(start) // of the monotonic clock
			if said := time.Until(a.Until); !ok || err != nil || said < lasts-ran-slack || said > lasts || left[0] < said-slack || left[0] > said+slack {
				t.Errorf("after %v of running %v are said to be left (%v), in the kernel %v, %v", ran, said, ok, left, err)
			}
			if report, err := e.Check(); err != nil || !report.Quiet() {
				t.Errorf("%+v, %v", report, err)
			}
			testenv.Until(t, "it runs out", func() bool { return e.Len() == 0 })
			if ran := time.Since(start); ran < lasts-slack {
				t.Errorf("it ran out after %v", ran)
			}
			passes(t, r.ClientA, "tcp", to)
		})
	}
}
