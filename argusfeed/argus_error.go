package argusfeed

import (
	"errors"
	"fmt"
	"io"
	"strings"
)

// What can be wrong with an Argus stream. An *ArgusError holds one of them.
var (
	// ErrNotArgus says that the stream begins like nothing of Argus.
	ErrNotArgus = errors.New("this is not an Argus stream")
	// ErrArgusVersion says that it is of an Argus that is not known.
	ErrArgusVersion = errors.New("this version of the Argus stream is not known")
	// ErrArgusLength says that a record has the length 0: it cannot be told
	// where the next one begins.
	ErrArgusLength = errors.New("a record of length 0")
	// ErrArgusCut says that the stream ends in the middle of a record.
	ErrArgusCut = errors.New("the stream ends in the middle of a record")
)

// Why an Argus closes a connection at once, as Record.Refusal tells.
var (
	ErrArgusClients = errors.New("argus has as many clients as it takes (10)")
	ErrArgusAccess  = errors.New("argus denies the access")
	ErrArgusRefused = errors.New("argus refuses for a reason that is not known")
)

// ArgusError tells where and why a stream could not be decoded.
type ArgusError struct {
	// Offset is the position in the stream, in bytes.
	Offset int64
	// Err is ErrNotArgus, ErrArgusVersion, ErrArgusLength or ErrArgusCut.
	Err error
	// Have and Want are the lengths of a cut record: what came and what its
	// header tells.
	Have, Want int
	// Found is the beginning of what was found instead of a record.
	Found string
}

// Error says where, what, and what it looks like.
func (e *ArgusError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "argus stream, byte %d: %v", e.Offset, e.Err)
	switch {
	case errors.Is(e.Err, ErrArgusCut):
		fmt.Fprintf(&b, ": %d of %d bytes", e.Have, e.Want)
	case e.Found != "":
		fmt.Fprintf(&b, ": found % x", e.Found)
		if what := looksLike(e.Found); what != "" {
			b.WriteString(", " + what)
		}
	}
	return b.String()
}

// Unwrap gives Err; a cut record is an io.ErrUnexpectedEOF too.
func (e *ArgusError) Unwrap() []error {
	if errors.Is(e.Err, ErrArgusCut) {
		return []error{e.Err, io.ErrUnexpectedEOF}
	}
	return []error{e.Err}
}

// looksLike names what a stream is whose first bytes are found, or "".
func looksLike(found string) string {
	for _, m := range [...]struct{ magic, what string }{
		{"\x1f\x8b", "as a gzip file has"},
		{"BZh", "as a bzip2 file has"},
		{"\xfd7zXZ", "as an xz file has"},
		{"\x28\xb5\x2f\xfd", "as a zstd file has"},
		{"\xd4\xc3\xb2\xa1", "as a pcap file has (argus -r reads it)"},
		{"\x4d\x3c\xb2\xa1", "as a pcap file has (argus -r reads it)"},
		{"\xa1\xb2\xc3\xd4", "as a pcap file has (argus -r reads it)"},
		{"\xa1\xb2\x3c\x4d", "as a pcap file has (argus -r reads it)"},
		{"\x0a\x0d\x0d\x0a", "as a pcapng file has (argus -r reads it)"},
		{"\x16\x03", "as TLS has"},
	} {
		if strings.HasPrefix(found, m.magic) {
			return m.what
		}
	}
	if found[0]>>4 == argusManagement {
		if v := found[0] & 0x0f; v != 3 && v != 5 {
			return fmt.Sprintf("a record of version %d; 3 and 5 are known", v)
		}
		return fmt.Sprintf("a management record without the mark of Argus 3 or 5 (%08x, %08x)", argusCookie3, argusCookie5)
	}
	for _, c := range []byte(found) {
		if c < ' ' && c != '\t' && c != '\r' && c != '\n' || c > '~' {
			return ""
		}
	}
	return fmt.Sprintf("the text %q", found)
}
