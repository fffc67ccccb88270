package report

import (
	"encoding/json"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"slips-ips/agent/history"
	"slips-ips/internal/testenv"
)

// insideMounts tells the test binary that it runs with mounts of its own.
const insideMounts = "SLIPS_TEST_INSIDE_MOUNTS"

// TestJournald speaks to a real systemd-journald, which listens at one place
// only: with a /run of its own, in a mount namespace.
func TestJournald(t *testing.T) {
	if os.Getenv(insideMounts) == "" {
		testenv.Root(t)
		testenv.Program(t, "journalctl")
		cmd := exec.Command("/proc/self/exe", "-test.run=^TestJournald$", "-test.v")
		cmd.Env = append(os.Environ(), insideMounts+"=1")
		cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS}
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
		return
	}
	for _, m := range []struct {
		from, to, kind string
		flags          uintptr
	}{{"none", "/", "", syscall.MS_REC | syscall.MS_PRIVATE}, {"tmpfs", "/run", "tmpfs", 0}} {
		if err := syscall.Mount(m.from, m.to, m.kind, m.flags, ""); err != nil {
			t.Fatal(err)
		}
	}
	r := testReporter(t, func(c *Config) { c.Journald.Enabled, c.Journald.Kinds = true, allKinds }, testOptions(t))
	alert := testEvent(history.KindAlert, hostileTuple(t))
	r.Event(alert)
	testenv.Until(t, "failing", func() bool { return !only(t, r).Failing.IsZero() })
	if o := only(t, r); !strings.Contains(o.Error, "is systemd-journald running?") {
		t.Errorf("%+v", o)
	}

	if err := os.MkdirAll("/run/systemd/journal", 0o755); err != nil {
		t.Fatal(err)
	}
	journald := exec.Command("/lib/systemd/systemd-journald")
	if err := journald.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = journald.Process.Kill()
		_ = journald.Wait()
	}()
	testenv.Until(t, "sent", func() bool { return only(t, r).Sent == 1 })
	long := testEvent(history.KindBlock, usualTuple(t))
	long.Decision.Reason = strings.Repeat("long ", 100_000) // more than a datagram holds
	r.Event(long)
	mustClose(t, r)

	read := func(kind history.Kind) map[string]any {
		t.Helper()
		var entry map[string]any
		testenv.Until(t, "in the journal", func() bool {
			out, err := exec.Command("journalctl", "--all", "-o", "json", "-D", "/run/log/journal", "SLIPS_KIND="+string(kind)).Output()
			return err == nil && strings.Count(string(out), "\n") == 1 && json.Unmarshal(out, &entry) == nil
		})

		return entry
	}
	got := read(history.KindAlert)
	for name, want := range map[string]string{
		"PRIORITY": "5", "SYSLOG_IDENTIFIER": "slips-ips", "SLIPS_ID": alert.ID, "SLIPS_LABEL": "From-Botnet-TCP-CC-Beacon-1",
		"SLIPS_TUPLE": Plain(hostileTuple(t).String()), "SLIPS_PROTO": "udp", "SLIPS_DST": "2001:db8::9", "SLIPS_SCORE": "0.987",
		"MESSAGE": Plain(alert.Text),
	} {
		if got[name] != want {
			t.Errorf("%s is %q, want %q", name, got[name], want)
		}
	}
	if got := read(history.KindBlock); got["PRIORITY"] != "4" || len(got["SLIPS_REASON"].(string)) != 500_000 {
		t.Errorf("%v", got["PRIORITY"])
	}
}

// The fields go as they are to a datagram socket, whoever listens there.
func TestJournalFields(t *testing.T) {
	for name, e := range testEvents(t) {
		it := item{event: &e, held: held{Count: 2, Since: testTime}}
		for field, value := range journalFields(&it) {
			if strings.Trim(field, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_") != "" || field[0] == '_' {
				t.Errorf("%s: no name of a field: %q", name, field)
			}
			if value == "" || value != Plain(value) {
				t.Errorf("%s: %s=%q", name, field, value)
			}
		}
	}
	for name, want := range map[string]int{"block": 4, "block-dry-run": 5, "block-failed": 3, "alert": 5, "lift": 6, "feed": 5, "agent": 6} {
		e := testEvents(t)[name]
		if got := int(priority(&e)); got != want {
			t.Errorf("%s: priority %d, want %d", name, got, want)
		}
	}
}
