// Package testenv tells tests what the machine has: reference data, root,
// programs. Where something is missing a test skips and says why; with
// SLIPS_REQUIRE_ALL=1, as in continuous integration, that is a failure.
package testenv

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// Skip skips the test, or fails it where SLIPS_REQUIRE_ALL=1.
func Skip(tb testing.TB, why string) {
	tb.Helper()
	if os.Getenv("SLIPS_REQUIRE_ALL") == "1" {
		tb.Fatalf("%s (SLIPS_REQUIRE_ALL=1 allows no skip)", why)
	}
	tb.Skip(why)
}

// Reference gives the path of a file or folder of the reference data that
// SLIPS_REFERENCE points to; the test is skipped where there is none.
func Reference(tb testing.TB, elem ...string) string {
	tb.Helper()
	root := os.Getenv("SLIPS_REFERENCE")
	if root == "" {
		Skip(tb, "SLIPS_REFERENCE is not set: no reference data")
	}
	path := filepath.Join(append([]string{root}, elem...)...)
	if _, err := os.Stat(path); err != nil {
		Skip(tb, "no reference data: "+err.Error())
	}
	return path
}

// Root skips the test where it does not run as root.
func Root(tb testing.TB) {
	tb.Helper()
	if os.Geteuid() != 0 {
		Skip(tb, "needs root, to make network namespaces")
	}
}

// Program gives the path of a program; the test is skipped where it is missing.
func Program(tb testing.TB, name string) string {
	tb.Helper()
	for _, dir := range append(filepath.SplitList(os.Getenv("PATH")), "/usr/sbin", "/sbin") {
		if path, err := exec.LookPath(filepath.Join(dir, name)); err == nil {
			return path
		}
	}
	Skip(tb, "the program "+name+" is not installed")
	return ""
}

// Patience is longer than any machine needs for what a test waits for: how long it
// takes is no matter.
const Patience = 2 * time.Minute

// Until waits for something that another goroutine, a program or the kernel does.
// It is looked at again and again, ever less often; the test fails where that takes longer than
// Patience, and says what did not come and, by seen, what is there instead.
func Until(tb testing.TB, what string, is func() bool, seen ...func() string) {
	tb.Helper()
	pause := time.Millisecond
	for end := time.Now().Add(Patience); !is(); time.Sleep(pause) {
		pause = min(2*pause, 50*time.Millisecond)
		if time.Now().After(end) {
			text := ""
			for _, s := range seen {
				text += "\n" + s()
			}
			tb.Fatalf("not within %v: %s%s", Patience, what, text)
		}
	}
}

// Kernel skips the test where this kernel was built without something, with
// SLIPS_REQUIRE_ALL=1 too: nothing that can be installed brings it. `make
// test-kernel` runs such tests on Debian's kernel, where a skip is a failure.
func Kernel(tb testing.TB, without string) {
	tb.Helper()
	if os.Getenv("SLIPS_REQUIRE_KERNEL") == "1" {
		tb.Fatalf("this kernel has no %s (SLIPS_REQUIRE_KERNEL=1 allows no skip)", without)
	}
	tb.Skip("this kernel has no " + without + "; make test-kernel has one that does")
}
