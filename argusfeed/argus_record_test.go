package argusfeed

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// A flow record in parts: UDP 10.0.0.1:1000 to 10.0.0.2:53, 2 packets and 3
// back, from second 1700000000 to 1.5 s later.
var (
	udpTransport = part(dsrTransport, 3, 0, be32(7, 41))
	udpKey       = part(dsrFlow, keyFiveTuple, byte(familyIPv4), []byte{10, 0, 0, 1, 10, 0, 0, 2, 17, 0, 3, 232, 0, 53, 0, 0})
	udpTime      = part(dsrTime, 2, 0x18, be32(1700000000, 250000, 1700000001, 750000))
	udpMetric    = part(dsrMetric, 1, 2, []byte{0, 2, 1, 0, 0, 3, 2, 0})
)

const udpLine = "1700000000.250000,1.500000,udp,10.0.0.1,1000,  <->,10.0.0.2,53,CON,5,768,256,41"

// lines prints the records of a stream that begins with a good first record.
func lines(t *testing.T, stream ...[]byte) ([]string, ArgusCounts) {
	t.Helper()
	a := NewArgus(bytes.NewReader(append(firstRecord(t, nil), bytes.Join(stream, nil)...)))
	p := RaPrinter{UnixTime: true, Fields: mustFields(t, "stime dur proto saddr sport dir daddr dport state pkts bytes sbytes seq")}
	var all []string
	for {
		var rec Record
		if err := ignoreEOF(a.Next(&rec)); err != nil {
			t.Fatal(err)
		}
		switch {
		case rec.Version == 0:
			return all, a.Counts()
		case rec.Kind == KindFlow:
			all = append(all, string(p.AppendRecord(nil, &rec)))
		case rec.Kind == KindOther:
			if line := p.AppendRecord(nil, &rec); line != nil {
				t.Errorf("a record of no known kind prints as %s", line)
			}
			all = append(all, "other")
		}
	}
}

func TestArgusDamagedRecords(t *testing.T) {
	flow := func(parts ...[]byte) []byte { return flowRecord(0x13, 0x10, parts...) }
	all := [][]byte{udpTransport, udpKey, udpTime, udpMetric}
	without := func(i int) []byte { return flow(append(append([][]byte(nil), all[:i]...), all[i+1:]...)...) }
	short := func(i, bytes int) []byte { // part i ends early, as it tells itself
		parts := append([][]byte(nil), all...)
		parts[i] = append([]byte(nil), parts[i][:bytes]...)
		parts[i][3] = byte(bytes / 4)
		return flow(parts...)
	}
	for _, tt := range []struct {
		name    string
		record  []byte
		want    string
		damaged uint64
	}{
		{"whole", flow(all...), udpLine, 0},
		{"from NetFlow", flowRecord(0x33, 0x10, all...), udpLine, 0},
		{"no transport", without(0), strings.TrimSuffix(udpLine, "41") + "0", 0},
		{"no key", without(1), "other", 1},
		{"no time", without(2), "other", 1},
		{"no counts", without(3), "other", 1},
		{"nothing", flow(), "other", 1},
		{"short transport", short(0, 4), strings.TrimSuffix(udpLine, "41") + "0", 0},
		{"short key", short(1, 16), "other", 1},
		{"very short key", short(1, 4), "other", 1},
		{"short time", short(2, 8), "other", 1},
		{"only a start", short(2, 12), strings.Replace(udpLine, "1.500000", "0.000000", 1), 0},
		{"short counts", short(3, 8), "other", 1},
		{"an unknown part", flow(append(all, part(0x45, 9, 9, make([]byte, 40)))...), udpLine, 0},
		{"a part of one word", flow(append([][]byte{{0x80 | 0x66, 0, 0, 0}}, all...)...), udpLine, 0},
		{"a long part", flow(append([][]byte{append([]byte{0x50, 0x90, 1, 0}, make([]byte, 1020)...)}, all...)...), udpLine, 0},
		{"a part without length at the end", flow(append(all, []byte{0x66, 0, 0, 0})...), udpLine, 1},
		{"a part without length before", flow(append([][]byte{{0x66, 0, 0, 0}}, all...)...), "other", 1},
		{"a part longer than the record", flow(append(all, []byte{0x66, 0, 0, 2})...), udpLine, 1},
		{"a key without a family", flow(udpTransport, part(dsrFlow, keyFiveTuple, 0, udpKey[4:]), udpTime, udpMetric), "other", 1},
		{"a key of an unknown kind", flow(udpTransport, part(dsrFlow, 9, 1, udpKey[4:]), udpTime, udpMetric), "other", 1},
		{"counts of an unknown form", flow(udpTransport, udpKey, udpTime, part(dsrMetric, 2, 2, udpMetric[4:])), "other", 1},
		{"counts of an unknown width", flow(udpTransport, udpKey, udpTime, part(dsrMetric, 1, 0, udpMetric[4:])), "other", 1},
		{"times that do not fit", flow(udpTransport, udpKey, part(dsrTime, 0x7a, 0x18, make([]byte, 12)), udpMetric), "other", 1},
		{"an event", flowRecord(0x43, 0x10, all...), "other", 0},
		{"a supplement of Argus 5", flowRecord(0x85, 0x90, make([]byte, 60)), "other", 0},
		{"a short management record", flowRecord(0x83, 0x20, make([]byte, 60)), "other", 0},
		{"a header and no more", []byte{0x13, 0x10, 0, 1}, "other", 1},
	} {
		got, counts := lines(t, tt.record, flow(all...))
		if want := []string{tt.want, udpLine}; !cmp.Equal(got, want) {
			t.Errorf("%s: %s", tt.name, cmp.Diff(want, got))
		}
		want := ArgusCounts{Flows: 2, Management: 1, Damaged: tt.damaged}
		if tt.want == "other" {
			want.Flows, want.Other = 1, 1
		}
		if counts != want {
			t.Errorf("%s: counted %+v, want %+v", tt.name, counts, want)
		}
	}
}

