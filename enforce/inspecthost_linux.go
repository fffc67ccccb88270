package enforce

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/google/nftables"
	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// Inspect looks at the host, or at the network namespace of the descriptor ns
// where that is not 0, and changes nothing. It gives as much as it could find
// out together with the errors.
//
// What it reads from /proc is that of the calling thread's namespace.
func Inspect(cfg Config, ns int) (Inspection, error) {
	var in Inspection
	var uts unix.Utsname
	if unix.Uname(&uts) == nil {
		in.Kernel = unix.ByteSliceToString(uts.Release[:])
	}
	in.Forwarding4 = sysctlOn("net/ipv4/ip_forward") || anyForwards4()
	in.Forwarding6 = sysctlOn("net/ipv6/conf/all/forwarding")
	in.BridgeFiltered4 = sysctlOn("net/bridge/bridge-nf-call-iptables")
	in.BridgeFiltered6 = sysctlOn("net/bridge/bridge-nf-call-ip6tables")
	all := []error{in.lookAtBridges(ns)}
	k, err := openKernel(cfg, ns)
	if err == nil {
		all = append(all, in.lookAtTables(k), k.close())
	}
	in.warn(cfg)
	return in, errors.Join(append(all, err)...)
}

func sysctlOn(name string) bool {
	text, err := os.ReadFile(filepath.Join("/proc/sys", name))
	return err == nil && strings.TrimSpace(string(text)) != "0"
}

// anyForwards4 tells whether packets are passed on from some interface although not
// from all, as where systemd-networkd masquerades. IPv6 knows no such thing.
func anyForwards4() bool {
	interfaces, _ := os.ReadDir("/proc/sys/net/ipv4/conf")
	return slices.ContainsFunc(interfaces, func(i os.DirEntry) bool {
		return i.Name() != "default" && sysctlOn(filepath.Join("net/ipv4/conf", i.Name(), "forwarding"))
	})
}

func (in *Inspection) lookAtBridges(ns int) error {
	at := netns.None()
	if ns > 0 {
		at = netns.NsHandle(ns)
	}
	h, err := netlink.NewHandleAt(at, unix.NETLINK_ROUTE)
	if err != nil {
		return fmt.Errorf("listing bridges: %w", err)
	}
	defer h.Close()
	links, err := h.LinkList()
	if err != nil {
		return fmt.Errorf("listing bridges: %w", err)
	}
	for _, l := range links {
		if l.Type() != "bridge" {
			continue
		}
		b := Bridge{Name: l.Attrs().Name}
		for _, port := range links {
			if port.Attrs().MasterIndex == l.Attrs().Index {
				b.Ports = append(b.Ports, port.Attrs().Name)
			}
		}
		in.Bridges = append(in.Bridges, b)
	}
	return nil
}

// inUse tells whether an agent has the lock of a table. It is not found out for
// another namespace than the program's own.
func inUse(table string, netns int) bool {
	if netns != 0 {
		return false
	}
	l, err := lockTable(table)
	if err != nil {
		return true
	}
	_ = l.Close() // it was free
	return false
}

// families are the words of nft.
var families = map[nftables.TableFamily]string{
	nftables.TableFamilyINet: "inet", nftables.TableFamilyIPv4: "ip", nftables.TableFamilyIPv6: "ip6",
	nftables.TableFamilyARP: "arp", nftables.TableFamilyNetdev: "netdev", nftables.TableFamilyBridge: "bridge",
}

var hookNames = []string{"prerouting", "input", "forward", "output", "postrouting", "ingress"}

func (in *Inspection) lookAtTables(k *kernel) error {
	var all []error
	in.NetAdmin = true
	for _, flag := range []struct {
		flags nftables.TableFlags
		known *bool
	}{{nftables.TableFlagOwner, &in.Owner}, {nftables.TableFlagOwner | nftables.TableFlagPersist, &in.Persist}} {
		known, err := k.accepts(flag.flags)
		if errors.Is(err, unix.EPERM) {
			in.NetAdmin = false
		}
		*flag.known = known
		all = append(all, err)
	}
	found, err := k.inspect()
	switch {
	case errors.Is(err, ErrForeignTable):
		in.Table = "foreign"
	case err != nil:
		all = append(all, err)
	case found == tableAbsent:
		in.Table = "absent"
	case found == tableTouched || found == tableIntact:
		in.Table = "ours"
	default:
		in.Table = k.why
	}
	var tables []*nftables.Table
	err = k.read("listing tables", func(c *nftables.Conn) (err error) {
		tables, err = c.ListTables()
		return err
	})
	all = append(all, err)
	for _, t := range tables {
		if counting := CountingTable(k.cfg); t.Name == counting && t.Family == nftables.TableFamilyINet && !inUse(counting, k.netns) {
			in.Warnings = append(in.Warnings, fmt.Sprintf(
				"the table inet %s counts for nobody: a dry-run that was killed left it; an agent that enforces removes it, or: nft delete table inet %s", counting, counting))
		}
		// A kernel without flowtables says so in one way or another.
		var flows []*nftables.Flowtable
		_ = k.read("listing flowtables", func(c *nftables.Conn) (err error) {
			flows, err = c.ListFlowtables(t)
			return err
		})
		for _, f := range flows {
			in.Flowtables = append(in.Flowtables, Flowtable{families[t.Family], t.Name, f.Name, f.Devices})
		}
	}
	var chains []*nftables.Chain
	err = k.read("listing chains", func(c *nftables.Conn) (err error) {
		chains, err = c.ListChains()
		return err
	})
	in.Firewalls = firewalls(tables, chains)
	for _, c := range chains {
		if c.Hooknum == nil || c.Priority == nil || c.Table.Name == k.cfg.Table && c.Table.Family == nftables.TableFamilyINet {
			continue
		}
		b := BaseChain{
			Family: families[c.Table.Family], Table: c.Table.Name, Chain: c.Name, Type: string(c.Type),
			Hook: "unknown", Priority: int(*c.Priority), Policy: "accept",
		}
		if n := int(*c.Hooknum); n < len(hookNames) && c.Table.Family != nftables.TableFamilyNetdev {
			b.Hook = hookNames[n]
		} else if c.Table.Family == nftables.TableFamilyNetdev {
			b.Hook = map[int]string{0: "ingress", 1: "egress"}[n]
		}
		if c.Policy != nil && *c.Policy == nftables.ChainPolicyDrop {
			b.Policy = "drop"
		}
		in.Chains = append(in.Chains, b)
	}
	slices.SortStableFunc(in.Chains, func(a, b BaseChain) int {
		return cmp.Or(cmp.Compare(a.Hook, b.Hook), cmp.Compare(a.Priority, b.Priority))
	})
	return errors.Join(append(all, err)...)
}

