package argusfeed

// listID names a list of connections; each is in one of them. Where room is
// needed those of the first list have to go first.
type listID uint8

const (
	inNone    listID = iota
	inOver           // what is over
	inClosing        // what is about to be over
	inBrief          // what ends when it is idle
	inOpen           // open connections
	numLists
)

// connList is a list of connections, that which waits longest in front.
type connList struct{ head, tail connID }

// hold moves a connection to the end of a list.
func (j *joiner) hold(c *conn, to listID, due Time) {
	c.due = due
	l := &j.lists[to]
	if c.list == to && l.tail == c.id {
		return
	}
	j.leave(c)
	c.list, c.prev, c.next = to, l.tail, 0
	if t := j.pool.conn(l.tail); t != nil {
		t.next = c.id
	} else {
		l.head = c.id
	}
	l.tail = c.id
}

// leave takes a connection out of its list, if it is in one.
func (j *joiner) leave(c *conn) {
	if c.list == inNone {
		return
	}
	l := &j.lists[c.list]
	if p := j.pool.conn(c.prev); p != nil {
		p.next = c.next
	} else {
		l.head = c.next
	}
	if n := j.pool.conn(c.next); n != nil {
		n.prev = c.prev
	} else {
		l.tail = c.prev
	}
	c.list, c.prev, c.next = inNone, 0, 0
}

// due gives the first connection of a list if its time has come; else nil.
func (j *joiner) due(l listID, past Time) *conn {
	if c := j.pool.conn(j.lists[l].head); c != nil && c.due <= past {
		return c
	}
	return nil
}
