package enforce

import (
	"errors"
	"fmt"
	"net/netip"
	"os/exec"
	"strings"
	"testing"
	"time"

	"slips-ips/argusfeed"
	"slips-ips/internal/lab"
	"slips-ips/internal/testenv"
	"slips-ips/policy"
)

const (
	passTime = 3 * time.Second        // traffic that passes is far quicker
	dropTime = 150 * time.Millisecond // traffic that is dropped never comes
)

func newNS(tb testing.TB) *lab.NS {
	tb.Helper()
	n, err := lab.NewNS("alone")
	if errors.Is(err, lab.ErrUnavailable) {
		testenv.Skip(tb, err.Error())
	}
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(n.Close)
	return n
}

func newRouter(tb testing.TB) *lab.Router {
	tb.Helper()
	r, err := lab.NewRouter()
	if errors.Is(err, lab.ErrUnavailable) {
		testenv.Skip(tb, err.Error())
	}
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(r.Close)
	return r
}

func open(tb testing.TB, ns *lab.NS, change ...func(*Config, *Options)) *Enforcer {
	tb.Helper()
	e, err := tryOpen(ns, change...)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { e.Close() })
	return e
}

func tryOpen(ns *lab.NS, change ...func(*Config, *Options)) (*Enforcer, error) {
	cfg := DefaultConfig()
	opt := Options{NetNS: ns.FD(), Protected: func() *policy.Protected { return noneProtected }}
	for _, f := range change {
		f(&cfg, &opt)
	}
	return New(cfg, opt)
}

// nft runs nft(8) in a namespace, with a script on standard input where the
// arguments are "-f -".
func nft(tb testing.TB, ns *lab.NS, script string, args ...string) string {
	tb.Helper()
	cmd := exec.Command(testenv.Program(tb, "nft"), args...)
	cmd.Stdin = strings.NewReader(script)
	out, err := ns.Output(cmd)
	if err != nil {
		tb.Fatal(err)
	}
	return out
}

func ruleset(tb testing.TB, ns *lab.NS) string {
	tb.Helper()
	return nft(tb, ns, "", "-s", "list", "ruleset")
}

func tuple(src, dst netip.Addr, proto argusfeed.Proto, port uint16) argusfeed.Tuple {
	t := argusfeed.Tuple{Src: argusfeed.AddrFrom(src), Dst: argusfeed.AddrFrom(dst), Proto: proto}
	if policy.HasPorts(uint8(proto)) {
		t.Port = argusfeed.PortNumber(port)
	}
	return t
}

func block(t argusfeed.Tuple, d time.Duration) policy.Block {
	return policy.Block{
		ID: "0190a1b2-0000-7000-8000-000000000001", Tuple: t, Scope: policy.ScopeTuple, Duration: d,
		Label: "From-Botnet-TCP-HTTP-Zeus.CC-1",
	}
}

// many gives n blocks of different tuples.
func many(n int, d time.Duration) []policy.Block {
	blocks := make([]policy.Block, n)
	for i := range blocks {
		src := netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)})
		dst := netip.MustParseAddr("198.51.100.7")
		if i%4 == 3 {
			b := netip.MustParseAddr("fd00::").As16()
			b[13], b[14], b[15] = byte(i>>16), byte(i>>8), byte(i)
			src, dst = netip.AddrFrom16(b), netip.MustParseAddr("2001:db8::7")
		}
		blocks[i] = block(tuple(src, dst, argusfeed.ProtoTCP, 443), d)
		blocks[i].ID = fmt.Sprintf("id-%d", i)
	}
	return blocks
}

func apply(tb testing.TB, e *Enforcer, blocks ...policy.Block) []Result {
	tb.Helper()
	results := e.Apply(blocks)
	for _, r := range results {
		if r.Err != nil {
			tb.Fatal(r.Err)
		}
	}
	return results
}

func passes(tb testing.TB, from *lab.NS, network string, to netip.AddrPort) {
	tb.Helper()
	if err := from.Reach(network, to, passTime); err != nil {
		tb.Errorf("%s from %s to %s does not pass: %v", network, from.Name(), to, err)
	}
}

func dropped(tb testing.TB, from *lab.NS, network string, to netip.AddrPort) {
	tb.Helper()
	if from.Reach(network, to, dropTime) == nil {
		tb.Errorf("%s from %s to %s passes", network, from.Name(), to)
	}
}

// enforced fails the test unless the kernel has all wanted blocks, in a table
// as we make it.
func enforced(tb testing.TB, e *Enforcer, want int) {
	tb.Helper()
	if s := e.Stats(); s.Wanted != want || s.Missing != 0 {
		tb.Errorf("wanted %d blocks, missing %d; expected %d and none", s.Wanted, s.Missing, want)
	}
	e.op.Lock()
	defer e.op.Unlock()
	e.kernel.intact = false
	if found, err := e.kernel.inspect(); err != nil || found != tableTouched {
		tb.Errorf("the table is not as it should be: state %d, %s, %v", found, e.kernel.why, err)
	}
	e.mu.Lock()
	keys := e.wanted.keys(StateBlocked)
	e.mu.Unlock()
	left, err := e.kernel.find(keys)
	if err != nil {
		tb.Fatal(err)
	}
	lost := 0
	for _, l := range left {
		if l <= 0 || l == forever {
			lost++
		}
	}
	if lost > 0 {
		tb.Errorf("%d of %d blocks are not in the kernel", lost, len(keys))
	}
}
