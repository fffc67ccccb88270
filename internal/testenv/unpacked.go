package testenv

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// overlay puts the folders usr, etc and lib of $1 over those of the machine, usr of $2
// over that, and what is in etc of $2 in the place of what is there, so that it can be
// written; and becomes what follows.
const overlay = `set -e
PATH=/usr/sbin:/usr/bin:/sbin:/bin
over() { # one mount: how many may lie over each other is limited
	if [ -d "$1" ]; then mount -t overlay -o "lowerdir=$3$1:$2" overlay "$2"; fi
}
over "$1/usr" /usr "${2:+$2/usr:}"
over "$1/lib" /usr/lib
over "$1/etc" /etc
if [ -n "$2" ]; then
	for path in "$2"/etc/*; do
		if [ -e "$path" ]; then mount --bind "$path" "/etc/${path##*/}"; fi
	done
fi
shift 2
exec "$@"`

// Unpacked gives the command of a program that packaging/need-unpacked has unpacked
// below bin/unpacked instead of installing it, since its package would start a
// service on this machine, or change what the machine relies on. It sees what was
// unpacked, and above it what is in the folders usr and etc of layer ("": none), in a
// mount namespace of its own. One that is installed runs so as well. The test is skipped
// where the program is missing.
func Unpacked(tb testing.TB, layer, name string, args ...string) []string {
	tb.Helper()
	Root(tb)
	folder := unpackedFolder(tb)
	found := false
	for _, root := range []string{folder, "/"} {
		for _, dir := range []string{"usr/sbin", "usr/bin"} {
			_, err := exec.LookPath(filepath.Join(root, dir, name))
			found = found || err == nil
		}
	}
	if !found {
		Skip(tb, "the program "+name+" is neither installed nor in "+folder)
	}
	return append([]string{"unshare", "--mount", "sh", "-c", overlay, "-", folder, layer, name}, args...)
}

// unpackedFolder is bin/unpacked of the module that the test is of.
func unpackedFolder(tb testing.TB) string {
	tb.Helper()
	dir, err := os.Getwd()
	if err != nil {
		tb.Fatal(err)
	}
	for parent := ""; dir != parent; parent, dir = dir, filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return filepath.Join(dir, "bin", "unpacked")
		}
	}
	tb.Fatal("no go.mod above the test")
	return ""
}
