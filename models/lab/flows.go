package lab

import (
	"cmp"
	"slices"

	"slips-ips/argusfeed"
)

// Frame sizes: what Argus counts are bytes of the whole frame.
const (
	synBytes    = 14 + 20 + 40 // the handshake has options
	headerBytes = 14 + 20 + 32
	udpBytes    = 14 + 20 + 8
	segment     = 1400
)

// packets gives the packets and the bytes of a connection as argus counts
// them, and its state.
func (c Connection) packets(proto string) (packets, bytes, fromSource uint64, state string) {
	switch {
	case proto == "udp" && c.Outcome == Answered:
		return 2, uint64(2*udpBytes + c.Up + c.Down), uint64(udpBytes + c.Up), "CON"
	case proto == "udp":
		return 1, uint64(udpBytes + c.Up), uint64(udpBytes + c.Up), "INT"
	case c.Outcome == Refused:
		return 2, synBytes + headerBytes - 12, synBytes, "S_RA"
	case c.Outcome == Silent:
		return silentTries, silentTries * synBytes, silentTries * synBytes, "S_"
	}
	up, down := segments(c.Up), segments(c.Down)
	// SYN, SYN and ACK, ACK; data, each acknowledged; FIN both ways and ACKs.
	source := 1 + 1 + up + down + 2
	total := source + 1 + down + up + 2 - 1
	bytes = uint64(2*synBytes + (total-2)*headerBytes + c.Up + c.Down)
	return uint64(total), bytes, uint64(synBytes + (source-1)*headerBytes + c.Up), "FSPA_FSPA"
}

// silentTries is how often a SYN is sent that nobody answers.
const silentTries = 3

func segments(bytes int) int { return (bytes + segment - 1) / segment }

// Flows gives the flows of a plan as argus makes them, from a time on.
func (p Plan) Flows(t argusfeed.Tuple, start argusfeed.Time, seed uint64) []argusfeed.Flow {
	connections := p.Connections(seed)
	flows := make([]argusfeed.Flow, 0, len(connections))
	for _, c := range connections {
		packets, bytes, fromSource, state := c.packets(p.Proto)
		f := argusfeed.Flow{
			Tuple: t, Sport: argusfeed.PortNumber(c.Sport), Start: start.Add(c.At), Dur: c.Lasts,
			Packets: packets, Bytes: bytes, SrcBytes: fromSource, State: state, Dir: argusfeed.DirTo,
		}
		if p.Proto == "udp" && c.Outcome != Answered {
			f.Dur = 0
		}
		flows = append(flows, f)
	}
	slices.SortStableFunc(flows, func(a, b argusfeed.Flow) int { return cmp.Compare(a.Start, b.Start) })
	return flows
}
