package argusfeed

import (
	"time"
)

// Flow is one flow as Argus reports it: one record of the binary stream or one
// line of ra. It is a value without ownership: a batch of flows may be kept,
// copied and sent between goroutines.
type Flow struct {
	Tuple
	// Sport is the source port, or for ICMP type and code as ra shows them.
	Sport Port
	// Start is the time of the first packet.
	Start Time
	// Dur is the time from the first packet to the last, never negative. It is
	// rounded up to a nanosecond, so that comparing it with a limit of whole
	// nanoseconds gives the same answer as the exact value.
	Dur time.Duration
	// Packets and Bytes count both directions; Bytes are frame bytes, Ethernet
	// header included, as Argus counts them. SrcBytes counts what the source
	// sent, or is 0 where the feed does not tell.
	Packets, Bytes, SrcBytes uint64
	// Dir tells who sent packets.
	Dir Dir
	// STos and DTos are the IP type-of-service bytes of the two directions. Has
	// tells whether the feed has one: ra prints nothing for ARP and for a side
	// that sent no packets.
	STos, DTos       uint8
	HasSTos, HasDTos bool
	// Part says whether this is a whole flow; it is, unless Joining.Growing asks
	// for more.
	Part Part
	// Seq is Argus's number of the flow: its status records all carry the same,
	// which is how they are told from new flows. It begins again at 1 when Argus
	// restarts, and is 0 where the feed does not tell.
	Seq uint32
	// State is Argus's own word for the state of the flow (CON, INT,
	// FSPA_FSPA, ...). It has nothing to do with the letters of a tuple.
	State string
	// Label is the label column of a labelled file; empty elsewhere.
	Label string
	// Source is the number of the source that delivered the flow, in the order
	// of the configuration.
	Source uint16
	// Line is the number of the line it was read from, from 1; 0 where the
	// feed has no lines. Of a joined flow it is that of its first record.
	Line uint64
	// Told is how far the feed had come when the flow was known to be over; 0
	// where the feed gives flows in the order of their starts.
	Told Time
}

// When is the time at which the flow takes its place among the others of its
// feed: joined flows are given out as they end, others as they start.
func (f *Flow) When() Time {
	if f.Told != 0 {
		return f.Told
	}
	return f.Start
}

// Part says what of a flow is told. Flows that are not over yet are told of only
// where that is asked for (see Joining): the letters of a tuple come from whole
// flows alone.
type Part uint8

// The parts.
const (
	PartWhole  Part = iota // all of a flow, of which nothing was told before
	PartBegun              // what is known so far of a flow that is not over, or must wait for one before it
	PartGrown              // what came since, also where 3600 seconds are over and it goes on
	PartClosed             // all of a flow that was told of
)

// Over tells whether f is all that there is of a flow.
func (p Part) Over() bool { return p == PartWhole || p == PartClosed }

// Tuple names whom a flow's letters belong to: source, destination,
// destination port and protocol. It holds no pointers and may be a map key.
type Tuple struct {
	Src, Dst Addr
	Port     Port
	Proto    Proto
}

// String writes the tuple as the original slips did:
// source-destination-port-protocol.
func (t Tuple) String() string {
	b := make([]byte, 0, 64)
	return string(t.AppendTo(b))
}

// AppendTo appends what String returns to b.
func (t Tuple) AppendTo(b []byte) []byte {
	b = t.Src.AppendTo(b)
	b = append(b, '-')
	b = t.Dst.AppendTo(b)
	b = append(b, '-')
	b = t.Port.AppendTo(b)
	b = append(b, '-')
	return t.Proto.AppendTo(b)
}

// MarshalText makes tuples readable in JSON. It never fails.
func (t Tuple) MarshalText() ([]byte, error) { return t.AppendTo(nil), nil }

// Dir is Argus's direction column: who sent packets, and whether the source is
// known to have opened the connection.
type Dir uint8

// The directions, with ra's spelling.
const (
	DirUnknown    Dir = iota // empty
	DirTo                    // ->
	DirFrom                  // <-
	DirBoth                  // <->
	DirToUnsure              // ?>
	DirFromUnsure            // <?
	DirBothUnsure            // <?>
	DirNone                  // -
	DirNoneUnsure            // ?
	DirWho                   // who (ARP)
)

var dirNames = [...]string{"", "->", "<-", "<->", "?>", "<?", "<?>", "-", "?", "who"}

// String gives ra's spelling without blanks.
func (d Dir) String() string {
	if int(d) < len(dirNames) {
		return dirNames[d]
	}
	return ""
}

// ParseDir reads ra's spelling, without blanks around it.
func ParseDir(s []byte) Dir {
	for i, n := range dirNames {
		if n == string(s) {
			return Dir(i)
		}
	}
	return DirUnknown
}

// Time is a point in flow time: microseconds since 1970-01-01 UTC, the
// resolution that Argus has. What ra prints is taken as UTC.
type Time int64

// TimeOf converts a time.Time, cutting below the microsecond.
func TimeOf(t time.Time) Time { return Time(t.UnixMicro()) }

// Time converts to a time.Time in UTC.
func (t Time) Time() time.Time { return time.UnixMicro(int64(t)).UTC() }

// Add moves t by d, cut to microseconds.
func (t Time) Add(d time.Duration) Time { return t + Time(d/time.Microsecond) }

// Sub gives the span from u to t. Spans beyond 292 years are clamped.
func (t Time) Sub(u Time) time.Duration {
	const limit = int64(1<<63-1) / int64(time.Microsecond)
	us := int64(t) - int64(u)
	return time.Duration(max(-limit, min(limit, us))) * time.Microsecond
}

// String writes the time as Argus does: 2006/01/02 15:04:05.000000, in UTC.
func (t Time) String() string { return t.Time().Format("2006/01/02 15:04:05.000000") }

// MarshalText writes RFC 3339 with microseconds, in UTC. It never fails.
func (t Time) MarshalText() ([]byte, error) {
	return t.Time().AppendFormat(nil, "2006-01-02T15:04:05.000000Z07:00"), nil
}

// UnmarshalText reads RFC 3339.
func (t *Time) UnmarshalText(b []byte) error {
	p, err := time.Parse(time.RFC3339Nano, string(b))
	if err != nil {
		return err
	}
	*t = TimeOf(p)
	return nil
}
