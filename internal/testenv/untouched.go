package testenv

import (
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"
)

// places are where an agent that nobody told otherwise keeps its state, answers, and
// finds its configuration.
var places = []string{"/var/lib/slips-ips", "/run/slips-ips", "/etc/slips-ips"}

// Untouched runs the tests of a package that starts agents, and fails it where one of
// them touched what belongs to the agent of this machine: a test gives the agents that
// it starts folders of their own (see [Own]). It is m for testing, with such an end.
func Untouched(m interface{ Run() int }) interface{ Run() int } { return untouched{m, places} }

type untouched struct {
	tests  interface{ Run() int }
	places []string
}

// Run is that of testing.M.
func (u untouched) Run() int {
	if agentRuns(u.places) { // it changes them itself
		return u.tests.Run()
	}
	before := traces(u.places)
	code := u.tests.Run()
	if touched := differ(before, traces(u.places)); len(touched) > 0 {
		fmt.Fprintf(os.Stderr, "a test started an agent without folders of its own (testenv.Own), and it touched those of this machine: %q\n", touched)
		return max(code, 1)
	}
	return code
}

// agentRuns tells whether an agent of this machine answers.
func agentRuns(places []string) bool {
	return slices.ContainsFunc(places, func(place string) bool {
		c, err := net.Dial("unix", filepath.Join(place, "control.sock"))
		if err == nil {
			_ = c.Close()
		}
		return err == nil
	})
}

// trace is what shows that a file or folder was made, changed or replaced. An agent
// that starts makes a file in its state folder and removes it again: that changes the
// folder's.
type trace struct {
	inode   uint64
	changed time.Time
}

// traces gives those of all that is in some places. What cannot be seen has none.
func traces(places []string) map[string]trace {
	found := map[string]trace{}
	for _, place := range places {
		_ = filepath.WalkDir(place, func(path string, d fs.DirEntry, err error) error {
			if err != nil {
				return nil
			}
			if info, err := d.Info(); err == nil {
				t := trace{changed: info.ModTime()}
				if st, ok := info.Sys().(*syscall.Stat_t); ok {
					t.inode = st.Ino
				}
				found[path] = t
			}
			return nil
		})
	}
	return found
}

// differ gives the paths that came, went or changed.
func differ(before, after map[string]trace) (paths []string) {
	for path, t := range after {
		if was, ok := before[path]; !ok || was != t {
			paths = append(paths, path)
		}
	}
	for path := range before {
		if _, ok := after[path]; !ok {
			paths = append(paths, path)
		}
	}
	slices.Sort(paths)
	return paths
}
