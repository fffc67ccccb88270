package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"slips-ips/internal/testenv"
)

// condition is what scripts may ask for besides testscript's own: [root], the
// test runs as root.
func condition(name string) (bool, error) {
	if name == "root" {
		if os.Geteuid() != 0 && os.Getenv("SLIPS_REQUIRE_ALL") == "1" {
			return false, errors.New("needs root (SLIPS_REQUIRE_ALL=1 allows no skip)")
		}
		return os.Geteuid() == 0, nil
	}
	return false, fmt.Errorf("there is no condition %q", name)
}

// waits runs a program again and again until its standard output matches,
// whatever its exit status: waits PATTERN PROGRAM ARG...
func waits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: waits PATTERN PROGRAM ARG...")
	}
	pattern, err := regexp.Compile("(?m)" + args[0])
	ts.Check(err)
	for end := time.Now().Add(testenv.Patience); ; time.Sleep(50 * time.Millisecond) {
		err := ts.Exec(args[1], args[2:]...)
		var exit *exec.ExitError
		if err != nil && !errors.As(err, &exit) {
			ts.Check(err)
		}
		if pattern.MatchString(ts.ReadFile("stdout")) {
			return
		}
		if time.Now().After(end) {
			ts.Fatalf("there is no %q", args[0])
		}
	}
}
