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

// What is sent is an Argus stream of now: each flow with its tuple, with times in
// their order and none of the future, and numbers and source ports that no time
// around has again.
func TestStream(t *testing.T) {
	l, err := readLoad(recorded(t, "3000"))
	if err != nil {
		t.Fatal(err)
	}
	s := &stream{load: l, rate: 1000, beacons: newBeacons(2, time.Second)}
	start := time.Now()
	buf := s.management(start, start, true)
	const rounds = 3
	for n := range uint64(rounds * len(l.flows)) {
		buf = s.appendLoad(buf, start, n)
	}
	end := start.Add(rounds * 3 * time.Second)
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
		tuple string
		seq   uint32
		sport argusfeed.Port
	}
	first := map[int]flow{}
	seqs := map[uint32]int{}
	for n := range rounds * len(l.flows) {
		next()
		i, round := s.position(uint64(n))
		f := flow{rec.String(), rec.Seq, rec.Sport}
		if round == 0 {
			first[i] = f
		} else if f.tuple != first[i].tuple || f.seq == first[i].seq {
			t.Fatalf("record %d: %+v, first %+v", n, f, first[i])
		}
		seqs[f.seq] |= 1 << round
		sent := start.Add(time.Duration(float64(n) / s.rate * 1e9))
		if at := rec.Start.Time(); at.After(sent) || at.Before(sent.Add(-3*time.Second)) {
			t.Fatalf("record %d starts %v from when it is sent", n, at.Sub(sent))
		}
	}
	for seq, in := range seqs {
		if in&(in-1) != 0 {
			t.Fatalf("the number %d is in several rounds", seq)
		}
	}
	if next(); rec.String() != s.beacons[1].tuple() || rec.State != "FSPA_FSPA" || rec.Start.Time().Before(end.Add(-time.Second)) {
		t.Errorf("the beacon is %s %s at %v", rec.Tuple, rec.State, rec.Start)
	}
	if next(); rec.Kind != argusfeed.KindManagement || rec.Status.Initial || rec.Status.State != "CON" {
		t.Errorf("the heartbeat is %+v", rec.Status)
	}
}
