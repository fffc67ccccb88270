package terminal

import (
	"strings"
	"testing"

	"slips-ips/agent/control"
	"slips-ips/argusfeed"
	"slips-ips/policy"
)

// A tuple that another one's wider block covers: the question names what would end.
func TestUnblockNamesTheWiderBlock(t *testing.T) {
	of, err := argusfeed.FindTuple("10.0.0.5-203.0.113.9-443-tcp")
	if err != nil {
		t.Fatal(err)
	}
	b := &control.BlockInfo{}
	b.ID, b.Tuple, b.Scope = "x", of, policy.ScopeSource
	m := &model{explaining: "10.0.0.5-198.51.100.7-80-tcp", explanation: &control.Explanation{Block: b}}
	m.beginUnblock()
	if m.confirm == nil || !strings.Contains(m.confirm.asks, "everything to and from 10.0.0.5 (quarantine)") {
		t.Fatalf("asked %+v", m.confirm)
	}
}
