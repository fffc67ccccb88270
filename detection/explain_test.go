package detection

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"slips-ips/argusfeed"
	"slips-ips/models"
)

func TestExplain(t *testing.T) {
	web := tupleOf(t, "198.51.100.7", "443", "tcp")
	ntp := tupleOf(t, "198.51.100.7", "123", "udp")
	mail := tupleOf(t, "198.51.100.7", "993", "tcp")
	dns := tupleOf(t, "198.51.100.7", "53", "udp")
	normal := beaconModel("n.toml")
	normal.Label, normal.Class = "From-Normal-TCP-Any-Clock-1", models.ClassNormal
	beacons := []models.Model{beaconModel("c.toml")}
	far, clock := letterModels()[0], letterModels()[0]
	far.Label, far.Letters, far.File = "From-Botnet-TCP-Far-1", "14.a.R.a.Z*Z*", "f.stfm"
	clock.Label, clock.Class, clock.File = "From-Normal-TCP-Clock-1", models.ClassNormal, "0.stfm"
	careful := func(cfg Config) Config { cfg.MinLetters = 500; return cfg }
	for _, c := range []struct {
		name  string
		cfg   Config
		set   []models.Model
		flows []argusfeed.Flow
		want  Explanation
	}{
		{"a model fits", deaf(t), beacons, beat(web, 0, time.Minute, 12), Explanation{
			Scorer: "behaviour", Label: "From-Botnet-TCP-Any-Beacon-1", Score: 1, Threshold: 1, Malicious: true, Behaviour: "beacon-regular", Gap: time.Minute,
			Seen: "12 contacts, one every 1m0s (spread 0), of 1000 bytes (spread 0)"}},
		{"too few flows for a detection", careful(deaf(t)), beacons, beat(web, 0, time.Minute, 12), Explanation{
			Scorer: "behaviour", Label: "From-Botnet-TCP-Any-Beacon-1", Score: 1, Threshold: 1, Behaviour: "beacon-regular", Gap: time.Minute,
			Seen:    "12 contacts, one every 1m0s (spread 0), of 1000 bytes (spread 0)",
			Missing: "12 flows; a detection needs 500 (min_letters)"}},
		{"one that is normal", deaf(t), append(beacons[:1:1], normal), beat(web, 0, time.Minute, 12), Explanation{
			Scorer: "behaviour", Score: 0, Threshold: 1, Behaviour: "beacon-regular",
			Seen: "12 contacts, one every 1m0s (spread 0), of 1000 bytes (spread 0)"}},
		{"one flow", deaf(t), beacons, beat(web, 0, time.Minute, 1), Explanation{
			Scorer: "behaviour", Threshold: 1, Missing: "1 contact; a judgement needs 5"}},
		{"few contacts", deaf(t), beacons, beat(web, 0, time.Minute, 4), Explanation{
			Scorer: "behaviour", Threshold: 1, Missing: "4 contacts; a judgement needs 5"}},
		{"housekeeping", deaf(t), beacons, beat(ntp, 0, time.Minute, 40), Explanation{
			Scorer: "behaviour", Threshold: 1, Against: []string{"clockwork that every network has (or no IP destination): it is never judged"}}},
		{"no models", deaf(t), nil, beat(web, 0, time.Minute, 40), Explanation{
			Scorer: "behaviour", Missing: "no models are loaded, so nothing is detected"}},
		{"letters match", referenceConfig(time.Hour), append(letterModels(), far, clock), beat(web, 0, 10*time.Second, 8), Explanation{
			Scorer: "slips-0.3.3", Label: "From-Normal-TCP-Clock-1", Score: 1, Threshold: 1.1,
			Seen: "the letters of 8 flows",
			For: []string{"at distance 1 from From-Botnet-TCP-HTTP-A-1 (at most 1.1 matches)",
				"at distance 1 from From-Botnet-TCP-HTTP-B-1 (at most 1.1 matches)"},
			Against: []string{"at distance 1 from From-Normal-TCP-Clock-1 (at most 1.1 matches)",
				"at distance 9.693 from From-Botnet-TCP-Far-1, too far to match (at most 1.1 does)"}}},
		{"letters do not match", referenceConfig(time.Hour), []models.Model{far}, beat(web, 0, 10*time.Second, 8), Explanation{
			Scorer: "slips-0.3.3", Score: 9.693, Threshold: 1.1, Seen: "the letters of 8 flows",
			Against: []string{"at distance 9.693 from From-Botnet-TCP-Far-1, too far to match (at most 1.1 does)"}}},
		{"few letters", referenceConfig(time.Hour), letterModels(), beat(web, 0, 10*time.Second, 2), Explanation{
			Scorer: "slips-0.3.3", Missing: "3 letters, gap symbols included; comparing needs 4"}},
		{"one letter", referenceConfig(time.Hour), letterModels(), beat(mail, 0, 10*time.Second, 1), Explanation{
			Scorer: "slips-0.3.3", Missing: "1 letter, gap symbols included; comparing needs 4"}},
		{"another protocol", referenceConfig(time.Hour), letterModels(), beat(dns, 0, 10*time.Second, 9), Explanation{
			Scorer: "slips-0.3.3", Missing: "no model is for udp"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := newDetector(t, c.cfg, c.set, Hooks{})
			d.Observe(c.flows)
			got, ok := d.Explain(c.flows[0].Tuple)
			if !ok {
				t.Fatal("the tuple is not known")
			}
			if got.Scorer == "behaviour" && got.Seen != "" { // the weights are the classifier's
				checkWeights(t, &got)
			}
			got.Score = float64(int(got.Score*1000+0.5)) / 1000
			if c.want.For == nil {
				c.want.For = []string{}
			}
			if c.want.Against == nil {
				c.want.Against = []string{}
			}
			got.Contacts = nil // TestExplainContacts
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
			if b, err := json.Marshal(got); err != nil {
				t.Errorf("%s, %v", b, err)
			}
		})
	}
	if _, ok := newDetector(t, deaf(t), beacons, Hooks{}).Explain(web); ok {
		t.Error("a tuple that never was is explained")
	}
}

