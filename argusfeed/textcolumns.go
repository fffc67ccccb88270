package argusfeed

import (
	"bytes"
	"strings"
)

// column is a column that the decoder reads.
type column uint8

// The thirteen columns of our ra.conf, in its order, and then those that other
// files have.
const (
	colStart column = iota
	colDur
	colProto
	colSrc
	colSport
	colDir
	colDst
	colDport
	colState
	colSTos
	colDTos
	colPackets
	colBytes

	colSrcPackets
	colDstPackets
	colSrcBytes
	colDstBytes
	colSeq
	colLabel
	numColumns

	raColumns = colBytes + 1
)

// columnNames are what ra writes into its header line, and the names of the
// same fields for its option -s, in lower case.
var columnNames = map[string]column{
	"starttime": colStart, "stime": colStart,
	"dur":     colDur,
	"proto":   colProto,
	"srcaddr": colSrc, "saddr": colSrc,
	"sport":   colSport,
	"dir":     colDir,
	"dstaddr": colDst, "daddr": colDst,
	"dport":   colDport,
	"state":   colState,
	"stos":    colSTos,
	"dtos":    colDTos,
	"totpkts": colPackets, "pkts": colPackets,
	"totbytes": colBytes, "bytes": colBytes,
	"srcpkts": colSrcPackets, "spkts": colSrcPackets,
	"dstpkts": colDstPackets, "dpkts": colDstPackets,
	"srcbytes": colSrcBytes, "sbytes": colSrcBytes,
	"dstbytes": colDstBytes, "dbytes": colDstBytes,
	"seq":   colSeq,
	"label": colLabel,
}

// maxColumns bounds how far to the right columns are looked for. ra 3.0.8 can
// print fewer.
const maxColumns = 256

// layout says where the columns stand.
type layout struct {
	at     [numColumns]int16 // -1: not there
	needed int               // columns that a row must have at least
	last   int               // columns that are read at most
	lacks  string            // a column that no flow can do without
}

// raLayout is that of a feed without a header: our ra.conf.
var raLayout = func() layout {
	l := noLayout()
	for c := range raColumns {
		l.at[c] = int16(c)
	}
	l.finish()
	return l
}()

func noLayout() (l layout) {
	for i := range l.at {
		l.at[i] = -1
	}
	return l
}

func (l *layout) has(c column) bool { return l.at[c] >= 0 }

// finish works out how long a row must be: as the original, it must reach to
// the last of the thirteen columns. Label and the like may be missing.
func (l *layout) finish() {
	for c, at := range l.at {
		l.last = max(l.last, int(at)+1)
		if column(c) < raColumns {
			l.needed = max(l.needed, int(at)+1)
		}
	}
	for _, must := range []struct {
		column
		name string
	}{
		{colStart, "StartTime"}, {colProto, "Proto"}, {colSrc, "SrcAddr"}, {colDst, "DstAddr"}, {colDport, "Dport"},
	} {
		if !l.has(must.column) {
			l.lacks = must.name
			return
		}
	}
}

// headerNames is the number of known names that make a line a header.
const headerNames = 3

// readHeader reads a header line, whatever its separator.
func readHeader(line []byte) (l layout, sep byte, ok bool) {
	best := 0
	for _, s := range []byte{',', '\t'} {
		if try, known := readNames(line, s); known > best {
			l, sep, best = try, s, known
		}
	}
	return l, sep, best >= headerNames && bytes.IndexByte(trim(line), '\r') < 0
}

func readNames(line []byte, sep byte) (layout, int) {
	l, known := noLayout(), 0
	for i := 0; i < maxColumns && line != nil; i++ {
		var field []byte
		if at := bytes.IndexByte(line, sep); at >= 0 {
			field, line = line[:at], line[at+1:]
		} else {
			field, line = line, nil
		}
		field = bytes.Trim(trim(field), `"#`)
		if len(field) > len("StartTime") {
			continue
		}
		c, ok := columnNames[strings.ToLower(string(field))]
		if ok && !l.has(c) {
			l.at[c] = int16(i)
			known++
		}
	}
	l.finish()
	return l, known
}

// split cuts a line into t.fields, as far as columns are read, and gives their
// number.
func (t *Text) split(line []byte) int {
	if t.sep == ',' {
		line = trim(line) // as the original
	} else {
		line = bytes.TrimRight(line, "\r")
	}
	if bytes.IndexByte(line, '"') >= 0 {
		if n, ok := t.splitQuoted(line); ok {
			return n
		}
	}
	last := t.columns.last
	for n := 0; n < last; n++ {
		i := bytes.IndexByte(line, t.sep)
		if i < 0 {
			t.fields[n] = line
			return n + 1
		}
		t.fields[n], line = line[:i], line[i+1:]
	}
	return last
}

// splitQuoted is split for a line with quotation marks: a field may stand in
// them and then hold separators, and marks written twice. Where they do not
// pair up they are ordinary characters.
func (t *Text) splitQuoted(line []byte) (int, bool) {
	n := 0
	for {
		var field []byte
		more := false
		if len(line) > 0 && line[0] == '"' {
			end := closingQuote(line)
			if end < 0 || end+1 < len(line) && line[end+1] != t.sep {
				return 0, false
			}
			field = line[1:end]
			if bytes.IndexByte(field, '"') >= 0 {
				field = bytes.ReplaceAll(field, []byte(`""`), []byte(`"`))
			}
			if more = end+1 < len(line); more {
				line = line[end+2:]
			}
		} else if i := bytes.IndexByte(line, t.sep); i >= 0 {
			field, line, more = line[:i], line[i+1:], true
		} else {
			field = line
		}
		if n < t.columns.last {
			t.fields[n] = field
			n++
		}
		if !more {
			return n, true
		}
	}
}

// closingQuote finds the end of a field that begins with a quotation mark.
func closingQuote(b []byte) int {
	for i := 1; i < len(b); i++ {
		if b[i] != '"' {
			continue
		}
		if i+1 < len(b) && b[i+1] == '"' {
			i++
			continue
		}
		return i
	}
	return -1
}
