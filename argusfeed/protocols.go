package argusfeed

// ipProtoNames are the names that ra 3.0.8.2 prints for the IP protocol
// numbers with -n, measured by giving it one flow of each.
var ipProtoNames = [256]string{
	0: "ip", "icmp", "igmp", "ggp", "ipnip", "st2", "tcp", "cbt",
	8: "egp", "igp", "bbn-rcc", "nvp", "pup", "argus", "emcon", "xnet",
	16: "chaos", "udp", "mux", "dcn", "hmp", "prm", "xns-idp", "trunk-1",
	24: "trunk-2", "leaf-1", "leaf-2", "rdp", "irtp", "iso-tp4", "netblt", "mfe-nsp",
	32: "merit-inp", "sep", "3pc", "idpr", "xtp", "ddp", "idpr-cmtp", "tp++",
	40: "il", "ipv6", "sdrp", "ipv6-route", "ipv6-frag", "idrp", "rsvp", "gre",
	48: "mhrp", "bna", "esp", "ah", "i-nlsp", "swipe", "narp", "mobile",
	56: "tlsp", "skip", "ipv6-icmp", "ipv6-no", "ipv6-opts", "any", "cftp", "any",
	64: "sat-expak", "kryptolan", "rvd", "ippc", "any", "sat-mon", "visa", "ipcv",
	72: "cpnx", "cphb", "wsn", "pvp", "br-sat-mon", "sun-nd", "wb-mon", "wb-expak",
	80: "iso-ip", "vmtp", "secure-vmtp", "vines", "ttp", "nsfnet-igp", "dgp", "tcf",
	88: "eigrp", "ospf", "sprite-rpc", "larp", "mtp", "ax.25", "ipip", "micp",
	96: "aes-sp3-d", "etherip", "encap", "pri-enc", "gmtp", "ifmp", "pnni", "pim",
	104: "aris", "scps", "qnx", "a/n", "ipcomp", "snp", "compaq-peer", "ipx-n-ip",
	112: "vrrp", "pgm", "zero", "l2tp", "ddx", "iatp", "stp", "srp",
	120: "uti", "smp", "sm", "ptp", "isis", "fire", "crtp", "crudp",
	128: "sccopmce", "iplt", "sps", "pipe", "sctp", "fc", "rsvp", "unas",
}

// ibProto is what ra names ib, all by itself among the unassigned numbers.
const ibProto = 253

// unassigned is ra's name for the numbers without one of their own.
const unassigned = "unas"

// ipProtoNumbers finds the number of a name. Names that ra gives to several
// numbers (unas, any) have none, but the first of two is the one in use (rsvp).
var ipProtoNumbers = map[string]uint8{}

func init() {
	for i := range ipProtoNames {
		switch {
		case i == ibProto:
			ipProtoNames[i] = "ib"
		case ipProtoNames[i] == "":
			ipProtoNames[i] = unassigned
		}
		name := ipProtoNames[i]
		if name == unassigned || name == "any" {
			continue
		}
		if _, ok := ipProtoNumbers[name]; !ok {
			ipProtoNumbers[name] = uint8(i)
		}
	}
}
