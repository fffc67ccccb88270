package detection

import (
	"bytes"
	"errors"
	"io"
	"os"
	"testing"

	"slips-ips/argusfeed"
	"slips-ips/models"
)

// What comes in for days must not make work for the collector: decoding,
// printing, letters and comparing allocate nothing for a record, also while
// tuples leave a full table, pass forget_after and come back.
func TestSteadyStateAllocatesNothing(t *testing.T) {
	data, err := os.ReadFile("../argusfeed/testdata/fixtures/mixed-rich.argus")
	if err != nil {
		t.Fatal(err)
	}
	set, _, err := models.LoadDir("testdata/oracle/models-tiny")
	if err != nil {
		t.Fatal(err)
	}
	for i := range set { // a detection is a value with text: none here
		set[i].Threshold = 0.99
	}
	for _, scoring := range []Scoring{ScoringReference, ScoringBehaviour} {
		cfg := DefaultConfig()
		cfg.Scoring, cfg.MaxTuples = scoring, 60
		use := set
		if scoring == ScoringBehaviour {
			use = builtin(t)
			cfg.Classifier = deaf(t).Classifier
		}
		d := newDetector(t, cfg, use, Hooks{})
		r := bytes.NewReader(data)
		a := argusfeed.NewArgus(r)
		p := argusfeed.RaPrinter{}
		line := make([]byte, 0, 4096)
		flows := make([]argusfeed.Flow, 0, 64)
		var rec argusfeed.Record
		var ahead, first, last argusfeed.Time
		detections := 0
		pass := func() {
			r.Reset(data)
			for end := false; !end; {
				err := a.Next(&rec)
				if end = errors.Is(err, io.EOF); err != nil && !end {
					t.Fatal(err)
				}
				if !end {
					line = p.AppendRecord(line[:0], &rec)
				}
				if !end && rec.Kind == argusfeed.KindFlow {
					if first == 0 {
						first = rec.Start
					}
					last = max(last, rec.Start)
					flows = append(flows, rec.Flow)
					flows[len(flows)-1].Start += ahead
				}
				if end || len(flows) == cap(flows) {
					detections += len(d.Observe(flows))
					flows = flows[:0]
				}
			}
			ahead += last - first + 1e6
		}
		for range 300 { // the series that leave go round, until all have room
			pass()
		}
		before := d.Stats()
		found := detections
		n := testing.AllocsPerRun(50, pass)
		after := d.Stats()
		if taken := after.Flows - before.Flows - (after.Dropped() - before.Dropped()); taken < 1000 ||
			after.Evicted == before.Evicted || detections != found || scoring == ScoringReference && after.Forgotten == before.Forgotten {
			t.Errorf("%s: this is not the load that is meant: %+v", scoring, after)
		}
		if n > 0 {
			t.Errorf("%s: %v allocations for %d records", scoring, n, (after.Flows-before.Flows)/51)
		}
	}
}
