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

// TestDemo is `make demo` in all three modes: the real argus, ra and nft, and
// real traffic.
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
	for _, mode := range []string{"enforce", "dry-run", "detect-off"} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
			defer cancel()
			var out bytes.Buffer
			err := (&demo{binary: binary, mode: mode, out: &out}).run(ctx)
			t.Log("\n" + out.String())
			if err != nil {
				t.Fatal(err)
			}
		})
	}
}
