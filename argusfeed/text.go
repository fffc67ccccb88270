package argusfeed

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"time"
)

// TextOptions tell how flows are to be read. The zero value reads what ra prints
// with our ra.conf, and joins the records of an Argus stream.
type TextOptions struct {
	// Location is the time zone of the calendar times in the text; nil is UTC.
	Location *time.Location
	// Source is copied into every flow.
	Source uint16
	// Joining is for Argus streams: a line of text is always a flow.
	Joining Joining
	// joined holds what is not over from one connection to the next; nil: it is
	// given out at the end of each.
	joined *joinSet
}

// Text decodes what ra prints: one flow a line, comma or tab between columns,
// with or without a header line. Without a header the columns are the thirteen
// of our ra.conf; with one they are found by their names, long (StartTime) or
// short (stime), in any order and letter case. A header in mid-stream is obeyed
// from there on.
//
// Each line of the input is either one flow or one SkipError. A Text must not
// be used by several goroutines at once. It keeps no more than one buffer and
// a bounded number of state words and labels, whatever the input.
type Text struct {
	lines  lineReader
	source uint16

	columns layout
	sep     byte
	sure    bool // a flow with this separator was seen
	clock   clock
	fields  [maxColumns][]byte
	words   words

	man      Management
	reported [numSkipKinds]bool
}

// NewText decodes r, which is read in large pieces but never for longer than
// until one complete line has arrived.
func NewText(r io.Reader, opt TextOptions) *Text {
	t := &Text{source: opt.Source, columns: raLayout, sep: ','}
	t.lines.init(r)
	t.clock.loc = opt.Location
	return t
}

// Next reads one line into f. It returns nil for a flow; a *SkipError for a
// line that is no flow, after which the caller goes on; io.EOF at the end; or
// the error of the reader, which is final unless it is os.ErrDeadlineExceeded.
// After an error f is undefined.
func (t *Text) Next(f *Flow) error {
	line, long, err := t.lines.next()
	if err != nil {
		return err
	}
	if long {
		return t.skip(SkipTooLong, fmt.Sprintf("longer than %d bytes", maxLine), nil)
	}
	if t.lines.number == 1 {
		line = bytes.TrimPrefix(line, []byte("\xef\xbb\xbf")) // a byte order mark
	}
	n := t.split(line)
	if n < t.columns.needed || t.columns.lacks != "" {
		return t.unusual(line, f)
	}
	return t.flow(line, f, n)
}

// flow reads the columns, once there are enough of them.
func (t *Text) flow(line []byte, f *Flow, n int) error {
	c := &t.columns
	proto := t.fields[c.at[colProto]]
	if string(proto) == manProto {
		t.management(n)
		return t.skip(SkipManagement, "management row", nil)
	}
	start, ok := t.clock.parse(t.fields[c.at[colStart]])
	if !ok {
		return t.unusual(line, f)
	}
	*f = Flow{Start: start, Source: t.source, Line: t.lines.number}
	var err error
	if f.Proto, err = ParseProto(proto); err != nil {
		return t.skipName("protocol", proto, err)
	}
	if f.Src, err = ParseAddr(t.fields[c.at[colSrc]]); err != nil {
		return t.skipName("source address", t.fields[c.at[colSrc]], err)
	}
	if f.Dst, err = ParseAddr(t.fields[c.at[colDst]]); err != nil {
		return t.skipName("destination address", t.fields[c.at[colDst]], err)
	}
	if f.Port, err = ParsePort(t.fields[c.at[colDport]]); err != nil {
		return t.skipName("destination port", t.fields[c.at[colDport]], err)
	}
	if f.Sport, err = ParsePort(t.column(colSport, n)); err != nil {
		return t.skipName("source port", t.column(colSport, n), err)
	}
	f.Dur = parseDuration(t.column(colDur, n))
	f.Dir = ParseDir(trim(t.column(colDir, n)))
	f.State = t.words.get(trim(t.column(colState, n)))
	f.Label = t.words.get(trim(t.column(colLabel, n)))
	f.STos, f.HasSTos = parseTos(t.column(colSTos, n))
	f.DTos, f.HasDTos = parseTos(t.column(colDTos, n))
	f.Seq = uint32(min(parseCount(t.column(colSeq, n)), 1<<32-1))
	f.SrcBytes = parseCount(t.column(colSrcBytes, n))
	if c.has(colPackets) {
		f.Packets = parseCount(t.column(colPackets, n))
	} else {
		f.Packets = addCounts(parseCount(t.column(colSrcPackets, n)), parseCount(t.column(colDstPackets, n)))
	}
	if c.has(colBytes) {
		f.Bytes = parseCount(t.column(colBytes, n))
	} else {
		f.Bytes = addCounts(f.SrcBytes, parseCount(t.column(colDstBytes, n)))
	}
	t.sure = true
	return nil
}

