//go:build linux

package main

import (
	"bytes"
	"os/exec"
	"path/filepath"
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
	offices := s.offices()
	if offices < 5 || offices > 12 { // 122 flows a second each
		t.Errorf("%d offices have %v flows a second", offices, s.rate)
	}
	n := uint64(len(l.flows)) * 5 / 2 * offices
	for n := range n {
		buf = s.appendLoad(buf, start, n)
	}
	end := start.Add(time.Duration(float64(n) / s.rate * 1e9))
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
	type place struct {
		at     int
		office uint64
	}
	type flow struct {
		tuple argusfeed.Tuple
		seq   uint32
		sport argusfeed.Port
	}
	first, rounds, again := map[place]flow{}, map[uint32]uint64{}, 0
	moved := map[argusfeed.Tuple]uint64{} // hosts inside, by office
	for n := range n {
		next()
		at, office, round := s.position(n)
		f := flow{rec.Tuple, rec.Seq, rec.Sport}
		p := place{at, office}
		if before, known := first[p]; !known {
			first[p] = f
		} else if again++; f.tuple != before.tuple || f.seq == before.seq || f.sport == before.sport && uint16(f.sport) >= 1024 {
			t.Fatalf("record %d: %+v, first %+v", n, f, before)
		}
		if of := round*offices + office + 1; rounds[f.seq] != 0 && rounds[f.seq] != of {
			t.Fatalf("the number %d is in several offices or rounds", f.seq)
		} else {
			rounds[f.seq] = of
		}
		if len(l.flows[at].inside) > 0 {
			if in, known := moved[f.tuple]; known && in != office {
				t.Fatalf("%s is in the offices %d and %d", f.tuple, in, office)
			}
			moved[f.tuple] = office
		}
		sent := start.Add(time.Duration(float64(n) / s.rate * 1e9))
		if at := rec.Start.Time(); at.After(sent) || at.Before(sent.Add(-3*time.Second)) {
			t.Fatalf("record %d starts %v from when it is sent", n, at.Sub(sent))
		}
	}
	if again == 0 || len(moved) < 100 {
		t.Errorf("%d records came again, %d tuples are of hosts inside: nothing is shown by that", again, len(moved))
	}
	if next(); rec.String() != s.beacons[1].tuple() || rec.State != "FSPA_FSPA" || rec.Start.Time().Before(end.Add(-time.Second)) {
		t.Errorf("the beacon is %s %s at %v", rec.Tuple, rec.State, rec.Start)
	}
	if next(); rec.Kind != argusfeed.KindManagement || rec.Status.Initial || rec.Status.State != "CON" {
		t.Errorf("the heartbeat is %+v", rec.Status)
	}
}
