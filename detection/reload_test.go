package detection

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"slips-ips/argusfeed"
	"slips-ips/models"
)

var compareTuples = cmp.Comparer(func(a, b argusfeed.Tuple) bool { return a == b })

// drawFlows makes flows of few tuples, some of them like clockwork.
func drawFlows(t *rapid.T) []argusfeed.Flow {
	protos := []argusfeed.Proto{argusfeed.ProtoTCP, argusfeed.ProtoTCP, argusfeed.ProtoUDP, argusfeed.ProtoSCTP}
	var all []argusfeed.Flow
	for n := range rapid.IntRange(1, 5).Draw(t, "tuples") {
		f := flowOf("10.0.0.7", uint16(2000+n%3))
		f.Src = argusfeed.AddrFrom4([4]byte{10, 0, 0, byte(n)})
		f.Proto = rapid.SampledFrom(protos).Draw(t, "protocol")
		f.State = rapid.SampledFrom([]string{"", "S_SA", "INT"}).Draw(t, "state")
		f.Packets = 8
		gap := rapid.SampledFrom([]time.Duration{time.Second, 9 * time.Second, time.Minute, 20 * time.Minute}).Draw(t, "gap")
		regular := rapid.Bool().Draw(t, "regular")
		f.Start = day.Add(time.Duration(n) * 77 * time.Millisecond)
		for i := range rapid.IntRange(1, 25).Draw(t, "flows") {
			f.Sport, f.Bytes, f.Dur = argusfeed.PortNumber(uint16(3000+i)), 400, 10*time.Millisecond
			if !regular {
				f.Bytes = rapid.SampledFrom([]uint64{60, 400, 5000}).Draw(t, "bytes")
				f.Start = f.Start.Add(time.Duration(rapid.IntRange(0, 5).Draw(t, "more")) * gap)
			}
			f.Start = f.Start.Add(gap)
			all = append(all, f)
		}
	}
	slices.SortStableFunc(all, func(a, b argusfeed.Flow) int { return int(a.Start - b.Start) })
	return all
}

// drawModels makes models that fit what drawFlows makes, more or less.
func drawModels(t *rapid.T, scoring Scoring, name string) []models.Model {
	var set []models.Model
	for i := range rapid.IntRange(0, 4).Draw(t, name) {
		m := models.Model{Class: models.ClassMalicious, Kind: models.KindLetters, File: name + string(rune('a'+i))}
		m.Label = "From-Botnet-" + name + "-" + rapid.SampledFrom([]string{"X", "Y"}).Draw(t, "label")
		if rapid.IntRange(0, 3).Draw(t, "class") == 0 {
			m.Class, m.Label = models.ClassNormal, "From-Normal-"+name
		}
		m.Proto = rapid.SampledFrom([]string{"tcp", "udp", "sctp"}).Draw(t, "for")
		m.Letters = rapid.SampledFrom([]string{"44.d.d.d.d.d.d.d.d.", "44,d,d,d,d,d,d,d,d,", "44*d*d*d*d*", "41.s,7s,A,R+"}).Draw(t, "letters")
		m.Threshold = rapid.SampledFrom([]float64{1.1, 1.5, 3}).Draw(t, "threshold")
		if scoring == ScoringBehaviour {
			b := *beaconModel("").Behaviour
			b.MinContacts = rapid.IntRange(3, 6).Draw(t, "contacts")
			b.MinGap = 0
			b.Evidence = rapid.SampledFrom([]float64{0, 2, models.Decisive}).Draw(t, "evidence")
			m.Kind, m.Behaviour, m.Letters = models.KindBehaviour, &b, ""
		}
		set = append(set, m)
	}
	return set
}

func scoringConfig(s Scoring) Config {
	cfg := DefaultConfig()
	cfg.Scoring, cfg.ForgetAfter = s, 20
	return cfg
}

