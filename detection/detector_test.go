package detection

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"slips-ips/argusfeed"
	"slips-ips/models"
)

// day is an ordinary time in flows, 2024-03-01 12:00.
const day argusfeed.Time = 1709294400e6

func tupleOf(t testing.TB, dst, port, proto string) argusfeed.Tuple {
	t.Helper()
	return tupleFrom(t, "10.0.0.5", dst, port, proto)
}

func tupleFrom(t testing.TB, src, dst, port, proto string) argusfeed.Tuple {
	t.Helper()
	s, err := argusfeed.ParseAddr([]byte(src))
	if err != nil {
		t.Fatal(err)
	}
	d, err := argusfeed.ParseAddr([]byte(dst))
	if err != nil {
		t.Fatal(err)
	}
	p, err := argusfeed.ParsePort([]byte(port))
	if err != nil {
		t.Fatal(err)
	}
	n, err := argusfeed.ParseProto([]byte(proto))
	if err != nil {
		t.Fatal(err)
	}
	return argusfeed.Tuple{Src: s, Dst: d, Port: p, Proto: n}
}

func newDetector(t testing.TB, cfg Config, set []models.Model, hooks Hooks) *Detector {
	t.Helper()
	d, err := New(cfg, set, hooks)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// beaconModel matches what is regular to a tenth of the gap.
func beaconModel(file string) models.Model {
	return models.Model{Label: "From-Botnet-TCP-Any-Beacon-1", Class: models.ClassMalicious, Kind: models.KindBehaviour, Proto: "tcp", File: file,
		Behaviour: &models.Behaviour{MinContacts: 5, Merge: 2 * time.Second, MinGap: 5 * time.Second, MaxGap: time.Hour, MaxGapSpread: 0.1, MaxSizeSpread: 0.1, NotPorts: []uint16{22}, Evidence: models.Decisive}}
}

// deaf is a configuration whose classifier never alerts: models alone do.
func deaf(t testing.TB) Config {
	c := defaultClassifier(t)
	c.Threshold = 1
	cfg := DefaultConfig()
	cfg.Classifier = &c
	return cfg
}

// at makes a flow of a tuple, after day.
func at(t argusfeed.Tuple, after time.Duration) argusfeed.Flow {
	return argusfeed.Flow{Tuple: t, Start: day.Add(after), Dur: time.Second, Bytes: 1000, Packets: 8}
}

// beat makes n flows of a tuple, each gap after the one before.
func beat(t argusfeed.Tuple, first, gap time.Duration, n int) []argusfeed.Flow {
	var all []argusfeed.Flow
	for i := range n {
		all = append(all, at(t, first+time.Duration(i)*gap))
	}
	return all
}

// TestBehaviourModels: models with limits, without what the classifier says.
func TestBehaviourModels(t *testing.T) {
	web := tupleOf(t, "198.51.100.7", "443", "tcp")
	limited := func(change func(*models.Model)) []models.Model {
		m := beaconModel("10.toml")
		limits := *m.Behaviour
		m.Behaviour = &limits
		change(&m)
		return []models.Model{m}
	}
	normal := func(file string) models.Model {
		m := beaconModel(file)
		m.Label, m.Class = "From-Normal-TCP-Any-Clock-1", models.ClassNormal
		return m
	}
	same := func(*models.Model) {}
	offsets := []float64{0, 0.9, 0.3, 1, 0.1, 0.4, 0.8, 0.2, 1, 0, 0.6, 0.5}
	jitter := func(share float64) []argusfeed.Flow {
		flows := beat(web, 0, time.Minute, 12)
		for i := range flows {
			flows[i].Start = flows[i].Start.Add(time.Duration(share * offsets[i] * float64(time.Minute)))
		}
		return flows
	}
	sized := func(n uint64) []argusfeed.Flow {
		flows := beat(web, 0, time.Minute, 12)
		for i := range flows {
			flows[i].Bytes += uint64(i%3) * n
		}
		return flows
	}
	var visits []argusfeed.Flow // three flows within a second, every minute
	for i := range 6 {
		visits = append(visits, beat(web, time.Duration(i)*time.Minute, 500*time.Millisecond, 3)...)
	}
	for _, c := range []struct {
		name  string
		set   []models.Model
		flows []argusfeed.Flow
		want  int
	}{
		{"clockwork, from the fifth contact on", limited(same), beat(web, 0, time.Minute, 12), 8},
		{"one contact too few", limited(same), beat(web, 0, time.Minute, 4), 0},
		{"jitter within the limit", limited(same), jitter(0.04), 8},
		{"jitter beyond it", limited(same), jitter(0.4), 0},
		{"sizes within the limit", limited(same), sized(50), 8},
		{"sizes beyond it", limited(same), sized(900), 0},
		{"gaps too short", limited(same), beat(web, 0, 4*time.Second, 12), 0},
		{"gaps too long", limited(func(m *models.Model) { m.Behaviour.MaxGap = 59 * time.Second }), beat(web, 0, time.Minute, 12), 0},
		{"gap at the limits", limited(func(m *models.Model) { m.Behaviour.MinGap, m.Behaviour.MaxGap = time.Minute, time.Minute }), beat(web, 0, time.Minute, 12), 8},
		{"flows of one contact are judged once", limited(same), visits, 2},
		{"a run without a pause is one contact", limited(same), beat(web, 0, 2*time.Second, 60), 0},
		{"another protocol", limited(func(m *models.Model) { m.Proto = "udp" }), beat(web, 0, time.Minute, 12), 0},
		{"any protocol", limited(func(m *models.Model) { m.Proto = "" }), beat(web, 0, time.Minute, 12), 8},
		{"letter case of the protocol", limited(func(m *models.Model) { m.Proto = "TCP" }), beat(web, 0, time.Minute, 12), 8},
		{"a port that is left out", limited(func(m *models.Model) { m.Behaviour.NotPorts = []uint16{443} }), beat(web, 0, time.Minute, 12), 0},
		{"no spread allowed and none there", limited(func(m *models.Model) { m.Behaviour.MaxGapSpread, m.Behaviour.MaxSizeSpread = 0, 0 }), beat(web, 0, time.Minute, 12), 8},
		{"no spread allowed", limited(func(m *models.Model) { m.Behaviour.MaxGapSpread = 0 }), jitter(0.04), 0},
		{"a normal model that fits silences", []models.Model{beaconModel("10.toml"), normal("99.toml")}, beat(web, 0, time.Minute, 12), 0},
		{"a normal model that does not fit says nothing", []models.Model{beaconModel("10.toml"), func() models.Model {
			m := normal("99.toml")
			limits := *m.Behaviour
			limits.MaxGapSpread = 0
			m.Behaviour = &limits
			return m
		}()}, jitter(0.04), 8},
		{"a name is no evidence", limited(func(m *models.Model) { m.Behaviour.Evidence = 0 }), beat(web, 0, time.Minute, 12), 0},
		{"sizes in the range", limited(func(m *models.Model) { m.Behaviour.MinSize, m.Behaviour.MaxSize = 1000, 1000 }), beat(web, 0, time.Minute, 12), 8},
		{"sizes too small", limited(func(m *models.Model) { m.Behaviour.MinSize = 1001 }), beat(web, 0, time.Minute, 12), 0},
		{"sizes too large", limited(func(m *models.Model) { m.Behaviour.MaxSize = 999 }), beat(web, 0, time.Minute, 12), 0},
		{"another port", limited(func(m *models.Model) { m.Behaviour.Ports = []uint16{80} }), beat(web, 0, time.Minute, 12), 0},
		{"the destination", limited(func(m *models.Model) {
			m.Behaviour.Destinations = []netip.Prefix{netip.MustParsePrefix("198.51.100.0/24")}
		}), beat(web, 0, time.Minute, 12), 8},
		{"another destination", limited(func(m *models.Model) {
			m.Behaviour.Destinations = []netip.Prefix{netip.MustParsePrefix("198.51.101.0/24")}
		}), beat(web, 0, time.Minute, 12), 0},
		{"likely letters", limited(func(m *models.Model) { m.Letters, m.Threshold = strings.Repeat("e,e,e,", 20), 3 }), beat(web, 0, time.Minute, 12), 8},
		{"unlikely letters", limited(func(m *models.Model) { m.Letters, m.Threshold = strings.Repeat("h*H*", 20), 1 }), beat(web, 0, time.Minute, 12), 0},
		{"silence in the middle keeps the rhythm", limited(same), append(beat(web, 0, time.Minute, 8), beat(web, 5*time.Hour, time.Minute, 3)...), 7},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := newDetector(t, deaf(t), c.set, Hooks{})
			if got := len(d.Observe(c.flows)); got != c.want {
				t.Errorf("%d detections, want %d; %+v", got, c.want, d.Stats())
			}
		})
	}
}

