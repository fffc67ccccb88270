package argusfeed

import (
	"cmp"
	"slices"
	"time"
)

// Joining tells how the status records of one flow become one flow. Argus
// reports a flow that lasts longer than its status interval in pieces; without
// joining each piece is a flow of its own, and the letters of a tuple depend on
// the interval.
//
// A flow ends where its connection does (both sides have sent FIN, or one RST);
// where no connection is open and nothing came for a minute; and 3600 seconds
// after its beginning: what goes on is the next flow then, as it is for an Argus
// with that interval, the original's. The flows of a tuple are given out in the
// order of their starts: one that is over waits for those that began before it.
type Joining struct {
	// Off gives out every record as it is.
	Off bool
	// Growing tells of flows before they are over, too (see Part).
	Growing bool
	// Interval is the status interval of the Argus, where it is known. Otherwise
	// it is what the first record says, or, behind a radium, which does not say,
	// an estimate.
	Interval time.Duration
	// MaxFlows is the most flows and connections that are held at a time; 0 is
	// DefaultMaxFlows. Beyond it room is made: connections that are over are
	// forgotten, then flows are given out as they are, first those without a
	// connection.
	MaxFlows int
}

// DefaultMaxFlows needs about 100 MB when it is reached.
const DefaultMaxFlows = 1 << 18

// JoinStats tells what joining did.
type JoinStats struct {
	// Merged records were pieces of a flow that was held.
	Merged uint64 `json:"merged_records"`
	// Strays are records of a connection that was over. They change nothing.
	Strays uint64 `json:"stray_records"`
	// Forced flows were given out early because too many were held.
	Forced uint64 `json:"forced_flows"`
	// Held is how many flows and connections are held now.
	Held int `json:"held_flows"`
}

// What ends a flow, in microseconds.
const (
	// reportSpan is the interval of the original's argus.conf.
	reportSpan Time = 3600e6
	// idleSpan ends what is no open connection. Argus forgets UDP after 30 s and
	// TCP after 60 s, but with an interval of 60 joins what is that far apart.
	idleSpan Time = 60e6
	// closeSpan is how long the last packets of a connection may come behind both
	// FIN, or RST.
	closeSpan Time = 250e3
	// retrySpan is how soon a refused SYN is sent again from the same port
	// (Windows: twice, half a second apart).
	retrySpan Time = 1e6
	// lateSpan is how much later than its interval Argus may report.
	lateSpan Time = 1e6
	// usualInterval is taken where no interval is told: that of Debian's argus.conf.
	usualInterval Time = 5e6
)

// joiner joins the records of one probe. It belongs to one goroutine.
type joiner struct {
	pool  *joinPool
	probe uint64
	heard bool // a record has come since the last Tick
	// now is the time of the feed: Argus has told all that it reports by then.
	now Time
	// known is the interval where it is known, longest the longest piece.
	known, longest Time

	conns  map[connKey]*conn
	queues map[Tuple]*queue // of the tuples that hold flows
	// Every connection is in one of these, that which waits longest in front:
	// open connections, what ends when it is idle, what is about to be over,
	// what is over.
	open, brief, closing, over connList

	// ahead and behind count the records in a row whose time is not believed.
	ahead, behind int
}

func newJoiner(pool *joinPool, probe uint64, known Time) *joiner {
	return &joiner{pool: pool, probe: probe, known: known,
		conns: make(map[connKey]*conn), queues: make(map[Tuple]*queue)}
}

// wait is how long a packet may be on its way to us: until its flow's next
// report.
func (j *joiner) wait() Time {
	if j.known > 0 {
		return j.known + lateSpan
	}
	return max(usualInterval, j.longest) + lateSpan
}

// add takes a flow record, which it may change. What is over by then goes out.
func (j *joiner) add(rec *Record) {
	j.heard = true
	end := rec.Start.Add(rec.Dur)
	if !j.timely(end) {
		j.pool.give(&rec.Flow, PartWhole, end)
		return
	}
	if j.known == 0 {
		j.longest = min(max(j.longest, end-rec.Start), reportSpan)
	}
	key, swapped := connKeyOf(rec)
	c := j.conns[key]
	if c != nil {
		switch c.relation(rec) {
		case isStray:
			j.pool.stats.Strays++
			c.end = max(c.end, end)
			c.due = c.end + idleSpan
			c.list.toBack(c)
			j.expire(end)
			return
		case isNext:
			j.rest(c, c.base+(rec.Start-c.base)/reportSpan*reportSpan)
		case isOther:
			j.drop(c)
			c = nil
		}
	}
	if c == nil {
		j.begin(key, swapped, rec, end)
	} else {
		if c.swapped != swapped {
			rec.swap()
		}
		j.grow(c, rec, end)
	}
}

// begin takes the first record of a flow.
func (j *joiner) begin(key connKey, swapped bool, rec *Record, end Time) {
	told := max(end, j.now)      // it was written after all that has come
	if rec.Cause == CauseStart { // and when the interval was over
		told = max(told, rec.Start+j.known)
	}
	tcp := isTCP(rec)
	if isOver(tcp, told-end, rec) && !j.mustWait(&rec.Flow) {
		j.now = max(j.now, told)
		j.pool.give(&rec.Flow, PartWhole, j.now)
		if tcp && j.room(1, nil) {
			c := j.connect(key, swapped, end)
			c.over = true
			j.hold(c, &j.over, end+idleSpan)
		}
		j.expire(told)
		return
	}
	if !j.room(2, nil) { // another probe holds all there is
		j.now = max(j.now, told)
		j.pool.give(&rec.Flow, PartWhole, j.now)
		return
	}
	c := j.connect(key, swapped, end)
	c.tcp, c.base, c.told = tcp, rec.Start, told
	j.carry(c, rec)
	j.settle(c)
}

