package policy

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"slips-ips/argusfeed"
	"slips-ips/detection"
)

func TestMissing(t *testing.T) {
	cfg := DefaultConfig()
	unsure := 0.95
	cfg.Budget.PerMinute = 1
	cfg.Budget.Reserve = 0
	cfg.Rules = []Rule{
		{Name: "told", Action: ActionAlert, Label: "Told"},
		{Name: "unsure", Action: ActionAlert, Below: &unsure},
		{Name: "sure", Action: ActionBlock, Matches: new(3), Windows: new(60), Flows: new(50), Grace: new(Duration(10 * time.Minute))},
	}
	e, err := New(cfg, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	tuple := testTuple("10.0.0.5", "198.51.100.7", "443", "tcp")
	base := detection.Detection{Tuple: tuple, Label: "CC", Scorer: string(detection.ScoringBehaviour), Score: 0.99, Threshold: 0.4, Flows: 60, Time: testNow}
	matches := func(n int) Evidence {
		var ev Evidence
		for i := range n {
			ev.Times = append(ev.Times, testNow-argusfeed.Time(i)*minute)
		}
		return ev
	}
	for _, tt := range []struct {
		name   string
		change func(*detection.Detection, *View)
		want   []string
	}{
		{"a block", func(*detection.Detection, *View) {}, nil},
		{"a rule that only tells", func(d *detection.Detection, _ *View) { d.Label = "Told" }, []string{"nothing: rule told says alert, whatever the evidence"}},
		{"unsure", func(d *detection.Detection, _ *View) { d.Score = 0.5 }, []string{"a probability of 0.95 or more: below it rule unsure says alert"}},
		{"too few of everything", func(d *detection.Detection, v *View) { d.Flows, v.Evidence = 2, matches(2) },
			[]string{"1 more match within 60 windows of 1m (rule sure asks for 3)", "50 flows are asked for (flows)"}},
		{"a normal model", func(d *detection.Detection, _ *View) { d.Normal = "From-Normal-1" }, []string{"the normal model From-Normal-1 fits it as well"}},
		{"grace", func(_ *detection.Detection, v *View) { v.Started = testNow - 4*minute }, []string{"6m more of the time in which nothing is blocked (grace)"}},
		{"protected", func(d *detection.Detection, _ *View) { d.Tuple = testTuple("10.0.0.5", "203.0.113.1", "443", "tcp") },
			[]string{"destination 203.0.113.1 is the gateway of wan0 and a resolver (/etc/resolv.conf), which is never blocked"}},
		{"budget", func(_ *detection.Detection, v *View) { v.Spent.Minute = 1 }, []string{"1 blocks began within a minute and at most 1 may be (budget.per_minute)"}},
		{"in force", func(_ *detection.Detection, v *View) { v.InForce = InForce{ID: "b", Until: testNow + 24*hour} }, nil},
	} {
		d, v := base, View{Now: testNow, ID: "id", Evidence: matches(3), Protected: testProtected()}
		tt.change(&d, &v)
		if diff := cmp.Diff(tt.want, e.Missing(d, v, e.Decide(d, v))); diff != "" {
			t.Errorf("%s: %s", tt.name, diff)
		}
	}
}