// TestArgusLongestRecord reads records of the greatest length, which do not fit
// into the buffer that the decoder begins with.
func TestArgusLongestRecord(t *testing.T) {
	long := flowRecord(0x13, 0x10, udpTransport, udpKey, udpTime, udpMetric)
	filled := len(long)
	long = append(long, make([]byte, argusMaxRecord-filled)...)
	for i := filled; i < len(long); i += 1020 { // one part after the other
		n := min(len(long)-i, 1020)
		copy(long[i:], []byte{0x66, 0, 0, byte(n / 4)})
	}
	long[2], long[3] = 0xff, 0xff
	short := flowRecord(0x13, 0x10, udpTransport, udpKey, udpTime, udpMetric)
	got, counts := lines(t, short, long, short, long, long)
	want := []string{udpLine, udpLine, udpLine, udpLine, udpLine}
	if diff := cmp.Diff(want, got); diff != "" || counts.Damaged > 0 {
		t.Errorf("%+v %s", counts, diff)
	}
}

// TestArgus5 reads the framing of Argus 5: its mark, its version and its longer
// transport part. There is no Argus 5 at hand to make a recording with.
func TestArgus5(t *testing.T) {
	first := firstRecord(t, func(b []byte) {
		b[0], b[40] = 0x85, 5
		copy(b[8:], be32(argusCookie5))
	})
	uuid := append(bytes.Repeat([]byte{0xab}, 16), "eth0"...)
	long := part(dsrTransport, 3, 0x15, append(uuid, be32(41)...))
	other := part(dsrTransport, 3, 0x15, append(append(bytes.Repeat([]byte{0xab}, 16), "eth1"...), be32(42)...))
	more := [][]byte{part(0x07, 0, 0, be32(1, 2)), part(0x68, 0, 0, be32(1))}
	stream := [][]byte{first,
		flowRecord(0x15, 0x18, append(more, long, udpKey, udpTime, udpMetric)...),
		flowRecord(0x15, 0x28, other, udpKey, udpTime, udpMetric),
		flowRecord(0x13, 0x10, udpTransport, udpKey, udpTime, udpMetric)}
	records, err := decodeAll(bytes.Join(stream, nil))
	if err != nil || len(records) != 4 {
		t.Fatalf("%d records, %v", len(records), err)
	}
	if s := records[0].Status; s.Major != 5 || !s.Initial || records[0].Version != 5 {
		t.Errorf("first record: %+v", s)
	}
	a, b, c := records[1], records[2], records[3]
	if a.Seq != 41 || b.Seq != 42 || c.Seq != 41 || a.Version != 5 || a.Option != 8 || c.Version != 3 {
		t.Errorf("numbers %d, %d, %d, option %d", a.Seq, b.Seq, c.Seq, a.Option)
	}
	if c.Probe != 7 || a.Probe == b.Probe || a.Probe == 0 {
		t.Errorf("probes %x, %x, %x", a.Probe, b.Probe, c.Probe)
	}
	a.Seq, c.Seq = 0, 0
	if a.Flow != c.Flow {
		t.Errorf("the same flow reads as %v from Argus 5, %v from Argus 3", a.Flow, c.Flow)
	}
}

