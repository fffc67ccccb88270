package train

import (
	"errors"
	"fmt"
	"math"
	"net/netip"
	"strings"
	"time"

	"slips-ips/argusfeed"
	"slips-ips/detection"
	"slips-ips/models"
)

// LearnOptions are what a model says besides what it was learned from.
type LearnOptions struct {
	Label string
	// Evidence is what fitting it says; see models.Behaviour.
	Evidence float64
	// AnyPort and AnyDestination leave out the port and, for normal models, the
	// network of the tuple.
	AnyPort, AnyDestination bool
	// Licence, Data, Tool and Learned are the provenance.
	Licence, Data, Tool string
	Learned             time.Time
}

// How much wider than what was seen the limits are: what comes next is never
// quite the same.
const (
	wider       = 1.5  // gaps and sizes, as a factor
	moreSpread  = 0.05 // spreads, on top of a quarter more
	letterRoom  = 0.5  // letters, on top of half as much more
	letterFloor = 1.0
)

// Learn makes a behaviour model of one tuple: limits a little wider than its
// rhythm ever was, and its letters. A model whose label is normal is for the
// network of the tuple's destination only.
func Learn(flows []argusfeed.Flow, t argusfeed.Tuple, opt LearnOptions) (models.Model, error) {
	fail := func(err error) (models.Model, error) {
		return models.Model{}, fmt.Errorf("learning %s from %s: %w", opt.Label, t, err)
	}
	var own []argusfeed.Flow
	for _, f := range flows {
		if f.Tuple == t {
			own = append(own, f)
		}
	}
	if len(own) == 0 {
		return fail(errors.New("it has no flow"))
	}
	level, seen, err := rhythms(own)
	if err != nil {
		return fail(err)
	}
	if len(seen) == 0 {
		return fail(fmt.Errorf("it has fewer than %d contacts: %d flows, of which those that follow each other closely are one", minContacts, len(own)))
	}
	limits := &models.Behaviour{MinContacts: minContacts, Merge: detection.Spans()[level], Evidence: opt.Evidence}
	gapLow, gapHigh, sizeLow, sizeHigh := math.Inf(1), 0.0, math.Inf(1), 0.0
	for _, r := range seen {
		gapLow, gapHigh = min(gapLow, r.Gap), max(gapHigh, r.Gap)
		sizeLow, sizeHigh = min(sizeLow, r.Size), max(sizeHigh, r.Size)
		limits.MaxGapSpread = max(limits.MaxGapSpread, r.GapSpread)
		limits.MaxSizeSpread = max(limits.MaxSizeSpread, r.SizeSpread)
	}
	spread := func(x float64) float64 { return math.Ceil(100*min(1, 1.25*x+moreSpread)) / 100 }
	limits.MaxGapSpread, limits.MaxSizeSpread = spread(limits.MaxGapSpread), spread(limits.MaxSizeSpread)
	limits.MinGap, limits.MaxGap = gapText(gapLow/wider), gapText(gapHigh*wider)
	limits.MinSize, limits.MaxSize = int(sizeLow/wider), int(math.Ceil(sizeHigh*wider))

	m := models.Model{
		Label: opt.Label, Class: models.ClassMalicious, Kind: models.KindBehaviour, Proto: t.Proto.String(), Behaviour: limits,
		Licence: opt.Licence, Data: opt.Data, Tool: opt.Tool, Learned: opt.Learned,
	}
	if strings.EqualFold(models.LabelField(opt.Label, 1), "normal") {
		m.Class = models.ClassNormal
		if ip, ok := t.Dst.IP(); ok && !opt.AnyDestination {
			limits.Destinations = []netip.Prefix{networkPrefix(ip)}
		}
	}
	if port, ok := t.Port.Number(); ok && !opt.AnyPort {
		limits.Ports = []uint16{port}
	}
	if m.Letters, err = Letters(own); err != nil {
		return fail(err)
	}
	m.Threshold = nearness(m.Letters)
	if err := m.Validate(); err != nil {
		return fail(err)
	}
	return m, nil
}

// networkPrefix is what a normal model is for: /24, or /48 of IPv6.
func networkPrefix(ip netip.Addr) netip.Prefix {
	ip = ip.Unmap()
	bits := 24
	if ip.Is6() {
		bits = 48
	}
	return netip.PrefixFrom(ip, bits).Masked()
}

// gapText rounds to what reads well.
func gapText(seconds float64) time.Duration {
	d := time.Duration(seconds * float64(time.Second))
	switch {
	case d >= 10*time.Minute:
		return d.Round(time.Minute)
	case d >= 10*time.Second:
		return d.Round(time.Second)
	}
	return max(10*time.Millisecond, d.Round(10*time.Millisecond))
}

// meltedAt is how many contacts of the shortest span there may be to one of a
// longer one, for learning from the longer one.
const meltedAt = 3

// rhythms gives the rhythms of a tuple, contact by contact, through the span
// that shows it most regular.
func rhythms(flows []argusfeed.Flow) (level int, seen []detection.Rhythm, err error) {
	cfg := detection.DefaultConfig()
	cfg.Scoring = detection.ScoringBehaviour
	byLevel := make(map[int][]detection.Rhythm)
	d, err := detection.New(cfg, anyModel, detection.Hooks{OnJudge: func(j *detection.Judgement) {
		byLevel[j.Level] = append(byLevel[j.Level], j.Rhythm)
	}})
	if err != nil {
		return 0, nil, err
	}
	d.Observe(flows)
	d.Finish()
	best := math.Inf(1)
	for l := range detection.Spans() {
		// A span that melts most contacts together shows little, however regular.
		if all := byLevel[l]; len(all) > 0 && meltedAt*len(all) >= len(byLevel[0]) {
			if spread := all[len(all)-1].GapSpread; spread < best {
				level, seen, best = l, all, spread
			}
		}
	}
	return level, seen, nil
}

// maxLearnedLetters is how many letters and symbols a model keeps: those of
// some 300 flows, as in the original's.
const maxLearnedLetters = 600

// Letters gives the letters of the flows of one tuple.
func Letters(flows []argusfeed.Flow) (string, error) {
	cfg := detection.DefaultConfig()
	cfg.Scoring, cfg.Width, cfg.ForgetAfter = detection.ScoringReference, 24*time.Hour, 0
	letters := ""
	d, err := detection.New(cfg, nil, detection.Hooks{OnStep: func(s *detection.Step) {
		if len(s.Letters) > 0 {
			letters = string(s.Letters)
		}
	}})
	if err != nil {
		return "", err
	}
	d.Observe(flows)
	if len(letters) > maxLearnedLetters {
		letters = letters[:maxLearnedLetters]
	}
	return letters, nil
}

// nearness chooses the threshold of a model: its own letters, taken a piece at
// a time, are within it.
func nearness(letters string) float64 {
	const piece = 64
	most := 0.0
	for from := 0; from < len(letters); from += piece / 2 {
		to := min(len(letters), from+piece)
		if to-from < 8 {
			break
		}
		if d := detection.LetterDistance(letters, letters[from:to]); !math.IsInf(d, 0) {
			most = max(most, d)
		}
	}
	return math.Round(100*max(letterFloor, 1.5*most+letterRoom)) / 100
}
