package agent

import (
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"slips-ips/agent/control"
	"slips-ips/agent/history"
	"slips-ips/agent/hostnet"
)

// TestGuestsAreProtectedAtOnce: whoever changes something over SSH is protected
// before the change, and what was blocked of his is lifted.
func TestGuestsAreProtectedAtOnce(t *testing.T) {
	o, _ := running(t, nil, nil, beacon(1, 40, time.Minute)...)
	g := guestBook{o}
	if n := o.enforcer.Len(); n != 1 {
		t.Fatalf("%d blocks, want that of the beacon", n)
	}
	// The beacon's destination is where the admin sits.
	admin := history.Who{User: "root", PID: 1, From: "203.0.113.9"}
	if _, err := g.RemoveAllow(t.Context(), admin, "192.0.2.1"); !errors.Is(err, control.ErrNotFound) {
		t.Fatal(err)
	}
	if n := o.enforcer.Len(); n != 0 {
		t.Errorf("%d blocks of the admin's address are left", n)
	}
	_, err := g.AddBlock(t.Context(), admin, control.BlockRequest{Tuple: beaconTuple(1), Duration: time.Hour, Force: true})
	if !errors.Is(err, control.ErrRefused) || !strings.Contains(err.Error(), "command line") {
		t.Errorf("an admin blocked himself: %v", err)
	}
	// A look at the host that began before changes nothing of that.
	o.hosts.take(hostnet.Snapshot{})
	if why, ok := o.hosts.snapshot().Refuses(beaconTuple(1), "tuple"); !ok {
		t.Error("not protected any more", why)
	}
	if o.hosts.guest(netip.MustParseAddr("203.0.113.9"), time.Now()) {
		t.Error("the same guest is new again")
	}
	for _, from := range []string{"", "here", "127.0.0.1"} {
		before := o.hosts.snapshot().Len()
		g.note(history.Who{User: "root", From: from})
		if n := o.hosts.snapshot().Len(); n != before {
			t.Errorf("%q is protected", from)
		}
	}
}
