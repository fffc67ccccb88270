//go:build linux

package main

import (
	"os/exec"
	"path/filepath"
	"testing"

	"slips-ips/internal/testenv"
)

// Every connection is detected once on each feed, but for those before a tuple
// has enough letters. How long it takes is for a quiet machine to tell.
func TestEveryConnectionIsDetected(t *testing.T) {
	testenv.Root(t)
	testenv.Program(t, "argus")
	testenv.Program(t, "ra")
	binary := filepath.Join(t.TempDir(), "slips-ips")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", binary, "slips-ips/cmd/slips-ips").CombinedOutput(); err != nil {
		t.Fatalf("building: %v\n%s", err, out)
	}
	const n = 8
	results, err := measure(t.Context(), binary, n)
	if err != nil {
		t.Fatal(err)
	}
	if len(results) != 3 {
		t.Errorf("%d feeds", len(results))
	}
	for _, r := range results {
		t.Logf("%+v", r)
		if r.Detected != n-2 || r.Median <= 0 {
			t.Errorf("%s: %d of %d connections detected, median %.3f s", r.Feed, r.Detected, n, r.Median)
		}
	}
}
