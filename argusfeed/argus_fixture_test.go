package argusfeed

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"slips-ips/internal/testenv"
)

// raFault is a row that ra 3.0.8.2 prints wrong, and what is right instead.
type raFault struct {
	why   string
	right map[RaField]string
	plain string // the state without -Z, where it is another
}

// mixedFaults are the rows of the fixtures mixed-*, by number of flow.
var mixedFaults = map[uint32]raFault{
	9: {why: "a later fragment of TCP: state and direction from left-over memory",
		right: map[RaField]string{RaDir: "   ?>", RaState: "_"}, plain: "INT"},
	50: {why: "ESP: half of the parameter index overwritten",
		right: map[RaField]string{RaDstPort: "0xd5032625"}},
	99: {why: "ESP: half of the parameter index overwritten",
		right: map[RaField]string{RaDstPort: "0xcde19cd2"}},
	120: {why: "ESP: half of the parameter index overwritten",
		right: map[RaField]string{RaDstPort: "0xb529e5f5"}},
	132: {why: "a lone timestamp reply: type from left-over memory, so not recognised as a reply",
		right: map[RaField]string{RaSrcAddr: "192.168.2.5", RaSrcPort: "0x000e", RaDir: "  <-",
			RaDstAddr: "95.99.221.113", RaState: "TSR", RaSrcTos: "", RaDstTos: "0", RaSrcBytes: "0"}},
	184: {why: "a later fragment of ICMP: type from left-over memory",
		right: map[RaField]string{RaSrcPort: "", RaDstPort: "", RaState: "INT"}},
}

// raPrints are the ways in which ra has printed each fixture.
var raPrints = []struct {
	suffix  string
	printer RaPrinter
	fields  string
	status  bool // with management records
}{
	{".csv", RaPrinter{UnixTime: true}, "stime dur proto saddr sport dir daddr dport state pkts bytes sbytes", false},
	{".noZ.csv", RaPrinter{UnixTime: true, PlainState: true}, "stime dur proto saddr sport dir daddr dport state pkts bytes sbytes", false},
	{".man.csv", RaPrinter{UnixTime: true}, "seq stime dur proto saddr sport dir daddr dport state stos dtos pkts bytes sbytes", true},
	{".slips.csv", RaPrinter{}, "", true},
}

// TestArgusPrintsLikeRa compares every record of every fixture with the line
// that ra printed of it.
func TestArgusPrintsLikeRa(t *testing.T) {
	t.Run("ours", func(t *testing.T) { compareFixtures(t, "testdata/fixtures", 3) })
	t.Run("reference", func(t *testing.T) { compareFixtures(t, testenv.Reference(t, "fixtures"), 6) })
}

func compareFixtures(t *testing.T, dir string, atLeast int) {
	files, err := filepath.Glob(filepath.Join(dir, "*.argus"))
	if err != nil || len(files) < atLeast {
		t.Fatalf("%d fixtures in %s, want %d (%v)", len(files), dir, atLeast, err)
	}
	for _, file := range files {
		base := strings.TrimSuffix(file, ".argus")
		var faults map[uint32]raFault
		if strings.HasPrefix(filepath.Base(base), "mixed-") {
			faults = mixedFaults
		}
		records := readRecords(t, file)
		for _, pr := range raPrints {
			t.Run(filepath.Base(base)+pr.suffix, func(t *testing.T) {
				text, err := os.ReadFile(base + pr.suffix)
				if err != nil {
					t.Fatal(err)
				}
				p := pr.printer
				p.RaFaults = true
				if pr.fields != "" {
					if p.Fields, err = ParseRaFields(pr.fields); err != nil {
						t.Fatal(err)
					}
				}
				compareLines(t, &p, records, string(text), pr.status, faults)
			})
		}
	}
}

// compareLines prints records and compares line by line with what ra printed.
func compareLines(t *testing.T, p *RaPrinter, records []Record, text string, status bool, faults map[uint32]raFault) {
	t.Helper()
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	if got := string(p.AppendHeader(nil)); got != lines[0] {
		t.Errorf("header %s, ra has %s", got, lines[0])
	}
	lines = lines[1:]
	seen := 0
	for i := range records {
		rec := &records[i]
		if rec.Kind == KindOther || rec.Kind == KindManagement && !status {
			continue
		}
		if len(lines) == 0 {
			t.Fatalf("record %d: ra has no line of it", i)
		}
		got, want := string(p.AppendRecord(nil, rec)), lines[0]
		lines = lines[1:]
		if f, ok := faults[rec.Seq]; ok && rec.Kind == KindFlow {
			right := setRight(p, want, f)
			if right == want {
				t.Errorf("record %d: ra prints it right: %s (%s)", i, want, f.why)
			}
			want = right
			seen++
		}
		if got != want {
			t.Errorf("record %d:\n  got %s\n want %s", i, got, want)
		}
	}
	if len(lines) > 0 {
		t.Errorf("ra has %d lines more, the first: %s", len(lines), lines[0])
	}
	if seen != len(faults) {
		t.Errorf("%d of the rows that ra prints wrong were there, want %d", seen, len(faults))
	}
}

// setRight replaces the columns that ra has wrong.
func setRight(p *RaPrinter, line string, f raFault) string {
	columns := strings.Split(line, ",")
	for i, field := range p.fields() {
		v, ok := f.right[field]
		if field == RaState && p.PlainState && f.plain != "" {
			v, ok = f.plain, true
		}
		if ok {
			columns[i] = v
		}
	}
	return strings.Join(columns, ",")
}

// readRecords decodes a whole file.
func readRecords(t testing.TB, file string) []Record {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	records, err := decodeAll(data)
	if err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	return records
}

// decodeAll decodes until the end, which must be a clean one.
func decodeAll(data []byte) ([]Record, error) {
	a := NewArgus(bytes.NewReader(data))
	var records []Record
	for {
		var rec Record
		if err := a.Next(&rec); err != nil {
			return records, ignoreEOF(err)
		}
		records = append(records, rec)
	}
}
