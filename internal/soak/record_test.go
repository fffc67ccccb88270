//go:build linux

package main

import (
	"bytes"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"slips-ips/argusfeed"
	"slips-ips/internal/testenv"
)

// recorded makes a file with a real argus.
func recorded(t *testing.T, flows string) string {
	t.Helper()
	testenv.Program(t, "argus")
	dir := t.TempDir()
	cmd := exec.CommandContext(t.Context(), "go", "run", "slips-ips/internal/flowbench", "-record", "-flows", flows, "-cache", dir)
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("recording flows: %v", err)
	}
	path := strings.TrimSpace(string(out))
	if !filepath.IsAbs(path) {
		t.Fatalf("%q is no path", path)
	}
	return path
}

// What is sent is an Argus stream of now: each flow with its tuple, in each office
// between other hosts, with times in their order and none of the future, and numbers
// and source ports that no time around has again.
func TestStream(t *testing.T) {
	l, err := readLoad(recorded(t, "3000"))
	if err != nil {
		t.Fatal(err)
	}
	s := &stream{load: l, rate: 1000, beacons: newBeacons(2, time.Second)}
	start := time.Now()
	buf := s.management(start, start, true)
	s.open()
	if n := len(s.offices); n < 5 || n > 12 { // 122 flows a second each
		t.Errorf("%d offices have %v flows a second", n, s.rate)
	}
	type place struct {
		at            int
		office, round uint32
	}
	type record struct {
		place
		sent time.Time
	}
	var records []record
	sent, end := uint64(0), start.Add(time.Duration(2.5*float64(l.span)*1e3))
	for now := start; now.Before(end); now = now.Add(100 * time.Millisecond) {
		var n uint64
		before := slices.Clone(s.offices)
		buf, n = s.appendLoad(buf, start, now)
		sent += n
		for i, o := range before {
			for o.next != s.offices[i].next || o.round != s.offices[i].round {
				records = append(records, record{place{o.next, uint32(i), uint32(o.round)}, now})
				if o.next++; o.next == len(l.flows) {
					o.next, o.round = 0, o.round+1
				}
			}
		}
	}
	if sent != uint64(len(records)) {
		t.Fatalf("%d records were counted, %d appended", sent, len(records))
	}
	if rate := float64(sent) / end.Sub(start).Seconds(); rate < 0.8*s.rate || rate > 1.2*s.rate {
		t.Errorf("%.0f records a second, want %v", rate, s.rate)
	}
	buf = s.appendBeacon(buf, s.beacons[1], end)
	buf = append(buf, s.management(start, end, false)...)

	a := argusfeed.NewArgus(bytes.NewReader(buf))
	var rec argusfeed.Record
	next := func() *argusfeed.Record {
		t.Helper()
		if err := a.Next(&rec); err != nil {
			t.Fatal(err)
		}
		return &rec
	}
	if !next().Status.Initial {
		t.Error("the first record is no greeting")
	}
	type flow struct {
		tuple argusfeed.Tuple
		seq   uint32
		sport argusfeed.Port
	}
	type occasion struct{ office, round uint32 }
	first, occasions, again := map[place]flow{}, map[uint32]occasion{}, 0
	moved := map[argusfeed.Tuple]uint32{} // tuples of hosts inside, by office
	for _, r := range records {
		next()
		f := flow{rec.Tuple, rec.Seq, rec.Sport}
		once := r.place
		once.round = 0
		if before, known := first[once]; !known {
			first[once] = f
		} else if again++; f.tuple != before.tuple || f.seq == before.seq || f.sport == before.sport && uint16(f.sport) >= 1024 {
			t.Fatalf("%+v: %+v, first %+v", r, f, before)
		}
		o := occasion{r.office, r.round}
		if of, known := occasions[f.seq]; known && of != o {
			t.Fatalf("the number %d is in %+v and %+v", f.seq, of, o)
		}
		occasions[f.seq] = o
		if len(l.flows[r.at].inside) > 0 {
			if in, known := moved[f.tuple]; known && in != r.office {
				t.Fatalf("%s is in the offices %d and %d", f.tuple, in, r.office)
			}
			moved[f.tuple] = r.office
		}
		if at := rec.Start.Time().Add(rec.Dur); at.After(r.sent) || at.Before(r.sent.Add(-10*time.Second)) {
			t.Fatalf("record %+v ends %v from when it is sent", r, at.Sub(r.sent))
		}
	}
	if again == 0 || len(moved) < 100 {
		t.Errorf("%d records came again, %d tuples are of hosts inside: nothing is shown by that", again, len(moved))
	}
	if next(); rec.String() != s.beacons[1].tuple() || rec.State != "FSPA_FSPA" || rec.Start.Time().Before(end.Add(-10*time.Second)) || rec.Start.Time().After(end) {
		t.Errorf("the beacon is %s %s at %v", rec.Tuple, rec.State, rec.Start)
	}
	if next(); rec.Kind != argusfeed.KindManagement || rec.Status.Initial || rec.Status.State != "CON" {
		t.Errorf("the heartbeat is %+v", rec.Status)
	}
}
