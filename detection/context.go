package detection

import (
	"encoding/binary"
	"math"
	"math/bits"
	"slices"

	"slips-ips/argusfeed"
)

// crowds are what all tuples together tell about one: how much company it has in
// the network of its destination, and how many peers its source has on odd
// ports. Both are counted in sketches of fixed size, of the newest networks and
// hosts; what matters is the order of magnitude.
//
// What a single host does must hardly speak for it: company are other hosts that
// talk to the network, and of what one host alone may do a little. Nor must what
// somebody outside does: only those who were answered, and peers of hosts that
// are inside or ever were answered, are noted, so that a scan with made-up
// senders empties no memory.
//
// Detectors that run side by side each see their own tuples only and count
// less.
type crowds struct {
	networks generations[netKey, visitors]
	hosts    generations[argusfeed.Addr, [2]uint64]
}

// visitors are those of a network, in sketches: the hosts that talk to it, and
// the pairs of hosts.
type visitors struct{ hosts, pairs uint64 }

// ownCompany is how much company a host can be to itself: the neighbours of its
// destination that answer it. It is the only company that the feed of a single
// host shows, and tells services that have many addresses; more of it would let
// an infected host talk its way out.
const ownCompany = 4

// netKey is a network: /24 of IPv4, /48 of IPv6.
type netKey struct {
	hi uint64
	v6 bool
}

// maxContext is how many networks, and how many hosts, a generation holds.
const maxContext = 1 << 16

// generations is a map that forgets: when the young one is full it becomes the
// old one, and what was old is gone. Looking up keeps an entry, as noting does: a
// tuple that has been there for long keeps its company.
type generations[K comparable, V any] struct{ young, old map[K]V }

func (g *generations[K, V]) get(k K) V {
	v, _ := g.find(k)
	return v
}

// peek is get that keeps nothing.
func (g *generations[K, V]) peek(k K) V {
	if v, ok := g.young[k]; ok {
		return v
	}
	return g.old[k]
}

func (g *generations[K, V]) find(k K) (v V, ok bool) {
	if v, ok = g.young[k]; ok {
		return v, ok
	}
	if v, ok = g.old[k]; ok {
		g.put(k, v)
	}
	return v, ok
}

func (g *generations[K, V]) put(k K, v V) {
	if _, ok := g.young[k]; !ok && len(g.young) >= maxContext {
		g.young, g.old = g.old, g.young
		clear(g.young)
	}
	if g.young == nil {
		g.young = make(map[K]V)
	}
	g.young[k] = v
}

func netOf(a argusfeed.Addr) netKey {
	ip, ok := a.IP()
	if !ok {
		return netKey{}
	}
	ip = ip.Unmap()
	if ip.Is4() {
		b := ip.As4()
		return netKey{hi: uint64(binary.BigEndian.Uint32(b[:]) >> 8)}
	}
	b := ip.As16()
	return netKey{hi: binary.BigEndian.Uint64(b[:8]) >> 16, v6: true}
}

// meet notes a tuple, whose first answered flow has come or, where the source is
// inside, its first flow.
func (c *crowds) meet(t argusfeed.Tuple, answered bool) {
	if answered {
		net := netOf(t.Dst)
		v := c.networks.get(net)
		v.hosts |= bitOf(t.Src, argusfeed.Addr{})
		v.pairs |= bitOf(t.Src, t.Dst)
		c.networks.put(net, v)
	}
	peers, known := c.hosts.find(t.Src)
	if !known && !answered && !inside(t.Src) {
		return
	}
	if oddPort(t) && !housekeeping(t) {
		h := hashOf(t.Dst, argusfeed.Addr{}, uint64(t.Port)) >> 57
		peers[h>>6] |= 1 << (h & 63)
	} else if known {
		return
	}
	c.hosts.put(t.Src, peers)
}

func bitOf(a, b argusfeed.Addr) uint64 { return 1 << (hashOf(a, b, 0) >> 58) }

// company is how many hosts but the source talk to the network of a destination,
// and up to ownCompany of the other pairs. Where keep is set the network is
// remembered for longer because of this.
func (c *crowds) company(src, dst argusfeed.Addr, keep bool) float64 {
	var v visitors
	if net := netOf(dst); keep {
		v, _ = c.networks.find(net)
	} else {
		v = c.networks.peek(net)
	}
	others := count64(bits.OnesCount64(v.hosts &^ bitOf(src, argusfeed.Addr{})))
	pairs := count64(bits.OnesCount64(v.pairs)) - 1
	return others + min(ownCompany, max(0, pairs-others))
}

// peers is how many destinations a source has on odd ports.
func (c *crowds) peers(src argusfeed.Addr, keep bool) float64 {
	var p [2]uint64
	if keep {
		p, _ = c.hosts.find(src)
	} else {
		p = c.hosts.peek(src)
	}
	return count128(bits.OnesCount64(p[0]) + bits.OnesCount64(p[1]))
}

// count64 and count128 estimate how many different things set so many bits
// (linear counting; Whang, Vander-Zanden, Taylor 1990). A full sketch counts
// as if half a bit were left.
var count64, count128 = countIn(64), countIn(128)

func countIn(m int) func(int) float64 {
	table := make([]float64, m+1)
	for set := range table {
		left := max(float64(m-set), 0.5)
		table[set] = float64(m) * math.Log(float64(m)/left)
	}
	return func(set int) float64 { return table[set] }
}

// hashOf mixes two addresses and a number. It is the same in every run: what a
// detector says may not depend on chance.
func hashOf(a, b argusfeed.Addr, n uint64) uint64 {
	h := n ^ 0x9e3779b97f4a7c15
	for _, x := range [...]argusfeed.Addr{a, b} {
		if ip, ok := x.IP(); ok {
			w := ip.As16()
			h = mix(h ^ binary.BigEndian.Uint64(w[:8]))
			h = mix(h ^ binary.BigEndian.Uint64(w[8:]))
		}
	}
	return h
}

// mix is the finalizer of splitmix64.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// commonPorts are those that say nothing about who uses them.
var commonPorts = []uint16{21, 22, 80, 443, 8080}

// pollingPorts are those of services that poll or keep alive by their nature:
// mail, names, BGP, telephony, printing, VPNs, logging, MQTT, XMPP, the push
// services of phones.
var pollingPorts = []uint16{
	25, 53, 110, 143, 179, 465, 500, 514, 587, 631, 853, 993, 995, 1883, 3478, 4500,
	5060, 5061, 5222, 5223, 5228, 8883,
}

// polling tells whether a tuple is one of such a service, or ICMP.
func polling(t argusfeed.Tuple) bool {
	switch t.Proto {
	case argusfeed.ProtoTCP, argusfeed.ProtoUDP:
		port, ok := t.Port.Number()
		return ok && slices.Contains(pollingPorts, port)
	}
	proto, ok := t.Proto.Number()
	return ok && (proto == 1 || proto == 58)
}

// oddPort tells whether a tuple is of TCP or UDP and of no port that everybody
// knows.
func oddPort(t argusfeed.Tuple) bool {
	if t.Proto != argusfeed.ProtoTCP && t.Proto != argusfeed.ProtoUDP || polling(t) {
		return false
	}
	port, ok := t.Port.Number()
	return ok && !slices.Contains(commonPorts, port)
}

// inside tells whether an address is one of a private network.
func inside(a argusfeed.Addr) bool {
	ip, ok := a.IP()
	return ok && ip.Unmap().IsPrivate()
}