// TestArgusDurationsAreExact: where ra has noise, and over the widest span.
func TestArgusDurationsAreExact(t *testing.T) {
	for _, tt := range []struct {
		from, to [2]uint32
		want     time.Duration
		exact    string
		ra       string
	}{
		{[2]uint32{1700000000, 0}, [2]uint32{1700000059, 517819}, 59517819 * time.Microsecond, "59.517819", "59.517818"},
		{[2]uint32{1700000000, 999999}, [2]uint32{1700003600, 1}, 3599000002 * time.Microsecond, "3599.000002", "3599.000000"},
		{[2]uint32{1700000000, 5}, [2]uint32{1700000000, 5}, 0, "0.000000", "0.000000"},
		{[2]uint32{1 << 31, 0}, [2]uint32{math.MaxInt32, 999999}, 4294967295999999 * time.Microsecond, "4294967295.999999", "4294967296.000000"},
		{[2]uint32{1700000000, 0}, [2]uint32{1700000000, math.MaxUint32}, 999999 * time.Microsecond, "0.999999", "0.999999"},
	} {
		key := part(dsrTime, 2, 0x18, be32(tt.from[0], tt.from[1], tt.to[0], tt.to[1]))
		stream := append(firstRecord(t, nil), flowRecord(0x13, 0x10, udpKey, key, udpMetric)...)
		records, err := decodeAll(stream)
		if err != nil || len(records) != 2 {
			t.Fatal(err, len(records))
		}
		if records[1].Dur != tt.want {
			t.Errorf("%v to %v: %v, want %v", tt.from, tt.to, records[1].Dur, tt.want)
		}
		p := RaPrinter{Fields: []RaField{RaDuration}}
		if got := string(p.AppendRecord(nil, &records[1])); got != tt.exact {
			t.Errorf("%v to %v: prints %s, want %s", tt.from, tt.to, got, tt.exact)
		}
		p.RaFaults = true
		if got := string(p.AppendRecord(nil, &records[1])); got != tt.ra {
			t.Errorf("%v to %v: prints %s as ra, want %s", tt.from, tt.to, got, tt.ra)
		}
	}
}

func TestArgusCountsDoNotWrap(t *testing.T) {
	metric := part(dsrMetric, 1, 4, bytes.Repeat([]byte{0xff}, 32))
	got, _ := lines(t, flowRecord(0x13, 0x10, udpTransport, udpKey, udpTime, metric))
	most := fmt.Sprint(uint64(math.MaxUint64))
	if len(got) != 1 || !strings.Contains(got[0], ",CON,"+most+","+most+",") {
		t.Errorf("got %v", got)
	}
}

// TestArgusTupleIsThatOfTheText: the same flow has the same tuple, whether it
// comes natively or through ra, or else its letters would start again.
func TestArgusTupleIsThatOfTheText(t *testing.T) {
	s := &synth{Rand: rand.New(rand.NewPCG(3, 4))}
	stream := firstRecord(t, nil)
	for range 5000 {
		stream = append(stream, s.record()...)
	}
	records, err := decodeAll(stream)
	if err != nil {
		t.Fatal(err)
	}
	for _, rec := range append(records, readRecords(t, "testdata/fixtures/mixed-plain.argus")...) {
		proto := rec.Proto.String()
		if rec.Kind != KindFlow || proto == unassigned || proto == "any" || proto == "rsvp" {
			continue // names of several numbers: the text cannot tell which
		}
		got := mustTuple(t, rec.Src.String(), rec.Dst.String(), rec.Port.String(), rec.Proto.String())
		if got != rec.Tuple {
			t.Errorf("%v reads back as %v", rec.Tuple, got)
		}
	}
}

func TestParseRaFields(t *testing.T) {
	got, err := ParseRaFields("seq,stime dur, saddr")
	if want := []RaField{RaSeq, RaStartTime, RaDuration, RaSrcAddr}; err != nil || !cmp.Equal(got, want) {
		t.Errorf("got %v, %v, want %v", got, err, want)
	}
	for _, s := range []string{"", " ,", "stime duration"} {
		if got, err := ParseRaFields(s); err == nil || !strings.Contains(err.Error(), "stime dur proto") {
			t.Errorf("%q: %v, %v", s, got, err)
		}
	}
	p := RaPrinter{}
	if got := string(p.AppendHeader(nil)); got != RaHeader {
		t.Errorf("by default %s, want %s", got, RaHeader)
	}
}
