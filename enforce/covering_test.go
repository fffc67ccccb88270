package enforce

import (
	"net/netip"
	"testing"
	"time"

	"slips-ips/argusfeed"
	"slips-ips/policy"
)

// A block covers what another one of the same traffic would stop, and no more.
func TestCovering(t *testing.T) {
	client, server := netip.MustParseAddr("10.0.0.7"), netip.MustParseAddr("203.0.113.9")
	there := tuple(client, server, argusfeed.ProtoTCP, 443)
	back := tuple(server, client, argusfeed.ProtoTCP, 443)
	all := []policy.Scope{policy.ScopeTuple, policy.ScopePair, policy.ScopeDestination, policy.ScopeSource}
	for _, tt := range []struct {
		name   string
		blocks []policy.Block
		covers []policy.Scope // of there
	}{
		{"nothing", nil, nil},
		{"the tuple", []policy.Block{{Tuple: there, Scope: policy.ScopeTuple}}, all[:1]},
		{"the tuple back", []policy.Block{{Tuple: back, Scope: policy.ScopeTuple}}, nil},
		{"the pair", []policy.Block{{Tuple: back, Scope: policy.ScopePair}}, all[:2]},
		{"its destination", []policy.Block{{Tuple: there, Scope: policy.ScopeDestination}}, all[:3]},
		{"its source as a destination", []policy.Block{{Tuple: back, Scope: policy.ScopeDestination}}, all[:2]},
		{"its source", []policy.Block{{Tuple: there, Scope: policy.ScopeSource}}, []policy.Scope{policy.ScopeTuple, policy.ScopePair, policy.ScopeSource}},
		{"the tuple and its source", []policy.Block{{Tuple: there, Scope: policy.ScopeTuple}, {Tuple: there, Scope: policy.ScopeSource}},
			[]policy.Scope{policy.ScopeTuple, policy.ScopePair, policy.ScopeSource}},
	} {
		now := time.Unix(1_700_000_000, 0)
		e, err := New(DefaultConfig(), Options{DryRun: true, Protected: func() *policy.Protected { return policy.NewProtected() }, Now: func() time.Time { return now }})
		if err != nil {
			t.Fatal(err)
		}
		for i, b := range tt.blocks {
			b.ID, b.Duration = string(b.Scope), time.Duration(i+1)*time.Hour
			if r := e.Apply([]policy.Block{b})[0]; r.Err != nil {
				t.Fatal(r.Err)
			}
			if a, ok := e.Of(policy.Block{Tuple: b.Tuple, Scope: b.Scope}); !ok || a.Block.ID != b.ID {
				t.Errorf("%s: Of gives %+v, %v", tt.name, a, ok)
			}
		}
		for _, scope := range all {
			want := false
			for _, s := range tt.covers {
				want = want || s == scope
			}
			a, ok := e.Covering(there, scope)
			if ok != want {
				t.Errorf("%s: covers the %s: %v, want %v", tt.name, scope, ok, want)
			}
			if ok && scope != policy.ScopeSource && a.Block.ID != string(tt.blocks[len(tt.blocks)-1].Scope) {
				t.Errorf("%s, %s: not the one that lasts the longest, but %+v", tt.name, scope, a.Block)
			}
		}
		now = now.Add(24 * time.Hour)
		if _, ok := e.Covering(there, policy.ScopeTuple); ok {
			t.Errorf("%s: what ran out covers", tt.name)
		}
		e.Close()
	}
}
