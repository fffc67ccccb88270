package train

import (
	"cmp"
	"slices"
	"time"
)

// Rate is a part of a whole.
type Rate struct {
	Of  int `json:"of"`
	Hit int `json:"hit"`
}

func (r *Rate) add(hit bool) {
	r.Of++
	if hit {
		r.Hit++
	}
}

// Share is the rate as a number, 0 of nothing.
func (r Rate) Share() float64 {
	if r.Of == 0 {
		return 0
	}
	return float64(r.Hit) / float64(r.Of)
}

// Row sums up the tuples of one label or one capture.
type Row struct {
	Name  string `json:"name"`
	Class Class  `json:"class,omitempty"`
	// CC, Benign, Candidate, Other and Unknown are the tuples, and how many of
	// them were ever alerted on.
	CC        Rate `json:"command_and_control"`
	Benign    Rate `json:"benign"`
	Candidate Rate `json:"candidate"`
	Other     Rate `json:"other_malicious"`
	Unknown   Rate `json:"unknown"`
	// NeverJudged counts the benign tuples that the scorer never looks at: with too
	// few contacts, or of a service that is none of its business. They are among
	// those not alerted on.
	NeverJudged int `json:"benign_never_judged"`
	// Reference has the same of the reference scorer for command and control and
	// for benign tuples.
	ReferenceCC     Rate `json:"reference_command_and_control"`
	ReferenceBenign Rate `json:"reference_benign"`
	// FlowsToAlert and SecondsToAlert are medians over what was alerted on.
	FlowsToAlert   float64 `json:"flows_to_alert,omitempty"`
	SecondsToAlert float64 `json:"seconds_to_alert,omitempty"`
	// HostDays are those of the sources of benign tuples; PerHostDay is how many
	// benign tuples are alerted on, and AlertsPerHostDay how often, for each.
	HostDays         float64 `json:"host_days,omitempty"`
	PerHostDay       float64 `json:"false_alarms_per_host_day"`
	AlertsPerHostDay float64 `json:"alerts_per_host_day"`

	flows, seconds []float64
	alerts         int
}

func (r *Row) add(o *Outcome) {
	hit := o.Alerts > 0
	switch o.Class {
	case CC:
		r.CC.add(hit)
		r.ReferenceCC.add(o.Reference > 0)
	case Benign:
		r.Benign.add(hit)
		if len(o.Shots) == 0 {
			r.NeverJudged++
		}
		r.ReferenceBenign.add(o.Reference > 0)
		r.alerts += o.Alerts
	case Candidate:
		r.Candidate.add(hit)
	case Other:
		r.Other.add(hit)
	default:
		r.Unknown.add(hit)
	}
	if hit && o.Class != Benign {
		r.flows = append(r.flows, float64(o.FlowsToAlert))
		r.seconds = append(r.seconds, o.TimeToAlert.Seconds())
	}
}

// join adds the command and control and the benign tuples of another row.
func (r *Row) join(o *Row) {
	r.CC.Of, r.CC.Hit = r.CC.Of+o.CC.Of, r.CC.Hit+o.CC.Hit
	r.Benign.Of, r.Benign.Hit = r.Benign.Of+o.Benign.Of, r.Benign.Hit+o.Benign.Hit
}

func (r *Row) finish() {
	r.FlowsToAlert, r.SecondsToAlert = middle(r.flows), middle(r.seconds)
	if r.HostDays > 0 {
		r.PerHostDay = float64(r.Benign.Hit) / r.HostDays
		r.AlertsPerHostDay = float64(r.alerts) / r.HostDays
	}
}

func middle(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	slices.Sort(values)
	n := len(values)
	return (values[(n-1)/2] + values[n/2]) / 2
}

// Point is one of a ROC curve: at Probability and above, this share of benign
// and of malicious tuples is ever alerted on.
type Point struct {
	Probability float64 `json:"probability"`
	Benign      float64 `json:"benign"`
	CC          float64 `json:"command_and_control"`
}

// Bin holds the tuples whose largest probability is in a range.
type Bin struct {
	From      float64 `json:"from"`
	To        float64 `json:"to"`
	Tuples    int     `json:"tuples"`
	Predicted float64 `json:"predicted"`
	Observed  float64 `json:"observed"`
}

// Tables are what an evaluation shows.
type Tables struct {
	MinFlows   int     `json:"min_flows"`
	CrossValid bool    `json:"leave_one_capture_out"`
	Share      float64 `json:"share_allowed,omitempty"`
	Threshold  float64 `json:"threshold"`
	Captures   []*Row  `json:"captures"`
	Labels     []*Row  `json:"labels"`
	Total      *Row    `json:"total"`
	// Letters are tuples of which only letters are known, Made beacons of the
	// lab by family.
	Letters *Row `json:"letters,omitempty"`
	// ByLetters are the same strings judged by letters alone, and all of them.
	ByLetters    []*Row `json:"by_letters,omitempty"`
	ByLettersAll *Row   `json:"by_letters_all,omitempty"`
	Made         []*Row `json:"lab,omitempty"`
	// ROC is that of the captures, ROCLetters of the letters.
	ROC         []Point `json:"roc"`
	ROCLetters  []Point `json:"roc_letters,omitempty"`
	Area        float64 `json:"area_under_roc"`
	Calibration []Bin   `json:"calibration"`
	// Alerted lists the benign tuples that were alerted on and the C&C ones that
	// were not: what to look at.
	FalseAlarms []Case `json:"false_alarms"`
	Missed      []Case `json:"missed"`
}

