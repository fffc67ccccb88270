package models

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"slips-ips/internal/testenv"
)

// What one hostile file may cost: the figures, for the whole process.
const (
	mostSeconds = 1.0
	mostKiB     = 64 << 10
)

// endless repeats a text for ever.
type endless struct {
	text string
	at   int
}

func (e *endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = e.text[e.at]
		e.at = (e.at + 1) % len(e.text)
	}
	return len(p), nil
}

// hostile are the files; those of no name are streams instead.
var hostile = []struct {
	name, file string
	data       func() []byte
	stream     io.Reader
}{
	{name: "reduce to os.system", file: "a.stfm", data: func() []byte {
		return []byte("cos\nsystem\n(S'touch executed'\ntR.")
	}},
	{name: "inst of subprocess.call", file: "a.stfm", data: func() []byte {
		return []byte("((S'touch'\nS'executed'\nlisubprocess\ncall\n.")
	}},
	{name: "billion laughs", file: "a.stfm", data: func() []byte { return []byte(laughs(80)) }},
	{name: "wide laughs", file: "a.stfm", data: func() []byte {
		b := "((S'ha'\ntp0\n"
		for i := range 8 {
			b += "(" + strings.Repeat(fmt.Sprintf("g%d\n", i), 200) + fmt.Sprintf("tp%d\n", i+1)
		}
		return []byte(b + "t.")
	}},
	{name: "dicts in dicts", file: "a.stfm", data: func() []byte {
		return []byte(strings.Repeat("(dp1\nS'a'\n", 120) + strings.Repeat("g1\ns", 60000))
	}},
	{name: "truncated", file: "a.stfm", data: func() []byte {
		return bytes.Join(parts02(testLetters, testLabel, numpyThreshold, 1.1), nil)[:500]
	}},
	{name: "marks", file: "a.stfm", data: func() []byte { return bytes.Repeat([]byte("("), MaxFileSize) }},
	{name: "memo entries", file: "a.stfm", data: func() []byte {
		b := []byte("(d")
		for i := 0; len(b) < MaxFileSize-16; i++ {
			b = fmt.Appendf(b, "p%d\n", i)
		}
		return b
	}},
	{name: "strings in the memo", file: "a.stfm", data: func() []byte {
		return []byte("(S'" + strings.Repeat(`\x41`, MaxFileSize/8) + "'\n" + strings.Repeat("p1\n", 60000))
	}},
	{name: "a huge number", file: "a.stfm", data: func() []byte {
		return []byte("F" + strings.Repeat("9", MaxFileSize-2))
	}},
	{name: "a huge long", file: "a.stfm", data: func() []byte {
		return []byte("L" + strings.Repeat("9", MaxFileSize-4) + "L\n.")
	}},
	{name: "a string said to have 4 GiB", file: "a.stfm", data: func() []byte { return []byte("T\xff\xff\xff\xffx") }},
	{name: "lists in lists", file: "a.toml", data: func() []byte {
		return []byte("a = " + strings.Repeat("[", MaxFileSize-4))
	}},
	{name: "tables in tables", file: "a.toml", data: func() []byte {
		return []byte("a = " + strings.Repeat("{a=", MaxFileSize/3-4))
	}},
	{name: "a key of dots", file: "a.toml", data: func() []byte {
		return []byte(strings.Repeat("a.", MaxFileSize/2-4) + "a = 1")
	}},
	{name: "a table of dots", file: "a.toml", data: func() []byte {
		return []byte("[" + strings.Repeat("a.", MaxFileSize/2-4) + "a]")
	}},
	{name: "keys", file: "a.toml", data: func() []byte {
		var b []byte
		for i := 0; len(b) < MaxFileSize-16; i++ {
			b = fmt.Appendf(b, "k%d=1\n", i)
		}
		return b
	}},
	{name: "ports", file: "a.toml", data: func() []byte {
		return []byte("behaviour.not_ports = [" + strings.Repeat("1,", MaxFileSize/2-20) + "]")
	}},
	{name: "one long label", file: "a.toml", data: func() []byte {
		return []byte(`label = "` + strings.Repeat(`\u0041`, MaxFileSize/6-4) + `"`)
	}},
	{name: "1 GiB of nothing", file: "gib.stfm"},
	{name: "1 GiB of nothing in TOML", file: "gib.toml"},
	{name: "zeros without end", stream: &endless{text: "\x00"}},
	{name: "strings without end", stream: &endless{text: "S'8'\n"}},
	{name: "one string without end", stream: io.MultiReader(strings.NewReader("S'"), &endless{text: "88,"})},
}

