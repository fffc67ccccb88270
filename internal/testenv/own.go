package testenv

import (
	"path/filepath"
	"testing"
)

// Own gives the flags that have `slips-ips run` keep its state and answer in a folder
// of the test, whatever its slips.toml says.
func Own(tb testing.TB) []string {
	tb.Helper()
	dir := tb.TempDir()
	return []string{"--state", filepath.Join(dir, "state"), "--socket", filepath.Join(dir, "c.sock")}
}
