package argusfeed

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// RaField is a column of ra.
type RaField uint8

// The columns, in ra's order, with the names that its -s has.
const (
	RaStartTime RaField = iota // stime
	RaDuration                 // dur
	RaProto                    // proto
	RaSrcAddr                  // saddr
	RaSrcPort                  // sport
	RaDir                      // dir
	RaDstAddr                  // daddr
	RaDstPort                  // dport
	RaState                    // state
	RaSrcTos                   // stos
	RaDstTos                   // dtos
	RaPackets                  // pkts
	RaBytes                    // bytes
	RaSrcBytes                 // sbytes
	RaSeq                      // seq

	numRaFields
)

var raFields = [numRaFields]struct{ name, title string }{
	{"stime", "StartTime"}, {"dur", "Dur"}, {"proto", "Proto"}, {"saddr", "SrcAddr"}, {"sport", "Sport"},
	{"dir", "Dir"}, {"daddr", "DstAddr"}, {"dport", "Dport"}, {"state", "State"}, {"stos", "sTos"},
	{"dtos", "dTos"}, {"pkts", "TotPkts"}, {"bytes", "TotBytes"}, {"sbytes", "SrcBytes"}, {"seq", "Seq"},
}

// DefaultRaFields gives the thirteen columns of our ra.conf, which are those of
// the original slips.
func DefaultRaFields() []RaField {
	f := make([]RaField, RaBytes+1)
	for i := range f {
		f[i] = RaField(i)
	}
	return f
}

// ParseRaFields reads names of columns as ra's -s has them, with blanks or
// commas between.
func ParseRaFields(s string) ([]RaField, error) {
	var fields []RaField
next:
	for _, w := range strings.FieldsFunc(s, func(c rune) bool { return c == ',' || c == ' ' }) {
		for i, f := range raFields {
			if w == f.name {
				fields = append(fields, RaField(i))
				continue next
			}
		}
		return nil, fmt.Errorf("%q is not a column; there are: %s", w, strings.Join(RaFieldNames(), " "))
	}
	if len(fields) == 0 {
		return nil, fmt.Errorf("no column is named; there are: %s", strings.Join(RaFieldNames(), " "))
	}
	return fields, nil
}

// RaFieldNames lists the names that ParseRaFields knows.
func RaFieldNames() []string {
	var names []string
	for _, f := range raFields {
		names = append(names, f.name)
	}
	return names
}

// RaPrinter prints records as ra -n -c , does, without ends of lines. The zero
// value prints as ra with our ra.conf and -Z b, but durations are exact. It is not
// safe for use by several goroutines.
type RaPrinter struct {
	// Fields are the columns; DefaultRaFields if there are none.
	Fields []RaField
	// UnixTime prints times as seconds since 1970, as ra -u.
	UnixTime bool
	// PlainState prints one word for the state of TCP, as ra without -Z.
	PlainState bool
	// RaFaults copies two faults of ra that are no more than looks. Only so lines
	// are equal to its own. It computes durations in single precision: from 16
	// seconds on the sixth decimal is noise. And without -Z it calls every
	// connection closed whose sides were exchanged, as Record.Reversed tells.
	RaFaults bool

	day  int64    // the day, from 1970, that date is of
	date [11]byte // 2006/01/02 and a blank
}

var defaultRaFields = DefaultRaFields()

func (p *RaPrinter) fields() []RaField {
	if len(p.Fields) > 0 {
		return p.Fields
	}
	return defaultRaFields
}

// AppendHeader appends the line of titles that ra begins with.
func (p *RaPrinter) AppendHeader(b []byte) []byte {
	for i, f := range p.fields() {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, raFields[f].title...)
	}
	return b
}

// AppendRecord appends a flow or a management record. Others have no line: b is
// returned as it is. It allocates nothing while b has room.
func (p *RaPrinter) AppendRecord(b []byte, rec *Record) []byte {
	if rec.Kind == KindOther {
		return b
	}
	for i, f := range p.fields() {
		if i > 0 {
			b = append(b, ',')
		}
		switch {
		case rec.Kind == KindManagement:
			b = p.appendStatus(b, f, &rec.Status)
		case f == RaState && p.PlainState:
			b = append(b, rec.plainTCP(p.RaFaults && rec.Reversed)...)
		default:
			b = p.appendFlow(b, f, &rec.Flow)
		}
	}
	return b
}

// AppendFlow appends a flow that was read from text. With the default columns
// NewText reads it back to the same flow, apart from what these do not hold
// (SrcBytes, Seq, Label, Source, Line): nothing is rounded, and what ra could not
// print, because a separator or a quotation mark is in it, stands in quotation
// marks. RaFaults and PlainState change nothing: the text has what it
// was printed with.
func (p *RaPrinter) AppendFlow(b []byte, flow *Flow) []byte {
	for i, f := range p.fields() {
		if i > 0 {
			b = append(b, ',')
		}
		start := len(b)
		switch f {
		case RaDuration:
			b = appendDuration(b, flow.Dur)
		case RaProto, RaSrcAddr, RaSrcPort, RaDstAddr, RaDstPort, RaState:
			b = quoteField(p.appendFlow(b, f, flow), start)
		default:
			b = p.appendFlow(b, f, flow)
		}
	}
	return b
}

