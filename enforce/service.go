package enforce

import (
	"fmt"
	"strconv"
	"strings"
)

// Service is what a quarantined host may still use: a name of services, or
// "tcp/443" and the like.
type Service string

// maxServices bounds [enforce] quarantine_allow: each is a rule or more.
const maxServices = 64

// servicePort is a port of a service, on the side of the server.
type servicePort struct {
	proto uint8
	port  uint16
}

const protoTCP, protoUDP = 6, 17

var services = map[Service][]servicePort{
	"dhcp": {{protoUDP, 67}, {protoUDP, 547}}, // of IPv4 and IPv6
	"dns":  {{protoUDP, 53}, {protoTCP, 53}},
	"ntp":  {{protoUDP, 123}},
}

func (s Service) ports() ([]servicePort, error) {
	if list, ok := services[s]; ok {
		return list, nil
	}
	proto, number, _ := strings.Cut(string(s), "/")
	port, err := strconv.ParseUint(number, 10, 16)
	if err == nil && port > 0 {
		switch proto {
		case "tcp":
			return []servicePort{{protoTCP, uint16(port)}}, nil
		case "udp":
			return []servicePort{{protoUDP, uint16(port)}}, nil
		}
	}
	return nil, fmt.Errorf("%q is not allowed; use dhcp, dns, ntp, tcp/PORT or udp/PORT", string(s))
}
