package detection

import (
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"slips-ips/argusfeed"
	"slips-ips/models"
)

// benchFlows is an office: of ten flows, seven are of tuples never seen again,
// two of busy ones and one of a beacon.
func benchFlows(n int) []argusfeed.Flow {
	flows := make([]argusfeed.Flow, n)
	addr := func(i uint32) argusfeed.Addr {
		var b [4]byte
		binary.BigEndian.PutUint32(b[:], i)
		return argusfeed.AddrFrom4(b)
	}
	for i := range flows {
		f := &flows[i]
		f.Src, f.Dst = addr(0x0a000001+uint32(i%250)), addr(0xc6336400+uint32(i))
		f.Port, f.Proto = argusfeed.PortNumber(443), argusfeed.ProtoTCP
		f.Start = day.Add(time.Duration(i) * time.Millisecond)
		f.Dur, f.Bytes = time.Duration(i%4)*time.Second, uint64(i*37%3000)
		switch i % 10 {
		case 7, 8:
			f.Src, f.Dst = addr(0x0a000001+uint32(i/10%50)), addr(0xcb007101)
		case 9:
			f.Src, f.Dst = addr(0x0a000001), addr(0xcb007100+uint32(i/10%2000))
			f.Dur, f.Bytes = time.Second, 1000
		}
	}
	return flows
}

func benchModels(b *testing.B, scoring Scoring) []models.Model {
	if scoring == ScoringBehaviour {
		return builtin(b)
	}
	dir := filepath.Join(os.Getenv("SLIPS_REFERENCE"), "oracle", "models-0.3.3")
	set, _, err := models.LoadDir(dir)
	if err != nil { // the models that come with the tests instead
		if set, _, err = models.LoadDir(filepath.Join("testdata", "oracle", "models-tiny")); err != nil {
			b.Fatal(err)
		}
	}
	return set
}

// BenchmarkObserve: quiet is the default scorer where nothing alerts, as it
// mostly is; a detection is told in words, which costs.
func BenchmarkObserve(b *testing.B) {
	for _, name := range []string{"behaviour-quiet", "behaviour", "slips-0.3.3"} {
		b.Run(name, func(b *testing.B) {
			flows := benchFlows(200_000)
			cfg, set := DefaultConfig(), builtin(b)
			switch name {
			case "behaviour-quiet":
				cfg = deaf(b)
			case "slips-0.3.3":
				cfg.Scoring = ScoringReference
				set = benchModels(b, ScoringReference)
			}
			cfg.MaxTuples = 100_000
			d := newDetector(b, cfg, set, Hooks{})
			span := flows[len(flows)-1].Start - flows[0].Start
			pass := func() {
				const batch = 256
				for i := 0; i < len(flows); i += batch {
					d.Observe(flows[i:min(i+batch, len(flows))])
				}
				for i := range flows {
					flows[i].Start += span
				}
			}
			pass() // fills the table
			b.ReportAllocs()
			b.ResetTimer()
			done := 0
			for range (b.N + len(flows) - 1) / len(flows) {
				pass()
				done += len(flows)
			}
			b.ReportMetric(float64(done)/b.Elapsed().Seconds(), "flows/s")
			b.ReportMetric(float64(d.Stats().Detections)/float64(d.Stats().Flows), "detections/flow")
		})
	}
}

// BenchmarkOneFlowTuples is the common case: tuples that are never seen again, in
// a table that is full of such.
func BenchmarkOneFlowTuples(b *testing.B) {
	for _, scoring := range []Scoring{ScoringBehaviour, ScoringReference} {
		for _, most := range []int{1000, 500_000} {
			b.Run(fmt.Sprintf("%s/%d", scoring, most), func(b *testing.B) {
				cfg := DefaultConfig()
				cfg.Scoring, cfg.MaxTuples = scoring, most
				d := newDetector(b, cfg, benchModels(b, scoring), Hooks{})
				flows := make([]argusfeed.Flow, 512)
				next := uint32(0)
				pass := func() {
					for i := range flows {
						f := &flows[i]
						f.Src, f.Dst = bench4(0x0a000001+next*2654435761>>23), bench4(0xc6000000+next*40503>>2)
						f.Port, f.Proto = argusfeed.PortNumber(uint16(next)), argusfeed.ProtoTCP
						f.Start, f.State, f.Bytes, f.Packets = day+argusfeed.Time(next), "FSPA_FSPA", 900, 8
						next++
					}
					d.Observe(flows)
				}
				for range most/len(flows) + 2 {
					pass()
				}
				b.ReportAllocs()
				b.ResetTimer()
				for range (b.N + len(flows) - 1) / len(flows) {
					pass()
				}
			})
		}
	}
}

func bench4(i uint32) argusfeed.Addr {
	var b [4]byte
	binary.BigEndian.PutUint32(b[:], i)
	return argusfeed.AddrFrom4(b)
}

// BenchmarkLongTuple is one tuple that never rests: 30,000 flows in a window.
func BenchmarkLongTuple(b *testing.B) {
	cfg := referenceConfig(24 * time.Hour)
	set := benchModels(b, ScoringReference)
	flows := make([]argusfeed.Flow, 30_000)
	for i := range flows {
		flows[i] = at(argusfeed.Tuple{Proto: argusfeed.ProtoTCP}, time.Duration(i)*time.Second)
		flows[i].Bytes = uint64(i * i % 1500)
	}
	b.ReportAllocs()
	for range b.N {
		newDetector(b, cfg, set, Hooks{}).Observe(flows)
	}
	b.ReportMetric(float64(b.N*len(flows))/b.Elapsed().Seconds(), "flows/s")
}

// BenchmarkContacts is the worst case: every flow begins a contact, and some
// begin one in every span.
func BenchmarkContacts(b *testing.B) {
	for name, gap := range map[string]func(i int) time.Duration{
		"one-span":    func(i int) time.Duration { return 10*time.Minute + time.Duration(i*7919%1000)*time.Millisecond },
		"three-spans": func(i int) time.Duration { return []time.Duration{time.Second, time.Minute, 10 * time.Minute}[i%3] },
	} {
		b.Run(name, func(b *testing.B) {
			d := newDetector(b, deaf(b), builtin(b), Hooks{})
			web := argusfeed.Tuple{Src: argusfeed.AddrFrom4([4]byte{10, 0, 0, 1}), Dst: argusfeed.AddrFrom4([4]byte{198, 51, 100, 7}),
				Port: argusfeed.PortNumber(443), Proto: argusfeed.ProtoTCP}
			flows := make([]argusfeed.Flow, 1)
			start := day
			b.ReportAllocs()
			for i := range b.N {
				flows[0] = argusfeed.Flow{Tuple: web, Sport: argusfeed.PortNumber(uint16(i)), Start: start, Dur: time.Second,
					Bytes: uint64(1000 + i*31%700), Packets: 9, State: "FSPA_FSPA"}
				d.Observe(flows)
				start = start.Add(gap(i))
			}
		})
	}
}
