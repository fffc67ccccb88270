package history

import (
	"fmt"
	"net/netip"
)

// hostRange gives the first and the last key (addrKey) of an address or a
// network as it is written in a query.
func hostRange(host string) (low, high []byte, err error) {
	p, err := netip.ParsePrefix(host)
	if err != nil {
		ip, aerr := netip.ParseAddr(host)
		if aerr != nil || ip.Zone() != "" {
			return nil, nil, fmt.Errorf(`%w: host: %.100q is no address or network; use 10.0.0.5, 10.0.0.0/8 or 2001:db8::/32`, ErrQuery, host)
		}
		p = netip.PrefixFrom(ip, ip.BitLen())
	}
	version := byte(6)
	if p.Addr().Is4() {
		version = 4
	}
	low = append([]byte{version}, p.Masked().Addr().AsSlice()...)
	high = append([]byte(nil), low...)
	for bit := p.Bits(); bit < p.Addr().BitLen(); bit++ {
		high[1+bit/8] |= 0x80 >> (bit % 8)
	}
	return low, high, nil
}
