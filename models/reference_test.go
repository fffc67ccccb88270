package models

import (
	"compress/gzip"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"slips-ips/internal/testenv"
)

// row is what the description of the original's models says of one.
type row struct {
	File, Label, Proto string
	Letters            int
	Start              string
	Threshold          float64
}

// describedRows reads the tables of the description, by version.
func describedRows(t *testing.T, path string) map[string][]row {
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	rows := make(map[string][]row)
	version := ""
	for line := range strings.Lines(string(data)) {
		if rest, ok := strings.CutPrefix(line, "## "); ok {
			version = strings.TrimSuffix(strings.Fields(rest)[0], "alpha")
		}
		if !strings.HasPrefix(line, "| From-") {
			continue
		}
		cells := strings.Split(line, " | ")
		n, err := strconv.Atoi(cells[3])
		if err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		number, _, _ := strings.Cut(cells[5], " ")
		threshold, err := strconv.ParseFloat(number, 64)
		if err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		rows[version] = append(rows[version], row{strings.TrimPrefix(cells[0], "| "), cells[1], cells[2], n, strings.Trim(cells[4], "`"), threshold})
	}
	return rows
}

func TestOriginalModels(t *testing.T) {
	root := testenv.Reference(t, "models-original")
	rows := describedRows(t, filepath.Join(root, "README.md"))
	if len(rows["0.2"]) != 18 || len(rows["0.3.3"]) != 16 {
		t.Fatalf("described are %d models of 0.2 and %d of 0.3.3", len(rows["0.2"]), len(rows["0.3.3"]))
	}
	for version, want := range rows {
		t.Run(version, func(t *testing.T) {
			set, warnings, err := LoadDir(filepath.Join(root, version))
			if err != nil || len(warnings) > 0 {
				t.Fatal(err, warnings)
			}
			var got []row
			for _, m := range set {
				got = append(got, row{m.File, m.Label, m.Proto, len(m.Letters), m.Letters[:min(40, len(m.Letters))], m.Threshold})
				if normal := strings.HasPrefix(m.Label, "From-Normal-"); normal != (m.Class == ClassNormal) {
					t.Errorf("%s is of class %s", m.Label, m.Class)
				}
				if never := m.Threshold == -1; never != (len(m.Notes()) == 1) {
					t.Errorf("%s, threshold %v: notes %v", m.File, m.Threshold, m.Notes())
				}
			}
			if d := cmp.Diff(want, got); d != "" {
				t.Error(d)
			}
			report, err := Import([]string{filepath.Join(root, version)}, t.TempDir(), ImportOptions{Licence: "GPL-2.0"})
			if err != nil || len(report) != len(set) {
				t.Fatalf("imported %d of %d, %v", len(report), len(set), err)
			}
			for i, r := range report {
				if r.Err != nil || r.Model.Letters != set[i].Letters || r.Model.Threshold != set[i].Threshold {
					t.Errorf("%s: %v", r.Source, r.Err)
				}
			}
		})
	}
}

// TestOracleModels loads the folders of the oracle and compares with what the
// original said that it had loaded.
func TestOracleModels(t *testing.T) {
	root := testenv.Reference(t, "oracle")
	data, err := os.ReadFile(filepath.Join(root, "cases.json"))
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct{ Models, Expected string }
	if err := json.Unmarshal(data, &cases); err != nil {
		t.Fatal(err)
	}
	seen := make(map[string]bool)
	for _, c := range cases {
		if c.Models == "" || seen[c.Models] {
			continue
		}
		seen[c.Models] = true
		t.Run(c.Models, func(t *testing.T) {
			f, err := os.Open(filepath.Join(root, c.Expected))
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			z, err := gzip.NewReader(f)
			if err != nil {
				t.Fatal(err)
			}
			type loaded struct {
				File      string  `json:"file"`
				Label     string  `json:"label"`
				Proto     string  `json:"proto"`
				Letters   int     `json:"state_len"`
				Threshold float64 `json:"threshold"`
				Malicious bool    `json:"malicious"`
			}
			var config struct {
				Event  string
				Models []loaded
			}
			if err := json.NewDecoder(z).Decode(&config); err != nil || config.Event != "config" {
				t.Fatal(config.Event, err)
			}
			set, warnings, err := LoadDir(filepath.Join(root, c.Models))
			if err != nil || len(warnings) > 0 {
				t.Fatal(err, warnings)
			}
			var got []loaded
			for _, m := range set {
				malicious := m.Class == ClassMalicious
				if strings.Contains(m.Label, "Abnormal") { // quirk 25: the original takes it for normal
					malicious = false
				}
				got = append(got, loaded{m.File, m.Label, m.Proto, len(m.Letters), m.Threshold, malicious})
			}
			if d := cmp.Diff(config.Models, got); d != "" {
				t.Error(d)
			}
		})
	}
	if len(seen) < 5 {
		t.Errorf("only the folders %v were loaded", seen)
	}
}

// TestDescribedBehaviours compares CountLetters with the shares that the
// description gives of the first 300 flows of each model.
func TestDescribedBehaviours(t *testing.T) {
	data, err := os.ReadFile(testenv.Reference(t, "BEHAVIOURS.md"))
	if err != nil {
		t.Fatal(err)
	}
	share := regexp.MustCompile(`(\S+) (\d+)`)
	rows := 0
	for line := range strings.Lines(string(data)) {
		cells := strings.Split(strings.Trim(line, "| \n"), " | ")
		if len(cells) != 7 || !strings.HasPrefix(cells[0], "From-") {
			continue
		}
		label, _, second := strings.Cut(cells[0], " (") // one label has a row for each version
		for version := range strings.SplitSeq(cells[1], ", ") {
			version, _, _ = strings.Cut(version, " ")
			set, _, err := LoadDir(testenv.Reference(t, "models-original", version))
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range set {
				if m.Label != label || second && !strings.Contains(cells[0], "("+version+")") {
					continue
				}
				rows++
				// The description counts to 300 letters, the last with its symbol or not.
				c := CountLetters(m.Letters[:min(599, len(m.Letters))])
				if described, err := strconv.Atoi(cells[2]); err != nil || c.Flows < described-1 || c.Flows > described {
					t.Errorf("%s %s: %d flows, described are %s", version, label, c.Flows, cells[2])
				}
				counts := map[string]int{"strong": c.Regularity[1], "weak": c.Regularity[2], "loose": c.Regularity[3], "none": c.Regularity[4],
					"S": c.Size[0], "M": c.Size[1], "L": c.Size[2], "s": c.Duration[0], "m": c.Duration[1], "l": c.Duration[2],
					".": c.Gap[0], ",": c.Gap[1], "+": c.Gap[2], "*": c.Gap[3], "0": c.Hours}
				for cell, total := range map[string]int{cells[3]: c.Flows, cells[4]: c.Flows, cells[5]: c.Flows,
					cells[6]: c.Gap[0] + c.Gap[1] + c.Gap[2] + c.Gap[3] + c.Hours} {
					for _, s := range share.FindAllStringSubmatch(cell, -1) {
						want, _ := strconv.Atoi(s[2])
						if got := 100 * float64(counts[s[1]]) / float64(total); math.Abs(got-float64(want)) > 2 {
							t.Errorf("%s %s: %.1f%% of %s, described are %d%%", version, label, got, s[1], want)
						}
					}
				}
			}
		}
	}
	if rows != 33 { // From-Botnet-TCP-Unknown-CC-1 of 0.2 is not described
		t.Errorf("%d models compared, not 33", rows)
	}
}