func (p *RaPrinter) appendFlow(b []byte, f RaField, flow *Flow) []byte {
	switch f {
	case RaStartTime:
		return p.appendTime(b, flow.Start)
	case RaDuration:
		return p.appendDuration(b, flow.Start, flow.Start.Add(flow.Dur))
	case RaProto:
		return flow.Proto.AppendTo(b)
	case RaSrcAddr:
		return flow.Src.AppendTo(b)
	case RaSrcPort:
		return flow.Sport.AppendTo(b)
	case RaDir:
		return append(b, raDir[flow.Dir]...)
	case RaDstAddr:
		return flow.Dst.AppendTo(b)
	case RaDstPort:
		return flow.Port.AppendTo(b)
	case RaState:
		return append(b, flow.State...)
	case RaSrcTos:
		if flow.HasSTos {
			b = appendNumber(b, uint64(flow.STos))
		}
	case RaDstTos:
		if flow.HasDTos {
			b = appendNumber(b, uint64(flow.DTos))
		}
	case RaPackets:
		return appendNumber(b, flow.Packets)
	case RaBytes:
		return appendNumber(b, flow.Bytes)
	case RaSrcBytes:
		return appendNumber(b, flow.SrcBytes)
	case RaSeq:
		return appendNumber(b, uint64(flow.Seq))
	}
	return b
}

// appendStatus prints a management record: its numbers stand in the columns of
// addresses and ports.
func (p *RaPrinter) appendStatus(b []byte, f RaField, s *ArgusStatus) []byte {
	switch f {
	case RaStartTime:
		return p.appendTime(b, s.Time)
	case RaDuration:
		return p.appendDuration(b, s.Start, s.Time)
	case RaProto:
		return append(b, "man"...)
	case RaSrcAddr:
		return strconv.AppendUint(b, uint64(s.Queue), 10)
	case RaSrcPort:
		return strconv.AppendUint(b, s.Dropped, 10)
	case RaDstAddr:
		return strconv.AppendUint(b, uint64(s.Buffers), 10)
	case RaDstPort:
		return strconv.AppendUint(b, s.Clients, 10)
	case RaState:
		return append(b, s.State...)
	case RaPackets:
		return strconv.AppendUint(b, s.Packets, 10)
	case RaBytes:
		return strconv.AppendUint(b, uint64(s.Memory), 10)
	case RaSrcBytes:
		return strconv.AppendUint(b, s.Bytes, 10)
	case RaSeq:
		return strconv.AppendUint(b, uint64(s.NextSeq), 10)
	}
	return b
}

func (p *RaPrinter) appendTime(b []byte, t Time) []byte {
	sec, us := divMicro(int64(t))
	if p.UnixTime {
		return appendMicro(strconv.AppendInt(b, sec, 10), us)
	}
	day := sec / 86400
	sec -= day * 86400
	if sec < 0 {
		day, sec = day-1, sec+86400
	}
	if day != p.day || p.date[0] == 0 { // a feed seldom changes the day
		p.day = day
		t.Time().AppendFormat(p.date[:0], "2006/01/02 ")
	}
	b = append(b, p.date[:]...)
	hour, minute, second := &twoDigits[sec/3600], &twoDigits[sec/60%60], &twoDigits[sec%60]
	b = append(b, hour[0], hour[1], ':', minute[0], minute[1], ':', second[0], second[1])
	return appendMicro(b, us)
}

// appendDuration prints the span from one time to another.
func (p *RaPrinter) appendDuration(b []byte, from, to Time) []byte {
	us := int64(to - from)
	if p.RaFaults {
		us = floatMicro(from, to)
	}
	if us < 0 {
		b = append(b, '-')
		us = -us
	}
	sec, us := divMicro(us)
	b = appendNumber(b, uint64(sec))
	return appendMicro(b, us)
}

// floatMicro gives the microseconds that ra prints of a span: its seconds and
// microseconds are subtracted apart and added in single precision.
func floatMicro(from, to Time) int64 {
	s1, u1 := divMicro(int64(from))
	s2, u2 := divMicro(int64(to))
	d := float64(float32(float64(s2-s1) + float64(u2-u1)/1e6))
	return int64(math.RoundToEven(d * 1e6)) // the product is exact
}

// divMicro divides by a million, rounding down.
func divMicro(us int64) (sec, rest int64) {
	sec, rest = us/1e6, us%1e6
	if rest < 0 {
		sec, rest = sec-1, rest+1e6
	}
	return sec, rest
}
