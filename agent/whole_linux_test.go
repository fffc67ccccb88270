package agent

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"slips-ips/agent/control"
	"slips-ips/agent/history"
	"slips-ips/argusfeed"
	"slips-ips/internal/lab"
	"slips-ips/internal/testenv"
)

// stream is a client that sends a datagram a millisecond, each with the time at
// which it was sent.
type stream struct {
	sent, arrived atomic.Int64
	start         time.Time
	// latest is how long after the start the last of those was sent that arrived.
	latest atomic.Int64
}

// since is how long after at the last one that arrived was sent; it may be negative.
func (s *stream) since(at time.Time) time.Duration {
	return time.Duration(s.latest.Load()) - at.Sub(s.start)
}

// datagrams sends from client A to a port of the server until the test ends.
func datagrams(t *testing.T, r *lab.Router, port uint16) *stream {
	t.Helper()
	to := netip.AddrPortFrom(lab.Server4, port)
	server, err := r.Server.ListenPacket("udp", to.String())
	if err != nil {
		t.Fatal(err)
	}
	client, err := r.ClientA.DialContext(t.Context(), "udp", to.String())
	if err != nil {
		t.Fatal(err)
	}
	s := &stream{start: time.Now()}
	done := make(chan struct{})
	go func() {
		for buf := make([]byte, 16); ; s.arrived.Add(1) {
			if _, _, err := server.ReadFrom(buf); err != nil {
				return
			}
			s.latest.Store(max(s.latest.Load(), int64(binary.NativeEndian.Uint64(buf))))
		}
	}()
	go func() {
		defer close(done)
		tick := time.NewTicker(time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-t.Context().Done():
				return
			case <-tick.C:
				at := binary.NativeEndian.AppendUint64(nil, uint64(time.Since(s.start)))
				if _, err := client.Write(at); err == nil {
					s.sent.Add(1)
				}
			}
		}
	}()
	t.Cleanup(func() {
		<-done
		client.Close()
		server.Close()
	})
	return s
}

// recovery is four times the recovery time of docs/enforcement.md: what is tested is
// that nothing passes for ever, on a machine that does much else, and not how fast
// it is.
const recovery = 400 * time.Millisecond

// Others flush and reload the whole ruleset while a blocked client sends without a
// pause: once the agent says that all blocks are in the kernel again, and in any case
// once the recovery time is over, nothing of it arrives. In the other firewall
// everything established is accepted.
func TestFlushedByOthers(t *testing.T) {
	r := newRouter(t)
	o, book, _ := enforcing(t, r.Router, t.TempDir(), nil)
	const port = 5353
	s := datagrams(t, r, port)
	testenv.Until(t, "datagrams pass", func() bool { return s.arrived.Load() > 20 })
	tuple := labTuple(port)
	tuple.Proto = argusfeed.ProtoUDP
	if _, err := o.AddBlock(t.Context(), root, control.BlockRequest{Tuple: tuple, Duration: time.Hour}); err != nil {
		t.Fatal(err)
	}
	// stops: of what is sent later than at, nothing arrives.
	stops := func(when string, at time.Time) {
		t.Helper()
		testenv.Until(t, "the time is over", func() bool { return time.Now().After(at) })
		n := s.sent.Load() + 300
		testenv.Until(t, "sending", func() bool { return s.sent.Load() > n })
		if late := s.since(at); late > 0 {
			t.Errorf("%s: a datagram passed that was sent %v too late", when, late)
		}
	}
	stops("blocked", time.Now())
	const firewall = `flush ruleset
table inet firewalld {
	chain forward { type filter hook forward priority filter; policy accept; ct state established,related accept; }
}
table ip nat {
	chain post { type nat hook postrouting priority srcnat; policy accept; oifname "wan0" masquerade; }
}
`
	for i, script := range []string{"flush ruleset", firewall, "delete table inet slips", firewall} {
		before := o.Status().Enforce.Rebuilds
		nft(t, r.Router, script)
		flushed := time.Now()
		testenv.Until(t, "the table is made again", func() bool {
			e := o.Status().Enforce
			return e.Rebuilds > before && e.Missing == 0 && e.Enforced == 1 && e.Differs.IsZero()
		})
		stops(fmt.Sprintf("after script %d", i+1), time.Now())
		stops(fmt.Sprintf("in the recovery time after script %d", i+1), flushed.Add(recovery))
		t.Logf("script %d: the last datagram that passed was sent %v after the flush", i+1, s.since(flushed))
	}
	st := o.Status()
	if st.Worst() != "" && strings.Contains(fmt.Sprint(st.Problems), "enforce") {
		t.Errorf("%+v", st.Problems)
	}
	if list := nft(t, r.Router, "list ruleset"); !strings.Contains(list, "masquerade") || !strings.Contains(list, "ct state") {
		t.Errorf("something of the other firewall is missing:\n%s", list)
	}
	testenv.Until(t, "it is told", func() bool { return len(book.find("the table in the kernel was made again")) >= 4 })
	flushHistory(t, o.Agent)
	page, err := o.Events(t.Context(), history.Query{Kinds: []history.Kind{history.KindAgent}})
	if err != nil || len(page.Events) < 5 {
		t.Errorf("%d events, %v", len(page.Events), err)
	}

	testenv.Until(t, "hits are counted", func() bool { h := o.Status().Enforce.Hits; return h != nil && h.Packets > 0 })
	list, err := o.Blocks(t.Context(), control.BlockQuery{})
	if err != nil || len(list.Blocks) != 1 || list.Blocks[0].Hits == nil || list.Blocks[0].Hits.Packets == 0 {
		t.Errorf("%+v, %v", list, err)
	}
}

// A dry-run that counts tells what its blocks would have hit, and stops nothing.
func TestDryRunCounts(t *testing.T) {
	for _, counts := range []bool{true, false} {
		r := newRouter(t)
		o, _, _ := enforcing(t, r.Router, t.TempDir(), func(c *Config) { c.Agent.Mode, c.Enforce.Count = ModeDryRun, counts })
		if _, err := o.AddBlock(t.Context(), root, control.BlockRequest{Tuple: labTuple(8080), Duration: time.Hour}); err != nil {
			t.Fatal(err)
		}
		if !passes(r, 8080, passTime) {
			t.Fatal("a dry-run stops traffic")
		}
		if counts {
			testenv.Until(t, "counted", func() bool { h := o.Status().Enforce.Hits; return h != nil && h.Packets > 0 && h.Bytes > 0 })
		}
		list, err := o.Blocks(t.Context(), control.BlockQuery{})
		if err != nil || len(list.Blocks) != 1 {
			t.Fatalf("%+v, %v", list, err)
		}
		if h := list.Blocks[0].Hits; counts != (h != nil && h.Packets > 0) || counts != (o.Status().Enforce.Hits != nil) {
			t.Errorf("counts %v: %+v", counts, h)
		}
	}
}
