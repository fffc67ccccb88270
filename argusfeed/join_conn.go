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

// of makes k, which is empty, the key of a record, and tells whether the source
// is not the first end of it.
func (k *connKey) of(rec *FlowRecord) (swapped bool) {
	if (rec.Proto == ProtoTCP || rec.Proto == ProtoUDP) && !rec.key.fragment {
		order := bytes.Compare(rec.Src.b[:], rec.Dst.b[:])
		swapped = order > 0 || order == 0 && rec.Sport > rec.Port
	}
	k.proto, k.more = rec.Proto, rec.key.more
	if swapped {
		k.a, k.b, k.aPort, k.bPort = rec.Dst, rec.Src, rec.Port, rec.Sport
	} else {
		k.a, k.b, k.aPort, k.bPort = rec.Src, rec.Dst, rec.Sport, rec.Port
	}
	return swapped
}

func (k *connKey) hash(s *Seed) uint64 {
	return s.hash(&k.a, &k.b, uint64(k.aPort), uint64(k.bPort), uint64(k.proto)^uint64(k.more)<<32)
}

func isTCP(rec *FlowRecord) bool {
	return rec.Proto == ProtoTCP && rec.isIP() && !rec.key.fragment
}

// connID is the number of a connection in its pool; 0 is none.
type connID uint32

// conn is a connection, or what goes for one: packets with the same key. It is as
// large as two lines of a processor's cache, the key in the first one.
type conn struct {
	key connKey

	// hash is that of the key.
	hash uint64
	// base is the beginning of the 3600 seconds that its flow is a report of, end
	// its newest packet.
	base, end Time
	due       Time // when the list that it is in asks for it
	// id is its own number, place its place in list.
	id    connID
	place uint32
	// flow is what there is of the flow; 0 where it is over, or was cut and
	// nothing came since.
	flow    flowID
	list    listID
	swapped bool // the source is the second end of the key
	tcp     bool
	over    bool // a TCP connection that has ended: its flow has been released
	// announced tells that its newest flow was told of before its end.
	announced bool
	_         [8]byte // so that the next one begins a line, too
}

// find gives the connection of a key; nil: there is none.
func (j *joiner) find(key *connKey, hash uint64) *conn {
	found := j.conns.Find(hash)
	for n := found.Next(); n != 0; n = found.Next() {
		if c := j.pool.conn(connID(n)); c.key == *key {
			return c
		}
	}
	return nil
}

// connect makes a connection.
func (j *joiner) connect(n *flowNames, end Time) *conn {
	c := j.pool.newConn()
	c.key, c.hash, c.swapped, c.end, c.tcp = n.conn, n.connHash, n.swapped, end, true
	j.conns.Insert(c.hash, uint32(c.id))
	return c
}

// relation is what a record is to the connection with its key.
type relation uint8

const (
	isPiece relation = iota // another piece of its flow
	isNext                  // of the same connection, in the next 3600 seconds
	isOther                 // of another connection that uses the key again
	isStray                 // what came behind the end of the connection
)

// relation tells what a record is to c, whose flow is f.
func (c *conn) relation(f *heldFlow, rec *FlowRecord) relation {
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
	case f == nil: // cut
		if syn || rec.Start >= c.base+reportSpan {
			return isOther
		}
		return isPiece
	case syn && f.closed():
		refused := f.TCP.Status&(TCPSynAck|TCPEstablished) == 0
		if refused && rec.Start-c.end <= retrySpan {
			return isPiece
		}
		return isOther
	case syn && f.connected():
		return isOther
	case !f.connected() && idle:
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
func isOver(tcp bool, quiet Time, rec *FlowRecord) bool {
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
