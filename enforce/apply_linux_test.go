package enforce

import (
	"errors"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"slips-ips/policy"
)

// Many blocks in one call are all there, each with its own comment.
func TestApplyMany(t *testing.T) {
	ns := newNS(t)
	e := open(t, ns)
	const n = 5000
	blocks := many(n, time.Hour)
	apply(t, e, blocks...)
	enforced(t, e, n)
	list, err := e.kernel.dump() // what the kernel has, not what we asked it about
	if err != nil {
		t.Fatal(err)
	}
	ids := make(map[string]int)
	for _, s := range list {
		id, _, _ := parseComment(s.comment)
		ids[id]++
	}
	for _, b := range blocks {
		if ids[b.ID] != 1 {
			t.Fatalf("the kernel has %s %d times", b.ID, ids[b.ID])
		}
	}
	if s := e.Stats(); s.Applied != n || s.Failed != 0 {
		t.Errorf("%+v", s)
	}
	for _, res := range apply(t, e, blocks...) {
		if !res.Before {
			t.Fatalf("%s is not said to be a renewal", res.Block.Tuple)
		}
	}
	enforced(t, e, n)
	for _, res := range e.Lift(blocks) {
		if res.Err != nil || !res.Before {
			t.Fatalf("lifting %s: %+v", res.Block.Tuple, res)
		}
	}
	if list, err = e.kernel.dump(); err != nil || len(list) != 0 {
		t.Errorf("the kernel still has %d elements (%v)", len(list), err)
	}
}

// With a table larger than one transaction, all of it comes back.
func TestRestoreMany(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	ns := newNS(t)
	e := open(t, ns)
	const n = rebuildSize + chunkSize + 500
	blocks := many(n, time.Hour)
	apply(t, e, blocks...)
	nft(t, ns, "flush ruleset", "-f", "-")
	start := time.Now()
	report, err := e.Check()
	if err != nil || report.Restored != n {
		t.Errorf("restored %d, not %d (%v)", report.Restored, n, err)
	}
	t.Logf("restored %d blocks in %v", n, time.Since(start))
	enforced(t, e, n)
}

// What only the kernel can find wrong does not take the rest of its
// transaction along.
func TestBadElement(t *testing.T) {
	ns := newNS(t)
	e := open(t, ns)
	blocks := many(10, time.Hour)
	elems := make([]element, len(blocks))
	for i, b := range blocks {
		k, err := keyOf(b.Tuple)
		if err != nil {
			t.Fatal(err)
		}
		elems[i] = element{key: k, timeout: time.Hour, comment: "id=x label=y"}
	}
	elems[4].comment = strings.Repeat("x", 254) // ERANGE
	errs := make([]error, len(elems))
	e.op.Lock()
	e.put(elems, errs)
	e.op.Unlock()
	for i, err := range errs {
		if (err != nil) != (i == 4) {
			t.Errorf("element %d: %v", i, err)
		}
	}
	if !errors.Is(errs[4], unix.ERANGE) {
		t.Errorf("the bad element says %v, not ERANGE", errs[4])
	}
}

