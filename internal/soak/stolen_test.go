//go:build linux

package main

import "testing"

func TestParseCPU(t *testing.T) {
	c := parseCPU("cpu  10 20 30 100 5 0 15 20 7 8")
	if c.stolen != 20 || c.all != 200 || c.share() != 0.1 {
		t.Errorf("%+v", c)
	}
	for _, line := range []string{"", "cpu 1 2 3", "cpu0 1 2 3 4 5 6 7 8", "cpu 1 2 3 4 5 6 7 x"} {
		if c := parseCPU(line); c != (cpuTime{}) || c.share() != 0 {
			t.Errorf("%q: %+v", line, c)
		}
	}
	if c := processors(); c.all == 0 {
		t.Error("/proc/stat was not understood")
	}
}
