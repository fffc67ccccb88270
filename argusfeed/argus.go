package argusfeed

import (
	"encoding/binary"
	"errors"
	"io"
)

const (
	// argusBuffer holds some hundred records; a longer record makes it grow, to
	// argusMaxRecord at most.
	argusBuffer = 128 << 10
	// argusMaxRecord is the longest record that the header can tell of.
	argusMaxRecord = 0xffff * 4
	// argusManagementLen is the length of a management record.
	argusManagementLen = 128
	// argusMaxFirst bounds the first record, so that garbage is not waited for.
	argusMaxFirst = 1024

	argusHeaderLen = 4
	argusCookie3   = 0xe5712dcb
	argusCookie5   = 0xe57150cb
)

// Argus decodes the binary stream of Argus 3, as a socket or a file has it. What
// is known of the framing of Argus 5 is read too, untested. It keeps up to
// 256 KiB of the stream and allocates nothing for a record. It is not safe for
// use by several goroutines.
type Argus struct {
	r      io.Reader
	buf    []byte
	rd, wr int   // buf[rd:wr] is read and not yet decoded
	offset int64 // of buf[rd] in the stream
	begun  bool  // the first record was an Argus one
	rerr   error // what r said together with its last bytes
	err    error // why nothing more can be decoded
	tcp    *flagStates
	counts ArgusCounts
}

// ArgusCounts tells what an Argus has decoded.
type ArgusCounts struct {
	// Flows and Management are the records given out as such.
	Flows, Management uint64
	// Other are the records of other types, passed over by their length.
	Other uint64
	// Damaged are the flow records whose parts do not fit together. Those that
	// still tell key, time and counts are among Flows, the rest among Other.
	Damaged uint64
}

// NewArgus decodes what r delivers.
func NewArgus(r io.Reader) *Argus {
	return &Argus{r: r, buf: make([]byte, argusBuffer), tcp: tcpStates()}
}

// Next decodes the next record into rec, as soon as its last byte has been read.
// Where it fails, rec is as it was.
//
// At the end of the stream it returns io.EOF, or an error that is ErrArgusCut
// where the end is inside a record; any other failure of the reader is passed
// on. After these it may be called again and goes on where it was: after a
// deadline, or when a file has grown. A stream that is not Argus's, or no longer,
// gives an *ArgusError, and the same one ever after.
func (a *Argus) Next(rec *Record) error {
	b, err := a.frame()
	if err != nil {
		return err
	}
	a.decode(rec, b)
	return nil
}

// Ready tells whether Next returns without reading.
func (a *Argus) Ready() bool {
	if a.err != nil {
		return true
	}
	b := a.buf[a.rd:a.wr]
	return len(b) >= argusHeaderLen && len(b) >= max(argusRecordLen(b), argusHeaderLen)
}

// Buffered gives the number of bytes that have been read and not yet decoded.
func (a *Argus) Buffered() int { return a.wr - a.rd }

// Offset gives the position in the stream, in bytes, of the next record.
func (a *Argus) Offset() int64 { return a.offset }

// Counts tells what has been decoded so far.
func (a *Argus) Counts() ArgusCounts { return a.counts }

// argusRecordLen gives the length of the record whose header b begins with.
func argusRecordLen(b []byte) int { return int(b[2])<<10 | int(b[3])<<2 }

// frame gives the next record as it is in the buffer; it is valid until the next
// call.
func (a *Argus) frame() ([]byte, error) {
	if a.err != nil {
		return nil, a.err
	}
	if err := a.need(argusHeaderLen); err != nil {
		return nil, err
	}
	head := a.buf[a.rd : a.rd+argusHeaderLen]
	n := argusRecordLen(head)
	management := head[0]>>4 == argusManagement
	if version := head[0] & 0x0f; !a.begun || version != 3 && version != 5 || n == 0 {
		if err := a.checkHeader(n); err != nil {
			return nil, err
		}
	}
	if err := a.need(n); err != nil {
		return nil, err
	}
	b := a.buf[a.rd : a.rd+n : a.rd+n]
	if management {
		if err := a.checkCookie(b); err != nil {
			return nil, err
		}
	}
	a.begun = true
	a.rd += n
	a.offset += int64(n)
	return b, nil
}

// need waits until n bytes are buffered, and never for more.
func (a *Argus) need(n int) error {
	for a.wr-a.rd < n {
		if err := a.fill(n); err != nil {
			return err
		}
	}
	return nil
}

// fill reads once, with room for at least n bytes.
func (a *Argus) fill(n int) error {
	if err := a.rerr; err != nil {
		a.rerr = nil
		if errors.Is(err, io.EOF) {
			return a.atEnd()
		}
		return err
	}
	if a.rd == a.wr {
		a.rd, a.wr = 0, 0
	}
	if a.rd+n > len(a.buf) {
		to := a.buf
		if n > len(a.buf) {
			to = make([]byte, argusMaxRecord)
		}
		a.wr = copy(to, a.buf[a.rd:a.wr])
		a.rd, a.buf = 0, to
	}
	for range maxEmptyReads {
		m, err := a.r.Read(a.buf[a.wr:])
		a.wr += m
		a.rerr = err
		if m > 0 || err != nil {
			return nil
		}
	}
	return io.ErrNoProgress
}

// maxEmptyReads is how often a reader may give neither bytes nor an error.
const maxEmptyReads = 100

// atEnd tells an end between two records from one inside a record.
func (a *Argus) atEnd() error {
	have := a.wr - a.rd
	if have == 0 {
		return io.EOF
	}
	want := argusHeaderLen
	if have >= argusHeaderLen {
		want = argusRecordLen(a.buf[a.rd:])
	}
	return &ArgusError{Offset: a.offset, Err: ErrArgusCut, Have: have, Want: want}
}

// checkHeader refuses what cannot be a record of n bytes.
func (a *Argus) checkHeader(n int) error {
	b := a.buf[a.rd:a.wr]
	fail := func(err error) error {
		a.err = &ArgusError{Offset: a.offset, Err: err, Found: string(b[:min(len(b), 16)])}
		return a.err
	}
	version := b[0] & 0x0f
	switch {
	case !a.begun && b[0]>>4 != argusManagement:
		return fail(ErrNotArgus)
	case version != 3 && version != 5:
		return fail(ErrArgusVersion)
	case n == 0:
		return fail(ErrArgusLength)
	case !a.begun && n != argusHeaderLen && (n < argusManagementLen || n > argusMaxFirst):
		return fail(ErrNotArgus)
	}
	return nil
}

// checkCookie refuses a management record of another program. Only the first
// one after a start of Argus has a cookie; a refusal has nothing at all.
func (a *Argus) checkCookie(b []byte) error {
	if len(b) < argusManagementLen {
		return nil
	}
	switch cookie := binary.BigEndian.Uint32(b[8:]); {
	case cookie == argusCookie3, cookie == argusCookie5, cookie == 0 && a.begun:
		return nil
	}
	a.err = &ArgusError{Offset: a.offset, Err: ErrArgusVersion, Found: string(b[:16])}
	return a.err
}
