package enforce

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/nftables"

	"slips-ips/argusfeed"
	"slips-ips/internal/lab"
	"slips-ips/internal/testenv"
	"slips-ips/policy"
)

// After a reboot blocks are there again with the time that they had left,
// before anything else runs, and the agent that starts later adopts them.
func TestRestoreOnce(t *testing.T) {
	r := newRouter(t)
	blocks := many(500, 10*time.Minute)
	blocks = append(blocks,
		scoped(policy.ScopeSource, lab.ClientB4, lab.Server4),
		block(tuple(lab.ClientA4, lab.Server4, argusfeed.ProtoTCP, 8080), time.Minute),
		block(tuple(lab.ClientA4, netip.MustParseAddr("127.0.0.1"), argusfeed.ProtoTCP, 8080), time.Minute)) // refused
	cfg := DefaultConfig()
	opt := Options{NetNS: r.Router.FD(), Protected: func() *policy.Protected { return noneProtected }}
	got, err := RestoreOnce(cfg, opt, blocks)
	if err != nil || got.Blocks != 502 || got.Refused != 1 || got.Failed != 0 || got.Adopted != 0 {
		t.Errorf("%+v, %v", got, err)
	}
	dropped(t, r.ClientA, "tcp", netip.AddrPortFrom(lab.Server4, 8080))
	dropped(t, r.ClientB, "tcp", netip.AddrPortFrom(lab.Server4, 8080))
	e := open(t, r.Router)
	for _, a := range e.List() {
		if left := time.Until(a.Until); left > 10*time.Minute || a.Block.Label == "" {
			t.Fatalf("%+v has %v left", a, left)
		}
	}
	before := ruleset(t, r.Router)
	for i, res := range e.Restore(blocks) { // again: what is there is left alone
		if refused := i == len(blocks)-1; refused != errors.Is(res.Err, ErrRefused) || !refused && !res.Before {
			t.Errorf("block %d: %+v", i, res)
		}
	}
	if after := ruleset(t, r.Router); after != before {
		t.Error("restoring what was there changed the ruleset")
	}
	enforced(t, e, 502)
	if _, err := RestoreOnce(cfg, Options{DryRun: true, Protected: opt.Protected}, blocks); err == nil {
		t.Error("dry-run restores")
	}
}

// The widest and the newest are in force first.
func TestRestoreOrder(t *testing.T) {
	ns := newNS(t)
	e := open(t, ns, func(c *Config, _ *Options) { c.MaxBlocks = 4 })
	tuples := many(8, time.Hour)
	for i := range tuples {
		tuples[i].ID = fmt.Sprintf("0190-%d", i)
	}
	tuples[0].Scope, tuples[2].Scope = policy.ScopeDestination, policy.ScopePair
	for i, res := range e.Restore(tuples) {
		if fits := i == 0 || i == 2 || i >= 6; fits != (res.Err == nil) {
			t.Errorf("block %d: %v", i, res.Err)
		}
	}
}

// A table of the version before is replaced in one transaction, its blocks with
// their time included.
func TestMigration(t *testing.T) {
	r := newRouter(t)
	old, err := os.ReadFile("testdata/schema1.nft")
	if err != nil {
		t.Fatal(err)
	}
	nft(t, r.Router, string(old), "-f", "-")
	to := netip.AddrPortFrom(lab.Server4, 443)
	if err := r.Server.EchoTCP(to); err != nil {
		t.Fatal(err)
	}
	arrivals := listenAll(t, r.Server)
	nft(t, r.Router, fmt.Sprintf("add element inet slips blocked4 { 10.20.0.11 . 203.0.113.80 . udp . %d timeout 1h }", faultPort), "-f", "-")
	sends := sendAll(t, r.ClientA)
	testenv.Until(t, "other packets pass", func() bool { return len(arrivals()) > 1000 })
	e := open(t, r.Router)
	n := len(arrivals())
	testenv.Until(t, "other packets pass", func() bool { return len(arrivals()) > n+1000 })
	sends.stop()
	for _, a := range arrivals() {
		if a.port == faultPort {
			t.Fatal("a packet passed while the table was replaced")
		}
	}
	if s := e.Stats(); s.Adopted != 5 || s.Rebuilds != 1 {
		t.Errorf("adopted %d, rebuilt %d times: %s", s.Adopted, s.Rebuilds, e.kernel.why)
	}
	dropped(t, r.ClientA, "tcp", to)
	if r.ClientA.Ping(lab.Server4, dropTime) == nil || r.ClientA.Ping(lab.Server6, dropTime) == nil {
		t.Error("a ping passes")
	}
	enforced(t, e, 5)
	if list := ruleset(t, r.Router); strings.Contains(list, "schema 1") {
		t.Error("something of the old version is left")
	}
}

