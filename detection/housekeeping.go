package detection

import (
	"net/netip"
	"slices"

	"slips-ips/argusfeed"
)

// Networks are full of clockwork that is no malware: routers greet each other,
// hosts ask for the time and announce their services. The behaviour scorer
// leaves it alone, whatever the models say.
var (
	// housekeepingProtocols are IGMP, EGP, IGP, RSVP, EIGRP, OSPF, PIM, VRRP
	// and IS-IS.
	housekeepingProtocols = []uint8{2, 8, 9, 46, 88, 89, 103, 112, 124}
	// housekeepingPorts of UDP are DHCP, NTP, NetBIOS, SNMP, DHCPv6, SSDP,
	// WS-Discovery, mDNS and LLMNR.
	housekeepingPorts = []uint16{67, 68, 123, 137, 138, 161, 162, 546, 547, 1900, 3702, 5353, 5355}
)

// housekeeping tells whether a tuple is such clockwork, or has no IP address
// as its destination (ARP and what else is below IP, or a name).
func housekeeping(t argusfeed.Tuple) bool {
	proto, ok := t.Proto.Number()
	if !ok || slices.Contains(housekeepingProtocols, proto) {
		return true
	}
	port, ok := t.Port.Number()
	if ok && argusfeed.Proto(proto) == argusfeed.ProtoUDP && slices.Contains(housekeepingPorts, port) {
		return true
	}
	dst, ok := t.Dst.IP()
	if !ok {
		return true
	}
	dst = dst.Unmap()
	return dst.IsMulticast() || dst.IsUnspecified() || dst.IsLoopback() || dst.IsLinkLocalUnicast() || broadcast(dst)
}

// broadcast tells whether a is the broadcast address of everything, or of a
// private network: those nearly always end in 255.
func broadcast(a netip.Addr) bool {
	if !a.Is4() {
		return false
	}
	b := a.As4()
	return b == [4]byte{255, 255, 255, 255} || a.IsPrivate() && b[3] == 255
}