func TestHousekeeping(t *testing.T) {
	for _, c := range []struct {
		dst, port, proto string
		want             bool
	}{
		{"198.51.100.7", "443", "tcp", false},
		{"2001:db8::7", "443", "tcp", false},
		{"198.51.100.7", "123", "tcp", false},
		{"198.51.100.7", "53", "udp", false},
		{"198.51.100.7", "0x0800", "icmp", false},
		{"198.51.100.7", "123", "udp", true},
		{"10.0.0.1", "67", "udp", true},
		{"224.0.0.251", "9999", "udp", true},
		{"ff02::fb", "9999", "udp", true},
		{"255.255.255.255", "9999", "udp", true},
		{"192.168.1.255", "9999", "udp", true},
		{"203.0.113.255", "9999", "udp", false},
		{"169.254.3.4", "443", "tcp", true},
		{"fe80::1", "443", "tcp", true},
		{"127.0.0.1", "443", "tcp", true},
		{"0.0.0.0", "443", "tcp", true},
		{"198.51.100.7", "", "ospf", true},
		{"198.51.100.7", "", "igmp", true},
		{"10.0.0.1", "", "arp", true},
		{"00:11:22:33:44:55", "", "llc", true},
	} {
		if got := housekeeping(tupleOf(t, c.dst, c.port, c.proto)); got != c.want {
			t.Errorf("%s %s %s: %v, want %v", c.dst, c.port, c.proto, got, c.want)
		}
	}
}

