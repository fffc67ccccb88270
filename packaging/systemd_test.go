package packaging_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"slips-ips/agent"
	"slips-ips/internal/testenv"
)

// units are what each unit runs.
var units = map[string]string{
	"slips-ips.service":         "run -c " + agent.DefaultConfigPath,
	"slips-ips-restore.service": "restore -c " + agent.DefaultConfigPath,
	"slips-ips-argus.service":   "argus -c /etc/slips-ips/argus.conf",
}

// exposed is the most that systemd-analyze may find open, in tenths. What is left is
// the network, one capability, and the sight of other processes.
const exposed = "19"

// systemd understands the units and calls them well guarded. What the walls really
// keep out is tried by make package-test.
func TestUnit(t *testing.T) {
	for unit, command := range units {
		t.Run(unit, func(t *testing.T) { testUnit(t, unit, command) })
	}
}

func testUnit(t *testing.T, name, command string) {
	analyze := testenv.Program(t, "systemd-analyze")
	text := read(t, "systemd/"+name)
	if !strings.Contains(text, "\nExecStart=/usr/bin/slips-ips "+command+"\n") {
		t.Errorf("the unit does not run slips-ips %s", command)
	}
	if strings.Contains(text, "\nRestartPreventExitStatus=") {
		t.Error("a panic and the watchdog's end have the exit status 2 too: the agent would not be started again")
	}
	self, err := os.Executable() // the agent is not installed here
	if err != nil {
		t.Fatal(err)
	}
	unit := filepath.Join(t.TempDir(), name)
	text = strings.ReplaceAll(text, "=/usr/bin/slips-ips ", "="+self+" ") // to start and to reload
	if err := os.WriteFile(unit, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{"verify", "--man=no", "--recursive-errors=no", unit}, // the manual is not installed either
		{"security", "--offline=yes", "--threshold=" + exposed, unit},
	} {
		out, err := exec.CommandContext(t.Context(), analyze, args...).CombinedOutput()
		if err != nil {
			t.Errorf("systemd-analyze %s: %v\n%s", strings.Join(args, " "), err, out)
		}
		if args[0] == "verify" && len(out) > 0 { // a key that is not known is only a warning
			t.Errorf("systemd-analyze verify says: %s", out)
		}
	}
}
