package argusfeed

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync/atomic"
	"time"
)

// follower reads a file while it grows, and tells when it is over:
//
//   - Renamed or deleted: another file stands at its path, with something in it,
//     and nothing was added to the old one for a while since that was seen. While
//     the path has no file, or an empty one as logrotate makes it, whoever writes
//     may still do so to the old one.
//   - Truncated: it is shorter than what was read of it, or what was read last
//     is not there any more.
type follower struct {
	ctx  context.Context
	path string
	file *os.File
	poll time.Duration

	at    atomic.Int64 // read so far
	begin []byte       // the first of it
	tail  []byte       // the last of it
	atEnd bool         // the last Read gave nothing
	quiet time.Time    // when it began to give nothing, with the next file there

	gone    bool   // nothing stands at the path
	why     string // it is over
	stopped error  // what Read returns when ctx has ended
}

// errNotGrowing says that a file is none of those that can be followed.
var errNotGrowing = errors.New("this is no file that can be followed")

// Why a file is over.
const (
	followTruncated = "truncated"
	followReplaced  = "replaced"
)

// followTail is how much is compared to find out that a file was truncated and
// has grown again between two looks. Flows have times: they do not repeat.
const followTail = 64

// maxHeader is the longest header line that is kept.
const maxHeader = 4096

func openFollower(ctx context.Context, path string, poll time.Duration) (*follower, error) {
	// A named pipe would keep Open waiting.
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s: %w: neither a pipe nor a folder is (ra:PATH reads a pipe)", path, errNotGrowing)
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	return &follower{ctx: ctx, path: path, file: file, poll: poll, stopped: io.EOF}, nil
}

// Read gives os.ErrDeadlineExceeded where there is nothing for now, and io.EOF
// when the file is over or ctx has ended.
func (f *follower) Read(p []byte) (int, error) {
	if f.ctx.Err() != nil {
		return 0, f.stopped
	}
	if f.why != "" || f.atEnd && f.truncated() {
		return 0, io.EOF
	}
	n, err := f.file.Read(p)
	if n > 0 {
		f.atEnd, f.quiet = false, time.Time{}
		f.at.Add(int64(n))
		f.begin = append(f.begin, p[:min(n, maxHeader-len(f.begin))]...)
		f.tail = append(f.tail, p[max(0, n-followTail):n]...)
		f.tail = f.tail[max(0, len(f.tail)-followTail):]
		return n, nil
	}
	f.atEnd = true
	switch {
	case f.replaced():
		return 0, io.EOF
	case err != nil && !errors.Is(err, io.EOF):
		return 0, err
	}
	return 0, os.ErrDeadlineExceeded
}

// truncated looks whether what was read last is still there.
func (f *follower) truncated() bool {
	var there [followTail]byte
	n, err := f.file.ReadAt(there[:len(f.tail)], f.at.Load()-int64(len(f.tail)))
	if err != nil && !errors.Is(err, io.EOF) || bytes.Equal(there[:n], f.tail) {
		return false
	}
	f.why = followTruncated
	return true
}

// replaced looks whether another file has taken the place of this one, for good.
func (f *follower) replaced() bool {
	next, err := os.Stat(f.path)
	f.gone = err != nil
	if err != nil || next.Size() == 0 {
		f.quiet = time.Time{}
		return false
	}
	if old, err := f.file.Stat(); err != nil || os.SameFile(old, next) {
		return false
	}
	if f.quiet.IsZero() {
		f.quiet = time.Now()
	}
	if time.Since(f.quiet) < f.poll {
		return false
	}
	f.why = followReplaced
	return true
}

// progress gives how much was read and how much there is.
func (f *follower) progress() (read, size int64) {
	read = f.at.Load()
	if info, err := f.file.Stat(); err == nil {
		return read, info.Size()
	}
	return read, read // closed
}

// followMagic is how much of a file tells what it is: less than any record or
// line has.
const followMagic = 6

// recognise waits for the first bytes and gives a reader of the whole file. Text
// is read as if it began with header, which may be empty.
func (f *follower) recognise(header string) (io.Reader, Format, error) {
	var b [followMagic]byte
	n := 0
	for n < len(b) {
		m, err := f.Read(b[n:])
		n += m
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			if !errors.Is(err, os.ErrDeadlineExceeded) {
				return nil, 0, err
			}
			pause(f.ctx, f.poll)
		}
	}
	begin := string(b[:n])
	for _, other := range noFlows {
		if strings.HasPrefix(begin, other.magic) {
			return nil, 0, fmt.Errorf("%w: %s", errNotGrowing, otherAdvice(other.magic, other.advice))
		}
	}
	format := formatOf(b[:n])
	if format == FormatText {
		f.stopped = errStopped // or a line that is half written would be taken for whole
		begin = header + begin
	} else if b[0]>>4 != argusManagement || Cause(b[1]>>4) == CauseStatus {
		// Argus goes on without a first record where it was truncated and, once in
		// a while, where it has just made a new file.
		begin = string(argusHead(b[0]&0x0f)) + begin
	}
	return io.MultiReader(strings.NewReader(begin), f), format, nil
}

// nextHeader gives what the text begins with that is written next, when this file
// is over: nothing in another file, but ra goes on in one that was truncated and
// does not print its header again.
func (f *follower) nextHeader(header string) string {
	if f.why != followTruncated {
		return ""
	}
	if line, _, ok := bytes.Cut(f.begin, []byte("\n")); ok {
		if _, _, ok := readHeader(line); ok {
			return string(line) + "\n"
		}
	}
	return header
}

// otherAdvice is what to do about a file that does not grow.
func otherAdvice(magic, advice string) string {
	if magic == gzipMagic {
		return "it is compressed with gzip, and so does not grow: file:PATH reads it"
	}
	return advice
}

// argusHead makes the first record that a stream lacks which was truncated while
// argus goes on writing (3.0.8 does not write another one then). It says nothing
// but which version the stream is of.
func argusHead(version byte) []byte {
	b := make([]byte, argusManagementLen)
	b[0], b[1], b[3] = argusManagement<<4|version, byte(CauseStart)<<4, argusManagementLen/4
	cookie := uint32(argusCookie3)
	if version == 5 {
		cookie = argusCookie5
	}
	binary.BigEndian.PutUint32(b[8:], cookie)
	b[40] = version
	return b
}
