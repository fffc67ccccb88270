package argusfeed

import "encoding/binary"

// Record is one record of an Argus stream. It holds no references into the
// stream: it may be kept and copied.
type Record struct {
	// FlowRecord is filled for a KindFlow, but for Cause, which all have.
	FlowRecord
	// Kind says which of the other fields are filled.
	Kind Kind
	// Option is more about the cause: why a connection is refused, or 8 where
	// Argus 5's radium passed the record on.
	Option uint8
	// Version is 3 or 5: of the framing of this record.
	Version uint8
	// Probe tells apart the probes behind one collector: the 32 bits of an
	// Argus 3, or a hash of the longer ids of Argus 5.
	Probe uint64
	// Status is filled for a KindManagement.
	Status ArgusStatus
}

// FlowRecord is what a record tells of a flow.
type FlowRecord struct {
	// Flow has the fields that Argus tells: all but Label, Source and Line. Its
	// State is what ra prints with -Z b.
	Flow
	// SrcPackets, DstPackets and DstBytes complete Packets, Bytes and SrcBytes.
	SrcPackets, DstPackets, DstBytes uint64
	// TCP is the state of a TCP connection.
	TCP TCP
	key flowKey
	// Cause says why Argus wrote the record.
	Cause Cause
	// Reversed tells that the decoder has exchanged source and destination,
	// since Argus had missed the beginning (see correct).
	Reversed bool
}

// Kind is what a record is about.
type Kind uint8

// The kinds. KindOther are the records of types that are passed over, and flow
// records too damaged to tell key, time and counts.
const (
	KindOther Kind = iota
	KindFlow
	KindManagement
)

// Cause is why Argus wrote a record.
type Cause uint8

// The causes. A flow's first report has CauseStart and the later ones
// CauseStatus; they do not tell whether a connection is over.
const (
	CauseStart    Cause = 1
	CauseStatus   Cause = 2
	CauseStop     Cause = 3
	CauseTimeout  Cause = 4
	CauseFlush    Cause = 5
	CauseShutdown Cause = 6
	CauseClosed   Cause = 7
	CauseError    Cause = 8
)

// Types of records: the high four bits of the header.
const (
	argusFlow       = 0x1
	argusNetflow    = 0x3 // what radium makes of Cisco's NetFlow; laid out as a flow
	argusManagement = 0x8
)

// Types of the parts of a flow record (data specific records).
const (
	dsrTransport = 0x01
	dsrFlow      = 0x02
	dsrTime      = 0x03
	dsrMetric    = 0x10
	dsrNetwork   = 0x30
	dsrICMP      = 0x34
	dsrIPAttr    = 0x48
)

// dsrs are the parts of a flow record, by the index below.
type dsrs struct {
	record []byte
	parts  [numParts]struct{ from, to uint32 }
}

// part gives a part of the record, empty where it has none.
func (d *dsrs) part(i int) []byte {
	p := d.parts[i]
	return d.record[p.from:p.to:p.to]
}

// Indexes of the parts that are read. All others fall on the first.
const (
	partOther = iota
	partTransport
	partFlow
	partTime
	partMetric
	partNetwork
	partICMP
	partIPAttr
	numParts
)

// partIndex gives the index of each type, so that records need no decisions to
// be taken apart.
var partIndex = [128]uint8{
	dsrTransport: partTransport, dsrFlow: partFlow, dsrTime: partTime, dsrMetric: partMetric,
	dsrNetwork: partNetwork, dsrICMP: partICMP, dsrIPAttr: partIPAttr,
}

// decode fills rec from b, a whole record of the length that its header tells.
func (a *Argus) decode(rec *Record, b []byte) {
	rec.reset(b)
	switch b[0] >> 4 {
	case argusFlow, argusNetflow:
		var d dsrs
		whole := d.split(b)
		ok := rec.decodeFlow(&d, a.tcp)
		if !ok || !whole {
			a.counts.Damaged++
		}
		if ok {
			rec.Kind = KindFlow
			a.counts.Flows++
			return
		}
		rec.reset(b)
	case argusManagement:
		if rec.decodeStatus(b) {
			rec.Kind = KindManagement
			a.counts.Management++
			return
		}
		rec.Status = ArgusStatus{}
	}
	a.counts.Other++
}

