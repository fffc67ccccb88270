package argusfeed

import "time"

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

// DefaultMaxFlows needs about 60 MB when it is reached.
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
	// lateSpan is how much later than its interval Argus may report: it looks for
	// what is due every now and then, at the latest after 0.6 s.
	lateSpan Time = 700e3
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
	lag lag
	// known is the interval where it is known, longest the longest piece.
	known, longest Time

	// conns leads to connections by their keys, queues to the first flow of each
	// tuple that holds flows.
	conns, queues Index
	lists         [numLists]connList

	// ahead and behind count the records in a row whose time is not believed.
	ahead, behind int
}

func newJoiner(pool *joinPool, probe uint64, known Time) *joiner {
	return &joiner{pool: pool, probe: probe, known: known}
}

// wait is how long a packet may be on its way to us: until its flow's next
// report.
func (j *joiner) wait() Time {
	if j.known > 0 {
		return j.known + lateSpan
	}
	return max(usualInterval, j.longest) + lateSpan
}

// closeWait is wait for the last packets of a connection. An Argus that reports
// several times a second is there to be quick: what it reports late, of packets
// behind both FIN, is left out of the flow.
func (j *joiner) closeWait() Time {
	if j.known > 0 && j.known < 1e6 {
		return j.known + lateSpan/7
	}
	return j.wait()
}

// add takes a flow record, which it may change, and its names. What is over by
// then goes out.
func (j *joiner) add(rec *FlowRecord, n *flowNames) {
	j.heard = true
	end := rec.Start.Add(rec.Dur)
	if !j.timely(end) {
		told := end
		if j.now != 0 {
			told = min(end, j.now) // nobody else is to believe it either
		}
		j.pool.give(&rec.Flow, PartWhole, told)
		return
	}
	if j.known == 0 {
		j.longest = min(max(j.longest, end-rec.Start), reportSpan)
	}
	c := j.find(&n.conn, n.connHash)
	if c != nil {
		switch c.relation(j.pool.flow(c.flow), rec) {
		case isStray:
			j.pool.stats.Strays++
			c.end = max(c.end, end)
			j.hold(c, inOver, c.end+idleSpan)
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
		j.begin(n, rec, end)
	} else {
		if c.swapped != n.swapped {
			rec.swap()
			n.queueHash = rec.Hash(j.pool.seed)
		}
		j.grow(c, n, rec, end)
	}
}

// begin takes the first record of a flow.
func (j *joiner) begin(n *flowNames, rec *FlowRecord, end Time) {
	told := j.toldBy(rec, end)
	tcp := isTCP(rec)
	if isOver(tcp, told-end, rec) && !j.mustWait(&rec.Flow, n.queueHash) {
		j.now = max(j.now, told)
		j.pool.give(&rec.Flow, PartWhole, j.now)
		if tcp && j.room(1, nil) {
			c := j.connect(n, end)
			c.over = true
			j.hold(c, inOver, end+idleSpan)
		}
		j.expire(told)
		return
	}
	if !j.room(2, nil) { // another probe holds all there is
		j.now = max(j.now, told)
		j.pool.give(&rec.Flow, PartWhole, j.now)
		return
	}
	c := j.connect(n, end)
	c.tcp, c.base = tcp, rec.Start
	j.settle(c, j.carry(c, n, rec), told)
}

// carry begins a flow of a connection.
func (j *joiner) carry(c *conn, n *flowNames, rec *FlowRecord) *heldFlow {
	f := j.pool.newFlow(rec)
	f.hash, f.conn, f.announced = n.queueHash, c.id, c.announced
	c.flow = f.id
	j.enqueue(f)
	return f
}

// grow takes a later record of a connection.
func (j *joiner) grow(c *conn, n *flowNames, rec *FlowRecord, end Time) {
	told := j.toldBy(rec, end)
	c.end = max(c.end, end)
	f := j.pool.flow(c.flow)
	if f == nil { // it was cut, and goes on
		j.room(1, c)
		f = j.carry(c, n, rec)
	} else {
		j.pool.stats.Merged++
		f.merge(rec, end)
	}
	j.now = max(j.now, told)
	if f.announced {
		j.pool.give(&rec.Flow, PartGrown, j.now)
	}
	j.settle(c, f, told)
}

// settle puts a connection where it waits after a record of its flow, or ends
// it. Argus has told of it up to told.
func (j *joiner) settle(c *conn, f *heldFlow, told Time) {
	j.now = max(j.now, told)
	switch {
	case isOver(c.tcp, told-c.end, &f.FlowRecord):
		if f.before != 0 {
			j.announce(c, f)
		}
		j.finish(c)
	case c.tcp && f.closed():
		j.hold(c, inClosing, told)
		j.announce(c, f)
	case c.tcp && f.connected():
		j.hold(c, inOpen, c.base+reportSpan)
		j.announce(c, f)
	default:
		j.hold(c, inBrief, c.end+idleSpan)
		j.announce(c, f)
	}
	j.expire(told)
}

// announce tells of a flow of a connection that cannot be given out yet.
func (j *joiner) announce(c *conn, f *heldFlow) {
	if !j.pool.Growing || f.announced {
		return
	}
	f.announced, c.announced = true, true
	j.pool.give(&f.Flow, PartBegun, j.now)
}
