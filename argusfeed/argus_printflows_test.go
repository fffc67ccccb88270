package argusfeed_test

import (
	"bytes"
	"compress/gzip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"slips-ips/agent"
	"slips-ips/argusfeed"
	"slips-ips/internal/testenv"
)

// TestPrintFlowsEqualsRa compares, for every fixture and for new captures, what
// replay --print-flows prints with what the real ra prints with our ra.conf.
func TestPrintFlowsEqualsRa(t *testing.T) {
	var files []string
	for _, dir := range []string{filepath.Join("testdata", "fixtures"), testenv.Reference(t, "fixtures")} {
		found, err := filepath.Glob(filepath.Join(dir, "*.argus"))
		if err != nil || len(found) == 0 {
			t.Fatalf("no fixtures in %s (%v)", dir, err)
		}
		files = append(files, found...)
	}
	for _, config := range argusfeed.ArgusConfigs {
		files = append(files, argusfeed.EverythingByArgus(t, config))
	}
	for _, file := range files {
		want := argusfeed.RightRows(t, file, raPrints(t, file))
		if strings.Count(want, "\n") < 20 {
			t.Errorf("%s: ra prints next to nothing:\n%s", file, want)
		}
		for _, path := range []string{file, gzipped(t, file)} {
			var got bytes.Buffer
			err := agent.PrintFlows(t.Context(), agent.PrintOptions{Files: []string{path}, RaFaults: true, Out: &got})
			if d := cmp.Diff(want, got.String()); err != nil || d != "" {
				t.Errorf("%s: %v, -ra +ours:\n%s", path, err, d)
			}
		}
	}
}

// raPrints gives what ra prints of a file with our ra.conf.
func raPrints(t *testing.T, file string) string {
	t.Helper()
	conf := filepath.Join("..", "packaging", "ra.conf")
	cmd := exec.CommandContext(t.Context(), testenv.Program(t, "ra"), "-X", "-F", conf, "-n", "-Z", "b", "-r", file)
	cmd.Env = append(os.Environ(), "TZ=UTC")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %v", cmd, err)
	}
	return string(out)
}

func gzipped(t *testing.T, file string) string {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "flows.gz")
	out, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	z := gzip.NewWriter(out)
	if _, err := z.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}
