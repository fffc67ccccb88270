package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"slips-ips/internal/testenv"
)

// TestMain lets the test be its own sub-process.
func TestMain(m *testing.M) {
	if os.Getenv(stageEnv) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

func TestBench(t *testing.T) {
	testenv.Program(t, "argus")
	testenv.Program(t, "ra")
	t.Setenv("GORACE", "atexit_sleep_ms=0") // a second for each process else
	o := options{
		flows: 3000, mix: "office", seed: 3, rounds: 1, cache: t.TempDir(), json: true,
		models: filepath.Join("..", "..", "detection", "testdata", "oracle", "models-tiny"),
	}
	var out bytes.Buffer
	if err := run(t.Context(), o, &out, io.Discard); err != nil {
		t.Fatal(err)
	}
	var r report
	if err := json.Unmarshal(out.Bytes(), &r); err != nil {
		t.Fatal(err)
	}
	// A header, the flows, and a management record or more.
	if r.Records <= 3000 || r.SameLines != r.Records+1 {
		t.Errorf("%d records and %d lines of 3000 flows", r.Records, r.SameLines)
	}
	if len(r.Programs) != len(stages)+1 {
		t.Fatalf("%d programs were measured", len(r.Programs))
	}
	for _, m := range r.Programs {
		if len(m.Runs) != 1 || m.Seconds <= 0 || m.Ratio <= 0 {
			t.Errorf("%+v", m)
		}
	}
	var text bytes.Buffer
	if err := r.print(&text); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{r.Ra, r.Models, "decode", "goal"} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("the table does not tell %q:\n%s", want, &text)
		}
	}
}

// The same seed makes the same packets, or files of different machines could not
// be compared; and they come in the order of time.
func TestTrafficIsTheSame(t *testing.T) {
	one, two, other := newTraffic(1, "office"), newTraffic(1, "office"), newTraffic(2, "office")
	differ := 0
	var last int64
	for range 50_000 {
		var a, b, c packet
		at := one.next(&a)
		if again := two.next(&b); a != b || at != again {
			t.Fatalf("%+v at %d, and then %+v at %d", a, at, b, again)
		}
		if other.next(&c); a != c {
			differ++
		}
		if at < last {
			t.Fatalf("a packet of %d comes after one of %d", at, last)
		}
		last = at
	}
	if differ == 0 {
		t.Error("the seed changes nothing")
	}
}

func TestSameLines(t *testing.T) {
	lines := func(s string) *bufio.Reader { return bufio.NewReader(strings.NewReader(s)) }
	if n, err := sameLines(lines("a\nb\n"), lines("a\nb\n")); n != 2 || err != nil {
		t.Error(n, err)
	}
	for _, theirs := range []string{"a\n", "a\nc\n", "a\nb\nc\n", "a\nb"} {
		if _, err := sameLines(lines("a\nb\n"), lines(theirs)); err == nil {
			t.Errorf("%q passes for a, b", theirs)
		}
	}
}
