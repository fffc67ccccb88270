package web

import (
	"encoding/binary"
	"fmt"
	"net/netip"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// The sizes of struct inet_diag_req_v2 and inet_diag_msg, and where the latter has
// the user (linux/inet_diag.h).
const (
	diagRequestSize = 56
	diagAnswerSize  = 72
	diagUser        = 64
)

// diagRequest is a struct inet_diag_req_v2.
type diagRequest [diagRequestSize]byte

func (r *diagRequest) Len() int          { return len(r) }
func (r *diagRequest) Serialize() []byte { return r[:] }

// userOf asks the kernel whose socket is at the other end of a connection on this
// host. It asks for that one alone: a list of all would be of whatever length others
// make it.
func userOf(client, server netip.AddrPort) (uid uint32, err error) {
	from, to := client.Addr().Unmap(), server.Addr().Unmap()
	var r diagRequest
	r[0], r[1] = unix.AF_INET, unix.IPPROTO_TCP
	if from.Is6() {
		r[0] = unix.AF_INET6
	}
	binary.NativeEndian.PutUint32(r[4:], 1<<unix.BPF_TCP_ESTABLISHED)
	binary.BigEndian.PutUint16(r[8:], client.Port())
	binary.BigEndian.PutUint16(r[10:], server.Port())
	copy(r[12:28], from.AsSlice())
	copy(r[28:44], to.AsSlice())
	binary.NativeEndian.PutUint64(r[48:], ^uint64(0)) // no cookie
	request := nl.NewNetlinkRequest(unix.SOCK_DIAG_BY_FAMILY, 0)
	request.AddData(&r)
	answer, err := request.Execute(unix.NETLINK_INET_DIAG, unix.SOCK_DIAG_BY_FAMILY)
	switch {
	case err != nil:
		return 0, fmt.Errorf("asking the kernel whose socket is at %s: %w", client, err)
	case len(answer) != 1 || len(answer[0]) < diagAnswerSize:
		return 0, fmt.Errorf("asking the kernel whose socket is at %s: %d answers", client, len(answer))
	}
	return binary.NativeEndian.Uint32(answer[0][diagUser:]), nil
}
