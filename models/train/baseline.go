package train

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"slips-ips/argusfeed"
	"slips-ips/detection"
	"slips-ips/models"
)

// BaselineOptions are what recurring tuples must be to be proposed.
type BaselineOptions struct {
	// Models are those in use, without which nothing is detected.
	Models []models.Model
	// MinSpan is how long a tuple must have been there, MinContacts how often.
	MinSpan     time.Duration
	MinContacts int
	// Unsure is the probability from which on a tuple is too suspicious to be
	// proposed.
	Unsure float64
	// Most is how many proposals there are at most, those that silence the most.
	Most int
	// Learned and Tool are for the provenance of the models.
	Learned time.Time
	Tool    string
}

// Proposal is a recurring tuple that alerts, and what would silence it. It is
// for a person to accept: what recurs may be malware that was there before.
type Proposal struct {
	Tuple argusfeed.Tuple
	// Label and Probability are those of its strongest detection, Why what it
	// said, Detections how many there were.
	Label       string
	Probability float64
	Why         string
	Detections  int
	First, Last argusfeed.Time
	Flows       uint64
	// Model would silence it and whatever fits it too; Allow, as an entry of
	// [protect] networks, would keep its destination from ever being blocked.
	Model models.Model
	Allow string
	// Silences are the tuples that have fewer detections with the model than
	// without, the proposal's own among them.
	Silences []Silenced
}

// Silenced is a tuple, and how many of its detections would be gone.
type Silenced struct {
	Tuple      argusfeed.Tuple `json:"tuple"`
	Detections int             `json:"detections"`
	Of         int             `json:"of"`
}

// Baseline proposes what would silence the recurring tuples of a network that
// alert. Refused are those that alert and recur and are too suspicious; brief
// counts those that alert and have not been there for MinSpan.
func Baseline(flows []argusfeed.Flow, opt BaselineOptions) (proposals, refused []Proposal, brief int, err error) {
	before, err := detections(flows, opt.Models)
	if err != nil {
		return nil, nil, 0, err
	}
	var all []Proposal
	for t, found := range before {
		p := Proposal{Tuple: t, Detections: len(found)}
		for _, d := range found {
			if d.Score > p.Probability || p.Label == "" {
				p.Label, p.Probability, p.Why = d.Label, d.Score, d.Why
			}
		}
		all = append(all, p)
	}
	seen := make(map[argusfeed.Tuple]*Proposal, len(all))
	for i := range all {
		seen[all[i].Tuple] = &all[i]
	}
	for i := range flows {
		p := seen[flows[i].Tuple]
		if p == nil {
			continue
		}
		if p.Flows == 0 {
			p.First = flows[i].Start
		}
		p.Flows, p.Last = p.Flows+1, max(p.Last, flows[i].Start)
	}
	all = slices.DeleteFunc(all, func(p Proposal) bool {
		short := p.Last.Sub(p.First) < opt.MinSpan
		if short {
			brief++
		}
		return short || p.Flows < uint64(opt.MinContacts)
	})
	slices.SortFunc(all, func(a, b Proposal) int {
		return cmp.Or(cmp.Compare(b.Detections, a.Detections), cmp.Compare(a.Tuple.String(), b.Tuple.String()))
	})
	for _, p := range all {
		if p.Probability >= opt.Unsure {
			refused = append(refused, p)
			continue
		}
		if len(proposals) == opt.Most {
			continue
		}
		if err := p.complete(flows, before, opt, len(proposals)+1); err != nil {
			continue // too few contacts of its own: there is nothing to learn
		}
		proposals = append(proposals, p)
	}
	return proposals, refused, brief, nil
}

// complete learns the model of a proposal and tries what it silences.
func (p *Proposal) complete(flows []argusfeed.Flow, before map[argusfeed.Tuple][]detection.Detection, opt BaselineOptions, n int) (err error) {
	proto := models.LabelField(p.Label, 2)
	application := cmp.Or(models.LabelField(p.Label, 3), "Unknown")
	p.Model, err = Learn(flows, p.Tuple, LearnOptions{
		Label:    fmt.Sprintf("From-Normal-%s-%s-baseline-%d", proto, application, n),
		Evidence: models.Decisive, Learned: opt.Learned, Tool: opt.Tool,
		Data: fmt.Sprintf("the tuple %s of this network, %s to %s", p.Tuple, p.First, p.Last),
	})
	if err != nil {
		return err
	}
	p.Model.File = fmt.Sprintf("baseline-%d.toml", n)
	if ip, ok := p.Tuple.Dst.IP(); ok {
		p.Allow = fmt.Sprintf("%s %s calls port %s there", networkPrefix(ip), p.Tuple.Src, p.Tuple.Port)
	}
	after, err := detections(flows, append(slices.Clone(opt.Models), p.Model))
	if err != nil {
		return err
	}
	for t, found := range before {
		if gone := len(found) - len(after[t]); gone > 0 {
			p.Silences = append(p.Silences, Silenced{Tuple: t, Detections: gone, Of: len(found)})
		}
	}
	slices.SortFunc(p.Silences, func(a, b Silenced) int {
		return cmp.Or(cmp.Compare(b.Detections, a.Detections), cmp.Compare(a.Tuple.String(), b.Tuple.String()))
	})
	return nil
}

// detections gives what the default scorer detects, by tuple.
func detections(flows []argusfeed.Flow, set []models.Model) (map[argusfeed.Tuple][]detection.Detection, error) {
	cfg := detection.DefaultConfig()
	cfg.Scoring = detection.ScoringBehaviour
	d, err := detection.New(cfg, set, detection.Hooks{})
	if err != nil {
		return nil, err
	}
	found := make(map[argusfeed.Tuple][]detection.Detection)
	note := func(all []detection.Detection) {
		for _, x := range all {
			found[x.Tuple] = append(found[x.Tuple], x)
		}
	}
	for rest := flows; len(rest) > 0; {
		n := min(len(rest), 512)
		note(d.Observe(rest[:n]))
		rest = rest[n:]
	}
	note(d.Finish())
	return found, nil
}
