package agent

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"slips-ips/agent/allowlist"
	"slips-ips/agent/history"
)

// kept is what survives a restart. The history is nil where there is none.
type kept struct {
	allowed *allowlist.List
	history *history.Store
	// spool is a folder for reports that wait; empty: they wait in memory only.
	spool string
}

// openKept opens what is in the state folder. Where the folder cannot be used the
// agent goes without: detecting and blocking matter more than remembering. Only a
// damaged allow list stops it: what an admin allowed must not be blocked.
func openKept(c Config, log *slog.Logger) (*kept, error) {
	k := &kept{}
	dir := c.Agent.State
	if dir != "" {
		if err := makeState(dir); err != nil {
			log.Error("nothing is kept over a restart: no history, no allow list, no spool", "error", err)
			dir = ""
		}
	}
	var err error
	if dir == "" {
		k.allowed, err = allowlist.Open("")
		return k, err
	}
	if k.allowed, err = allowlist.Open(filepath.Join(dir, "allow.json")); err != nil {
		return k, err
	}
	k.spool = filepath.Join(dir, "spool")
	opt := c.History.Options()
	opt.Path, opt.Log = filepath.Join(dir, "history.db"), log
	k.history, err = history.Open(opt)
	if errors.Is(err, history.ErrInUse) {
		return k, fmt.Errorf("%w ([agent] state, --state)", err)
	}
	if err != nil {
		log.Error("no history is kept", "error", err)
	}
	return k, nil
}

// makeState makes the folder, and finds out whether it can be written.
func makeState(dir string) error {
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return fmt.Errorf("making the state folder: %w", err)
	}
	probe, err := os.CreateTemp(dir, ".probe-*")
	if errors.Is(err, fs.ErrPermission) {
		return fmt.Errorf("writing into the state folder: %w; run as root, or use another one ([agent] state, --state)", err)
	}
	if err != nil {
		return nil // a full disk: history says so itself, and goes on later
	}
	probe.Close()
	return os.Remove(probe.Name())
}

// saveEvery is how often it is tried to write what could not be written.
const saveEvery = 10 * time.Second

// save writes the allow list as soon as that can be done, until ctx ends.
func (k *kept) save(ctx context.Context) {
	tick := time.NewTicker(saveEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			_ = k.allowed.Save() // who changed it was told
			return
		case <-tick.C:
			_ = k.allowed.Save()
		}
	}
}

// close writes what waits.
func (k *kept) close() error {
	if k == nil || k.history == nil {
		return nil
	}
	return k.history.Close()
}
