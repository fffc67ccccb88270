package detection

import (
	"math"

	"slips-ips/argusfeed"
)

// tier says how much a tuple is worth keeping when the table is full, the least
// first. Each tier may always have its share of the table: what fills one of
// them pushes out nothing of another.
type tier uint8

const (
	// tierSpared has had few flows, and would have had to make room for those of
	// somebody who has many tuples alike: a scan, which must not hide that a slow
	// beacon has begun.
	tierSpared tier = iota
	// tierOnce has had one flow.
	tierOnce
	// tierSeveral has had several flows.
	tierSeveral
	// tierLong has gone on for longUse.
	tierLong
	// tierSuspicious was detected, or nearly.
	tierSuspicious
	tiers
)

// tierShares are the parts of the table that the tiers may always have, 1/n; all
// together they are the table.
var tierShares = [tiers]int{tierSpared: 8, tierOnce: 4, tierSeveral: 4, tierLong: 4, tierSuspicious: 8}

// longUse, in seconds, is the time between the first flow and the newest one from
// which on a tuple with longFlows of them goes on for long: whoever wants to fill
// its share has to keep at it for as long.
const (
	longUse   = 30 * 60
	longFlows = 3
)

// evict forgets a tuple: of the first tier that has more than its share the one
// that was silent for the longest, unless it is spared.
func (tt *tupleTable) evict() {
	tt.evicted++
	t := tt.victim()
	for range 3 { // no flow pays for many: after so many were spared one goes in any case
		if alike := tt.alikeOf(t.tier); alike == nil || !alike.spares(t.places, tt.lists[t.tier].n) {
			break
		}
		tt.move(t, tierSpared)
		t = tt.victim()
	}
	tt.forget(t)
}

// victim gives the tuple that was silent for the longest, of the first tier that
// has more than its share.
func (tt *tupleTable) victim() *tuple {
	least := tupleID(0)
	for i := range tt.lists {
		l := &tt.lists[i]
		if l.n > tt.max/tierShares[i] {
			return tt.at(l.tail)
		}
		if least == 0 {
			least = l.tail
		}
	}
	return tt.at(least)
}

// move puts t at the head of another list.
func (tt *tupleTable) move(t *tuple, to tier) {
	tt.leave(t)
	t.tier = to
	tt.enter(t)
}

// enter puts a tuple into its tier, leave takes it out.
func (tt *tupleTable) enter(t *tuple) {
	l := &tt.lists[t.tier]
	tt.push(l, t)
	if alike := tt.alikeOf(t.tier); alike != nil {
		alike.enter(t.places, l.n)
	}
}

func (tt *tupleTable) leave(t *tuple) {
	tt.remove(&tt.lists[t.tier], t)
	if alike := tt.alikeOf(t.tier); alike != nil {
		alike.ports[t.places.port]--
		alike.hosts[t.places.host]--
	}
}

// alikeOf gives the counts of a tier whose tuples may be spared; nil: of no other.
func (tt *tupleTable) alikeOf(i tier) *sameSource {
	switch i {
	case tierOnce:
		return &tt.alike[0]
	case tierSeveral:
		return &tt.alike[1]
	}
	return nil
}

// raise keeps t for longer than before, or as it was.
func (tt *tupleTable) raise(t *tuple, to tier) {
	if t.tier < to {
		tt.move(t, to)
	}
}

// lasts tells whether a tuple with a flow that starts then has gone on for long.
func (t *tuple) lasts(start argusfeed.Time) bool {
	return t.tier < tierLong && t.all >= longFlows && int64(secondsOf(start)) >= int64(t.since)+longUse
}

// secondsOf gives the whole seconds of a time until 2106, for tuple.since.
func secondsOf(t argusfeed.Time) uint32 { return uint32(max(0, min(t/1e6, math.MaxUint32))) }

// sameSource counts the tuples of a tier by their source and port, and by their
// source and destination, in places that share what falls on them. A scan has many
// of one of the two.
type sameSource struct {
	ports, hosts [256]int32
	// entered counts the tuples, crowded is the number of the newest one that found
	// too many alike.
	entered, crowded uint64
}

// places are those that a tuple is counted at, the same in every run.
type places struct{ port, host uint8 }

// spareShare is the part, 1/n, of the tuples of a tier above which those of one
// place are too many to be spared; fewAlike are never too many.
const (
	spareShare = 64
	fewAlike   = 4
)

func placesOf(t *argusfeed.Tuple) places {
	const k1, k2 = 0x9e3779b97f4a7c15, 0xbf58476d1ce4e5b9
	srcHi, srcLo, _ := t.Src.Words()
	dstHi, dstLo, _ := t.Dst.Words()
	src := (srcHi*k2 ^ srcLo) * k1
	dst := (dstHi*k1 ^ dstLo) * k2
	return places{port: uint8((src + uint64(t.Port)*k2) * k1 >> 56), host: uint8((src>>20 + dst) * k1 >> 56)}
}

// few tells whether a tuple is of a source that has few alike, of so many.
func (c *sameSource) few(p places, of int) bool {
	return max(c.ports[p.port], c.hosts[p.host]) <= int32(max(fewAlike, of/spareShare))
}

func (c *sameSource) enter(p places, of int) {
	c.ports[p.port]++
	c.hosts[p.host]++
	c.entered++
	if !c.few(p, of) {
		c.crowded = c.entered
	}
}

// spares tells whether a tuple need not go: it has few alike, and there is somebody
// who has many, or was as long as the tuple is there.
func (c *sameSource) spares(p places, of int) bool {
	return c.crowded > 0 && c.entered-c.crowded <= uint64(of) && c.few(p, of)
}
