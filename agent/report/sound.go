package report

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

// SoundConfig is the table [report.sound]: a short sound at an alert.
type SoundConfig struct {
	Enabled bool `toml:"enabled"`
	// Player is PlayerAuto, PlayerBell or the path of a program that plays the
	// WAV file whose path is its last argument.
	Player string `toml:"player"`
	Kinds  Kinds  `toml:"kinds"`
}

// What SoundConfig.Player may be besides a path.
const (
	PlayerAuto = "auto" // the first player that is there, or the terminal's bell
	PlayerBell = "bell" // the terminal's bell
)

// DefaultSoundConfig is off.
func DefaultSoundConfig() SoundConfig { return SoundConfig{Player: PlayerAuto, Kinds: loudKinds()} }

func (c SoundConfig) validate() []error {
	all := c.Kinds.validate()
	if c.Player != PlayerAuto && c.Player != PlayerBell && !filepath.IsAbs(c.Player) {
		all = append(all, fmt.Errorf("player: %q is not allowed; use %q, %q or the path of a program from the root", c.Player, PlayerAuto, PlayerBell))
	}
	return all
}

// soundQueue is short: a sound that comes late tells nothing.
const soundQueue = 16

func (c SoundConfig) spec(opt Options) spec {
	return spec{name: "sound", to: c.Player, config: c, kinds: c.Kinds, queue: soundQueue, workers: 1, tries: 1,
		open: func() (sink, error) { return newSound(c, opt), nil }}
}

// players are what may be there, the best first; the file comes behind the
// arguments.
var players = [][]string{
	{"pw-play"},
	{"paplay"},
	{"aplay", "-q"},
	{"ffplay", "-nodisp", "-autoexit", "-loglevel", "error"},
	{"play", "-q"}, // of sox
	{"mpv", "--no-video", "--really-quiet"},
	{"afplay"}, // of macOS
}

// sound plays a sound for each alert, or rings the terminal's bell where there
// is no player or it fails. A storm of alerts is no siren: one sound in two
// seconds.
type sound struct {
	player []string // program and arguments; nil: the bell
	bell   *Bell    // nil: no terminal
	last   time.Time

	mu   sync.Mutex
	file string // the sound, once it was needed
}

// playPatience is how long a player may take for a sound of half a second.
const playPatience = 5 * time.Second

func newSound(c SoundConfig, opt Options) *sound {
	s := &sound{}
	if opt.Bell != nil {
		s.bell = NewBell(opt.Bell, time.Now)
	}
	switch c.Player {
	case PlayerBell:
	case PlayerAuto:
		for _, p := range players {
			if path, err := exec.LookPath(p[0]); err == nil {
				s.player = append([]string{path}, p[1:]...)
				break
			}
		}
	default:
		s.player = []string{c.Player}
	}
	return s
}

func (s *sound) deliver(ctx context.Context, it *item) error {
	if it.event == nil {
		return nil
	}
	now := time.Now()
	if !s.last.IsZero() && now.Sub(s.last) < bellPause {
		return errTooSoon
	}
	s.last = now
	if s.player == nil {
		return s.ring()
	}
	err := s.play(ctx)
	if err == nil || ctx.Err() != nil {
		return err
	}
	return errors.Join(err, s.ring())
}

// ring rings the bell, where there is one.
func (s *sound) ring() error {
	if s.bell == nil {
		return nil
	}
	if err := s.bell.Ring(); err != nil {
		return fmt.Errorf("ringing the terminal's bell: %w", err)
	}
	return nil
}

func (s *sound) play(ctx context.Context) error {
	file, err := s.wav()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, playPatience, fmt.Errorf("it took longer than %v and was killed", playPatience))
	defer cancel()
	said := &tail{}
	cmd := exec.CommandContext(ctx, s.player[0], append(append([]string(nil), s.player[1:]...), file)...)
	cmd.Stdout, cmd.Stderr = io.Discard, said
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = time.Second
	if err := cmd.Run(); err != nil {
		if cause := context.Cause(ctx); cause != nil {
			err = cause
		}
		return fmt.Errorf("playing the sound with %s: %w%s", strings.Join(s.player, " "), err, said)
	}
	return nil
}

// wav gives the path of the sound, which is written when it is needed first.
func (s *sound) wav() (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.file != "" {
		if _, err := os.Stat(s.file); err == nil {
			return s.file, nil
		}
		s.file = "" // somebody cleaned up the folder of temporary files
	}
	f, err := os.CreateTemp("", "slips-ips-*.wav")
	if err != nil {
		return "", fmt.Errorf("writing the sound: %w", err)
	}
	_, err = f.Write(alertWAV())
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		os.Remove(f.Name()) //nolint:errcheck // a temporary file
		return "", fmt.Errorf("writing the sound: %w", err)
	}
	s.file = f.Name()
	return s.file, nil
}

func (s *sound) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.file != "" {
		os.Remove(s.file) //nolint:errcheck // a temporary file
		s.file = ""
	}
}
