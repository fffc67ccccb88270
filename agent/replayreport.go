package agent

import (
	"cmp"
	"slices"
	"time"

	"slips-ips/agent/whatif"
	"slips-ips/argusfeed"
	"slips-ips/detection"
	"slips-ips/policy"
)

// ReplayReport is what a replay found, and what the policy would have done.
type ReplayReport struct {
	Flows uint64 `json:"flows"`
	// Joined tells how the records of Argus streams became flows.
	Joined argusfeed.JoinStats `json:"joined"`
	// Skipped counts the lines that were no flows, by kind, and Dropped the
	// flows that were not used, by reason.
	Skipped map[string]uint64 `json:"skipped"`
	Dropped map[string]uint64 `json:"dropped"`
	// BadLines is how many of the skipped lines should not be in a feed.
	BadLines uint64 `json:"bad_lines"`
	// Tuples is how many different ones were known at the end.
	Tuples         int     `json:"tuples"`
	Seconds        float64 `json:"seconds"`
	FlowsPerSecond float64 `json:"flows_per_second"`
	// Interrupted says that the replay ended before its input did.
	Interrupted bool            `json:"interrupted,omitempty"`
	Detections  []DetectedTuple `json:"detections"`
	// Decisions has the decisions that a report would tell: repeats of the one
	// before on the same tuple are only counted, in Repeats.
	Decisions []policy.Decision `json:"decisions"`
	Repeats   uint64            `json:"repeats"`
	// Differences is what another policy would have decided otherwise.
	Differences []whatif.Difference `json:"differences,omitempty"`
	// Labels compares with the label column; nil where there is none.
	Labels *LabelScore `json:"labels,omitempty"`

	evidence bool
	tuples   map[argusfeed.Tuple]*DetectedTuple
	labels   labelBook
	ours     whatif.Trials
	others   whatif.Trials
}

// DetectedTuple is a tuple that was detected at least once. Label, Score and
// Threshold are those of its best match.
type DetectedTuple struct {
	Tuple     argusfeed.Tuple `json:"tuple"`
	Label     string          `json:"label"`
	Score     float64         `json:"score"`
	Threshold float64         `json:"threshold"`
	Count     uint64          `json:"count"`
	First     argusfeed.Time  `json:"first"`
	Last      argusfeed.Time  `json:"last"`
	// FlowsToFirst is how many flows the tuple had at its first match.
	FlowsToFirst uint64 `json:"flows_to_first"`
	Letters      string `json:"letters"`
	Why          string `json:"why"`
	// Evidence is what ReplayOptions.Evidence asks for; nil: none.
	Evidence *Evidence `json:"-"`
	// Behaviour is the class of what was seen; empty for slips-0.3.3.
	Behaviour string `json:"behaviour,omitempty"`
}

func newReplayReport(labels bool) *ReplayReport {
	return &ReplayReport{
		Detections: []DetectedTuple{}, Decisions: []policy.Decision{},
		tuples: map[argusfeed.Tuple]*DetectedTuple{},
		labels: labelBook{on: labels, tuples: map[argusfeed.Tuple]labelled{}},
	}
}

// join adds what joining did in a file.
func (r *ReplayReport) join(s argusfeed.JoinStats) {
	r.Joined.Merged += s.Merged
	r.Joined.Strays += s.Strays
	r.Joined.Forced += s.Forced
}

func (r *ReplayReport) detect(found []detection.Detection) {
	for _, d := range found {
		t := r.tuples[d.Tuple]
		if t == nil {
			t = &DetectedTuple{Tuple: d.Tuple, First: d.Time, FlowsToFirst: d.Flows}
			r.tuples[d.Tuple] = t
			if r.evidence && len(r.tuples) <= maxEvidence {
				t.Evidence = &Evidence{}
			}
		}
		t.Count++
		if t.Evidence != nil {
			t.Evidence.add(&d)
		}
		t.Last = d.Time
		if t.Count == 1 || d.Stronger(t.Score) {
			t.Label, t.Score, t.Threshold, t.Letters, t.Why = d.Label, d.Score, d.Threshold, d.Letters, d.Why
			t.Behaviour = d.Behaviour
		}
	}
}

func (r *ReplayReport) decide(o outcome) {
	d := whatif.NotBlocked(o.decision, o.failed)
	r.ours.Add(d)
	if d.Repeat {
		r.Repeats++
		return
	}
	r.Decisions = append(r.Decisions, d)
}

func (r *ReplayReport) decideOther(o outcome) {
	r.others.Add(whatif.NotBlocked(o.decision, o.failed))
}

// differences lists the tuples on which the policies went different ways, in the
// order of the detections.
func (r *ReplayReport) differences() []whatif.Difference {
	if len(r.others.Tuples()) == 0 {
		return nil
	}
	tuples := make([]argusfeed.Tuple, len(r.Detections))
	for i, t := range r.Detections {
		tuples[i] = t.Tuple
	}
	return whatif.Differences(tuples, &r.ours, &r.others)
}

// finish fills in what is known at the end.
func (r *ReplayReport) finish(s detection.Stats, skips *argusfeed.SkipCounter, took time.Duration, interrupted bool) {
	r.Flows, r.Tuples, r.Interrupted = s.Flows, s.Tuples, interrupted
	r.Skipped = skips.Counts()
	_, r.BadLines = skips.Total()
	r.Dropped = map[string]uint64{}
	for reason, n := range map[string]uint64{"late": s.Late, "edge": s.Edge, "future": s.Future} {
		if n > 0 {
			r.Dropped[reason] = n
		}
	}
	r.Seconds = took.Seconds()
	r.FlowsPerSecond = float64(r.Flows) / max(r.Seconds, 1e-9)
	for _, t := range r.tuples {
		r.Detections = append(r.Detections, *t)
	}
	slices.SortFunc(r.Detections, func(a, b DetectedTuple) int {
		return cmp.Or(cmp.Compare(a.First, b.First), cmp.Compare(a.Tuple.String(), b.Tuple.String()))
	})
	r.Differences = r.differences()
	r.Labels = r.labels.score(r.tuples, &r.ours)
}

func (r *ReplayReport) label(f *argusfeed.Flow) { r.labels.note(f) }
