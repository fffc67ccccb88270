package argusfeed

import (
	"encoding/binary"
	"time"
)

// ArgusStatus is a management record: what a running Argus tells of itself. Packets and
// Dropped count the interval since the last one, not since the start.
type ArgusStatus struct {
	// Management is what ra prints of it.
	Management
	// Initial is set in the first record of an Argus: of the stream, or where
	// it was restarted and went on in the same file. Numbers of flows begin
	// again at 1 there.
	Initial bool
	// Start is the beginning of the interval; in an initial record the start of
	// this Argus.
	Start Time
	// Flags are the status bits of an initial record.
	Flags uint32
	// NextSeq is the number of the next flow.
	NextSeq uint32
	// Major and Minor are the version of the Argus.
	Major, Minor uint8
	// Link is the type of the interface (libpcap's DLT; 1 is Ethernet), and
	// LinkStatus its status. Both are 0 in what radium makes.
	Link, LinkStatus uint8
	// FlowInterval and StatusInterval are how often Argus reports a flow and
	// itself. An initial record of argus tells them.
	FlowInterval, StatusInterval time.Duration
	// Bytes is what came in, Records what was written, in the interval.
	Bytes   uint64
	Records uint32
	// Queue and Buffers are lengths inside Argus; Memory is in bytes.
	Queue, Buffers, Memory uint32
}

// authenticationWanted is the status bit of an Argus that wants SASL.
const authenticationWanted = 0x1000

// WantsAuthentication tells that this Argus sends nothing without SASL, which
// this program does not speak.
func (s *ArgusStatus) WantsAuthentication() bool {
	return s.Initial && s.Flags&authenticationWanted != 0
}

// Refusal tells why Argus closes the connection instead of serving it:
// ErrArgusClients, ErrArgusAccess, ErrArgusRefused, or nil where it does not.
func (rec *Record) Refusal() error {
	if rec.Kind != KindManagement || rec.Cause != CauseError {
		return nil
	}
	switch rec.Option {
	case 1:
		return ErrArgusAccess
	case 2:
		return ErrArgusClients
	}
	return ErrArgusRefused
}

// statusNames are ra's words for the causes of management records.
var statusNames = [16]string{
	CauseStart: "STA", CauseStatus: "CON", CauseStop: "STP", CauseShutdown: "SHT", CauseError: "ERR",
}

// decodeStatus reads a management record. One without content is a refusal.
// Argus 5 has causes beyond those of Argus 3, with other content.
func (rec *Record) decodeStatus(b []byte) bool {
	if rec.Cause > CauseError {
		return false
	}
	s := &rec.Status
	s.State = statusNames[rec.Cause]
	if rec.Cause == CauseError {
		switch rec.Option {
		case 1:
			s.State = "ADN" //nolint:misspell // ra's word: access denied
		case 2:
			s.State = "MAX"
		}
	}
	if len(b) < argusManagementLen {
		return len(b) == argusHeaderLen && rec.Cause == CauseError
	}
	u32 := func(at int) uint32 { return binary.BigEndian.Uint32(b[at:]) }
	seconds := func(at int) time.Duration {
		return time.Duration(binary.BigEndian.Uint16(b[at:])) * time.Second
	}
	s.Flags = u32(4)
	s.Initial = hasCookie(b)
	s.NextSeq = u32(20)
	s.Start = argusTime(b[24:], false)
	s.Time = argusTime(b[32:], false)
	s.Interval = s.Time.Sub(s.Start)
	s.Major, s.Minor, s.Link, s.LinkStatus = b[40], b[41], b[42], b[43]
	s.FlowInterval, s.StatusInterval = seconds(44), seconds(46)
	s.Packets = binary.BigEndian.Uint64(b[48:])
	s.Bytes = binary.BigEndian.Uint64(b[56:])
	s.Records = u32(72)
	s.Dropped = uint64(u32(80))
	s.Queue = u32(84)
	s.Clients = uint64(u32(92))
	s.Buffers = u32(96)
	s.Memory = u32(100)
	rec.Probe = uint64(u32(120))
	return true
}
