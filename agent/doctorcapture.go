package agent

import (
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"

	"slips-ips/agent/hostnet"
	"slips-ips/argusfeed"
	"slips-ips/enforce"
)

// capture looks at which side of a translation of addresses each argus of our own
// stands: outside, tuples name the router, and match no forwarded packet.
func (d *doctor) capture(in enforce.Inspection) {
	translates := slices.ContainsFunc(in.Chains, func(c enforce.BaseChain) bool {
		return c.Type == "nat" && c.Hook == "postrouting" && (in.Forwarding4 && c.Family != "ip6" || in.Forwarding6 && c.Family != "ip")
	})
	found, err := hostnet.Discover(hostnet.Options{SSHConnection: os.Getenv("SSH_CONNECTION")})
	if err != nil {
		d.say(FindingWarn, "addresses", "", "not everything that must never be blocked can be found out: %v", err)
	}
	for _, s := range d.c.Sources {
		ifaces, how, err := d.captures(s.URL, found.Default)
		outside := slices.IndexFunc(ifaces, func(iface string) bool { return slices.Contains(found.Default, iface) })
		switch {
		case err != nil:
			d.say(FindingFail, "capture", how, "%s: %v", s.URL, err)
		case len(ifaces) == 0:
			d.say(FindingOK, "capture", "", "%s: where it captures is not known here", s.URL)
		case outside >= 0 && translates:
			d.say(FindingWarn, "capture", how+" (docs/feeds.md, Where to capture)",
				"%s: %s is the way out, addresses are translated there, and what clients do would be seen as done by this router: such tuples are not blocked", s.URL, ifaces[outside])
		default:
			d.say(FindingOK, "capture", "", "%s: argus captures on %s; no translation of addresses is known between there and here", s.URL, strings.Join(ifaces, " "))
		}
	}
}

// captures gives the interfaces of a source, none where they are not known, and how an
// admin names others. An error says why there is nothing to capture on.
func (d *doctor) captures(url string, ways []string) (ifaces []string, how string, err error) {
	if url == argusfeed.ServiceURL {
		conf, err := argusfeed.ReadServiceConf(d.argusConf)
		how = "let argus watch the LAN side: ARGUS_INTERFACE=lan0 in " + d.argusConf + ", then: systemctl restart slips-ips-argus"
		if err != nil {
			return nil, "mend " + d.argusConf + ", then: systemctl restart slips-ips-argus", err
		}
		ifaces, err = conf.Interfaces()
		return ifaces, how, err
	}
	iface, ok := strings.CutPrefix(url, "spawn:")
	if !ok {
		return nil, "", nil
	}
	how = "let argus watch the LAN side: spawn:IFACE"
	switch {
	case iface == "" && len(ways) == 0:
		return nil, how, errors.New("there is no default route to take the interface of")
	case iface == "":
		iface = ways[0]
	case iface != "any" && !interfaceExists(iface):
		return nil, "ip link lists those that there are", fmt.Errorf("there is no interface %s", iface)
	}
	return []string{iface}, how, nil
}

func interfaceExists(name string) bool {
	_, err := net.InterfaceByName(name)
	return err == nil
}
