package enforce

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"testing"
	"time"

	"slips-ips/argusfeed"
	"slips-ips/policy"
)

// Of wide blocks, and of those with another verdict, there is a maximum of their
// own.
func TestWideMaximum(t *testing.T) {
	e, _ := dryRun(t, 100_000, noneProtected)
	for _, test := range []policy.Block{
		{Scope: policy.ScopeSource}, {Scope: policy.ScopeDestination}, {Scope: policy.ScopePair},
		{Scope: policy.ScopeTuple, Verdict: policy.VerdictReject},
	} {
		blocks := make([]policy.Block, MaxWide+2)
		for i := range blocks {
			ip := netip.AddrFrom4([4]byte(binary.BigEndian.AppendUint32(nil, uint32(0x14000000+i))))
			b := test
			b.Tuple = argusfeed.Tuple{Src: argusfeed.AddrFrom(ip), Dst: argusfeed.AddrFrom(ip.Next()), Proto: argusfeed.ProtoTCP, Port: argusfeed.PortNumber(80)}
			b.Duration = time.Hour
			blocks[i] = b
		}
		full := e.Stats().Full
		for i, res := range e.Apply(blocks) {
			if (res.Err == nil) != (i < MaxWide) || res.Err != nil && !errors.Is(res.Err, ErrFull) {
				t.Fatalf("%s, block %d: %v", test.Scope, i, res.Err)
			}
		}
		if n := e.Stats().Full - full; n != 2 {
			t.Errorf("%s: %d counted as too many", test.Scope, n)
		}
	}
}
