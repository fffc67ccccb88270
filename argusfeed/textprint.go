package argusfeed

import (
	"bytes"
	"strconv"
	"time"
)

// RaHeader is the header line of ra with our ra.conf.
const RaHeader = "StartTime,Dur,Proto,SrcAddr,Sport,Dir,DstAddr,Dport,State,sTos,dTos,TotPkts,TotBytes"

// AppendRa appends f as ra prints it with our ra.conf, without an end of line:
// the columns of RaHeader. NewText reads it back to the same flow, apart from
// what these columns do not hold (SrcBytes, Seq, Label, Source, Line). Durations
// have six decimals, and more where they are finer. A field that ra could not
// print, because a separator or a quotation mark is in it, stands in quotation
// marks.
func AppendRa(b []byte, f *Flow) []byte {
	b = appendTime(b, f.Start)
	b = append(b, ',')
	b = appendDuration(b, f.Dur)
	b = append(b, ',')
	b = quoteField(f.Proto.AppendTo(b), len(b))
	b = append(b, ',')
	b = quoteField(f.Src.AppendTo(b), len(b))
	b = append(b, ',')
	b = quoteField(f.Sport.AppendTo(b), len(b))
	b = append(b, ',')
	if int(f.Dir) < len(raDir) {
		b = append(b, raDir[f.Dir]...)
	}
	b = append(b, ',')
	b = quoteField(f.Dst.AppendTo(b), len(b))
	b = append(b, ',')
	b = quoteField(f.Port.AppendTo(b), len(b))
	b = append(b, ',')
	b = quoteField(append(b, f.State...), len(b))
	b = append(b, ',')
	if f.HasSTos {
		b = strconv.AppendUint(b, uint64(f.STos), 10)
	}
	b = append(b, ',')
	if f.HasDTos {
		b = strconv.AppendUint(b, uint64(f.DTos), 10)
	}
	b = append(b, ',')
	b = strconv.AppendUint(b, f.Packets, 10)
	b = append(b, ',')
	return strconv.AppendUint(b, f.Bytes, 10)
}

// raDir are the directions as ra prints them: right-aligned, without the blank
// at the end.
var raDir = [...]string{
	DirUnknown: "", DirTo: "   ->", DirFrom: "  <-", DirBoth: "  <->", DirToUnsure: "   ?>",
	DirFromUnsure: "  <?", DirBothUnsure: "  <?>", DirNone: "   -", DirNoneUnsure: "   ?", DirWho: "  who",
}

func appendTime(b []byte, t Time) []byte {
	return t.Time().AppendFormat(b, "2006/01/02 15:04:05.000000")
}

func appendDuration(b []byte, d time.Duration) []byte {
	b = strconv.AppendInt(b, int64(d/time.Second), 10)
	b = append(b, '.')
	place, rest := time.Second/10, d%time.Second
	for end := time.Microsecond / 10; place > end || rest > 0 && place > 0; place /= 10 {
		b = append(b, '0'+byte(rest/place))
		rest %= place
	}
	return b
}

// quoteField puts the end of b, from start, in quotation marks where ra's own
// form could not be read back.
func quoteField(b []byte, start int) []byte {
	field := b[start:]
	if bytes.IndexByte(field, ',') < 0 && bytes.IndexByte(field, '"') < 0 {
		return b
	}
	quoted := bytes.ReplaceAll(field, []byte(`"`), []byte(`""`))
	b = append(b[:start], '"')
	b = append(b, quoted...)
	return append(b, '"')
}