func infos(d *Detector, letters int) map[argusfeed.Tuple]TupleInfo {
	all := map[argusfeed.Tuple]TupleInfo{}
	c, done := Cursor{}, false
	for !done {
		c, done = d.Scan(c, 3, func(v TupleView) { all[v.Tuple()] = v.Info(letters) })
	}
	return all
}

// A detector whose models were replaced detects what one detects that had the
// new ones all along.
func TestReplacedModelsAreAsIfAlwaysThere(t *testing.T) {
	found, changed := 0, 0
	rapid.Check(t, func(rt *rapid.T) {
		scoring := rapid.SampledFrom([]Scoring{ScoringReference, ScoringBehaviour}).Draw(rt, "scoring")
		cfg := scoringConfig(scoring)
		before := drawModels(rt, scoring, "before")
		if scoring == ScoringBehaviour && len(before) == 0 { // measures no contacts, as Apply says
			before = []models.Model{beaconModel("before")}
		}
		between, after := drawModels(rt, scoring, "between"), drawModels(rt, scoring, "after")
		flows := drawFlows(rt)
		k := rapid.IntRange(0, len(flows)).Draw(rt, "replaced at")
		k2 := rapid.IntRange(k, len(flows)).Draw(rt, "and again at")
		make2 := func(set []models.Model) *Detector {
			if scoring == ScoringBehaviour && len(set) == 0 {
				d := newDetector(t, cfg, []models.Model{beaconModel("none")}, Hooks{})
				if err := d.SetModels(nil); err != nil {
					rt.Fatal(err)
				}
				return d
			}
			return newDetector(t, cfg, set, Hooks{})
		}
		replaced, always, never := make2(before), make2(after), make2(before)
		replaced.Observe(flows[:k])
		if err := replaced.SetModels(between); err != nil {
			rt.Fatal(err)
		}
		if rapid.Bool().Draw(rt, "listed") {
			infos(replaced, 10)
		}
		replaced.Observe(flows[k:k2])
		if err := replaced.SetModels(after); err != nil {
			rt.Fatal(err)
		}
		always.Observe(flows[:k2])
		never.Observe(flows[:k2])
		if scoring == ScoringReference { // a verdict is a matter of letters only
			opt := cmpopts.IgnoreFields(TupleInfo{}, "Detections")
			if diff := cmp.Diff(infos(always, 99), infos(replaced, 99), compareTuples, opt); diff != "" {
				rt.Fatalf("listings differ (-always +replaced):\n%s", diff)
			}
		}
		want, got := always.Observe(flows[k2:]), replaced.Observe(flows[k2:])
		if diff := cmp.Diff(want, got, compareTuples, cmpopts.EquateEmpty()); diff != "" {
			rt.Fatalf("detections differ (-always +replaced):\n%s", diff)
		}
		found += len(want)
		if !cmp.Equal(want, never.Observe(flows[k2:]), compareTuples, cmpopts.EquateEmpty()) {
			changed++
		}
		if scoring == ScoringReference {
			opt := cmpopts.IgnoreFields(TupleInfo{}, "Detections")
			if diff := cmp.Diff(infos(always, 99), infos(replaced, 99), compareTuples, opt); diff != "" {
				rt.Fatalf("listings differ at the end (-always +replaced):\n%s", diff)
			}
		}
	})
	if found == 0 || changed == 0 {
		t.Errorf("%d detections, %d times others than without new models: nothing was tested", found, changed)
	}
}

// Contacts count from when the first models come.
func TestModelsForADetectorWithout(t *testing.T) {
	d := newDetector(t, deaf(t), nil, Hooks{})
	flows := beat(tupleOf(t, "198.51.100.7", "443", "tcp"), 0, time.Minute, 20)
	d.Observe(flows[:10])
	if err := d.SetModels([]models.Model{beaconModel("a.toml")}); err != nil {
		t.Fatal(err)
	}
	found := slices.Clone(d.Observe(flows[10:]))
	if len(found) != 7 || found[0].Flows != 14 { // the tenth flow is the first contact
		t.Errorf("%d detections: %+v", len(found), found)
	}
	ntp := beat(tupleOf(t, "198.51.100.7", "123", "udp"), 0, time.Minute, 30)
	if found := d.Observe(ntp); len(found) > 0 {
		t.Errorf("clockwork is detected: %+v", found)
	}
}

