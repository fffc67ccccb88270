package detection

import (
	"testing"
	"time"

	"slips-ips/argusfeed"
	"slips-ips/internal/testenv"
)

// scanner gives the flows of a host that looks at everything once.
type scanner struct {
	n     uint32
	flow  argusfeed.Flow
	twice bool
}

func (s *scanner) fill(batch []argusfeed.Flow, start argusfeed.Time) {
	for i := range batch {
		s.flow.Start, s.flow.State = start, "S_"
		s.flow.Dst = argusfeed.AddrFrom4([4]byte{byte(60 + s.n>>24), byte(s.n >> 16), byte(s.n >> 8), byte(s.n)})
		batch[i] = s.flow
		if !s.twice || i%2 == 1 {
			s.n++
		}
	}
}

// A scan of ten million tuples, in a table for two hundred thousand, pushes out
// neither a beacon of six hours nor one that has just begun, both of which are
// detected as if there were no scan, nor one of the host that scans. The scan knocks twice at each door in its second half, so
// that its tuples have as many flows as a slow beacon in hours.
func TestScanHidesNoBeacon(t *testing.T) {
	const most, minutes = 200_000, 400
	scanned := 10_000_000
	if testenv.Race { // makes it ten times as slow
		scanned = 1_500_000
	}
	cfg := DefaultConfig()
	cfg.MaxTuples = most
	alone, among := newDetector(t, cfg, builtin(t), Hooks{}), newDetector(t, cfg, builtin(t), Hooks{})
	scan := scanner{}
	scan.flow = flowOf("10.0.0.66", 445)
	beacon := func(src string, minute int) []argusfeed.Flow {
		f := flowOf(src, 8443)
		f.Start = day.Add(time.Duration(minute) * time.Minute)
		f.Sport, f.State = argusfeed.PortNumber(uint16(3000+minute)), "FSPA_FSPA"
		f.Dur, f.Bytes, f.Packets = time.Second, 2000, 10
		return []argusfeed.Flow{f}
	}
	var want, got []Detection
	batch := make([]argusfeed.Flow, scanned/minutes)
	for minute := range minutes {
		var flows []argusfeed.Flow
		if minute%30 == 0 {
			flows = append(flows, beacon("10.0.0.7", minute)...) // for six hours and more
		}
		if minute >= 200 && minute%20 == 10 {
			flows = append(flows, beacon("10.0.0.66", minute)...) // the scanner itself has a master
		}
		if minute >= 200 && minute%25 == 5 {
			flows = append(flows, beacon("10.0.0.8", minute)...)
		}
		for _, f := range flows {
			want = append(want, alone.Observe([]argusfeed.Flow{f})...)
			got = append(got, among.Observe([]argusfeed.Flow{f})...)
		}
		scan.twice = minute >= minutes/2
		scan.fill(batch, day.Add(time.Duration(minute)*time.Minute+time.Second))
		among.Observe(batch)
	}
	s := among.Stats()
	if s.Tuples != most || s.Evicted < uint64(scanned/2) {
		t.Fatalf("this is not the load that is meant: %+v", s)
	}
	hosts := map[string]int{}
	for _, d := range want {
		hosts[d.Tuple.Src.String()]++
	}
	for _, d := range got {
		hosts[d.Tuple.Src.String()]--
	}
	delete(hosts, "10.0.0.66") // a host with so many peers is judged differently
	if len(hosts) != 2 || hosts["10.0.0.7"] != 0 || hosts["10.0.0.8"] != 0 {
		t.Errorf("detections that a scan took away: %v of %d", hosts, len(want))
	}
	for _, src := range []string{"10.0.0.7", "10.0.0.8", "10.0.0.66"} {
		if info, ok := among.Lookup(beacon(src, 0)[0].Tuple, 0); !ok || info.Flows < 7 {
			t.Errorf("the beacon of %s: known %v, %d flows", src, ok, info.Flows)
		}
	}
}

// A tuple that goes on for long, or was suspicious once, stays where so many with
// several flows come that there is no room for all.
func TestWhatIsKeptTheLongest(t *testing.T) {
	cfg := deaf(t)
	cfg.MaxTuples = 400
	d := newDetector(t, cfg, builtin(t), Hooks{})
	long := flowOf("10.0.0.7", 22)
	for i := range 4 {
		long.Start = day.Add(time.Duration(i) * 20 * time.Minute)
		d.Observe([]argusfeed.Flow{long})
	}
	suspicious := flowOf("10.0.0.8", 22)
	suspicious.Start = long.Start
	d.Observe([]argusfeed.Flow{suspicious})
	d.tuples.raise(d.tuples.find(&suspicious.Tuple, suspicious.Hash(d.tuples.seed)), tierSuspicious)
	s := scanner{twice: true, flow: flowOf("10.0.0.9", 80)}
	batch := make([]argusfeed.Flow, 20_000)
	s.fill(batch, long.Start)
	d.Observe(batch)
	for _, f := range []argusfeed.Flow{long, suspicious} {
		if _, ok := d.Lookup(f.Tuple, 0); !ok {
			t.Errorf("%s is forgotten", f.Tuple)
		}
	}
	if n := d.tuples.lists[tierLong].n; n != 1 {
		t.Errorf("%d tuples go on for long", n)
	}
	if got := d.Stats(); got.Tuples != 400 || got.Evicted < 9000 {
		t.Errorf("%+v", got)
	}
}
