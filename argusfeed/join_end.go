package argusfeed

import (
	"cmp"
	"slices"
)

// expire ends what time ends; what can still be under way is waited for.
func (j *joiner) expire(now Time) {
	j.now = max(j.now, now)
	closed := j.now - j.closeWait()
	for c := j.due(inClosing, closed); c != nil; c = j.due(inClosing, closed) {
		j.finish(c)
	}
	past := j.now - j.wait()
	for c := j.due(inBrief, past); c != nil; c = j.due(inBrief, past) {
		j.finish(c)
	}
	for c := j.due(inOpen, past); c != nil; c = j.due(inOpen, past) {
		if c.flow == 0 { // nothing came for a whole report
			j.drop(c)
			continue
		}
		j.rest(c, c.base+reportSpan)
	}
	for c := j.due(inOver, past); c != nil; c = j.due(inOver, past) {
		j.drop(c)
	}
}

// finish ends the flow of a connection with it. TCP is remembered for a while,
// so that what strays in later is known.
func (j *joiner) finish(c *conn) {
	if !c.tcp {
		j.drop(c)
		return
	}
	f := j.pool.flow(c.flow)
	c.flow, c.over = 0, true
	j.hold(c, inOver, c.end+idleSpan)
	j.release(f)
}

// rest ends the flow of a connection that may go on; base is where its next 3600
// seconds begin.
func (j *joiner) rest(c *conn, base Time) {
	f := j.pool.flow(c.flow)
	c.flow, c.base = 0, base
	j.hold(c, inOpen, base+reportSpan)
	if f != nil {
		j.release(f)
	}
}

// drop forgets a connection and ends its flow.
func (j *joiner) drop(c *conn) {
	f := j.pool.flow(c.flow)
	j.leave(c)
	j.conns.Remove(c.hash, uint32(c.id))
	j.pool.freeConn(c)
	if f != nil {
		j.release(f)
	}
}

// room makes room for n more, connections and flows, without letting go of keep;
// it fails where this joiner holds nothing else.
func (j *joiner) room(n int, keep *conn) bool {
	for j.pool.stats.Held+n > j.pool.MaxFlows {
		var c *conn
		for l := inOver; l < numLists; l++ {
			if c = j.front(l, keep); c != nil {
				break
			}
		}
		if c == nil {
			return false
		}
		if c.flow != 0 {
			j.pool.stats.Forced++
		}
		j.drop(c)
	}
	return true
}

// flush ends everything, in the order of the starts; what starts together is
// ordered by record.
func (j *joiner) flush() {
	type ending struct {
		start Time
		line  uint64
		conn  *conn
	}
	var flows []ending
	for l := inOver; l < numLists; l++ {
		for p := j.lists[l].head; p != j.lists[l].tail; p++ {
			c := j.pool.conn(*j.lists[l].at(p))
			if c == nil {
				continue
			}
			if f := j.pool.flow(c.flow); f != nil {
				flows = append(flows, ending{f.Start, f.Line, c})
			}
		}
	}
	slices.SortFunc(flows, func(a, b ending) int {
		return cmp.Or(cmp.Compare(a.start, b.start), cmp.Compare(a.line, b.line))
	})
	for _, e := range flows {
		j.drop(e.conn)
	}
	for l := inOver; l < numLists; l++ {
		for c := j.front(l, nil); c != nil; c = j.front(l, nil) {
			j.drop(c)
		}
	}
}