// reset empties rec but for what the header b tells. Most records are flows:
// the status, the largest part, is emptied only where there is one.
func (rec *Record) reset(b []byte) {
	if rec.Kind == KindManagement {
		rec.Status = ArgusStatus{}
	}
	rec.FlowRecord = FlowRecord{}
	rec.Kind, rec.Cause, rec.Option, rec.Version = KindOther, Cause(b[1]>>4), b[1]&0x0f, b[0]&0x0f
	rec.Probe = 0
}

// split finds the parts of a flow record. Where one has no length or more than
// is left, nothing behind it can be read, and split returns false: the flow may
// be readable all the same. Of two parts of a type the last one counts.
func (d *dsrs) split(b []byte) (whole bool) {
	const immediate, long = 0x80 << 24, 0x80 << 16
	d.record = b
	for at := argusHeaderLen; at+4 <= len(b); {
		head := binary.BigEndian.Uint32(b[at:])
		n := int(head&0xff) << 2
		if head&(immediate|long) != 0 {
			if head&immediate != 0 {
				n = 4
			} else {
				n = int(head&0xffff) << 2
			}
		}
		if n == 0 || n > len(b)-at {
			return false
		}
		p := &d.parts[partIndex[head>>24&0x7f]]
		p.from, p.to = uint32(at), uint32(at+n)
		at += n
	}
	return true
}

// decodeFlow fills what a flow record tells. Without key, time or counts it is
// none.
func (rec *Record) decodeFlow(d *dsrs, tcp *flagStates) bool {
	if !rec.decodeKey(d.part(partFlow)) || !rec.decodeMetric(d.part(partMetric)) ||
		!rec.decodeTime(d.part(partTime), len(d.part(partICMP)) > 0) {
		return false
	}
	rec.decodeTransport(d.part(partTransport))
	rec.decodeIPAttr(d.part(partIPAttr))
	rec.decodeNetwork(d.part(partNetwork))
	rec.correct(d.part(partNetwork))
	rec.setICMP(d.part(partICMP))
	rec.Packets = addSaturated(rec.SrcPackets, rec.DstPackets)
	rec.Bytes = addSaturated(rec.SrcBytes, rec.DstBytes)
	rec.Dir = rec.direction()
	rec.State = rec.state(tcp)
	return true
}

// decodeTransport reads who made the record. Argus 3 has a probe id of 32 bits
// and then the number; in Argus 5 the id is longer and the number comes last.
func (rec *Record) decodeTransport(d []byte) {
	const hasProbe, hasSeq = 1, 2
	if len(d) < 8 {
		return
	}
	id := d[4:]
	if d[1]&hasSeq != 0 || len(d) >= 12 {
		rec.Seq = binary.BigEndian.Uint32(d[len(d)-4:])
		id = d[4 : len(d)-4]
	} else if d[1]&hasProbe == 0 {
		return
	}
	rec.Probe = probeID(id)
}

// probeID gives ids of up to 32 bits as they are and a hash of longer ones (64
// bits of FNV-1a), which is enough to tell probes apart.
func probeID(id []byte) uint64 {
	switch {
	case len(id) == 0:
		return 0
	case len(id) == 4:
		return uint64(binary.BigEndian.Uint32(id))
	}
	h := uint64(14695981039346656037)
	for _, c := range id {
		h = (h ^ uint64(c)) * 1099511628211
	}
	return h
}

// decodeIPAttr reads the type of service of the two sides. A side has a word of
// TTL, type of service and IP id, then one of IP options if it had any.
func (rec *Record) decodeIPAttr(d []byte) {
	const src, dst, srcOptions = 0x01, 0x02, 0x04
	if len(d) < 8 {
		return
	}
	at := 4
	if d[2]&src != 0 {
		rec.STos, rec.HasSTos = d[at+1], true
		at += 4
	}
	if d[2]&srcOptions != 0 {
		at += 4
	}
	if d[2]&dst != 0 && at+4 <= len(d) {
		rec.DTos, rec.HasDTos = d[at+1], true
	}
}

func addSaturated(a, b uint64) uint64 {
	if s := a + b; s >= a {
		return s
	}
	return 1<<64 - 1
}
