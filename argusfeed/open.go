package argusfeed

import (
	"bufio"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync/atomic"
	"time"
)

// Format says how flows are written.
type Format uint8

// The formats. What is neither an Argus stream nor a known other thing is text.
const (
	FormatText  Format = iota // lines of ra
	FormatArgus               // the binary stream of Argus
)

// String names the format.
func (f Format) String() string {
	if f == FormatArgus {
		return "argus stream"
	}
	return "ra text"
}

// File is an opened input, decompressed where it was compressed. Read and Close
// are for one goroutine; Progress is safe for others.
type File struct {
	name string
	file *os.File // closed by Close, unless it is standard input
	size int64
	read atomic.Int64
	r    io.Reader
}

// Open opens a file of flows; "-" is standard input. It recognises by the
// content, not by the name, whether it is compressed with gzip and whether it
// is text or an Argus stream. It waits for the first bytes of a pipe, and for
// no more of them than that takes.
func Open(path string) (*File, Format, error) {
	if path == "-" {
		return openFile(os.Stdin, "standard input")
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, 0, fmt.Errorf("opening the flows: %w", err)
	}
	f, format, err := openFile(file, path)
	if err != nil {
		file.Close()
		return nil, 0, err
	}
	return f, format, nil
}

func openFile(file *os.File, name string) (*File, Format, error) {
	f := &File{name: name, file: file, size: -1}
	info, err := file.Stat()
	switch {
	case err != nil:
		return nil, 0, fmt.Errorf("opening the flows: %w", err)
	case info.IsDir():
		return nil, 0, fmt.Errorf("opening the flows: %s is a folder; name the files in it", name)
	case info.Mode().IsRegular():
		f.size = info.Size()
	}
	format, err := f.recognise()
	if err != nil {
		return nil, 0, fmt.Errorf("opening the flows in %s: %w", name, err)
	}
	return f, format, nil
}

// recognise looks at the first bytes without consuming them.
func (f *File) recognise() (Format, error) {
	b := bufio.NewReaderSize(countingReader{f}, 64<<10)
	f.r = b
	if begins(b, gzipMagic) {
		z, err := gzip.NewReader(b)
		if err != nil {
			return 0, fmt.Errorf("reading gzip: %w", err)
		}
		b = bufio.NewReaderSize(z, 64<<10)
		f.r = b
	}
	for _, other := range noFlows {
		if begins(b, other.magic) {
			return 0, errors.New(other.advice)
		}
	}
	first, err := b.Peek(1)
	if err != nil && !errors.Is(err, io.EOF) {
		return 0, fmt.Errorf("reading: %w", err)
	}
	return formatOf(first), nil
}

// formatOf tells the format by the first byte: in an Argus stream it is a
// record's type and version, and no text begins so. The decoder looks closer.
func formatOf(first []byte) Format {
	if len(first) > 0 && strings.IndexByte("\x83\x85\x13\x15", first[0]) >= 0 {
		return FormatArgus
	}
	return FormatText
}

const gzipMagic = "\x1f\x8b"

// noFlows is what other files begin with.
var noFlows = []struct{ magic, advice string }{
	{gzipMagic, "it was compressed twice"},
	{"BZh", "it is compressed with bzip2: bzip2 -dc FILE | slips-ips replay -"},
	{"\xfd7zXZ\x00", "it is compressed with xz: xz -dc FILE | slips-ips replay -"},
	{"\x28\xb5\x2f\xfd", "it is compressed with zstd: zstd -dc FILE | slips-ips replay -"},
	{"\xd4\xc3\xb2\xa1", pcapAdvice},
	{"\xa1\xb2\xc3\xd4", pcapAdvice},
	{"\x4d\x3c\xb2\xa1", pcapAdvice},
	{"\xa1\xb2\x3c\x4d", pcapAdvice},
	{"\x0a\x0d\x0d\x0a", pcapAdvice},
}

const pcapAdvice = "it is a packet capture: argus -X -r FILE -w - | slips-ips replay -"

// begins compares as few bytes as it can, since more may not come for a while.
func begins(b *bufio.Reader, magic string) bool {
	for n := 1; n <= len(magic); n++ {
		if have, err := b.Peek(n); err != nil || have[n-1] != magic[n-1] {
			return false
		}
	}
	return true
}

// countingReader counts what has been read of the file itself.
type countingReader struct{ f *File }

func (c countingReader) Read(p []byte) (int, error) {
	n, err := c.f.file.Read(p)
	c.f.read.Add(int64(n))
	return n, err
}

// Read reads the decompressed content.
func (f *File) Read(p []byte) (int, error) {
	n, err := f.r.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		err = fmt.Errorf("reading %s: %w", f.name, err)
	}
	return n, err
}

// Close closes the file; standard input stays open.
func (f *File) Close() error {
	if f.file == os.Stdin {
		return nil
	}
	return f.file.Close()
}

// Progress gives how many bytes of the file were read, before decompression,
// and how many it has; -1 where that is not known, as with a pipe.
func (f *File) Progress() (read, size int64) { return f.read.Load(), f.size }

// Decoder gives the flows of a feed one by one.
type Decoder interface {
	// Next reads the next flow into f. A *SkipError is a line or record that is
	// no flow; the caller goes on. After os.ErrDeadlineExceeded, by which a reader
	// says that there is no more for now, it may be called again and goes on where
	// it was. Any other error is the end: io.EOF, or what went wrong.
	Next(f *Flow) error
	// Buffered tells whether Next will answer without reading.
	Buffered() bool
	// Management gives the newest management row.
	Management() Management
	// Tick tells a decoder of a live feed what time it is on this machine, a few
	// times a second while nothing comes. What is over by then Next gives out
	// without reading, and Buffered tells so.
	Tick(now time.Time)
	// Joined tells how records became flows; of text there is nothing to tell.
	Joined() JoinStats
}

// NewDecoder gives the decoder of a format. For an Argus stream, Line is the
// number of the record, and records of one flow are joined as opt.Joining says.
func NewDecoder(format Format, r io.Reader, opt TextOptions) Decoder {
	if format == FormatArgus {
		return newRecords(r, opt)
	}
	return NewText(r, opt)
}
