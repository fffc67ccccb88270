package agent

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// What systemctl show prints, with --timestamp=unix.
func TestStartOf(t *testing.T) {
	for shown, want := range map[string]int64{
		"ActiveState=active\nExecMainStartTimestamp=@1772359200\n":   1772359200,
		"ExecMainStartTimestamp=@1772359200\nActiveState=active\n":   1772359200,
		"ExecMainStartTimestamp=@1772359200\nActiveState=failed\n":   0,
		"ExecMainStartTimestamp=@1772359200\nActiveState=inactive\n": 0,
		"ExecMainStartTimestamp=\nActiveState=active\n":              0,
		"ExecMainStartTimestamp=n/a\nActiveState=active\n":           0,
		"ExecMainStartTimestamp=@0\nActiveState=active\n":            0,
		"ActiveState=active\n":                                       0,
		"":                                                           0,
	} {
		got, ok := startOf(shown)
		if ok != (want != 0) || ok && got.Unix() != want {
			t.Errorf("%q: %v, %v", shown, got, ok)
		}
	}
}

// An argus that was started before its argus.conf was changed does what it said then.
func TestUnread(t *testing.T) {
	started := time.Unix(1772359200, 0)
	for _, tt := range []struct {
		name    string
		changed time.Time
		want    bool
	}{
		{"before the start", started.Add(-time.Hour), false},
		{"in the second of the start", started.Add(900 * time.Millisecond), false},
		{"after it", started.Add(time.Second), true},
	} {
		d := &doctor{argusConf: filepath.Join(t.TempDir(), "argus.conf")}
		d.unread(started)
		if len(d.all) != 0 {
			t.Errorf("%s, without a file: %v", tt.name, d.all)
		}
		if err := os.WriteFile(d.argusConf, []byte("ARGUS_INTERFACE=lo\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(d.argusConf, tt.changed, tt.changed); err != nil {
			t.Fatal(err)
		}
		d.unread(started)
		if tt.want != (len(d.all) == 1) {
			t.Errorf("%s: %v", tt.name, d.all)
		}
		for _, f := range d.all {
			if f.Verdict != FindingWarn || f.Do != "systemctl restart slips-ips-argus" || !strings.Contains(f.What, "2026-03-01T10:00:01Z") {
				t.Errorf("%s: %+v", tt.name, f)
			}
		}
	}
}
