package metrics

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// docs/metrics.md lists every metric as it is.
func TestDocs(t *testing.T) {
	const path, begin, end = "../../../docs/metrics.md", "<!-- metrics: written by the test -->\n", "<!-- end -->\n"
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(b), begin)
	_, after, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		t.Fatalf("%s has no %q or no %q", path, begin, end)
	}
	table := "| metric | type | labels | what it is |\n|---|---|---|---|\n"
	for _, m := range List() {
		table += fmt.Sprintf("| `%s` | %s | %s | %s |\n", m.Name, m.Type, strings.Join(m.Labels, ", "), m.Help)
	}
	golden(t, path, before+begin+table+end+after)
}
