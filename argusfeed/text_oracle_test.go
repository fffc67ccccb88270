package argusfeed

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"slips-ips/internal/testenv"
)

// differs are the cases in which we may and do better than the original.
var differs = []string{
	"q07-*", "q08-*", "q10-*", "q17-*", "q12-*.w0*", "q12-*negative*", "*.w-*", "*.w0*", "q09-stop-word*",
	"q09-tabs*", "test5-mixed-tabs*", "q09-quoted*", "q09-whitespace*", "q09-cr-only*", "pcap-*-with-man*",
}

// oracleEvent is what the original did with a line.
type oracleEvent struct {
	Event string
	Line  int
	Tuple string
}

// Exactly the lines that the original took for flows are flows.
func TestTextTakesTheLinesOfTheOriginal(t *testing.T) {
	root := testenv.Reference(t, "oracle")
	var cases []struct{ Name, Input, Expected string }
	data, err := os.ReadFile(path.Join(root, "cases.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &cases); err != nil {
		t.Fatal(err)
	}
	compared := 0
	for _, c := range cases {
		may := false
		for _, pattern := range differs {
			ok, err := path.Match(pattern, c.Name)
			if err != nil {
				t.Fatal(err)
			}
			may = may || ok
		}
		if may {
			continue
		}
		in, err := os.ReadFile(path.Join(root, c.Input))
		if err != nil {
			t.Fatal(err)
		}
		lines, _ := readText(t, bytes.NewReader(in), TextOptions{})
		rows := strings.Split(string(in), "\n")
		for _, e := range oracleEvents(t, path.Join(root, c.Expected)) {
			if e.Event == "crash" {
				break
			}
			if e.Line == 0 || e.Event == "final" {
				continue
			}
			compared++
			got := lines[e.Line-1]
			switch e.Event {
			case "flow", "flow_new_slot":
				if got.Flow != latin1(e.Tuple) {
					t.Errorf("%s line %d: %+v, want the tuple %q", c.Name, e.Line, got, latin1(e.Tuple))
				}
			case "dropped": // it looked at the time first
				if short := strings.Count(rows[e.Line-1], ",") < 12; (got.Flow == "") != short {
					t.Errorf("%s line %d: %+v, want a flow: %v", c.Name, e.Line, got, !short)
				}
			case "skipped_before_first":
				if got.Flow != "" {
					t.Errorf("%s line %d: %+v, want none", c.Name, e.Line, got)
				}
			}
		}
	}
	if compared == 0 {
		t.Error("nothing was compared")
	}
	t.Logf("%d lines compared", compared)
}

func oracleEvents(t *testing.T, name string) (events []oracleEvent) {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	for d := json.NewDecoder(bufio.NewReader(z)); ; {
		var e oracleEvent
		if err := d.Decode(&e); err == io.EOF {
			return events
		} else if err != nil {
			t.Fatal(err)
		}
		events = append(events, e)
	}
}

// latin1 gives the bytes that the expected results write as Latin-1.
func latin1(s string) string {
	var b []byte
	for _, r := range s {
		b = append(b, byte(r))
	}
	return string(b)
}

// What we do better than the original, input by input: the number of flows and
// what became of the other lines.
func TestTextMendsTheOriginal(t *testing.T) {
	one := func(kind string) map[string]uint64 { return map[string]uint64{"header": 1, kind: 1} }
	header := map[string]uint64{"header": 1}
	for input, want := range map[string]struct {
		flows   int
		skipped map[string]uint64
	}{
		"q07-duration-values":         {69, header},
		"q07-size-values":             {108, header},
		"q08-time-forms":              {8, header},
		"q08-time-bad-leading-space":  {8, header},
		"q08-time-bad-dot-only":       {7, one("time")},
		"q08-time-bad-empty":          {7, one("time")},
		"q08-time-bad-epoch":          {7, one("time")},
		"q08-time-bad-feb29":          {7, one("time")},
		"q08-time-bad-seven-digits":   {7, one("time")},
		"q08-time-bad-trailing-space": {7, one("time")},
		"q08-time-bad-sec60":          {7, one("time")},
		"q09-tabs":                    {6, header},
		"q09-quoted":                  {3, header},
		"q09-whitespace":              {6, header},
		"q09-cr-only-mac":             {0, map[string]uint64{"time": 1}},
		"q09-stop-word-last":          {6, one("columns")},
		"q09-stop-word-newline":       {7, one("columns")},
		"q09-short-12":                {8, one("columns")},
		"q09-blank-line-middle":       {6, map[string]uint64{"header": 1, "blank": 1}},
		"q09-header-twice":            {6, map[string]uint64{"header": 2}},
		"q09-junk-before":             {5, map[string]uint64{"header": 1, "blank": 2, "columns": 3}},
		"q10-addresses":               {138, map[string]uint64{"header": 1, "management": 6}},
		"q17-man-now-then-past":       {5, one("management")},
		"test5-mixed-tabs":            {299, map[string]uint64{"header": 1, "management": 1}},
		"pcap-test7-with-man":         {338, map[string]uint64{"header": 1, "management": 2}},
	} {
		data, err := os.ReadFile(testenv.Reference(t, "oracle", "inputs", input+".binetflow"))
		if err != nil {
			t.Fatal(err)
		}
		lines, flows := readText(t, bytes.NewReader(data), TextOptions{})
		skipped := map[string]uint64{}
		for _, l := range lines {
			if l.Skip != "" {
				skipped[l.Skip]++
			}
		}
		if len(flows) != want.flows || cmp.Diff(want.skipped, skipped) != "" {
			t.Errorf("%s: %d flows, skipped %v, want %d, %v", input, len(flows), skipped, want.flows, want.skipped)
		}
	}
}

// Every file of labelled traffic is read without a bad line.
func TestTextReadsLabelledFiles(t *testing.T) {
	for _, name := range []string{
		"ctu-malware/ctu-2016-09-09-win1.binetflow", "ctu-normal-argus/2013-10-21_capture-1.binetflow",
		"slips-test-cc-synthetic/test-cc-capture-1-every2s.binetflow", "iot23-honeypot-benign/b1.binetflow",
		"ctu50-normal-zeek/ctu-normal-40-day1.binetflow", "ctu-zeek-malicious/njrat-botnet-230-1-first1000.binetflow",
	} {
		f, err := os.Open(testenv.Reference(t, "data", name))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		lines, flows := readText(t, f, TextOptions{})
		if len(lines) != len(flows)+1 || lines[0].Skip != "header" || len(flows) == 0 {
			t.Errorf("%s: %d lines gave %d flows", name, len(lines), len(flows))
		}
		for _, fl := range flows {
			if fl.Label == "" {
				t.Errorf("%s line %d: no label", name, fl.Line)
				break
			}
		}
	}
}

// What ra prints with our own ra.conf is read without a bad line, and gives the
// flows that the original's ra.conf gave.
func TestTextReadsRealRa(t *testing.T) {
	ra := testenv.Program(t, "ra")
	want, err := os.ReadFile(testenv.Reference(t, "fixtures", "mixed-plain.slips.csv"))
	if err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{"-X", "-F", "../packaging/ra.conf", "-n", "-Z", "b"},
		{"-F", "../packaging/ra.conf", "-n"}, // -Z b stands in our ra.conf
		{"-X", "-F", "../packaging/ra.conf", "-n", "-u"},
		{"-X", "-F", "../packaging/ra.conf", "-n", "-c", "\t"},
	} {
		cmd := exec.Command(ra, append(args, "-r", testenv.Reference(t, "fixtures", "mixed-plain.argus"))...)
		cmd.Env = []string{"TZ=America/New_York", "HOME=/nonexistent"}
		out, err := cmd.Output()
		if err != nil {
			t.Fatal(err)
		}
		lines, got := readText(t, bytes.NewReader(out), TextOptions{})
		_, flows := readText(t, bytes.NewReader(want), TextOptions{})
		if d := cmp.Diff(flows, got, equalFlows); d != "" {
			t.Errorf("ra %v: %s", args, d)
		}
		for i, l := range lines {
			if l.Skip != "" && l.Skip != "header" && l.Skip != "management" {
				t.Errorf("ra %v line %d: %s", args, i+1, l.Skip)
			}
		}
	}
}
