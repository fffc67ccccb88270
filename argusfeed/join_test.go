package argusfeed

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// flowAt makes a record of a TCP connection: its source port, when it starts, in
// seconds, how long it is, and the flags of its sides.
func flowAt(sport uint16, start, dur float64, src, dst uint8) *FlowRecord {
	r := &FlowRecord{Cause: CauseStatus}
	r.Src, r.Dst = AddrFrom4([4]byte{10, 0, 0, 1}), AddrFrom4([4]byte{192, 0, 2, 1})
	r.Sport, r.Port, r.Proto = PortNumber(sport), PortNumber(443), ProtoTCP
	r.key.family = familyIPv4
	r.Start, r.Dur = Time(1e15+start*1e6), time.Duration(dur*float64(time.Second))
	r.TCP = TCP{Status: TCPEstablished, SrcFlags: src, DstFlags: dst}
	r.SrcPackets, r.DstPackets, r.SrcBytes, r.DstBytes = 1, 1, 60, 40
	r.Packets, r.Bytes = 2, 100
	return r
}

const (
	tcpACK = 0x10
	synAck = tcpSYN | tcpACK
	finAck = tcpFIN | tcpACK
	synFin = tcpSYN | tcpFIN | tcpACK
)

// feed adds records and gives what comes out, as "sport part bytes".
func feed(j *joiner, records ...*FlowRecord) (out []string) {
	for i, r := range records {
		r.Line = uint64(i + 1)
		c := *r
		j.join(&c)
		out = append(out, taken(j.pool)...)
	}
	return out
}

// join adds a record whose names are not known.
func (j *joiner) join(rec *FlowRecord) {
	var n flowNames
	n.of(rec, j.pool.seed)
	j.add(rec, &n)
}

var partNames = map[Part]string{PartWhole: "whole", PartBegun: "begun", PartGrown: "grown", PartClosed: "closed"}

func taken(p *joinPool) (out []string) {
	var f Flow
	for p.take(&f) {
		out = append(out, fmt.Sprintf("%s %s %d", f.Sport, partNames[f.Part], f.Bytes))
	}
	return out
}

func testJoiner(opt Joining) *joiner { return newJoiner(newJoinPool(opt), 0, 1e6) }

func expectFlows(t *testing.T, got []string, want ...string) {
	t.Helper()
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("flows (-want +got):\n%s", d)
	}
}

// A long connection is told of at once, pieces of it as they come, and two short
// ones that end during it: at once that they are there, their letters in order.
func TestGrowingFlows(t *testing.T) {
	j := testJoiner(Joining{Growing: true})
	expectFlows(t, feed(j,
		flowAt(1, 0, 0.5, synAck, synAck),
		flowAt(2, 1, 0.1, synFin, synFin),
		flowAt(1, 3, 0, tcpACK, tcpACK),
		flowAt(3, 4, 0.1, synFin, synFin),
		flowAt(1, 9, 0.1, finAck, finAck),
		flowAt(4, 20, 0.1, synFin, synFin),
		flowAt(5, 25, 0.1, synFin, synFin),
	),
		"1 begun 100", "2 begun 100", "1 grown 100", "3 begun 100", "1 grown 100",
		"4 begun 100", "1 closed 300", "2 closed 100", "3 closed 100",
		"5 begun 100", "4 closed 100",
	)
	j.flush()
	expectFlows(t, taken(j.pool), "5 closed 100")
}

// Without Growing only whole flows come.
func TestWholeFlowsOnly(t *testing.T) {
	j := testJoiner(Joining{})
	got := feed(j,
		flowAt(1, 0, 0.5, synAck, synAck), flowAt(2, 1, 0.1, synFin, synFin), flowAt(1, 9, 0.1, finAck, finAck),
		flowAt(9, 20, 0, tcpACK, tcpACK))
	expectFlows(t, got, "1 whole 200", "2 whole 100")
}

// What comes behind the end of a connection makes no flow; a SYN does.
func TestStrays(t *testing.T) {
	j := testJoiner(Joining{})
	first := flowAt(1, 0, 0.1, synFin, synFin)
	first.Cause = CauseStart
	expectFlows(t, feed(j,
		first,
		flowAt(1, 5, 0, tcpRST, tcpACK), // a stray
		flowAt(1, 50, 0, tcpACK, 0),     // another, not a minute later
		flowAt(1, 55, 0.1, synFin, synFin),
		flowAt(2, 90, 0.1, synFin, synFin),
	), "1 whole 100", "1 whole 100")
	if j.pool.stats.Strays != 2 {
		t.Errorf("%+v", j.pool.stats)
	}
}

