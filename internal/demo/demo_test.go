//go:build linux

package main

import (
	"bytes"
	"context"
	"errors"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"slips-ips/internal/lab"
	"slips-ips/internal/testenv"
)

// TestDemo is `make demo` in all three modes and with both feeds: the real argus,
// ra and nft, and real traffic.
func TestDemo(t *testing.T) {
	testenv.Root(t)
	for _, program := range []string{"argus", "ra", "nft"} {
		testenv.Program(t, program)
	}
	ns, err := lab.NewNS("probe")
	if errors.Is(err, lab.ErrUnavailable) {
		testenv.Skip(t, err.Error())
	} else if err != nil {
		t.Fatal(err)
	}
	ns.Close()
	binary := filepath.Join(t.TempDir(), "slips-ips")
	if out, err := exec.Command("go", "build", "-o", binary, "slips-ips/cmd/slips-ips").CombinedOutput(); err != nil {
		t.Fatalf("building the program: %v\n%s", err, out)
	}
	for _, run := range []struct {
		name, mode string
		pipe       bool
	}{
		{"enforce", "enforce", false}, {"dry-run", "dry-run", false},
		{"enforce-pipe", "enforce", true}, {"detect-off-pipe", "detect-off", true},
	} {
		t.Run(run.name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
			defer cancel()
			var out bytes.Buffer
			err := (&demo{binary: binary, mode: run.mode, pipe: run.pipe, out: &out}).run(ctx)
			t.Log("\n" + out.String())
			if err != nil {
				t.Fatal(err)
			}
		})
	}
}
