package report

import (
	"bytes"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"slips-ips/agent/history"
)

func ring(t testing.TB, s *sound) error {
	e := testEvent(history.KindAlert, usualTuple(t))
	return s.deliver(t.Context(), &item{event: &e})
}

func TestSoundIsAWAVFile(t *testing.T) {
	b := alertWAV()
	if string(b[:4]) != "RIFF" || string(b[8:16]) != "WAVEfmt " || string(b[36:40]) != "data" ||
		int(binary.LittleEndian.Uint32(b[4:])) != len(b)-8 || int(binary.LittleEndian.Uint32(b[40:])) != len(b)-44 {
		t.Errorf("% x", b[:44])
	}
	loudest := 0
	for i := 44; i < len(b); i += 2 {
		v := int(int16(binary.LittleEndian.Uint16(b[i:])))
		loudest = max(loudest, v, -v)
	}
	if seconds := float64(len(b)-44) / 2 / wavRate; loudest < 8000 || loudest > 20000 || seconds < 0.4 || seconds > 0.6 {
		t.Errorf("%v seconds, at most %d loud", seconds, loudest)
	}
}

// The first player that is there gets the path of the sound behind its arguments.
func TestSoundPlayer(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"aplay", "play"} {
		text := "#!/bin/sh\necho " + name + ` "$@" >>"$(dirname "$0")/played"; for f; do :; done; cmp "$f" "$(dirname "$0")/sound.wav"` + "\n"
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "sound.wav"), alertWAV(), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+":/usr/bin:/bin")
	t.Setenv("TMPDIR", t.TempDir())
	s := newSound(SoundConfig{Player: PlayerAuto}, Options{})
	if got, want := strings.Join(s.player, " "), filepath.Join(dir, "aplay")+" -q"; got != want {
		t.Skipf("there is a better player, %s", got)
	}
	if err := ring(t, s); err != nil {
		t.Error(err)
	}
	if err := ring(t, s); !errors.Is(err, errTooSoon) {
		t.Error(err)
	}
	if got := read(t, filepath.Join(dir, "played")); got != "aplay -q "+s.file+"\n" {
		t.Errorf("%q", got)
	}
	s.close()
	if _, err := os.Stat(s.file); err == nil {
		t.Error("the sound was left behind")
	}
}

// A player that fails leaves the bell.
func TestSoundFallsBack(t *testing.T) {
	var bell bytes.Buffer
	s := newSound(SoundConfig{Player: script(t, "echo no card >&2; exit 1")}, Options{Bell: &bell})
	defer s.close()
	if err := ring(t, s); err == nil || !strings.Contains(err.Error(), "no card") || bell.String() != "\a" {
		t.Errorf("%v, %q", err, bell.String())
	}
	quiet := newSound(SoundConfig{Player: PlayerBell}, Options{})
	if err := ring(t, quiet); err != nil { // no terminal, no sound
		t.Error(err)
	}
}

func TestBellOfAReporter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var bell bytes.Buffer
		opt := testOptions(t)
		opt.Bell = &bell
		r := testReporter(t, func(c *Config) { c.Sound.Enabled, c.Sound.Player = true, PlayerBell }, opt)
		for range 3 {
			for range 5 {
				r.Event(testEvent(history.KindBlock, usualTuple(t)))
			}
			r.Event(testEvent(history.KindLift, usualTuple(t)))
			time.Sleep(bellPause)
		}
		mustClose(t, r)
		if o := only(t, r); o.Sent != 3 || o.Limited != 12 || o.Dropped != 0 {
			t.Errorf("%+v", o)
		}
		if bell.String() != "\a\a\a" {
			t.Errorf("%q", bell.String())
		}
	})
}