func TestDetectionJSON(t *testing.T) {
	web := tupleOf(t, "198.51.100.7", "443", "tcp")
	cfg := DefaultConfig()
	cfg.Classifier = &models.Classifier{Threshold: 0.5, MinContacts: 5, Intercept: -1, Weights: map[string]float64{}}
	for _, f := range FeatureList {
		cfg.Classifier.Weights[f.Name] = 0
	}
	cfg.Classifier.Weights["sizes_kept"] = 4
	d := newDetector(t, cfg, []models.Model{beaconModel("10.toml")}, Hooks{})
	flows := beat(web, 0, time.Minute, 5)
	flows[4].Source = 3
	got := d.Observe(flows)
	if len(got) != 1 {
		t.Fatalf("%d detections", len(got))
	}
	b, err := json.MarshalIndent(got[0], "", " ")
	if err != nil {
		t.Fatal(err)
	}
	want := `{
 "tuple": "10.0.0.5-198.51.100.7-443-tcp",
 "label": "From-Botnet-TCP-Any-Beacon-1",
 "model": "10.toml",
 "scorer": "behaviour",
 "score": 1,
 "threshold": 0.5,
 "letters": "55,e,e,e,",
 "flows": 5,
 "time": "2024-03-01T12:04:00.000000Z",
 "window": "2024-03-01T12:04:00.000000Z",
 "source": 3,
 "why": "probability 1.00 (alerts from 0.50): 5 contacts, one every 1m0s (spread 0), of 1000 bytes (spread 0); for it: it fits the model From-Botnet-TCP-Any-Beacon-1 (+20.0), 100 % of the sizes are alike (+1.6)",
 "behaviour": "beacon-regular",
 "gap_ns": 60000000000
}`
	if diff := cmp.Diff(want, string(b)); diff != "" {
		t.Error(diff)
	}
}