// The two directions are one connection, also where Argus takes them for two.
func TestOtherWayRound(t *testing.T) {
	j := testJoiner(Joining{})
	back := flowAt(1, 200, 0, tcpACK, finAck)
	back.swap()
	back.TCP.SrcFlags, back.TCP.DstFlags = finAck, tcpACK
	back.SrcBytes, back.DstBytes = 7, 93
	feed(j, flowAt(1, 0, 0.5, synAck, synAck), back)
	j.flush()
	var f Flow
	if !j.pool.take(&f) || f.Sport != PortNumber(1) || f.Bytes != 200 || f.SrcBytes != 60+93 || f.State != "SA_FSA" || f.Dir != DirBothUnsure {
		t.Errorf("%+v", f)
	}
	if j.pool.take(&f) {
		t.Errorf("and %+v", f)
	}
}

// One record from nowhere ends no flow; the second shows that time has passed.
// Many from the past show that the clock was set back.
func TestTimeOfTheFeed(t *testing.T) {
	j := testJoiner(Joining{})
	expectFlows(t, feed(j, flowAt(1, 0, 0, synAck, synAck), flowAt(2, 1e9, 0, synFin, synFin)), "2 whole 100")
	expectFlows(t, feed(j, flowAt(1, 1, 0, finAck, finAck), flowAt(9, 9, 0, tcpSYN, 0)), "1 whole 200")
	expectFlows(t, feed(j, flowAt(3, 30000, 0, tcpSYN, 0)), "3 whole 100")
	expectFlows(t, feed(j, flowAt(4, 30001, 0, tcpSYN, 0)), "9 whole 100")

	var set []string
	for i := range trustedRecords {
		set = feed(j, flowAt(5, float64(100+i), 0, synAck, synAck))
		if i < trustedRecords-1 {
			expectFlows(t, set, "5 whole 100")
		}
	}
	expectFlows(t, set, "4 whole 100") // given up with the old time
	expectFlows(t, feed(j, flowAt(5, 300, 0, finAck, finAck), flowAt(6, 310, 0, tcpSYN, 0)), "5 whole 200")
}

// The clock of the probe is set back by less than a report, or by more, once or
// twice: after some records the pieces of a flow are one flow again.
func TestClockSetBack(t *testing.T) {
	for _, by := range []float64{30, 120, 600, 3000, 4000, 86400} {
		j := testJoiner(Joining{})
		var flows int
		at := 0.0
		for i := range 1000 {
			if at += 5; i == 200 || i == 600 {
				at -= by
			}
			r := flowAt(1, at, 4, 0, 0)
			r.Proto = ProtoUDP
			j.pool.arrived = Time(2e15 + i*5e6) // ours goes on
			flows += len(feed(j, r))
		}
		j.flush()
		flows += len(taken(j.pool))
		// Whoever is behind is believed after a hundred records, each time.
		if flows > 2*trustedRecords+6 {
			t.Errorf("set back by %v s: one flow became %d", by, flows)
		}
		late := 0
		for i := range 200 {
			at += 5
			r := flowAt(1, at, 4, 0, 0)
			r.Proto = ProtoUDP
			j.pool.arrived = Time(2e15 + (1000+i)*5e6)
			late += len(feed(j, r))
		}
		if late > 1 {
			t.Errorf("set back by %v s: %d flows of one long after", by, late)
		}
	}
}

// A record from nowhere is passed on with the time of the feed, which others go by.
func TestUntimelyRecordHasNoTime(t *testing.T) {
	j := testJoiner(Joining{})
	feed(j, flowAt(1, 0, 0, synAck, synAck))
	j.join(flowAt(2, 0, 3e8, synFin, synFin))
	var f Flow
	if !j.pool.take(&f) || f.Told > j.now {
		t.Errorf("told at %v, the feed is at %v", f.Told, j.now)
	}
}

// Ten thousand attempts and a connection with a thousand short ones behind it:
// never more is held than allowed, and nothing is lost or told twice.
func TestJoiningIsBounded(t *testing.T) {
	const most = 64
	j := testJoiner(Joining{MaxFlows: most})
	given := map[uint16]int{}
	last := Time(0)
	n := 0
	add := func(r *FlowRecord) {
		j.join(r)
		var f Flow
		for j.pool.take(&f) {
			p, _ := f.Sport.Number()
			given[p]++
			if f.Part != PartWhole {
				t.Fatalf("%+v", f)
			}
			if f.Port == PortNumber(443) {
				if f.Start < last {
					t.Fatalf("a flow of %v behind one of %v", f.Start, last)
				}
				last = f.Start
			}
		}
		if h := j.pool.stats.Held; h > most || h < 0 {
			t.Fatalf("%d are held, after %d", h, n)
		}
		n++
	}
	add(flowAt(1, 0, 0, synAck, synAck))
	for i := range 1000 {
		add(flowAt(uint16(2+i), float64(i+1)/100, 0, synFin, synFin))
	}
	for i := range 10000 {
		r := flowAt(uint16(2000+i), 11, 0, tcpSYN, 0)
		r.TCP.Status, r.Port = TCPSyn, PortNumber(uint16(1000+i))
		add(r)
	}
	j.flush()
	var f Flow
	for j.pool.take(&f) {
		p, _ := f.Sport.Number()
		given[p]++
	}
	if len(given) != 11001 || j.pool.stats.Held != 0 || j.pool.waiting != 0 {
		t.Errorf("%d flows, %d held, %d waiting", len(given), j.pool.stats.Held, j.pool.waiting)
	}
	for port, times := range given {
		if times != 1 {
			t.Errorf("port %d was given %d times", port, times)
		}
	}
	if j.pool.stats.Forced == 0 {
		t.Error("nothing was forced")
	}
}