// checkWeights looks whether the evidence says so, and has the heaviest first;
// then it takes it away.
func checkWeights(t *testing.T, e *Explanation) {
	t.Helper()
	for sign, list := range map[float64][]string{1: e.For, -1: e.Against} {
		before := 1e9
		for _, line := range list {
			var weight float64
			at := len(line) - 1
			for line[at] != '(' {
				at--
			}
			if _, err := fmt.Sscanf(line[at:], "(%f)", &weight); err != nil || weight*sign <= 0 || weight*sign > before {
				t.Errorf("%q after %v: %v", line, before, err)
			}
			before = weight * sign
		}
	}
	if len(e.For) == 0 {
		t.Error("nothing speaks for a beacon")
	}
	e.For, e.Against = []string{}, []string{}
}

// What has just been detected is explained so.
func TestExplainsWhatIsDetected(t *testing.T) {
	found, not := 0, 0
	rapid.Check(t, func(rt *rapid.T) {
		scoring := rapid.SampledFrom([]Scoring{ScoringReference, ScoringBehaviour}).Draw(rt, "scoring")
		cfg := scoringConfig(scoring)
		cfg.MinLetters = rapid.SampledFrom([]int{0, 3, 9}).Draw(rt, "min_letters")
		cfg.MaxJump = 30 * 24 * time.Hour // so that no flow is held
		d := newDetector(t, cfg, append(drawModels(rt, scoring, "set"), beaconModel("z")), Hooks{})
		if scoring == ScoringReference {
			d = newDetector(t, cfg, append(drawModels(rt, scoring, "set"), letterModels()...), Hooks{})
		}
		for _, f := range drawFlows(rt) {
			dropped := d.Stats().Dropped()
			detected := d.Observe([]argusfeed.Flow{f})
			if d.Stats().Dropped() > dropped {
				continue
			}
			e, ok := d.Explain(f.Tuple)
			if !ok || e.Scorer != string(scoring) {
				rt.Fatalf("%v %+v", ok, e)
			}
			checkDistances(rt, d, f.Tuple)
			if len(detected) == 0 {
				// Of the default scorer flows within a contact bring no detection.
				if e.Malicious && scoring == ScoringReference {
					rt.Fatalf("not detected: %+v", e)
				}
				not++
				continue
			}
			found++
			det := detected[0]
			if !e.Malicious || e.Missing != "" && scoring == ScoringReference || det.Stronger(e.Score) {
				rt.Fatalf("detected: %+v\nexplained: %+v", det, e)
			}
			if e.Score == det.Score && scoring == ScoringReference && (e.Label != det.Label || e.Threshold != det.Threshold) {
				rt.Fatalf("detected: %+v\nexplained: %+v", det, e)
			}
		}
	})
	if found == 0 || not == 0 {
		t.Errorf("%d detected, %d not: nothing was tested", found, not)
	}
}

