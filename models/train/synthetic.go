package train

import (
	"encoding/binary"
	"math/rand/v2"

	"slips-ips/argusfeed"
	"slips-ips/models/lab"
)

// perFamily is how many beacons of each family of the lab are learned from.
const perFamily = 40

// Synthetic makes samples of beacons of the lab, each in a network of its own:
// in some of them other hosts talk to the same network, and the source has a
// few peers on odd ports, as a host with a game or a VPN has. Their groups are
// negative, one for each family, so that a family is scored by what has seen the
// others only; Capture is the family.
func Synthetic() ([]*Sample, error) {
	var all []*Sample
	for n, family := range lab.Families {
		for i := range perFamily {
			seed := uint64(i)
			s, err := synthetic(family, seed)
			if err != nil {
				return nil, err
			}
			s.Group = -1 - n
			all = append(all, s)
		}
	}
	return all, nil
}

// syntheticStart is when the beacons of the lab begin: any time would do.
const syntheticStart argusfeed.Time = 1_700_000_000e6

func synthetic(family string, seed uint64) (*Sample, error) {
	rng := rand.New(rand.NewPCG(seed, 7)) //nolint:gosec // the same again is what it is for
	plan := lab.Family(family, seed)
	proto, err := argusfeed.ParseProto([]byte(plan.Proto))
	if err != nil {
		return nil, err
	}
	address := func(net, host uint32) argusfeed.Addr {
		var b [4]byte
		binary.BigEndian.PutUint32(b[:], net+host)
		return argusfeed.AddrFrom4(b)
	}
	const clients, servers, peers = 10 << 24, 198<<24 | 18<<16, 203 << 24
	t := argusfeed.Tuple{
		Src: address(clients, 2), Dst: address(servers, 1+rng.Uint32N(1<<16)),
		Port: argusfeed.PortNumber(plan.Port), Proto: proto,
	}
	var flows []argusfeed.Flow
	other := func(t argusfeed.Tuple) {
		flows = append(flows, argusfeed.Flow{Tuple: t, Start: syntheticStart, Packets: 10, Bytes: 5000, State: "FSPA_FSPA"})
	}
	for i := range []uint32{0, 0, 0, 1, 2}[rng.IntN(5)] { // others that talk to it
		same := t
		same.Src = address(clients, 100+i)
		other(same)
	}
	for i := range 1 + rng.Uint32N(6) { // peers of the source
		other(argusfeed.Tuple{Src: t.Src, Dst: address(peers, i<<8), Port: argusfeed.PortNumber(uint16(20000 + i)), Proto: proto})
	}
	own := plan.Flows(t, syntheticStart.Add(1e9), seed)
	talks := make(neighbours)
	for i := range flows {
		talks.add(flows[i].Src, flows[i].Dst)
	}
	flows = append(flows, own...)
	s := &Sample{Capture: family, Tuple: t, Label: "Synthetic-CC-" + family, Class: CC, Flows: uint64(len(flows)),
		First: flows[0].Start, Last: flows[len(flows)-1].Start, Weight: 1, others: talks.of(t)}
	if s.Letters, err = Letters(own); err != nil {
		return nil, err
	}
	return s, shoot(flows, func(x argusfeed.Tuple) *Sample {
		if x == t {
			return s
		}
		return nil
	})
}

// Weights of the examples: a benign tuple counts 1. That there are few captures
// of command and control must not make it rarer than it is, nor may beacons of
// the lab outweigh what is real.
const (
	realWeight      = 15 // all real command and control together
	syntheticWeight = 60 // all beacons of the lab together
)

// weigh sets the weights of samples that are fitted together.
func weigh(samples []*Sample) {
	var realCC, made float64
	for _, s := range samples {
		switch {
		case s.Class != CC:
		case s.Group < 0:
			made++
		default:
			realCC++
		}
	}
	for _, s := range samples {
		s.Weight = 1 / float64(max(1, s.draws))
		if s.Class == CC && s.Group < 0 {
			s.Weight = syntheticWeight / made
		} else if s.Class == CC {
			s.Weight = realWeight / realCC
		}
	}
}