// In dry-run nothing reaches the kernel, and not even a socket is opened.
func TestDryRun(t *testing.T) {
	ns := newNS(t)
	nft(t, ns, "table inet other { chain c { type filter hook input priority 0; }; }", "-f", "-")
	sockets := func() string {
		text, err := ns.ReadFile("/proc/thread-self/net/netlink")
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	for _, existing := range []bool{false, true} {
		if existing { // dry-run does not touch what an agent in enforce mode left
			e := open(t, ns)
			apply(t, e, many(5, time.Hour)...)
			e.Close()
		}
		before, socketsBefore := ruleset(t, ns), sockets()
		e, err := tryOpen(ns, func(_ *Config, o *Options) { o.DryRun = true })
		if err != nil {
			t.Fatal(err)
		}
		blocks := many(50, time.Hour)
		apply(t, e, blocks...)
		apply(t, e, blocks...)
		for _, res := range e.Lift(blocks[:10]) {
			if res.Err != nil || !res.Before {
				t.Errorf("lifting: %+v", res)
			}
		}
		if _, err := e.Check(); err != nil {
			t.Error(err)
		}
		list := e.List()
		if len(list) != 40 {
			t.Errorf("%d blocks are listed, not 40", len(list))
		}
		for _, a := range list {
			if a.State != StateWouldBlock {
				t.Errorf("%s is %s", a.Block.Tuple, a.State)
			}
		}
		if diff := cmp.Diff(socketsBefore, sockets()); diff != "" {
			t.Errorf("netlink sockets were opened:\n%s", diff)
		}
		if err := e.Close(); err != nil {
			t.Error(err)
		}
		if after := ruleset(t, ns); after != before {
			t.Errorf("the ruleset changed:\n%s", cmp.Diff(before, after))
		}
	}
}

// Blocks that become protected are lifted, in the kernel too, and the others stay.
func TestProtectedLater(t *testing.T) {
	ns := newNS(t)
	now := noneProtected
	e := open(t, ns, func(_ *Config, o *Options) { o.Protected = func() *policy.Protected { return now } })
	blocks := many(40, time.Hour)
	apply(t, e, blocks...)
	now = policy.NewProtected(policy.Entry{
		Prefix: mustPrefix("2001:db8::/32"), Kind: policy.KindGateway, Why: "the gateway of eth0",
	})
	if res := e.Apply(blocks[3:4]); !errors.Is(res[0].Err, ErrRefused) {
		t.Errorf("renewing a block of what is protected now: %v", res[0].Err)
	}
	report, err := e.Check()
	if err != nil {
		t.Fatal(err)
	}
	if len(report.Lifted) != 10 {
		t.Errorf("%d blocks were lifted, not 10", len(report.Lifted))
	}
	for _, res := range report.Lifted {
		if !errors.Is(res.Err, ErrRefused) || !strings.Contains(res.Err.Error(), "the gateway of eth0") {
			t.Errorf("lifted because %v", res.Err)
		}
	}
	enforced(t, e, 30)
	if list := ruleset(t, ns); strings.Contains(list, "2001:db8") {
		t.Errorf("the kernel still has them:\n%s", list)
	}
	now = nil // not known: nothing is lifted, nothing blocked
	if report, err := e.Check(); err != nil || len(report.Lifted) != 0 {
		t.Errorf("%+v, %v", report, err)
	}
	if res := e.Apply(blocks[:1]); !errors.Is(res[0].Err, ErrRefused) {
		t.Errorf("without known protected addresses: %v", res[0].Err)
	}
}

// Without the capability, the error says which one is missing.
func TestNoCapability(t *testing.T) {
	newNS(t) // skips where there are none
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // and never unlocks: the thread ends here
		header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
		var data [2]unix.CapUserData
		err := unix.Capget(&header, &data[0])
		if err == nil {
			data[0].Effective &^= 1 << unix.CAP_NET_ADMIN
			data[0].Permitted &^= 1 << unix.CAP_NET_ADMIN
			err = errors.Join(unix.Unshare(unix.CLONE_NEWNET), unix.Capset(&header, &data[0]))
		}
		if err != nil {
			done <- err
			return
		}
		_, err = New(DefaultConfig(), Options{Protected: func() *policy.Protected { return noneProtected }})
		done <- err
	}()
	if err := <-done; !errors.Is(err, unix.EPERM) || !strings.Contains(err.Error(), "CAP_NET_ADMIN") {
		t.Errorf("the error is: %v", err)
	}
}

func BenchmarkApply(b *testing.B) {
	for _, n := range []int{1, 1000} {
		b.Run(map[int]string{1: "one", 1000: "thousand"}[n], func(b *testing.B) {
			e := open(b, newNS(b))
			blocks := many(n, time.Hour)
			b.ReportAllocs()
			for b.Loop() {
				apply(b, e, blocks...)
			}
			b.ReportMetric(float64(b.N*n)/b.Elapsed().Seconds(), "blocks/s")
		})
	}
}
