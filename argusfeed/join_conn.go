package argusfeed

import "bytes"

// connKey names a connection of one probe, whoever of its ends is called the
// source: when Argus has forgotten a flow, the next record of it may have them
// the other way round.
type connKey struct {
	a, b         Addr
	aPort, bPort Port
	proto        Proto
	more         uint16
}

// connKeyOf gives the key of a record, and whether its source is not the first
// end of the key.
func connKeyOf(rec *Record) (k connKey, swapped bool) {
	k = connKey{rec.Src, rec.Dst, rec.Sport, rec.Port, rec.Proto, rec.key.more}
	if rec.Proto != ProtoTCP && rec.Proto != ProtoUDP || rec.key.fragment {
		return k, false
	}
	order := bytes.Compare(k.a.b[:], k.b.b[:])
	if order > 0 || order == 0 && k.aPort > k.bPort {
		k.a, k.b, k.aPort, k.bPort = k.b, k.a, k.bPort, k.aPort
		return k, true
	}
	return k, false
}

func isTCP(rec *Record) bool {
	return rec.Proto == ProtoTCP && rec.isIP() && !rec.key.fragment
}

// conn is a connection, or what goes for one: packets with the same key.
type conn struct {
	key     connKey
	swapped bool // the source is the second end of the key
	tcp     bool
	over    bool // a TCP connection that has ended: its flow has been released
	// announced tells that its newest flow was told of before its end.
	announced bool
	// base is the beginning of the 3600 seconds that its flow is a report of, end
	// its newest packet. Argus has told of it up to told.
	base, end, told Time
	// flow is what there is of the flow; nil where it is over, or was cut and
	// nothing came since.
	flow *heldFlow

	due        Time // when the list that it is in asks for it
	list       *connList
	prev, next *conn
}

// relation is what a record is to the connection with its key.
type relation uint8

const (
	isPiece relation = iota // another piece of its flow
	isNext                  // of the same connection, in the next 3600 seconds
	isOther                 // of another connection that uses the key again
	isStray                 // what came behind the end of the connection
)

func (c *conn) relation(rec *Record) relation {
	idle := rec.Start-c.end > idleSpan
	if !c.tcp {
		switch {
		case idle:
			return isOther
		case rec.Start >= c.base+reportSpan:
			return isNext
		}
		return isPiece
	}
	syn := rec.TCP.SrcFlags&tcpSYN != 0
	switch {
	case c.over && (syn || idle):
		return isOther
	case c.over:
		return isStray
	case c.flow == nil: // cut
		if syn || rec.Start >= c.base+reportSpan {
			return isOther
		}
		return isPiece
	case syn && c.flow.closed():
		refused := c.flow.TCP.Status&(TCPSynAck|TCPEstablished) == 0
		if refused && rec.Start-c.end <= retrySpan {
			return isPiece
		}
		return isOther
	case syn && c.flow.connected():
		return isOther
	case !c.flow.connected() && idle:
		return isOther
	case rec.Start >= c.base+reportSpan:
		return isNext
	}
	return isPiece
}

// closed tells whether the end of a TCP connection was seen: a FIN of both
// sides, or a reset. (The bit for an acknowledged FIN says nothing of the other
// side.)
func (rec *FlowRecord) closed() bool {
	t := &rec.TCP
	return t.Status&TCPReset != 0 || t.SrcFlags&t.DstFlags&tcpFIN != 0
}

// connected tells whether a TCP connection is open in both directions. What is
// no longer, or not yet, ends when it is idle: the system of a closed socket
// waits as long for the other side's FIN (Linux: 60 s).
func (rec *FlowRecord) connected() bool {
	t := &rec.TCP
	return t.Status&TCPEstablished != 0 && rec.SrcPackets > 0 && rec.DstPackets > 0 &&
		(t.SrcFlags|t.DstFlags)&tcpFIN == 0 && t.Status&TCPReset == 0
}

// isOver tells whether nothing more can come of a flow of which Argus has told
// all up to quiet after its newest packet.
func isOver(tcp bool, quiet Time, rec *Record) bool {
	switch {
	case tcp && rec.closed():
		if rec.TCP.Status&(TCPSynAck|TCPEstablished) == 0 {
			return quiet >= retrySpan
		}
		return quiet >= closeSpan
	case tcp && rec.connected():
		return false
	}
	return quiet >= idleSpan
}

// connList is a list of connections.
type connList struct{ head, tail *conn }

func (l *connList) push(c *conn) {
	c.list, c.prev, c.next = l, l.tail, nil
	if l.tail != nil {
		l.tail.next = c
	} else {
		l.head = c
	}
	l.tail = c
}

func (l *connList) remove(c *conn) {
	if c.prev != nil {
		c.prev.next = c.next
	} else {
		l.head = c.next
	}
	if c.next != nil {
		c.next.prev = c.prev
	} else {
		l.tail = c.prev
	}
	c.list, c.prev, c.next = nil, nil, nil
}

func (l *connList) toBack(c *conn) {
	if l.tail != c {
		l.remove(c)
		l.push(c)
	}
}
