package argusfeed

// setICMP sets what ra shows of ICMP. For IPv4 it is type and code of the flow
// in place of a port, while an ICMP error that answered the flow gives the state.
func (rec *Record) setICMP(icmp []byte) {
	k := &rec.key
	if k.family != familyIPv4 || rec.Proto != ProtoICMP || k.fragment {
		return
	}
	rec.Sport = PortHex(uint16(k.icmpCode)<<8 | uint16(k.icmpType))
	if len(icmp) >= 8 {
		k.icmpType, k.icmpCode = icmp[4], icmp[5]
	}
}

// ra's words for the types of ICMP, and what it adds for the codes of
// unreachable (type 3).
var (
	icmpTypes = [...]string{
		0: "ECR", 3: "UR", 4: "SRC", 5: "RED", 6: "AHA", 8: "ECO", 9: "RTA", 10: "RTS", 11: "TXD", 12: "PAR",
		13: "TST", 14: "TSR", 15: "IRQ", 16: "IRR", 17: "MAS", 18: "MSR", 19: "SEC",
		20: "ROB", 21: "ROB", 22: "ROB", 23: "ROB", 24: "ROB", 25: "ROB", 26: "ROB", 27: "ROB", 28: "ROB", 29: "ROB",
		30: "TRC", 31: "DCE", 32: "MHR", 33: "WAY", 34: "IAH", 35: "MRQ", 36: "MRP", 37: "DNQ", 38: "DNP",
		39: "SKP", 40: "PHO", 41: "NRS", 42: "NRA", 43: "NNS", 44: "NNA", 45: "PTB",
	}
	icmpUnreachable = [...]string{
		"URN", "URH", "URO", "URP", "URF", "URS", "URNU", "URHU",
		"URISO", "URNPRO", "URHPRO", "URNTOS", "URHTOS", "URFIL", "URPRE", "URCUT",
	}
)

const unknownICMP = "UNK"

// icmpState gives ra's word for an ICMP type; some have an empty one.
func icmpState(typ, code uint8) string {
	switch {
	case typ == 3 && int(code) < len(icmpUnreachable):
		return icmpUnreachable[code]
	case int(typ) < len(icmpTypes):
		return icmpTypes[typ]
	}
	return unknownICMP
}

// ra's words for the codes of those types of ICMPv6 that have several.
var (
	icmp6Unreachable = [...]string{"URNR", "URAD", "URBS", "URAR", "URP", "URSF", "URRR", "URES"}
	icmp6Exceeded    = [...]string{"TXT", "TXR"}
	icmp6Parameter   = [...]string{"PPH", "PPNH", "PPO"}
)

// icmp6State gives ra's word for an ICMPv6 type.
func icmp6State(typ, code uint8) string {
	of := func(codes []string) string {
		if int(code) < len(codes) {
			return codes[code]
		}
		return unknownICMP
	}
	switch typ {
	case 1:
		return of(icmp6Unreachable[:])
	case 2:
		return "PTB"
	case 3:
		return of(icmp6Exceeded[:])
	case 4:
		return of(icmp6Parameter[:])
	case 128:
		return "ECO"
	case 129:
		return "ECR"
	case 130:
		return "MRQ"
	case 131, 143:
		return "MHR"
	case 133:
		return "NRS"
	case 134:
		return "NRA"
	case 135:
		return "NNS"
	case 136:
		return "NNA"
	case 137:
		return "RED"
	}
	return unknownICMP
}
