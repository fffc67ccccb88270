package detection

import (
	"hash/maphash"
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
//
// What is to be noted waits until somebody asks, or there is much of it.
type crowds struct {
	networks generations[netKey, visitors]
	hosts    generations[hostKey, [2]uint64]
	later    meetings
}

func newCrowds() *crowds {
	seed := maphash.MakeSeed()
	c := &crowds{networks: generations[netKey, visitors]{seed: seed}, hosts: generations[hostKey, [2]uint64]{seed: seed}}
	c.later.init(c)
	return c
}

// visitors are those of a network, in sketches: the hosts that talk to it, and
// the pairs of hosts.
type visitors struct{ hosts, pairs uint64 }

// ownCompany is how much company a host can be to itself: the neighbours of its
// destination that answer it. It is the only company that the feed of a single
// host shows, and tells services that have many addresses; more of it would let
// an infected host talk its way out.
const ownCompany = 4

// bitOf gives the bit of a hash in a sketch of 64.
func bitOf(hash uint64) uint64 { return 1 << (hash >> 58) }

// company is how many hosts but the source talk to the network of a destination,
// and up to ownCompany of the other pairs. Where keep is set the network is
// remembered for longer because of this.
func (c *crowds) company(src, dst argusfeed.Addr, keep bool) float64 {
	c.later.settle()
	net := netOf(dst)
	hash := net.hash(c.networks.seed)
	if keep {
		c.networks.find(net, hash)
	}
	v := c.networks.peek(net, hash)
	others := count64(bits.OnesCount64(v.hosts &^ bitOf(hashFrom(src, 0))))
	pairs := count64(bits.OnesCount64(v.pairs)) - 1
	return others + min(ownCompany, max(0, pairs-others))
}

// peers is how many destinations a source has on odd ports.
func (c *crowds) peers(src argusfeed.Addr, keep bool) float64 {
	c.later.settle()
	hash := src.Hash(c.hosts.seed)
	if keep {
		c.hosts.find(hostKey{src}, hash)
	}
	p := c.hosts.peek(hostKey{src}, hash)
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

// hashFrom mixes a number and an address. It is the same in every run: what a
// detector says may not depend on chance.
func hashFrom(a argusfeed.Addr, n uint64) uint64 { return hashOn(n^0x9e3779b97f4a7c15, a) }

// hashOn goes on with a hash.
func hashOn(h uint64, a argusfeed.Addr) uint64 {
	if hi, lo, ok := a.Words(); ok {
		h = mix(mix(h^hi) ^ lo)
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