func letterModels() []models.Model {
	return []models.Model{
		{Label: "From-Botnet-TCP-HTTP-B-1", Class: models.ClassMalicious, Kind: models.KindLetters, Proto: "TCP", Threshold: 1.1, Letters: "55,e,e,e,e,e,", File: "b.stfm"},
		{Label: "From-Botnet-TCP-HTTP-A-1", Class: models.ClassMalicious, Kind: models.KindLetters, Proto: "tcp", Threshold: 1.1, Letters: "55,e,e,e,e,e,", File: "a.stfm"},
	}
}

// TestMinLetters: the comparison goes on, the detection waits.
func TestMinLetters(t *testing.T) {
	web := tupleOf(t, "198.51.100.7", "443", "tcp")
	for _, c := range []struct{ min, want int }{{0, 8}, {3, 8}, {5, 6}, {11, 0}} {
		cfg := referenceConfig(time.Hour)
		cfg.MinLetters = c.min
		won := 0
		d := newDetector(t, cfg, letterModels(), Hooks{OnStep: func(s *Step) {
			if s.Won && s.Malicious {
				won++
			}
		}})
		got := d.Observe(beat(web, 0, 10*time.Second, 10))
		if len(got) != c.want || won != 8 {
			t.Errorf("min_letters %d: %d detections of %d matches, want %d of 8", c.min, len(got), won, c.want)
		}
		if len(got) > 0 && (got[0].Model != "a.stfm" || !strings.HasSuffix(got[0].Why, "1 other model is as near")) {
			t.Errorf("won by %s: %s", got[0].Model, got[0].Why)
		}
	}
}

func TestSelect(t *testing.T) {
	letters, beacon := letterModels(), []models.Model{beaconModel("c.toml")}
	both := append(letters[:2:2], beacon...)
	for _, c := range []struct {
		scoring Scoring
		set     []models.Model
		want    Scoring
		use     string
		left    int
		fails   bool
	}{
		{ScoringAuto, nil, ScoringBehaviour, "", 0, false},
		{ScoringAuto, letters, ScoringReference, "a.stfm b.stfm", 0, false},
		{ScoringAuto, beacon, ScoringBehaviour, "c.toml", 0, false},
		{ScoringAuto, both, "", "", 0, true},
		{ScoringReference, both, ScoringReference, "a.stfm b.stfm", 1, false},
		{ScoringBehaviour, both, ScoringBehaviour, "c.toml", 2, false},
		{ScoringReference, beacon, ScoringReference, "", 1, false},
	} {
		chosen, use, left, err := Select(c.scoring, c.set)
		var files []string
		for _, m := range use {
			files = append(files, m.File)
		}
		got := fmt.Sprint(chosen, strings.Join(files, " "), len(left), err != nil)
		if want := fmt.Sprint(c.want, c.use, c.left, c.fails); got != want {
			t.Errorf("%s of %d models: %s, want %s (%v)", c.scoring, len(c.set), got, want, err)
		}
	}
}

func TestConfig(t *testing.T) {
	if err := DefaultConfig().Validate(); err != nil {
		t.Errorf("the default: %v", err)
	}
	bad := Config{Scoring: "best", Width: -time.Minute, MinLetters: -1, ForgetAfter: -1, MaxTuples: 1, MaxLetters: 1}
	var keys []string
	for line := range strings.Lines(bad.Validate().Error()) {
		key, _, _ := strings.Cut(line, ":")
		keys = append(keys, key)
	}
	want := []string{"scoring", "width", "max_jump", "max_late", "min_letters", "forget_after", "max_tuples", "max_letters"}
	if diff := cmp.Diff(want, keys); diff != "" {
		t.Error(diff)
	}
	if _, err := New(bad, nil, Hooks{}); err == nil {
		t.Error("New took a bad configuration")
	}
}

// builtin gives the models that are built into the program.
func builtin(tb testing.TB) []models.Model {
	tb.Helper()
	set, err := models.Builtin()
	if err != nil {
		tb.Fatal(err)
	}
	return set
}

// defaultClassifier gives the classifier that is built into the program.
func defaultClassifier(tb testing.TB) models.Classifier {
	tb.Helper()
	c, err := models.DefaultClassifier()
	if err != nil {
		tb.Fatal(err)
	}
	return c
}
