package hostnet

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"net/netip"
	"strings"
)

// What is used of the control messages of NTP (mode 6, RFC 9327): what ntpq asks.
const (
	ntpPort       = 123
	ntpControl    = 2<<3 | 6 // version 2, which each knows, and mode 6
	ntpReadStatus = 1
	ntpReadVars   = 2
	ntpResponse   = 0x80
	ntpError      = 0x40
	ntpHeader     = 12
)

// askNtpd asks the ntpd of this host, of ntpsec or another one.
func askNtpd(ctx context.Context) ([]netip.Addr, error) {
	a, err := askAt(ctx, ntpPort, func(q, r []byte) bool {
		return len(r) >= ntpHeader && r[0]&7 == q[0]&7 && r[1]&ntpResponse != 0 && r[1]&0x1f == q[1] && bytes.Equal(r[2:4], q[2:4])
	})
	if err != nil {
		return nil, err
	}
	defer func() { _ = a.conn.Close() }()
	return ntpdSources(a)
}

func ntpdSources(a *asking) ([]netip.Addr, error) {
	sequence := uint16(0)
	ask := func(command byte, association uint16, vars string) ([]byte, error) {
		sequence++
		q := make([]byte, ntpHeader+(len(vars)+3)/4*4)
		q[0], q[1] = ntpControl, command
		binary.BigEndian.PutUint16(q[2:], sequence)
		binary.BigEndian.PutUint16(q[6:], association)
		binary.BigEndian.PutUint16(q[10:], uint16(len(vars)))
		copy(q[ntpHeader:], vars)
		r, err := a.ask(q)
		if err != nil {
			return nil, err
		}
		if r[1]&ntpError != 0 {
			return nil, fmt.Errorf("it does not tell (error %d)", r[4])
		}
		return r[ntpHeader:min(len(r), ntpHeader+int(binary.BigEndian.Uint16(r[10:])))], nil
	}
	// A number and a status of two bytes for each; the first packet has a hundred.
	list, err := ask(ntpReadStatus, 0, "")
	if err != nil {
		return nil, err
	}
	var found []netip.Addr
	for ; len(list) >= 4 && len(found) < maxServers; list = list[4:] {
		vars, err := ask(ntpReadVars, binary.BigEndian.Uint16(list), "srcadr")
		if err != nil {
			return nil, err
		}
		name, address, _ := strings.Cut(strings.TrimSpace(string(vars)), "=")
		if name == "srcadr" {
			found = addIPs(found, []string{strings.TrimRight(address, "\r\n\x00")})
		}
	}
	return found, nil
}