// firewalls names programs by the tables and chains that they make.
func firewalls(tables []*nftables.Table, chains []*nftables.Chain) []string {
	found := map[string]bool{}
	for _, t := range tables {
		for prefix, program := range map[string]string{
			"firewalld": "firewalld", "fw4": "OpenWrt firewall4", "crowdsec": "crowdsec", "f2b": "fail2ban",
			"sshguard": "sshguard", "docker": "docker", "libvirt": "libvirt", "netavark": "podman", "kube": "kubernetes",
		} {
			if strings.HasPrefix(t.Name, prefix) {
				found[program] = true
			}
		}
	}
	for _, c := range chains {
		for prefix, program := range map[string]string{
			"DOCKER": "docker", "ufw": "ufw", "LIBVIRT": "libvirt", "KUBE-": "kubernetes", "NETAVARK": "podman",
			"f2b-": "fail2ban", "CROWDSEC": "crowdsec",
		} {
			if strings.HasPrefix(c.Name, prefix) {
				found[program] = true
			}
		}
		// iptables-nft makes these chains in tables that are named after its own.
		if (c.Table.Family == nftables.TableFamilyIPv4 || c.Table.Family == nftables.TableFamilyIPv6) &&
			(c.Name == "FORWARD" || c.Name == "INPUT" || c.Name == "PREROUTING") {
			found["iptables"] = true
		}
	}
	names := make([]string, 0, len(found))
	for name := range found {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// warn says in words what an admin should know.
func (in *Inspection) warn(cfg Config) {
	say := func(format string, args ...any) { in.Warnings = append(in.Warnings, fmt.Sprintf(format, args...)) }
	if !in.NetAdmin {
		say("the process may not change nftables: root or CAP_NET_ADMIN is needed to enforce")
	}
	if !in.Forwarding4 && !in.Forwarding6 && slices.Contains(cfg.Hooks, HookForward) {
		say("this host forwards nothing: only its own traffic can be blocked")
	}
	for _, f := range in.Flowtables {
		say("the flowtable %s of %s %s (%s) lets connections bypass the forward hook: a block stops them only once their entry is removed (enforce.conntrack), and keeps them out from then on",
			f.Name, f.Family, f.Table, strings.Join(f.Devices, ", "))
	}
	for _, b := range in.Bridges {
		var off []string
		for sysctl, on := range map[string]bool{"iptables": in.BridgeFiltered4, "ip6tables": in.BridgeFiltered6} {
			if !on {
				off = append(off, "net.bridge.bridge-nf-call-"+sysctl)
			}
		}
		if slices.Sort(off); len(b.Ports) > 1 && len(off) > 0 {
			say("what passes between the ports of the bridge %s (%s) is not filtered: the module br_netfilter with %s = 1 would send it through the forward hook",
				b.Name, strings.Join(b.Ports, ", "), strings.Join(off, " = 1 and "))
		}
	}
	for _, c := range in.Chains {
		if (c.Family == "inet" || c.Family == "ip" || c.Family == "ip6") && slices.Contains(cfg.Hooks, Hook(c.Hook)) && c.Priority < cfg.Priority {
			say("the chain %s of %s %s sees packets before us (priority %d, ours is %d): what it drops is not counted by us, what it accepts we still drop",
				c.Chain, c.Family, c.Table, c.Priority, cfg.Priority)
		}
	}
	if slices.Contains(in.Firewalls, "firewalld") || slices.Contains(in.Firewalls, "ufw") {
		say("%s may flush the ruleset when it reloads: the agent restores its table within milliseconds", strings.Join(in.Firewalls, ", "))
	}
}