// What is listed is what the models in use say, and names only models in use.
func TestListingAfterReplacing(t *testing.T) {
	web := tupleOf(t, "198.51.100.7", "443", "tcp")
	d := newDetector(t, deaf(t), []models.Model{beaconModel("old.toml")}, Hooks{})
	d.Observe(beat(web, 0, time.Second*10, 20))
	other := beaconModel("new.toml")
	other.Label = "From-Botnet-TCP-Other-1"
	for _, step := range []struct {
		set   []models.Model
		model string
	}{{[]models.Model{other}, "new.toml"}, {nil, ""}, {[]models.Model{beaconModel("old.toml")}, "old.toml"}} {
		if err := d.SetModels(step.set); err != nil {
			t.Fatal(err)
		}
		info, _ := d.Lookup(web, 4)
		if info.Model != step.model || info.Detections != 16 || info.Letters != "d,d," && info.Letters != "e,e," {
			t.Errorf("with %q: %+v", step.model, info)
		}
		if len(d.Models()) != len(step.set) {
			t.Errorf("%d models, want %d", len(d.Models()), len(step.set))
		}
	}
}

// Loading the same models again and again keeps what is kept of them.
func TestNamesAreKeptOnce(t *testing.T) {
	web := tupleOf(t, "198.51.100.7", "443", "tcp")
	a, b := beaconModel("a.toml"), beaconModel("a.toml")
	b.Threshold = 2 // so that it is another set
	d := newDetector(t, deaf(t), []models.Model{a}, Hooks{})
	d.Observe(beat(web, 0, time.Minute, 20))
	name := d.tuples.series.at(1).last.name
	for _, m := range []models.Model{b, a, b} {
		if err := d.SetModels([]models.Model{m}); err != nil {
			t.Fatal(err)
		}
		if len(d.names) != 1 || d.names[modelName{a.Label, a.File}] != name {
			t.Fatal("the name was made again")
		}
	}
	if set := d.set; d.SetModels([]models.Model{b}) != nil || d.set != set {
		t.Error("the same models count as others")
	}
}

func TestWhatNeedsARestart(t *testing.T) {
	letters, beacons := letterModels(), []models.Model{beaconModel("c.toml")}
	for _, c := range []struct {
		name           string
		begin, scoring Scoring
		set, then      []models.Model
		restart        bool
		err            string
	}{
		{"other models", "auto", "auto", beacons, beacons, false, ""},
		{"none", "auto", "auto", letters, nil, false, ""},
		{"none again", "auto", "auto", nil, nil, false, ""},
		{"the first ones", "auto", "auto", nil, beacons, false, ""},
		{"both kinds and a choice", "slips-0.3.3", "slips-0.3.3", letters, append(letters[:1:1], beacons...), false, ""},
		{"said instead of found out", "auto", "behaviour", beacons, beacons, false, ""},
		{"the other kind", "auto", "auto", letters, beacons, true, "changing scoring needs a restart: slips-0.3.3 is in use, not behaviour"},
		{"the other scorer", "auto", "slips-0.3.3", beacons, letters, true, "changing scoring needs a restart: behaviour is in use, not slips-0.3.3"},
		{"only the other kind", "behaviour", "behaviour", beacons, letters, true, "none of the 2 models is for behaviour"},
		{"both kinds", "auto", "auto", beacons, append(letters[:1:1], beacons...), false, "choosing a scorer"},
	} {
		cfg := DefaultConfig()
		cfg.Scoring = c.begin
		d := newDetector(t, cfg, c.set, Hooks{})
		cfg.Scoring = c.scoring
		u, err := d.Prepare(cfg, c.then)
		var restart *RestartError
		if errors.As(err, &restart) != c.restart || (err == nil) != (u != nil) ||
			(err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
			t.Errorf("%s: %v, want %q", c.name, err, c.err)
		}
		if restart != nil && !slices.Equal(restart.Keys, []string{"scoring"}) {
			t.Errorf("%s: keys %q", c.name, restart.Keys)
		}
	}
	d := newDetector(t, DefaultConfig(), beacons, Hooks{})
	bad := DefaultConfig()
	bad.MinLetters, bad.Width = -1, 0
	if err := d.Reconfigure(bad); err == nil || d.cfg.MinLetters != DefaultConfig().MinLetters {
		t.Errorf("a bad configuration: %v, %+v", err, d.cfg)
	}
	broken := beaconModel("d.toml")
	broken.Behaviour = nil
	if err := d.SetModels([]models.Model{broken}); err == nil || d.Models()[0].File != "c.toml" {
		t.Errorf("a broken model: %v, %v", err, d.Models())
	}
	other := DefaultConfig()
	other.Scoring = ScoringReference
	var restart *RestartError
	if err := d.Reconfigure(other); !errors.As(err, &restart) {
		t.Errorf("another scorer: %v", err)
	}
}

