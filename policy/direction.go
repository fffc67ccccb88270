package policy

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/gaissmai/bart"

	"slips-ips/argusfeed"
)

// Direction is where a tuple goes, seen from the networks that are at home.
type Direction string

// The directions.
const (
	DirectionRouter   Direction = "router"   // this host itself asks somebody
	DirectionOutbound Direction = "outbound" // from home to elsewhere
	DirectionInbound  Direction = "inbound"  // from elsewhere to home, this host included
	DirectionInternal Direction = "internal" // both ends at home
	DirectionExternal Direction = "external" // no end at home
)

const directionsAllowed = "outbound, inbound, internal, external (no end at home) or router (this host itself)"

// UnmarshalText accepts the names of the directions.
func (d *Direction) UnmarshalText(b []byte) error {
	v := Direction(b)
	if err := v.check(); err != nil {
		return err
	}
	*d = v
	return nil
}

func (d Direction) check() error {
	switch d {
	case DirectionRouter, DirectionOutbound, DirectionInbound, DirectionInternal, DirectionExternal:
		return nil
	}
	return fmt.Errorf("%q is not allowed; use %s", string(d), directionsAllowed)
}

// Directions is a list of directions, in TOML one or a list of them. Nil stands
// for every one, and for tuples without addresses too.
type Directions []Direction

// UnmarshalTOML reads one direction or a list.
func (d *Directions) UnmarshalTOML(data any) error {
	list, err := unmarshalList[Direction](data, directionsAllowed+", or a list of them")
	if err != nil {
		return err
	}
	if list == nil {
		return errors.New("the list is empty; use " + directionsAllowed + ", or leave the key out for all of them")
	}
	*d = list
	return nil
}

func (d Directions) check() error {
	for _, x := range d {
		if err := x.check(); err != nil {
			return err
		}
	}
	return nil
}

// Home is a set of networks. It does not change after it was made and is safe
// for concurrent use. Nil is empty.
type Home struct{ set bart.Lite }

// NewHome makes a set of networks; those that are invalid are left out.
func NewHome(networks ...netip.Prefix) *Home {
	h := &Home{}
	for _, n := range networks {
		if n.IsValid() {
			h.set.Insert(unmapPrefix(n).Masked())
		}
	}
	return h
}

func (h *Home) contains(ip netip.Addr) bool { return h != nil && h.set.Contains(ip) }

// private are the networks that are at home wherever one is: RFC 1918, RFC 6598
// (carriers' NAT), RFC 4193.
var private = NewHome(
	netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("172.16.0.0/12"), netip.MustParsePrefix("192.168.0.0/16"),
	netip.MustParsePrefix("100.64.0.0/10"), netip.MustParsePrefix("fc00::/7"),
	// Nobody comes from afar with a link-local address.
	netip.MustParsePrefix("169.254.0.0/16"), netip.MustParsePrefix("fe80::/10"),
)

// direction of a tuple; empty where it has no two addresses.
func (e *Engine) direction(t argusfeed.Tuple, v View) Direction {
	src, okSrc := t.Src.IP()
	dst, okDst := t.Dst.IP()
	if !okSrc || !okDst {
		return ""
	}
	src, dst = src.Unmap(), dst.Unmap()
	if v.Protected.Own(src) {
		return DirectionRouter
	}
	atHome := func(ip netip.Addr) bool {
		if e.home != nil {
			return e.home.contains(ip)
		}
		return private.contains(ip) || v.Home.contains(ip)
	}
	from, to := atHome(src), atHome(dst) || v.Protected.Own(dst)
	switch {
	case from && to:
		return DirectionInternal
	case from:
		return DirectionOutbound
	case to:
		return DirectionInbound
	}
	return DirectionExternal
}

// Behaviours is a list of patterns for classes of behaviour, in TOML one or a
// list of them. Nil fits every detection.
type Behaviours []Glob

const behavioursAllowed = `a class of behaviour ("beacon-regular", "beacon-*", "attempt"), or a list of them`

// UnmarshalTOML reads one pattern or a list.
func (b *Behaviours) UnmarshalTOML(data any) error {
	list, err := unmarshalList[Glob](data, behavioursAllowed)
	if err != nil {
		return err
	}
	if list == nil {
		return errors.New("the list is empty; use " + behavioursAllowed + ", or leave the key out for every one")
	}
	*b = list
	return nil
}

func (b Behaviours) check() error {
	for _, g := range b {
		if g == "" {
			return errors.New("empty; use " + behavioursAllowed)
		}
		if err := g.check(); err != nil {
			return err
		}
	}
	return nil
}

// fits tells whether one of the patterns fits; a detection without a class fits
// none.
func (b Behaviours) fits(class string) bool {
	return len(b) == 0 || class != "" && slices.ContainsFunc(b, func(g Glob) bool {
		return globMatches(strings.ToLower(string(g)), strings.ToLower(class))
	})
}
