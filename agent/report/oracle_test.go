package report

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"slips-ips/argusfeed"
	"slips-ips/detection"
	"slips-ips/internal/testenv"
	"slips-ips/models"
)

// oracleCase is one run of the original.
type oracleCase struct {
	Name, Input, Models, Stdout, Outcome string
	Args                                 []string
}

// betterAllowed are the cases in which ours may differ, to do better.
var betterAllowed = []string{"q07-*", "q08-*", "q10-*", "q17-*", "q12-*.w0*", "q12-*negative*", "*.w-*", "*.w0*",
	"q09-stop-word*", "q09-tabs*", "test5-mixed-tabs*", "q09-quoted*", "q09-whitespace*", "q09-cr-only*", "pcap-*-with-man*"}

func (c oracleCase) mayDiffer() bool {
	return slices.ContainsFunc(betterAllowed, func(pattern string) bool {
		ok, _ := path.Match(pattern, c.Name)
		return ok
	})
}

// flag gives the number behind a flag of the original.
func (c oracleCase) flag(t *testing.T, name string, otherwise int) int {
	t.Helper()
	i := slices.Index(c.Args, name)
	if i < 0 {
		return otherwise
	}
	n, err := strconv.Atoi(c.Args[i+1])
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestOracle compares what is printed with what the original printed.
func TestOracle(t *testing.T) {
	dir := testenv.Reference(t, "oracle")
	data, err := os.ReadFile(filepath.Join(dir, "cases.json"))
	if err != nil {
		t.Fatal(err)
	}
	var cases []oracleCase
	if err := json.Unmarshal(data, &cases); err != nil {
		t.Fatal(err)
	}
	ran := 0
	for _, c := range cases {
		if c.Outcome != "ok" || c.mayDiffer() {
			continue
		}
		ran++
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			want, got := slots(t, c.original(t, dir)), slots(t, c.ours(t, dir))
			if d := cmp.Diff(want, got); d != "" {
				t.Errorf("-original +ours\n%s", d)
			}
		})
	}
	if ran < 90 {
		t.Errorf("only %d cases ran", ran)
	}
}

// ours prints the case with the settings of the pipe.
func (c oracleCase) ours(t *testing.T, dir string) []byte {
	t.Helper()
	cfg := Config{Tuples: TuplesDetected}
	var set []models.Model
	if c.Models != "" {
		var err error
		if set, _, err = models.LoadDir(filepath.Join(dir, c.Models)); err != nil {
			t.Fatal(err)
		}
	}
	if slices.Contains(c.Args, "-D") {
		cfg.Tuples = TuplesAll
	}
	if c.flag(t, "-v", 1) == 0 {
		cfg.Tuples = TuplesNone
	}
	// -a N of the original prints tuples with more than N flows, ours those
	// with N and more.
	if n := c.flag(t, "-a", -1); n >= 0 {
		cfg.MinLetters = n + 1
	}
	var out bytes.Buffer
	p := NewPrinter(&out, true, cfg)
	settings := detection.DefaultConfig()
	settings.Scoring, settings.Width = detection.ScoringReference, time.Duration(c.flag(t, "-w", 5))*time.Minute
	hooks := detection.Hooks{}
	if p.Wants() {
		hooks.OnWindow = p.Window
	}
	d, err := detection.New(settings, set, hooks)
	if err != nil {
		t.Fatal(err)
	}
	in, err := os.Open(filepath.Join(dir, c.Input))
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	feed := argusfeed.NewText(in, argusfeed.TextOptions{})
	for {
		var f argusfeed.Flow
		var skip *argusfeed.SkipError
		if err := feed.Next(&f); errors.Is(err, io.EOF) {
			break
		} else if err != nil && !errors.As(err, &skip) {
			t.Fatal(err)
		} else if err == nil {
			d.Observe([]argusfeed.Flow{f})
		}
	}
	d.Finish()
	if err := p.Flush(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func (c oracleCase) original(t *testing.T, dir string) []byte {
	t.Helper()
	f, err := os.Open(filepath.Join(dir, c.Stdout))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

var (
	colours = regexp.MustCompile("\x1b\\[[0-9;]*m")
	// The original left the flow that opens a slot out of its connections.
	connections = regexp.MustCompile(` \(\d+ connections\)$`)
)

// slots gives the tuple lines below each slot line, sorted: those of the
// original are in the order of a Python dictionary.
func slots(t *testing.T, text []byte) [][]string {
	t.Helper()
	var all [][]string
	for line := range strings.SplitSeq(string(colours.ReplaceAll(text, nil)), "\n") {
		switch {
		case strings.HasPrefix(line, "Slot Started: "):
			all = append(all, []string{connections.ReplaceAllString(line, "")})
		case strings.Contains(line, "): ") && len(all) > 0:
			// With -D the original says of every tuple that it is detected as False.
			line = strings.TrimSuffix(line, "  Detected as: False")
			all[len(all)-1] = append(all[len(all)-1], line)
		}
	}
	for _, s := range all {
		slices.Sort(s[1:])
	}
	return all
}
