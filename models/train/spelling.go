package train

import (
	"math"
	"strings"
	"time"

	"slips-ips/argusfeed"
	"slips-ips/models"
)

// spelled is one flow as far as its letter and symbol tell of it.
type spelled struct {
	// regularity is that of the gap before it and the one before that: 0 for
	// unknown, then from strong to not periodic.
	regularity int
	size       uint64
	lasts      time.Duration
	// symbol is the place of the gap's symbol in gapSymbols; -1: it has none.
	// zeros are the hours written before the letter.
	symbol, zeros int
}

const gapSymbols = ".,+*"

// What the classes of letters stand for.
var (
	rangeGap    = [4][2]float64{{0.05, 5}, {5, 60}, {60, 300}, {300, 3600}} // seconds, by symbol
	middleGap   = [4]float64{1.2, 22, 140, 1100}
	middleRatio = [5]float64{0, 1.02, 1.15, 2.2, 8} // by regularity
	middleSize  = [3]uint64{130, 600, 5000}
	middleDur   = [3]time.Duration{50 * time.Millisecond, time.Second, 15 * time.Second}
)

// maxLetterFlows bounds what is made of one string: the longest have 200,000
// letters.
const maxLetterFlows = 400

// spell reads letters, those of the first maxLetterFlows flows.
func spell(letters string) []spelled {
	var all []spelled
	zeros := 0
	for i := 0; i < len(letters) && len(all) < maxLetterFlows; i++ {
		if letters[i] == '0' {
			zeros++
			continue
		}
		place := strings.IndexByte(models.Alphabet, letters[i])
		if place < 0 || place >= 45 {
			continue
		}
		s := spelled{regularity: place / 9, size: middleSize[place%9/3], lasts: middleDur[place%3], symbol: -1, zeros: zeros}
		if i+1 < len(letters) {
			s.symbol = strings.IndexByte(gapSymbols, letters[i+1])
		}
		all = append(all, s)
		zeros = 0
	}
	return all
}

// FlowsOf makes flows of letters: sizes, durations and gaps from the middle of
// their classes, each gap as much longer or shorter than the one before as its
// regularity says, whichever keeps it in its class.
func FlowsOf(letters string, t argusfeed.Tuple, start argusfeed.Time) []argusfeed.Flow {
	all := spell(letters)
	return flowsOf(all, middleGaps(all), t, start)
}

// flowsOf makes flows with these gaps, in seconds, before each.
func flowsOf(all []spelled, gaps []float64, t argusfeed.Tuple, start argusfeed.Time) []argusfeed.Flow {
	const firstPort = 20001
	flows := make([]argusfeed.Flow, len(all))
	at := 0.0
	for i := range all {
		at += gaps[i]
		flows[i] = argusfeed.Flow{
			Tuple: t, Sport: argusfeed.PortNumber(uint16(firstPort + i)), Start: start.Add(time.Duration(at * float64(time.Second))),
			Dur: all[i].lasts, Bytes: all[i].size, Packets: 4,
		}
	}
	return flows
}

// middleGaps gives the gap before each flow, in seconds; the first is 0.
func middleGaps(all []spelled) []float64 {
	gaps := make([]float64, len(all))
	for i := 1; i < len(all); i++ {
		gaps[i] = middleGapOf(&all[i], gaps[i-1])
	}
	return gaps
}

func middleGapOf(s *spelled, before float64) float64 {
	if s.symbol < 0 {
		return 3600*float64(max(1, s.zeros)) + 900
	}
	if before == 0 || s.regularity == 0 {
		return middleGap[s.symbol]
	}
	low, high := rangeGap[s.symbol][0], rangeGap[s.symbol][1]
	best, away := 0.0, math.Inf(1)
	for _, gap := range []float64{before * middleRatio[s.regularity], before / middleRatio[s.regularity]} {
		gap = max(low, min(high, gap))
		if d := math.Abs(math.Log(gap / middleGap[s.symbol])); d < away {
			best, away = gap, d
		}
	}
	return best
}