// carry begins a flow of a connection.
func (j *joiner) carry(c *conn, rec *Record) {
	c.flow = j.pool.newFlow(rec)
	c.flow.conn, c.flow.announced = c, c.announced
	j.enqueue(c.flow)
}

// grow takes a later record of a connection.
func (j *joiner) grow(c *conn, rec *Record, end Time) {
	c.told = max(end, j.now)
	c.end = max(c.end, end)
	if c.flow == nil { // it was cut, and goes on
		j.room(1, c)
		j.carry(c, rec)
	} else {
		j.pool.stats.Merged++
		c.flow.merge(rec, end)
	}
	j.now = max(j.now, c.told)
	if c.flow.announced {
		j.pool.give(&rec.Flow, PartGrown, j.now)
	}
	j.settle(c)
}

// settle puts a connection where it waits after a record, or ends it.
func (j *joiner) settle(c *conn) {
	f, told := c.flow, c.told
	j.now = max(j.now, told)
	switch {
	case isOver(c.tcp, told-c.end, &f.Record):
		if f.queue.head != f {
			j.announce(c)
		}
		j.finish(c)
	case c.tcp && f.closed():
		j.hold(c, &j.closing, told)
		j.announce(c)
	case c.tcp && f.connected():
		j.hold(c, &j.open, c.base+reportSpan)
		j.announce(c)
	default:
		j.hold(c, &j.brief, c.end+idleSpan)
		j.announce(c)
	}
	j.expire(told)
}

// announce tells of the flow of a connection that cannot be given out yet.
func (j *joiner) announce(c *conn) {
	if !j.pool.Growing || c.flow.announced {
		return
	}
	c.flow.announced, c.announced = true, true
	j.pool.give(&c.flow.Flow, PartBegun, j.now)
}

// expire ends what time ends; what can still be under way is waited for.
func (j *joiner) expire(now Time) {
	j.now = max(j.now, now)
	past := j.now - j.wait()
	for c := j.closing.head; c != nil && c.due <= past; c = j.closing.head {
		j.finish(c)
	}
	for c := j.brief.head; c != nil && c.due <= past; c = j.brief.head {
		j.finish(c)
	}
	for c := j.open.head; c != nil && c.due <= past; c = j.open.head {
		if c.flow == nil { // nothing came for a whole report
			j.drop(c)
			continue
		}
		j.rest(c, c.base+reportSpan)
	}
	for c := j.over.head; c != nil && c.due <= past; c = j.over.head {
		j.drop(c)
	}
}

// finish ends the flow of a connection with it. TCP is remembered for a while,
// so that what strays in later is known.
func (j *joiner) finish(c *conn) {
	f := c.flow
	if !c.tcp {
		j.drop(c)
		return
	}
	c.flow, c.over = nil, true
	j.hold(c, &j.over, c.end+idleSpan)
	j.release(f)
}

// rest ends the flow of a connection that may go on; base is where its next 3600
// seconds begin.
func (j *joiner) rest(c *conn, base Time) {
	f := c.flow
	c.flow, c.base = nil, base
	j.hold(c, &j.open, base+reportSpan)
	if f != nil {
		j.release(f)
	}
}

// drop forgets a connection and ends its flow.
func (j *joiner) drop(c *conn) {
	f := c.flow
	if c.list != nil {
		c.list.remove(c)
	}
	delete(j.conns, c.key)
	j.pool.freeConn(c)
	if f != nil {
		j.release(f)
	}
}

// connect makes a connection.
func (j *joiner) connect(key connKey, swapped bool, end Time) *conn {
	c := j.pool.newConn()
	c.key, c.swapped, c.end, c.tcp = key, swapped, end, true
	j.conns[key] = c
	return c
}

// hold moves a connection to the end of a list.
func (j *joiner) hold(c *conn, to *connList, due Time) {
	if c.list != nil {
		c.list.remove(c)
	}
	c.due = due
	to.push(c)
}

// room makes room for n more, connections and flows, without letting go of keep;
// it fails where this joiner holds nothing else.
func (j *joiner) room(n int, keep *conn) bool {
	for j.pool.stats.Held+n > j.pool.MaxFlows {
		var c *conn
		for _, l := range []*connList{&j.over, &j.closing, &j.brief, &j.open} {
			if c = l.head; c != nil && c == keep {
				c = c.next
			}
			if c != nil {
				break
			}
		}
		if c == nil {
			return false
		}
		if c.flow != nil {
			j.pool.stats.Forced++
		}
		j.drop(c)
	}
	return true
}

// flush ends everything, in the order of the starts.
func (j *joiner) flush() {
	var flows []*conn
	for _, c := range j.conns {
		if c.flow != nil {
			flows = append(flows, c)
		}
	}
	// The order of a map is chance: what starts together is ordered by record.
	slices.SortFunc(flows, func(a, b *conn) int {
		return cmp.Or(cmp.Compare(a.flow.Start, b.flow.Start), cmp.Compare(a.flow.Line, b.flow.Line))
	})
	for _, c := range flows {
		j.drop(c)
	}
	for l := &j.over; l.head != nil; {
		j.drop(l.head)
	}
	for l := &j.open; l.head != nil; {
		j.drop(l.head)
	}
}
