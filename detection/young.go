package detection

import (
	"strings"
	"time"

	"slips-ips/argusfeed"
)

// youngID is the number of a young one in its table; 0 is none.
type youngID uint32

// young is what is remembered of a tuple from its second flow on, as long as no
// scorer has anything to say of it: the flows themselves. Most tuples never get
// further. When one does, its flows are taken again, in their order, into a
// series: letters, contacts and all else are what they would be, had there been
// a series from the start. It holds no pointers, so that a garbage collector
// need not look at millions of them.
type young struct {
	// last and flows are those of the tuple before the first of events.
	last   argusfeed.Time
	events [maxYoung]event
	flows  uint8
	n      uint8
	// begun tells that there was an event, or that the next one is the first.
	begun bool
	id    youngID
	next  youngID // of those that are free
}

// maxYoung is how many flows, and pieces of flows, a young one holds.
const maxYoung = 3

// event is what was told of a flow: as much as letters and contacts need.
type event struct {
	start  argusfeed.Time
	micros uint32 // of its duration
	bytes  uint32
	sport  uint16
	kind   uint8 // of the source port: its upper half
	what   eventBits
}

// eventBits are the part that is told, in the lowest two, and what State said.
type eventBits uint8

const (
	eventPart     eventBits = 3
	eventAnswered eventBits = 1 << iota << 1
	eventLoaded
	eventFlags // the state is that of TCP flags
	eventSyn   // the source's among them has a SYN
)

// plain tells whether an event can hold a flow. Hardly any is too long or too
// large, and a tuple that has such a one is not young any more.
func plain(f *argusfeed.Flow) bool {
	return f.Dur >= 0 && f.Dur%time.Microsecond == 0 && f.Dur/time.Microsecond < 1<<32 && f.Bytes < 1<<32 &&
		f.Sport&^(0xff<<32|0xffff) == 0
}

// eventOf notes a flow that is plain.
func eventOf(f *argusfeed.Flow) event {
	e := event{
		start: f.Start, micros: uint32(f.Dur / time.Microsecond), bytes: uint32(f.Bytes),
		sport: uint16(f.Sport), kind: uint8(f.Sport >> 32), what: eventBits(f.Part),
	}
	if answered(f) {
		e.what |= eventAnswered
	}
	if loaded(f) {
		e.what |= eventLoaded
	}
	if flags, _, ok := strings.Cut(f.State, "_"); ok {
		e.what |= eventFlags
		if strings.Contains(flags, "S") {
			e.what |= eventSyn
		}
	}
	return e
}

// flow gives a flow of t that says the same as the one that was noted.
func (e *event) flow(t *argusfeed.Tuple) argusfeed.Flow {
	f := argusfeed.Flow{
		Tuple: *t, Sport: argusfeed.Port(e.kind)<<32 | argusfeed.Port(e.sport), Start: e.start,
		Dur: time.Duration(e.micros) * time.Microsecond, Bytes: uint64(e.bytes), Packets: uint64(e.bytes),
		Part: argusfeed.Part(e.what & eventPart),
	}
	if e.what&eventFlags == 0 {
		if e.what&eventAnswered == 0 {
			f.State = "INT"
		}
		return f
	}
	f.State = eventStates[e.what/eventSyn&1+2*(e.what/eventLoaded&1)+4*(e.what/eventAnswered&1)]
	return f
}

// eventStates are states of TCP that say as much as an event holds.
var eventStates = [8]string{"_", "S_", "P_", "SP_", "_A", "S_A", "P_A", "SP_A"}

// youngChunk is how many of them are allocated at a time.
const youngChunk = 256

// youngTable holds the young ones of a tuple table, by number.
type youngTable struct {
	chunks []*[youngChunk]young
	used   int
	free   youngID
}

// at gives the young one of a number; nil for none.
func (yt *youngTable) at(id youngID) *young {
	if id == 0 {
		return nil
	}
	id--
	return &yt.chunks[id/youngChunk][id%youngChunk]
}

// add gives an empty one.
func (yt *youngTable) add() *young {
	if y := yt.at(yt.free); y != nil {
		yt.free, y.next = y.next, 0
		return y
	}
	if yt.used == len(yt.chunks)*youngChunk {
		yt.chunks = append(yt.chunks, new([youngChunk]young))
	}
	yt.used++
	y := yt.at(youngID(yt.used))
	y.id = youngID(yt.used)
	return y
}

func (yt *youngTable) drop(y *young) {
	*y = young{id: y.id, next: yt.free}
	yt.free = y.id
}

// begin notes that the flow which comes is the first after that of the tuple.
func (y *young) begin(t *tuple) {
	y.begun, y.last, y.flows = true, t.last, uint8(min(t.flows, 1))
}

// add notes a flow; the caller has looked that there is room.
func (y *young) add(f *argusfeed.Flow) {
	y.events[y.n] = eventOf(f)
	y.n++
}

// mature has a tuple that is young and cannot stay so remember a series.
func (d *Detector) mature(t *entry) {
	y := t.y
	t.s, t.y = d.tuples.series.add(), nil
	if y.begun {
		d.again(t.tuple, y, t.s)
	}
	d.tuples.youngs.drop(y)
	t.rest = restID(t.s.id)
}

// again takes what y remembers of t into s, which is empty. The scorer knows
// already whom t has met.
func (d *Detector) again(t *tuple, y *young, s *series) {
	r := &d.replayed
	r.tuple = tuple{key: t.key, first: t.first, bytes: t.bytes, last: y.last, flows: uint32(y.flows), all: 1}
	r.entry = entry{tuple: &r.tuple, s: s}
	s.begun, s.set = true, d.set
	d.scorer.begin(&r.entry)
	for i := range y.events[:y.n] {
		f := &r.flow
		*f = y.events[i].flow(&t.key)
		if f.Part != argusfeed.PartGrown && (f.Part != argusfeed.PartClosed || d.reference()) {
			r.tuple.all++
			s.newest = max(s.newest, f.Start)
		}
		if !f.Part.Over() {
			d.scorer.take(&r.entry, f)
			continue
		}
		var m mark
		m.of(&r.tuple, f)
		d.extend(&r.entry, f, &m)
	}
}

// nothingYet tells whether a tuple without a series can have no verdict.
func (d *Detector) nothingYet(t *tuple) bool {
	y := d.tuples.youngs.at(t.rest.young())
	return y == nil || int(y.n) <= d.scorer.patience()
}

// whole gives a tuple with its series, also where it is young: then with one
// that is made for looking, which is valid until the next call.
func (d *Detector) whole(t *tuple) entry {
	e := d.tuples.entry(t)
	if e.y == nil {
		return e
	}
	y := e.y
	e.y = nil
	if !y.begun {
		return e
	}
	if d.shownYoung == nil {
		d.shownYoung = new(series)
	}
	e.s = d.shownYoung
	e.s.reset()
	d.again(t, y, e.s)
	if !d.nothingYet(t) { // the models came after its newest flow
		e.s.last = d.scorer.look(&e)
	}
	return e
}