// unusual decides what a line is that is no flow at first sight.
func (t *Text) unusual(line []byte, f *Flow) error {
	if len(trim(line)) == 0 {
		return t.skip(SkipBlank, "empty line", nil)
	}
	if l, sep, ok := readHeader(line); ok {
		t.columns, t.sep, t.sure = l, sep, false
		t.clock.reset()
		if l.lacks != "" {
			return t.skip(SkipColumns, "a header without "+l.lacks, line)
		}
		return t.skip(SkipHeader, "header line", nil)
	}
	if t.columns.lacks != "" {
		return t.skip(SkipColumns, "the header has no "+t.columns.lacks, nil)
	}
	if !t.sure && t.trySeparator(line) {
		return t.flow(line, f, t.split(line))
	}
	n := t.split(line)
	if n < t.columns.needed {
		return t.skip(SkipColumns, fmt.Sprintf("%d columns where %d are needed", n, t.columns.needed), line)
	}
	field := t.fields[t.columns.at[colStart]]
	if bytes.IndexByte(line, '\r') >= 0 {
		return t.skip(SkipTime, "a line that ends with a carriage return only", field)
	}
	return t.skip(SkipTime, "no time like 2006/01/02 15:04:05.000000", field)
}

// trySeparator changes to the other separator where the line is a row with it.
func (t *Text) trySeparator(line []byte) bool {
	old := t.sep
	if t.sep = '\t'; old == '\t' {
		t.sep = ','
	}
	if t.split(line) >= t.columns.needed {
		if string(t.fields[t.columns.at[colProto]]) == manProto {
			return true
		}
		if _, ok := t.clock.parse(t.fields[t.columns.at[colStart]]); ok {
			return true
		}
	}
	t.sep = old
	return false
}

// column gives the field of a column, or nothing where the line has none.
func (t *Text) column(c column, n int) []byte {
	if i := t.columns.at[c]; i >= 0 && int(i) < n {
		return t.fields[i]
	}
	return nil
}

// Buffered tells whether Next will answer without reading: a complete line, or
// the end of the input, has already arrived.
func (t *Text) Buffered() bool { return t.lines.buffered() }

// Tick does nothing: no line waits for time to pass.
func (t *Text) Tick(time.Time) {}

// Joined is zero: a line is a flow.
func (t *Text) Joined() JoinStats { return JoinStats{} }

// skip makes the error of a line that is no flow. Only the first of each kind
// shows what stood there: a feed that is bad throughout would cost more in
// explanations than in reading.
func (t *Text) skip(kind SkipKind, why string, shown []byte) error {
	e := &SkipError{Line: t.lines.number, Kind: kind, Reason: why}
	if shown != nil && !t.reported[kind] {
		t.reported[kind] = true
		e.Reason += ": " + quote(shown)
	}
	return e
}

func (t *Text) skipName(what string, shown []byte, err error) error {
	return t.skip(SkipNames, what+": "+err.Error(), shown)
}

// quote shows the beginning of what an outsider sent, safe for a terminal.
func quote(b []byte) string {
	const most = 60
	if len(b) > most {
		return fmt.Sprintf("%q...", b[:most])
	}
	return fmt.Sprintf("%q", b)
}

// words keeps one copy of each state word and label. When it is full, new
// words are copied for each flow.
type words struct{ m map[string]string }

const maxWords, maxWordLen = 4096, 256

func (w *words) get(b []byte) string {
	if len(b) == 0 {
		return ""
	}
	if s, ok := w.m[string(b)]; ok {
		return s
	}
	s := string(b)
	if len(w.m) < maxWords && len(s) <= maxWordLen {
		if w.m == nil {
			w.m = make(map[string]string)
		}
		w.m[s] = s
	}
	return s
}

// trim cuts the blanks that ra puts around right-aligned columns.
func trim(b []byte) []byte {
	for len(b) > 0 && strings.IndexByte(blanks, b[0]) >= 0 {
		b = b[1:]
	}
	for len(b) > 0 && strings.IndexByte(blanks, b[len(b)-1]) >= 0 {
		b = b[:len(b)-1]
	}
	return b
}
