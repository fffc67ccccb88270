package enforce

import (
	"context"
	"testing"
	"time"

	"github.com/google/nftables"

	"slips-ips/argusfeed"
	"slips-ips/internal/lab"
)

// watching keeps e true in the background, with a timer that does not count.
func watching(tb testing.TB, e *Enforcer) (reports chan Report) {
	tb.Helper()
	reports = make(chan Report, 10_000)
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = e.Watch(ctx, time.Hour, func(r Report, err error) {
			if err != nil {
				tb.Log(err)
			}
			reports <- r
		})
	}()
	tb.Cleanup(func() { stop(); <-done })
	return reports
}

// What others do is mended at once, without the timer; what we do wakes nobody.
func TestEvents(t *testing.T) {
	ns := newNS(t)
	e := open(t, ns)
	reports := watching(t, e)
	apply(t, e, many(300, time.Hour)...)
	apply(t, e, many(300, time.Hour)...)
	e.Lift(many(3, time.Hour))
	apply(t, e,
		block(tuple(lab.ClientA4, lab.Server4, argusfeed.ProtoUDP, 53), time.Hour),
		block(tuple(lab.ClientA6, lab.Server6, argusfeed.ProtoICMPv6, 0), time.Hour))
	select {
	case r := <-reports:
		t.Errorf("our own doing woke the watcher: %+v", r)
	default:
	}
	other, err := nftables.New(nftables.AsLasting(), nftables.WithNetNSFd(ns.FD()))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = other.CloseLasting() }()
	table := &nftables.Table{Name: "slips", Family: nftables.TableFamilyINet}
	for _, test := range []struct {
		name string
		do   func()
	}{
		{"flush ruleset", other.FlushRuleset},
		{"delete table", func() { other.DelTable(table) }},
		{"flush chain", func() { other.FlushChain(&nftables.Chain{Table: table, Name: "block4"}) }},
		{"delete chain", func() {
			chain := &nftables.Chain{Table: table, Name: "forward"}
			other.FlushChain(chain)
			other.DelChain(chain)
		}},
		{"flush set", func() { other.FlushSet(e.kernel.sets.blocks[blocked4]) }},
		{"delete element", func() {
			k, _ := keyOf(tuple(lab.ClientA6, lab.Server6, argusfeed.ProtoICMPv6, 0))
			_ = other.SetDeleteElements(e.kernel.sets.blocks[pair6], []nftables.SetElement{{Key: k.bytes()}})
		}},
	} {
		start := time.Now()
		test.do()
		if err := other.Flush(); err != nil {
			t.Fatal(err)
		}
		done := time.Now()
		r := <-reports
		if r.Rebuilt == "" && r.Restored == 0 {
			t.Errorf("%s: %+v", test.name, r)
		}
		t.Logf("%s: right again %v after it was done (%v), %d restored", test.name, time.Since(done), done.Sub(start), r.Restored)
		enforced(t, e, 299)
	}
	// What does not touch our table makes no report.
	other.AddTable(&nftables.Table{Name: "other", Family: nftables.TableFamilyIPv4})
	if err := other.Flush(); err != nil {
		t.Fatal(err)
	}
	if r, err := e.Check(); err != nil || !r.Quiet() {
		t.Errorf("somebody else's table: %+v, %v", r, err)
	}
	if s := e.Stats(); s.Overruns != 0 {
		t.Errorf("%d overruns", s.Overruns)
	}
}

// Where more happens than the socket holds, all is looked at.
func TestEventOverrun(t *testing.T) {
	ns := newNS(t)
	e := open(t, ns, func(_ *Config, o *Options) { o.eventBuffer = 4096 })
	apply(t, e, many(1000, time.Hour)...)
	nft(t, ns, "flush set inet slips blocked4; flush set inet slips blocked6", "-f", "-")
	for range 5 {
		if _, err := e.Check(); err != nil {
			t.Fatal(err)
		}
	}
	enforced(t, e, 1000)
	if s := e.Stats(); s.Overruns == 0 || s.Restored != 1000 {
		t.Errorf("%d overruns, %d restored", s.Overruns, s.Restored)
	}
}

// A socket that breaks is replaced, and nothing that happened meanwhile is missed.
func TestEventsBreak(t *testing.T) {
	ns := newNS(t)
	e := open(t, ns)
	apply(t, e, many(100, time.Hour)...)
	e.kernel.events.conn.Close()
	nft(t, ns, "flush set inet slips blocked4", "-f", "-")
	for range 3 {
		if _, err := e.Check(); err != nil {
			t.Fatal(err)
		}
	}
	enforced(t, e, 100)
	if !e.kernel.listening() {
		t.Error("nobody listens")
	}
}

// FuzzEvents: whatever the bytes, reading ends, and finds no more than fits.
func FuzzEvents(f *testing.F) {
	k, err := keyOf(many(1, time.Hour)[0].Tuple)
	if err != nil {
		f.Fatal(err)
	}
	b := batch{table: "slips"}
	b.begin(7)
	last := b.elements(msgNewElements, create, "blocked4", []element{{key: k, timeout: time.Hour, comment: "x"}}, func(*element) bool { return true }, -1)
	b.end(last)
	f.Add(b.buf)
	var n noticed
	if n.parse(b.buf, "slips"); len(n.keys) != 1 || n.keys[0] != k || n.overrun {
		f.Fatalf("%+v", n)
	}
	f.Fuzz(func(t *testing.T, buf []byte) {
		var n noticed
		n.parse(buf, "slips")
		if len(n.keys) > len(buf) {
			t.Fatalf("%d keys in %d bytes", len(n.keys), len(buf))
		}
		_, _ = readAnswers(buf, 3)
	})
}