// TestHostileCost reads each hostile file in a process of its own and measures
// what that costs. The child reports the peak of its own memory (VmHWM): what
// wait4 tells of a child includes the memory of the parent before the exec.
func TestHostileCost(t *testing.T) {
	if name := os.Getenv("SLIPS_TEST_HOSTILE"); name != "" {
		hostileChild(t, name)
		return
	}
	if _, err := os.Stat("/proc/self/status"); err != nil {
		testenv.Skip(t, "needs /proc/self/status to measure memory")
	}
	dir := t.TempDir()
	measure := func(name, path string) (seconds float64, kib int, said string) {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		cmd := exec.CommandContext(ctx, os.Args[0], "-test.run=^TestHostileCost$", "-test.v")
		cmd.Env = append(os.Environ(), "SLIPS_TEST_HOSTILE="+name, "SLIPS_TEST_HOSTILE_FILE="+path, "GORACE=atexit_sleep_ms=0")
		cmd.Dir = dir
		out, err := cmd.CombinedOutput()
		m := regexp.MustCompile(`COST (\S+) s (\d+) KiB: (.*)`).FindSubmatch(out)
		if err != nil || m == nil {
			t.Fatalf("%s: %v\n%s", name, err, out)
		}
		seconds, _ = strconv.ParseFloat(string(m[1]), 64)
		kib, _ = strconv.Atoi(string(m[2]))
		return seconds, kib, string(m[3])
	}
	seconds, kib := mostSeconds, mostKiB
	if info, ok := debug.ReadBuildInfo(); ok && slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"}) {
		seconds, kib = 10*seconds, 10*kib // what the race detector costs: its manual says 2 to 20 times the time, 5 to 10 times the memory
	}
	_, base, _ := measure("nothing", "")
	t.Logf("a process that reads nothing has %d KiB", base)
	for _, h := range hostile {
		t.Run(h.name, func(t *testing.T) {
			path := ""
			if h.file != "" {
				path = filepath.Join(dir, h.file)
				var data []byte
				if h.data != nil {
					if data = h.data(); len(data) > MaxFileSize {
						t.Fatalf("the file has %d bytes, more than are read", len(data))
					}
				}
				if err := os.WriteFile(path, data, 0o600); err != nil {
					t.Fatal(err)
				}
				if h.data == nil {
					if err := os.Truncate(path, 1<<30); err != nil {
						t.Fatal(err)
					}
				}
				defer os.Remove(path)
			}
			tookSeconds, tookKiB, said := measure(h.name, path)
			t.Logf("%.3f s, %d KiB: %s", tookSeconds, tookKiB, said)
			if tookSeconds > seconds || tookKiB > kib {
				t.Errorf("takes %.3f s and %d KiB; at most %v s and %d KiB are allowed", tookSeconds, tookKiB, seconds, kib)
			}
			if !strings.HasPrefix(said, "read model") || len(said) > 600 {
				t.Errorf("no clear error: %s", said)
			}
		})
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("something was executed: %v %v", left, err)
	}
}

func hostileChild(t *testing.T, name string) {
	var m Model
	err := fmt.Errorf("read model: none was asked for")
	start := time.Now()
	for _, h := range hostile {
		switch {
		case h.name != name:
		case h.stream != nil:
			m, err = ImportSTFM(h.stream, "stream.stfm")
		default:
			m, err = LoadFile(os.Getenv("SLIPS_TEST_HOSTILE_FILE"))
		}
	}
	seconds := time.Since(start).Seconds()
	if err == nil {
		t.Fatalf("taken for a model: %v", m)
	}
	status, rerr := os.ReadFile("/proc/self/status")
	peak := regexp.MustCompile(`VmHWM:\s+(\d+) kB`).FindSubmatch(status)
	if rerr != nil || peak == nil {
		t.Fatalf("read the peak of memory: %v", rerr)
	}
	line, _, _ := strings.Cut(err.Error(), "\n")
	fmt.Printf("COST %.3f s %s KiB: %s\n", seconds, peak[1], line)
}

// An opened file of 1 GiB is read no further than a model may be.
func TestSparseFileIsNotRead(t *testing.T) {
	f, err := os.Create(filepath.Join(t.TempDir(), "gib.stfm"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := f.Truncate(1 << 30); err != nil {
		t.Fatal(err)
	}
	if _, err := ImportSTFM(f, f.Name()); err == nil || !strings.Contains(err.Error(), "larger than 512 KiB") {
		t.Errorf("error %v", err)
	}
	if at, err := f.Seek(0, io.SeekCurrent); err != nil || at > 2*MaxFileSize {
		t.Errorf("read up to %d, %v", at, err)
	}
}