// With owner and persist flags others cannot touch the table; it stays when we
// are gone, and the next one owns it.
func TestOwnership(t *testing.T) {
	r := newRouter(t)
	e := open(t, r.Router, func(c *Config, _ *Options) { c.Ownership = OwnershipAuto })
	apply(t, e, many(100, time.Hour)...)
	if e.kernel.flags == 0 {
		t.Log("this kernel has no persist flag: auto is none")
		return
	}
	apply(t, e, block(tuple(lab.ClientA4, lab.Server4, argusfeed.ProtoTCP, 8080), time.Hour))
	to := netip.AddrPortFrom(lab.Server4, 8080)
	nft(t, r.Router, "flush ruleset", "-f", "-")
	dropped(t, r.ClientA, "tcp", to)
	other, err := nftables.New(nftables.AsLasting(), nftables.WithNetNSFd(r.Router.FD()))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = other.CloseLasting() }()
	other.DelTable(&nftables.Table{Name: "slips", Family: nftables.TableFamilyINet})
	if err := other.Flush(); err == nil {
		t.Error("somebody else deleted the table")
	}
	if report, err := e.Check(); err != nil || report.Rebuilt != "" || report.Restored != 0 {
		t.Errorf("%+v, %v", report, err)
	}
	// Our own connection breaks: the table has no owner any more, and gets one.
	e.kernel.writer.nl.Close()
	apply(t, e, many(110, time.Hour)...)
	if _, err := e.Check(); err != nil {
		t.Fatal(err)
	}
	enforced(t, e, 111)
	e.Close()
	dropped(t, r.ClientA, "tcp", to)
	again := open(t, r.Router, func(c *Config, _ *Options) { c.Ownership = OwnershipOwner })
	if s := again.Stats(); s.Adopted != 111 {
		t.Errorf("%d adopted, not 111", s.Adopted)
	}
	enforced(t, again, 111)
	again.Close()
	// And without: it is replaced, blocks included.
	plain := open(t, r.Router)
	enforced(t, plain, 111)
	dropped(t, r.ClientA, "tcp", to)
}

// Dry-run that counts stops nothing, and tells what it would have.
func TestCounting(t *testing.T) {
	r := newRouter(t)
	e := open(t, r.Router, func(c *Config, o *Options) { c.Count, o.Count, o.DryRun = true, true, true })
	b := block(tuple(lab.ClientA4, lab.Server4, argusfeed.ProtoTCP, 8080), time.Hour)
	wide := scoped(policy.ScopeSource, lab.ClientB4, lab.Server4)
	wide.Verdict = policy.VerdictReject
	apply(t, e, b, wide)
	for range 3 {
		passes(t, r.ClientA, "tcp", netip.AddrPortFrom(lab.Server4, 8080))
		passes(t, r.ClientB, "udp", netip.AddrPortFrom(lab.Server4, 9090))
		passes(t, r.ClientA, "tcp", netip.AddrPortFrom(lab.Server4, 9090))
	}
	one, err := e.CountOf(b)
	if err != nil || one.Packets < 9 || one.Bytes == 0 {
		t.Errorf("%+v, %v", one, err)
	}
	all, err := e.Counts()
	if err != nil || all.Packets < one.Packets+6 {
		t.Errorf("%+v of which %+v, %v", all, one, err)
	}
	for _, a := range e.List() {
		if a.State != StateWouldBlock {
			t.Errorf("%s is %s", a.Block.Tuple, a.State)
		}
	}
	if a, _ := e.Lookup(b.Tuple); a.State != StateWouldBlock || !e.DryRun() {
		t.Errorf("%+v", a)
	}
	nft(t, r.Router, "flush ruleset", "-f", "-")
	if _, err := e.Check(); err != nil {
		t.Fatal(err)
	}
	if list := ruleset(t, r.Router); strings.Contains(list, " drop\n") || strings.Contains(list, "reject with") || !strings.Contains(list, "slips_count") {
		t.Errorf("the ruleset:\n%s", list)
	}
	e.Close()
	if list := ruleset(t, r.Router); list != "" {
		t.Errorf("left behind:\n%s", list)
	}
}

// Begin and end of a block are on the monotonic clock, so that the wall clock may
// jump: of a new block as of an adopted one.
func TestMonotonic(t *testing.T) {
	ns := newNS(t)
	e := open(t, ns)
	apply(t, e, many(2, time.Hour)...)
	e.Close()
	e = open(t, ns)
	apply(t, e, many(3, time.Hour)[2:]...)
	for _, a := range e.List() {
		for _, at := range []time.Time{a.Since, a.Until} {
			if !strings.Contains(at.String(), " m=") {
				t.Errorf("%s: %v has no monotonic reading", a.Block.Tuple, at)
			}
		}
	}
}