// Case is one tuple that was taken for the wrong thing.
type Case struct {
	Capture     string  `json:"capture"`
	Tuple       string  `json:"tuple"`
	Label       string  `json:"label"`
	Flows       uint64  `json:"flows"`
	Probability float64 `json:"probability"`
	Alerts      int     `json:"alerts"`
}

// Tables sums the evaluation up.
func (r *Result) Tables() *Tables {
	t := &Tables{MinFlows: r.Options.MinFlows, CrossValid: r.CrossValid, Threshold: r.Classifier.Threshold, Total: &Row{Name: "all"}}
	if r.CrossValid {
		t.Share = r.Options.Share
	}
	byCapture, byLabel := map[string]*Row{}, map[string]*Row{}
	for _, c := range r.Captures {
		row := &Row{Name: c.Name, HostDays: float64(c.Hosts(Benign)) * c.Days()}
		byCapture[c.Name] = row
		t.Total.HostDays += row.HostDays
		t.Captures = append(t.Captures, row)
	}
	for i := range r.Flows {
		o := &r.Flows[i]
		label := byLabel[o.Label]
		if label == nil {
			label = &Row{Name: o.Label, Class: o.Class}
			byLabel[o.Label] = label
			t.Labels = append(t.Labels, label)
		}
		for _, row := range []*Row{byCapture[o.Capture], label, t.Total} {
			row.add(o)
		}
		t.note(o)
	}
	for i := range r.Letters {
		if t.Letters == nil {
			t.Letters = &Row{Name: "letters"}
		}
		t.Letters.add(&r.Letters[i])
	}
	if t.ByLetters = r.ByLetters; len(t.ByLetters) > 0 {
		t.ByLettersAll = &Row{Name: "all"}
		for _, row := range t.ByLetters {
			t.ByLettersAll.join(row)
		}
	}
	made := map[string]*Row{}
	for i := range r.Made {
		o := &r.Made[i]
		if made[o.Capture] == nil {
			made[o.Capture] = &Row{Name: o.Capture}
			t.Made = append(t.Made, made[o.Capture])
		}
		made[o.Capture].add(o)
	}
	for _, row := range slices.Concat(t.Captures, t.Labels, t.Made, []*Row{t.Total}) {
		row.finish()
	}
	if t.Letters != nil {
		t.Letters.finish()
	}
	slices.SortStableFunc(t.Labels, func(a, b *Row) int {
		return cmp.Or(cmp.Compare(rank(a.Class), rank(b.Class)), cmp.Compare(a.Name, b.Name))
	})
	t.ROC, t.Area = roc(r.Flows)
	t.ROCLetters, _ = roc(r.Letters)
	t.Calibration = calibration(slices.Concat(r.Flows, r.Letters))
	worst := func(a, b Case) int { return cmp.Compare(b.Probability, a.Probability) }
	slices.SortStableFunc(t.FalseAlarms, worst)
	slices.SortStableFunc(t.Missed, worst)
	return t
}

func (t *Tables) note(o *Outcome) {
	c := Case{Capture: o.Capture, Tuple: o.Tuple.String(), Label: o.Label, Flows: o.Flows, Probability: o.Probability, Alerts: o.Alerts}
	switch {
	case o.Class == Benign && o.Alerts > 0:
		t.FalseAlarms = append(t.FalseAlarms, c)
	case o.Class == CC && o.Alerts == 0:
		t.Missed = append(t.Missed, c)
	}
}

// roc gives the curve and the area under it.
func roc(all []Outcome) (curve []Point, area float64) {
	var cc, benign float64
	var sorted []*Outcome
	for i := range all {
		switch all[i].Class {
		case CC:
			cc++
		case Benign:
			benign++
		default:
			continue
		}
		sorted = append(sorted, &all[i])
	}
	if cc == 0 || benign == 0 {
		return nil, 0
	}
	slices.SortStableFunc(sorted, func(a, b *Outcome) int { return cmp.Compare(b.Probability, a.Probability) })
	at := Point{Probability: 1}
	curve = append(curve, at)
	for i, o := range sorted {
		if o.Class == CC {
			at.CC += 1 / cc
		} else {
			at.Benign += 1 / benign
		}
		at.Probability = o.Probability
		if i+1 < len(sorted) && sorted[i+1].Probability == o.Probability {
			continue // equal ones are told apart by nothing
		}
		before := curve[len(curve)-1]
		area += (at.Benign - before.Benign) * (at.CC + before.CC) / 2
		curve = append(curve, at)
	}
	return curve, area
}

// bins are the bounds of the ranges of probability.
var bins = []float64{0, 0.02, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1}

func calibration(all []Outcome) []Bin {
	out := make([]Bin, len(bins)-1)
	for i := range out {
		out[i].From, out[i].To = bins[i], bins[i+1]
	}
	for i := range all {
		o := &all[i]
		if !learns(o.Sample) {
			continue
		}
		at, _ := slices.BinarySearch(bins[1:len(bins)-1], o.Probability)
		b := &out[at]
		b.Tuples++
		b.Predicted += o.Probability
		if o.Class == CC {
			b.Observed++
		}
	}
	for i := range out {
		if n := float64(out[i].Tuples); n > 0 {
			out[i].Predicted /= n
			out[i].Observed /= n
		}
	}
	return out
}

// spanText writes seconds for people.
func spanText(seconds float64) string {
	d := time.Duration(seconds * float64(time.Second))
	switch {
	case d >= time.Hour:
		return d.Round(time.Minute).String()
	case d >= time.Minute:
		return d.Round(time.Second).String()
	}
	return d.Round(100 * time.Millisecond).String()
}