// Whatever comes, bytes are neither lost nor made, and the parts of a flow come
// in their order.
func TestJoiningKeepsBytes(t *testing.T) {
	for seed := range uint64(30) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		j := testJoiner(Joining{Growing: seed%2 == 0, MaxFlows: 40 + int(seed)*20})
		var in, out, stray uint64
		told := map[connKey]bool{}
		check := func() {
			var f Flow
			for j.pool.take(&f) {
				key := connKey{a: f.Src, b: f.Dst, aPort: f.Sport, bPort: f.Port, proto: f.Proto}
				switch f.Part {
				case PartBegun:
					told[key] = true
				case PartGrown, PartClosed:
					if !told[key] {
						t.Fatalf("seed %d: nobody was told of it: %+v", seed, f)
					}
				}
				if f.Part.Over() {
					out += f.Bytes
				}
			}
		}
		at := 0.0
		for range 5000 {
			at += rnd.Float64() * rnd.Float64() * 30
			if rnd.IntN(300) == 0 {
				at += 4000 * rnd.Float64()
			}
			flags := []uint8{tcpSYN, synAck, tcpACK, finAck, synFin, tcpRST | tcpACK, 0}
			r := flowAt(uint16(rnd.IntN(30)), at-5*rnd.Float64(), 4*rnd.Float64(), flags[rnd.IntN(7)], flags[rnd.IntN(7)])
			r.Cause = []Cause{CauseStart, CauseStatus}[rnd.IntN(2)]
			r.Dst = AddrFrom4([4]byte{192, 0, 2, byte(rnd.IntN(2))})
			if rnd.IntN(3) == 0 {
				r.Proto = ProtoUDP
			}
			if r.TCP.SrcFlags&tcpRST != 0 {
				r.TCP.Status |= TCPSrcReset
			}
			before := j.pool.stats.Strays
			in += r.Bytes
			j.join(r)
			if j.pool.stats.Strays > before {
				stray += 100
			}
			check()
			if rnd.IntN(100) == 0 {
				j.expire(j.now.Add(time.Second))
				check()
			}
		}
		j.flush()
		check()
		if in != out+stray || j.pool.stats.Held != 0 || j.pool.waiting != 0 || j.queues.len() != 0 || j.conns.len() != 0 {
			t.Errorf("seed %d: %d bytes in, %d out, %d stray; %+v", seed, in, out, stray, j.pool.stats)
		}
	}
}

// unreadable fails the test when it is read.
type unreadable struct {
	t    *testing.T
	data *bytes.Reader
}

func (u unreadable) Read(p []byte) (int, error) {
	if u.data.Len() == 0 {
		u.t.Error("Buffered promised an answer without reading")
		return 0, io.EOF
	}
	return u.data.Read(p)
}

// What Buffered promises holds: a batch must not wait for the next record.
func TestJoinedBuffered(t *testing.T) {
	r := unreadable{t, bytes.NewReader(fixture(t, "mixed-plain.argus"))}
	d := newRecords(r, TextOptions{})
	var f Flow
	_ = d.Next(&f) // reads all there is, but for the end
	for d.Buffered() {
		_ = d.Next(&f)
	}
	if d.number != 277-1 && r.data.Len() > 0 {
		t.Errorf("%d records, %d bytes left", d.number, r.data.Len())
	}
}

// Nothing is allocated for a record once there is room for as many as are held.
func TestJoiningAllocatesNothing(t *testing.T) {
	data := fixture(t, "mixed-plain.argus")
	r := bytes.NewReader(data)
	d := newRecords(r, TextOptions{})
	var f Flow
	again := func() {
		r.Reset(data[argusManagementLen : len(data)-argusManagementLen])
		for {
			if _, err := d.read(); err != nil {
				t.Fatal(err)
			}
			for d.set.pool.take(&f) {
			}
			if d.err != nil {
				d.err = nil
				return
			}
		}
	}
	r.Reset(data[:argusManagementLen])
	if _, err := d.read(); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		again()
	}
	// The end of the stream, which flushes, sorts.
	if n := testing.AllocsPerRun(20, again); n > 12 {
		t.Errorf("%v allocations for 275 records", n)
	}
}