// Models are prepared beside the detection, which stands still for the change only.
func TestPreparedBesideTheOwner(t *testing.T) {
	web := tupleOf(t, "198.51.100.7", "443", "tcp")
	for _, scoring := range []Scoring{ScoringReference, ScoringBehaviour} {
		cfg := scoringConfig(scoring)
		sets := [][]models.Model{{beaconModel("a")}, {beaconModel("a"), beaconModel("b")}}
		if scoring == ScoringReference {
			sets = [][]models.Model{letterModels()[:1], letterModels()}
		}
		d := newDetector(t, cfg, sets[0], Hooks{})
		updates := make(chan *Update)
		applied := make(chan struct{})
		go func() {
			defer close(updates)
			for i := range 20 {
				u, err := d.Prepare(cfg, sets[(i+1)%2])
				if err != nil {
					t.Error(err)
					return
				}
				updates <- u
				<-applied
			}
		}()
		flows := beat(web, 0, 10*time.Second, 5)
		for open := true; open; {
			d.Observe(flows)
			for i := range flows {
				flows[i].Start = flows[i].Start.Add(50 * time.Second)
			}
			select {
			case u, ok := <-updates:
				if open = ok; ok {
					d.Apply(u)
					applied <- struct{}{}
				}
			default:
			}
		}
		if d.set != 20 || len(d.Models()) != len(sets[0]) {
			t.Errorf("%s: replaced %d times, %d models", scoring, d.set, len(d.Models()))
		}
	}
}

// BenchmarkReplace is the loading and, alone, what the owner has to wait for.
func BenchmarkReplace(b *testing.B) {
	for _, scoring := range []Scoring{ScoringBehaviour, ScoringReference} {
		cfg := scoringConfig(scoring)
		set := benchModels(b, scoring)
		d := newDetector(b, cfg, set, Hooks{})
		flows := make([]argusfeed.Flow, 100_000)
		for i := range flows {
			flows[i] = at(numbered(uint32(i/2)), time.Duration(i)*time.Millisecond)
		}
		d.Observe(flows)
		other := slices.Clone(set)
		other[0].Label += "x"
		b.Run(string(scoring)+"/prepare", func(b *testing.B) {
			for b.Loop() {
				if _, err := d.Prepare(cfg, other); err != nil {
					b.Fatal(err)
				}
			}
		})
		u, err := d.Prepare(cfg, other)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(string(scoring)+"/apply", func(b *testing.B) {
			for b.Loop() {
				d.Apply(u)
			}
		})
	}
}
