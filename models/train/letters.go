package train

import (
	"bufio"
	"fmt"
	"math"
	"os"
	"strconv"
	"strings"
	"time"

	"slips-ips/argusfeed"
	"slips-ips/detection"
	"slips-ips/models"
)

// LoadLetters reads tuples of which only the letters are known: a file of tab
// separated columns label, tuple, flows, source and letters, with a header.
// Flows are made up of the letters, the middle of each class, and looked at as
// any others are; what letters do not tell is left out of the features, see
// dim. Of each tuple the pairs of hosts that talk to its network are known
// from the whole file.
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
	pairs := make(map[argusfeed.Addr]map[argusfeed.Addr]bool)
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
		t, ok := ParseTuple(col[1])
		if !ok {
			continue // a protocol without ports or addresses
		}
		if pairs[t.Dst] == nil {
			pairs[t.Dst] = make(map[argusfeed.Addr]bool)
		}
		pairs[t.Dst][t.Src] = true
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
	network := make(map[string][]argusfeed.Tuple) // one for each pair, by network
	for dst, sources := range pairs {
		for src := range sources {
			network[networkOf(dst)] = append(network[networkOf(dst)], argusfeed.Tuple{Src: src, Dst: dst, Port: argusfeed.PortNumber(80), Proto: argusfeed.ProtoTCP})
		}
	}
	var all []*Sample
	for _, l := range lines {
		s := &Sample{Capture: "letters", Tuple: l.tuple, Label: l.label, Class: ClassOf(l.label), Flows: uint64(l.flows), Weight: 1}
		all = append(all, s)
		if s.Class != CC && s.Class != Benign {
			continue
		}
		var flows []argusfeed.Flow
		for _, t := range network[networkOf(l.tuple.Dst)] {
			if t.Src != l.tuple.Src || t.Dst != l.tuple.Dst {
				flows = append(flows, argusfeed.Flow{Tuple: t, Start: syntheticStart, Packets: 10, Bytes: 5000})
			}
		}
		flows = append(flows, FlowsOf(l.letters, l.tuple, syntheticStart.Add(time.Second))...)
		if err := shoot(flows, func(x argusfeed.Tuple) *Sample {
			if x == l.tuple {
				return s
			}
			return nil
		}); err != nil {
			return nil, err
		}
		dim(s)
		if len(flows) > 0 {
			s.First, s.Last = flows[0].Start, flows[len(flows)-1].Start
		}
	}
	return all, nil
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

// ParseTuple reads a tuple as String writes it, of addresses without dashes.
func ParseTuple(s string) (t argusfeed.Tuple, ok bool) {
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

// What the classes of letters stand for: a value in their middle.
var (
	middleGap   = [4]float64{1.2, 22, 140, 1100} // seconds, by symbol
	rangeGap    = [4][2]float64{{0.05, 5}, {5, 60}, {60, 300}, {300, 3600}}
	middleRatio = [5]float64{0, 1.02, 1.15, 2.2, 8} // by regularity
	middleSize  = [3]uint64{130, 600, 5000}
	middleDur   = [3]time.Duration{50 * time.Millisecond, time.Second, 15 * time.Second}
)

// maxLetterFlows bounds what is made of one string: the longest have 200,000
// letters.
const maxLetterFlows = 400

// FlowsOf makes flows of letters: sizes, durations and gaps from the middle of
// their classes, each gap as much longer or shorter than the one before as its
// regularity says, whichever keeps it in its class.
func FlowsOf(letters string, t argusfeed.Tuple, start argusfeed.Time) []argusfeed.Flow {
	var flows []argusfeed.Flow
	at, before := float64(0), float64(0)
	sport := uint16(20000)
	zeros := 0
	for i := 0; i < len(letters) && len(flows) < maxLetterFlows; i++ {
		place := strings.IndexByte(models.Alphabet, letters[i])
		if letters[i] == '0' {
			zeros++
			continue
		}
		if place < 0 || place >= 45 {
			continue
		}
		symbol := -1
		if i+1 < len(letters) {
			symbol = strings.IndexByte(".,+*", letters[i+1])
		}
		if len(flows) > 0 {
			gap := gapOf(symbol, place/9, zeros, before)
			at, before = at+gap, gap
		}
		zeros = 0
		sport++
		flows = append(flows, argusfeed.Flow{
			Tuple: t, Sport: argusfeed.PortNumber(sport), Start: start.Add(time.Duration(at * float64(time.Second))),
			Dur: middleDur[place%3], Bytes: middleSize[place%9/3], Packets: 4,
		})
	}
	return flows
}

func gapOf(symbol, regularity, zeros int, before float64) float64 {
	if symbol < 0 {
		return 3600*float64(max(1, zeros)) + 900
	}
	if before == 0 || regularity == 0 {
		return middleGap[symbol]
	}
	low, high := rangeGap[symbol][0], rangeGap[symbol][1]
	best, away := 0.0, math.Inf(1)
	for _, gap := range []float64{before * middleRatio[regularity], before / middleRatio[regularity]} {
		gap = max(low, min(high, gap))
		if d := math.Abs(math.Log(gap / middleGap[symbol])); d < away {
			best, away = gap, d
		}
	}
	return best
}
