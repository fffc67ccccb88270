package agent

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/google/renameio/v2"
)

// PauseFile is the name of the file in the state folder that keeps blocking paused
// over a restart. An empty one does so too: touch is enough.
const PauseFile = "paused"

// Paused says since when all blocking is off, and who turned it off.
type Paused struct {
	Since time.Time `json:"since"`
	By    string    `json:"by,omitempty"`
}

// words completes "not blocked: ...".
func (p Paused) words() string {
	text := "all blocking is paused since " + p.Since.UTC().Format("2006-01-02 15:04:05 UTC")
	if p.By != "" {
		text += " by " + p.By
	}
	return text + " (slips-ips resume ends that)"
}

// pauseMark is what the file says. One of a pause that is over is kept until the
// history knows that the blocks from before it have ended, for they must not be
// restored.
type pauseMark struct {
	Paused
	Over bool `json:"over,omitempty"`
}

// pause is whether all blocking is off. It is safe for concurrent use.
type pause struct {
	path string // empty: it is kept in memory only
	now  atomic.Pointer[Paused]
}

// state gives the pause; ok is false where there is none.
func (p *pause) state() (Paused, bool) {
	if s := p.now.Load(); s != nil {
		return *s, true
	}
	return Paused{}, false
}

// words say why nothing is blocked; empty: it is.
func (p *pause) words() string {
	if s, ok := p.state(); ok {
		return s.words()
	}
	return ""
}

// pausePath gives the place of the file; empty where nothing is kept.
func pausePath(c Config) string {
	if c.Agent.State == "" {
		return ""
	}
	return filepath.Join(c.Agent.State, PauseFile)
}

// readPause reads the file; ok is false where there is none. One that says nothing
// is a pause since it was made: better a network without protection than one cut
// off although somebody asked for that to end.
func readPause(path string) (m pauseMark, ok bool) {
	if path == "" {
		return m, false
	}
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return m, false
	}
	if text, rerr := os.ReadFile(path); rerr == nil && json.Unmarshal(text, &m) == nil && !m.Since.IsZero() {
		return m, true
	}
	m = pauseMark{Paused: Paused{Since: time.Now().UTC(), By: "the file " + path}}
	if err == nil {
		m.Since = info.ModTime().UTC()
	}
	return m, true
}

// write puts m into the file.
func (m pauseMark) write(path string) error {
	if path == "" {
		return errors.New("no state is kept ([agent] state), so that a restart forgets it")
	}
	text, err := json.Marshal(m)
	if err == nil {
		err = os.MkdirAll(filepath.Dir(path), 0o750)
	}
	if err == nil {
		err = renameio.WriteFile(path, append(text, '\n'), 0o644)
	}
	if err != nil {
		return fmt.Errorf("writing down that blocking is paused: %w", err)
	}
	return nil
}

// removePause removes the file.
func removePause(path string) error {
	if path == "" {
		return nil
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("removing the file that keeps blocking paused: %w; remove it by hand, or a restart pauses again", err)
	}
	return nil
}
