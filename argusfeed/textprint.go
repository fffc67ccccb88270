package argusfeed

import (
	"bytes"
	"strconv"
	"time"
)

// RaHeader is the header line of ra with our ra.conf.
const RaHeader = "StartTime,Dur,Proto,SrcAddr,Sport,Dir,DstAddr,Dport,State,sTos,dTos,TotPkts,TotBytes"

// raDir are the directions as ra prints them: right-aligned, without the blank
// at the end.
var raDir = [...]string{
	DirUnknown: "", DirTo: "   ->", DirFrom: "  <-", DirBoth: "  <->", DirToUnsure: "   ?>",
	DirFromUnsure: "  <?", DirBothUnsure: "  <?>", DirNone: "   -", DirNoneUnsure: "   ?", DirWho: "  who",
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
