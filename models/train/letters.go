package train

import (
	"bufio"
	"fmt"
	"os"
	"strconv"
	"strings"

	"slips-ips/argusfeed"
	"slips-ips/detection"
)

// LoadLetters reads tuples of which only the letters are known: a file of tab
// separated columns label, tuple, flows, source and letters, with a header.
// Flows are made up of the letters, the middle of each class, and looked at as
// any others are; what letters do not tell is left out of the features, see
// dim. Of each tuple the pairs of hosts that talk to its network are known
// from the whole file. Only strings of minFlows flows or more are kept.
func LoadLetters(path string, minFlows int) ([]*Sample, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("reading letters: %w", err)
	}
	defer f.Close()
	type line struct {
		label, letters string
		tuple          argusfeed.Tuple
		flows          int
	}
	var lines []line
	talks := make(neighbours)
	sc := bufio.NewScanner(f)
	sc.Buffer(nil, 1<<20)
	for n := 1; sc.Scan(); n++ {
		col := strings.Split(sc.Text(), "\t")
		if n == 1 && col[0] == "label" {
			continue
		}
		if len(col) != 5 {
			return nil, fmt.Errorf("reading letters: %s:%d: %d columns; there must be 5", path, n, len(col))
		}
		t, ok := parseTuple(col[1])
		if !ok {
			continue // a protocol without ports or addresses
		}
		talks.add(t.Src, t.Dst)
		flows, err := strconv.Atoi(col[2])
		if err != nil {
			return nil, fmt.Errorf("reading letters: %s:%d: the number of flows: %w", path, n, err)
		}
		if flows >= minFlows {
			lines = append(lines, line{col[0], col[4], t, flows})
		}
	}
	if err := sc.Err(); err != nil {
		return nil, fmt.Errorf("reading letters: %w", err)
	}
	var all []*Sample
	for _, l := range lines {
		s := &Sample{Capture: lettersCapture, Tuple: l.tuple, Label: l.label, Class: ClassOf(l.label), Flows: uint64(l.flows), Weight: 1}
		all = append(all, s)
		if s.Class != CC && s.Class != Benign {
			continue
		}
		s.Letters, s.others = l.letters, talks.of(l.tuple)
		if err := s.look(FlowsOf(l.letters, l.tuple, lettersStart)); err != nil {
			return nil, err
		}
		dim(s)
	}
	return all, nil
}

// lettersCapture is what stands for the capture of strings of letters.
const lettersCapture = "letters"

// lettersStart is when flows made of letters begin: after all that is said about
// their network.
const lettersStart = syntheticStart + 1e6

// look has the default scorer look at flows of a sample, after those of the
// others that talk to the network of its destination.
func (s *Sample) look(own []argusfeed.Flow) error {
	var flows []argusfeed.Flow
	for _, t := range s.others {
		flows = append(flows, argusfeed.Flow{Tuple: t, Start: syntheticStart, Packets: 10, Bytes: 5000})
	}
	flows = append(flows, own...)
	if len(flows) > 0 {
		s.First, s.Last = flows[0].Start, flows[len(flows)-1].Start
	}
	return shoot(flows, func(t argusfeed.Tuple) *Sample {
		if t == s.Tuple {
			return s
		}
		return nil
	})
}

// neighbours are the pairs of hosts that talk to each network, as tuples.
type neighbours map[string]map[argusfeed.Tuple]bool

func (n neighbours) add(src, dst argusfeed.Addr) {
	net := networkOf(dst)
	if n[net] == nil {
		n[net] = make(map[argusfeed.Tuple]bool)
	}
	n[net][argusfeed.Tuple{Src: src, Dst: dst, Port: argusfeed.PortNumber(80), Proto: argusfeed.ProtoTCP}] = true
}

// of gives those of the network of a tuple's destination, but for the pair of
// the tuple itself.
func (n neighbours) of(t argusfeed.Tuple) []argusfeed.Tuple {
	var all []argusfeed.Tuple
	for pair := range n[networkOf(t.Dst)] {
		if pair.Src != t.Src || pair.Dst != t.Dst {
			all = append(all, pair)
		}
	}
	return all
}

// classSays is how much of a size its class is: flows made of letters all have
// one of three sizes, so that sizes which are alike are worth half as much.
const classSays = 0.5

// dim takes from the features what letters do not tell: sizes are classes, and
// the states of the flows are not known.
func dim(s *Sample) {
	for i := range s.Shots {
		for k, f := range detection.FeatureList {
			switch f.Name {
			case "size_spread", "sizes_kept":
				s.Shots[i].Features[k] *= classSays
			}
		}
	}
}

// networkOf is the /24, or for IPv6 what is before the fourth group.
func networkOf(a argusfeed.Addr) string {
	ip, ok := a.IP()
	if !ok {
		return a.String()
	}
	bits := 24
	if ip = ip.Unmap(); ip.Is6() {
		bits = 48
	}
	p, err := ip.Prefix(bits)
	if err != nil {
		return a.String()
	}
	return p.String()
}

// parseTuple reads a tuple as String writes it, of addresses without dashes.
func parseTuple(s string) (t argusfeed.Tuple, ok bool) {
	part := strings.Split(s, "-")
	if len(part) != 4 {
		return t, false
	}
	src, err1 := argusfeed.ParseAddr([]byte(part[0]))
	dst, err2 := argusfeed.ParseAddr([]byte(part[1]))
	port, err3 := argusfeed.ParsePort([]byte(part[2]))
	proto, err4 := argusfeed.ParseProto([]byte(part[3]))
	if err1 != nil || err2 != nil || err3 != nil || err4 != nil {
		return t, false
	}
	return argusfeed.Tuple{Src: src, Dst: dst, Port: port, Proto: proto}, true
}
