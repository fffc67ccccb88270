package enforce

import (
	"net/netip"
	"testing"
	"time"

	"slips-ips/argusfeed"
	"slips-ips/internal/lab"
	"slips-ips/policy"
)

// A block that is forced past what the admin allows is in force from the start of
// a new process on: its guards are never set against it.
func TestForcedIsAdopted(t *testing.T) {
	r := newRouter(t)
	allowed := policy.NewProtected(policy.Entry{Prefix: netip.PrefixFrom(lab.Server4, 32), Kind: policy.KindAllow, Why: "allowed"})
	allow := func(_ *Config, o *Options) { o.Protected = func() *policy.Protected { return allowed } }
	e := open(t, r.Router, allow)
	b := block(tuple(lab.ClientA4, lab.Server4, argusfeed.ProtoTCP, 8080), time.Hour)
	b.Forced = true
	apply(t, e, b)
	dropped(t, r.ClientA, "tcp", netip.AddrPortFrom(lab.Server4, 8080))
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	e = open(t, r.Router, allow)
	if s := e.Stats(); s.Rebuilds != 0 || s.Adopted != 1 {
		t.Errorf("the guards of what was adopted were others for a moment: %+v", s)
	}
	dropped(t, r.ClientA, "tcp", netip.AddrPortFrom(lab.Server4, 8080))
}