// Being asked about keeps no network and no host in memory, being judged does.
func TestExplainKeepsNothing(t *testing.T) {
	web := tupleOf(t, "198.51.100.7", "443", "tcp")
	d := newDetector(t, deaf(t), []models.Model{beaconModel("c.toml")}, Hooks{})
	flows := beat(web, 0, time.Minute, 21)
	d.Observe(flows[:20])
	c := d.scorer.(*behaviour).crowds
	c.networks.old, c.networks.young = c.networks.young, c.networks.old
	c.hosts.old, c.hosts.young = c.hosts.young, c.hosts.old
	before, _ := d.Explain(web)
	if c.networks.young.n+c.hosts.young.n > 0 {
		t.Errorf("%d networks and %d hosts are remembered anew", c.networks.young.n, c.hosts.young.n)
	}
	d.Observe(flows[20:])
	if c.networks.young.n != 1 || c.hosts.young.n != 1 {
		t.Errorf("%d networks and %d hosts were kept by judging", c.networks.young.n, c.hosts.young.n)
	}
	c.networks.old, c.hosts.old = contextTable[netKey, visitors]{}, contextTable[hostKey, [2]uint64]{}
	if after, _ := d.Explain(web); !before.Malicious || !slices.Equal(after.Against, before.Against) {
		t.Errorf("before %+v\nafter %+v", before, after)
	}
}

// checkDistances compares those that are told with those from the letters, one by
// one.
func checkDistances(t *rapid.T, d *Detector, tuple argusfeed.Tuple) {
	r, ok := d.scorer.(*reference)
	found := d.tuples.find(&tuple, tuple.Hash(d.tuples.seed))
	if !ok || found == nil {
		return
	}
	known := d.whole(found)
	if known.s == nil || len(known.s.letters) < minCompared {
		return
	}
	var compared []Comparison
	r.compareAll(&known, &compared)
	for _, c := range r.missed(&known) {
		i := slices.IndexFunc(compared, func(o Comparison) bool { return o.Model == int(c.lm.index) })
		if want := compared[i].Distance; math.Abs(c.distance-want) > 1e-9*want {
			t.Fatalf("%s: distance %v, want %v", c.lm.model.Label, c.distance, want)
		}
	}
}

func BenchmarkExplain(b *testing.B) {
	for _, scoring := range []Scoring{ScoringBehaviour, ScoringReference} {
		b.Run(string(scoring), func(b *testing.B) {
			cfg := DefaultConfig()
			cfg.Scoring, cfg.ForgetAfter = scoring, 0
			d := newDetector(b, cfg, benchModels(b, scoring), Hooks{})
			flows := beat(tupleOf(b, "198.51.100.7", "443", "tcp"), 0, time.Minute, 2000)
			d.Observe(flows)
			b.ReportAllocs()
			for b.Loop() {
				if _, ok := d.Explain(flows[0].Tuple); !ok {
					b.Fatal("not known")
				}
			}
		})
	}
}
