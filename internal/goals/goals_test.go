package main

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"testing"
)

// What is measured is what was asked for, in small.
func TestStages(t *testing.T) {
	o := options{flows: 4000}
	for name, tuples := range map[string]int{"memory:3000": 3000, "tuples:1000": 1000, "steady:500": 500} {
		var out bytes.Buffer
		o.stage = name
		if err := run(t.Context(), o, &out, os.Stderr); err != nil {
			t.Fatal(err)
		}
		var f figures
		if err := json.Unmarshal(out.Bytes(), &f); err != nil {
			t.Fatal(err)
		}
		if f.Tuples != tuples || f.Flows < 4000 || f.CPU <= 0 || f.Resident == 0 {
			t.Errorf("%s: %+v", name, f)
		}
	}
	o.models = "../../detection/testdata/oracle/models-tiny"
	for _, name := range []string{"models:20", "letters:30"} {
		o.stage = name
		if err := run(t.Context(), o, &bytes.Buffer{}, os.Stderr); err != nil {
			t.Fatal(err)
		}
	}
}

func TestGoalsAreTold(t *testing.T) {
	var out bytes.Buffer
	err := printGoals(&out, []goal{
		{Name: "fast", Want: 2e6, Have: 1.5e6, Unit: "flows/s"}, {Name: "small", Want: 3, Have: 2.5, Unit: "GiB", Most: true, More: "213 bytes"}})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"fast   at least 2000000 flows/s  1500000   missed", "small  at most 3 GiB             2.5       met     213 bytes"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("not told: %q in\n%s", want, &out)
		}
	}
}

func TestCurvesAreDrawn(t *testing.T) {
	c := curves[len(curves)-1]
	svg := string(c.draw([][]float64{{0.1, 0.2, 0.3, 1, 2, 2.5}}))
	for _, want := range []string{"10M", "goal", "usual mix", "</svg>"} {
		if !strings.Contains(svg, want) {
			t.Errorf("the picture does not show %q", want)
		}
	}
}
