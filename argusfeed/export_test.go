package argusfeed

import (
	"path/filepath"
	"strings"
	"testing"
)

// What the tests outside of this package take of those in it.

// ArgusConfigs are the ways in which argus reads the captures of the tests.
var ArgusConfigs = argusConfigs

// EverythingByArgus gives the file that a real argus writes of a new capture.
func EverythingByArgus(t *testing.T, config string) string {
	t.Helper()
	return runArgus(t, everything(2), config)
}

// RightRows gives what ra printed of a file, its default columns, with the rows
// set right that it prints wrong.
func RightRows(t *testing.T, file, text string) string {
	t.Helper()
	if !strings.HasPrefix(filepath.Base(file), "mixed-") {
		return text
	}
	lines := strings.SplitAfter(text, "\n")
	for i, rec := range readRecords(t, file) {
		if f, wrong := mixedFaults[rec.Seq]; wrong && rec.Kind == KindFlow {
			lines[i+1] = setRight(&RaPrinter{}, lines[i+1], f)
		}
	}
	return strings.Join(lines, "")
}

// Traffic whose records are joined.
var (
	JoinTraffic   = joinTraffic
	RandomTraffic = randomTraffic
	JoinedBy      = joinedBy
)

// JoinCase tells why the letters of a case of JoinTraffic may depend on the
// interval, and which tuple's they are.
func JoinCase(t Tuple) (number int, different string, ok bool) {
	ip, isIP := t.Dst.IP()
	if !isIP || !ip.Is4() || ip.As4()[1] != 1 {
		return 0, "", false
	}
	number = int(ip.As4()[2])
	return number, joinCases[number].different, true
}

// JoinCases is how many there are.
var JoinCases = len(joinCases)
