package argusfeed

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// FuzzText checks what must hold for every input: one result a line, an error
// that says nothing else, and flows that survive being printed as ra prints.
func FuzzText(f *testing.F) {
	f.Add([]byte(RaHeader + "\r\n" + beacon + "\n\n" + strings.ReplaceAll(beacon, ",", "\t")))
	f.Add([]byte("1519898400.5,1e-3,\"t,\"\"cp\",fe80::1,0x0303,  <?>,aa:bb:cc:dd:ee:ff,https,x,0,,1e30,+7"))
	f.Add([]byte("label\tdport\tdaddr\tsaddr\tproto\tstime\nx\t\x00\t\xff\t1.2.3.4\tman\t1970/1/ 1 0:0:0.0\n"))
	if names, _ := filepath.Glob(filepath.Join(os.Getenv("SLIPS_REFERENCE"), "oracle/inputs/q[01]*")); os.Getenv("SLIPS_REFERENCE") != "" {
		for _, name := range names {
			if data, err := os.ReadFile(name); err == nil && len(data) < 4096 {
				f.Add(data)
			}
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		want := strings.Count(string(data), "\n")
		if len(data) > 0 && data[len(data)-1] != '\n' {
			want++
		}
		lines, flows := readText(t, strings.NewReader(string(data)), TextOptions{})
		if len(lines) != want {
			t.Fatalf("%d results for %d lines", len(lines), want)
		}
		small, _ := readText(t, iotest.HalfReader(strings.NewReader(string(data))), TextOptions{})
		if d := cmp.Diff(lines, small); d != "" {
			t.Fatalf("read in other pieces: %s", d)
		}
		var printed []byte
		for i := range flows {
			printed = append(new(RaPrinter).AppendFlow(printed, &flows[i]), '\n')
		}
		_, again := readText(t, strings.NewReader(string(printed)), TextOptions{})
		ignore := cmpopts.IgnoreFields(Flow{}, "SrcBytes", "Label", "Line", "Seq")
		if d := cmp.Diff(flows, again, equalFlows, ignore); d != "" {
			t.Fatalf("printed and read again: %s\n%s", d, printed)
		}
	})
}
