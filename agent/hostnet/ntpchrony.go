package hostnet

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"net/netip"
)

// What is used of chrony's command protocol, version 6 (candm.h of chrony 2.2 to 4):
// what chronyc asks for `sources`.
const (
	chronyPort    = 323
	chronyVersion = 6
	chronyRequest = 1
	chronyReply   = 2

	chronyCount  = 14 // how many sources there are
	chronySource = 15 // one of them

	chronyAsks  = 20 // the header of a request
	chronyTells = 28 // the header of a reply
	// A request must be as long as its reply, so that nobody gets more than he sent.
	chronyPadded = 128

	chronyNumber = 4  // the length of the reply to each of them
	chronyData   = 28 // as far as it is read
	chronyClock  = 2  // the mode of a source that is a clock of this host
)

// askChrony asks the chronyd of this host.
func askChrony(ctx context.Context) ([]netip.Addr, error) {
	a, err := askAt(ctx, chronyPort, func(q, r []byte) bool {
		return len(r) >= chronyTells && r[0] == chronyVersion && r[1] == chronyReply && bytes.Equal(r[4:6], q[4:6]) && bytes.Equal(r[16:20], q[8:12])
	})
	if err != nil {
		return nil, err
	}
	defer func() { _ = a.conn.Close() }()
	return chronySources(a)
}

func chronySources(a *asking) ([]netip.Addr, error) {
	sequence := uint32(0)
	ask := func(command uint16, index uint32, length int) ([]byte, error) {
		sequence++
		q := make([]byte, chronyPadded)
		q[0], q[1] = chronyVersion, chronyRequest
		binary.BigEndian.PutUint16(q[4:], command)
		binary.BigEndian.PutUint32(q[8:], sequence)
		binary.BigEndian.PutUint32(q[chronyAsks:], index)
		r, err := a.ask(q)
		if err != nil {
			return nil, err
		}
		if status := binary.BigEndian.Uint16(r[8:]); status != 0 || len(r) < chronyTells+length {
			return nil, fmt.Errorf("it does not tell (status %d, %d bytes)", status, len(r))
		}
		return r[chronyTells:], nil
	}
	count, err := ask(chronyCount, 0, chronyNumber)
	if err != nil {
		return nil, err
	}
	var found []netip.Addr
	for i := range min(binary.BigEndian.Uint32(count), maxServers) {
		r, err := ask(chronySource, i, chronyData)
		if err != nil {
			return nil, err
		}
		if mode := binary.BigEndian.Uint16(r[26:]); mode != chronyClock {
			found = addIP(found, chronyAddr(r))
		}
	}
	return found, nil
}

// chronyAddr reads an IPAddr: sixteen bytes, and the family. A source whose name is
// not known yet has none.
func chronyAddr(b []byte) netip.Addr {
	switch binary.BigEndian.Uint16(b[16:]) {
	case 1:
		return netip.AddrFrom4([4]byte(b))
	case 2:
		return netip.AddrFrom16([16]byte(b))
	}
	return netip.Addr{}
}
