//go:build linux

package main

import (
	"os"
	"strconv"
	"strings"
)

// cpuTime is time of all processors together, in the kernel's ticks.
type cpuTime struct{ stolen, all uint64 }

// processors reads how much of its time a virtual machine had to wait for a processor of
// its host (proc_stat(5), steal). No figure of this tool is better than that. It is zero
// where the kernel does not tell it.
func processors() cpuTime {
	text, err := os.ReadFile("/proc/stat")
	if err != nil {
		return cpuTime{}
	}
	line, _, _ := strings.Cut(string(text), "\n")
	return parseCPU(line)
}

// parseCPU reads the first line of /proc/stat.
func parseCPU(line string) (c cpuTime) {
	fields := strings.Fields(line)
	if len(fields) < 9 || fields[0] != "cpu" {
		return cpuTime{}
	}
	for i, f := range fields[1:9] { // those behind are parts of the first
		n, err := strconv.ParseUint(f, 10, 64)
		if err != nil {
			return cpuTime{}
		}
		if c.all += n; i == 7 {
			c.stolen = n
		}
	}
	return c
}

func (c cpuTime) since(before cpuTime) cpuTime {
	return cpuTime{c.stolen - before.stolen, c.all - before.all}
}

func (c cpuTime) plus(d cpuTime) cpuTime { return cpuTime{c.stolen + d.stolen, c.all + d.all} }

// share is what was stolen, of 1.
func (c cpuTime) share() float64 {
	if c.all == 0 {
		return 0
	}
	return float64(c.stolen) / float64(c.all)
}
