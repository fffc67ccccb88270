package agent

import (
	"context"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"time"

	"slips-ips/argusfeed"
)

// service looks whether the argus of our service has read what its argus.conf says now:
// it does so once, when it starts.
func (d *doctor) service(ctx context.Context) {
	if !slices.ContainsFunc(d.c.Sources, func(s SourceConfig) bool { return s.URL == argusfeed.ServiceURL }) {
		return
	}
	if started, ok := argusStarted(ctx); ok {
		d.unread(started)
	}
}

func (d *doctor) unread(started time.Time) {
	info, err := os.Stat(d.argusConf)
	if err != nil {
		return // what is wrong with it is told where it is read
	}
	// systemd tells whole seconds: what was written in the same one may have been read.
	if changed := info.ModTime().Truncate(time.Second); changed.After(started) {
		d.say(FindingWarn, "capture", "systemctl restart slips-ips-argus",
			"%s was changed at %s, and its argus, which runs since %s, has not read that yet",
			d.argusConf, changed.UTC().Format(time.RFC3339), started.UTC().Format(time.RFC3339))
	}
}

// argusStarted asks systemd since when the service runs. Without systemd, or where it
// does not run, that is not known.
func argusStarted(ctx context.Context) (time.Time, bool) {
	ctx, cancel := context.WithTimeout(ctx, versionTime)
	defer cancel()
	out, err := exec.CommandContext(ctx, "systemctl", "show", "--timestamp=unix", "--property=ActiveState,ExecMainStartTimestamp", "slips-ips-argus.service").Output()
	if err != nil {
		return time.Time{}, false
	}
	return startOf(string(out))
}

// startOf reads the start of the main process of a unit that is active. That of one that
// has ended stays, and tells nothing.
func startOf(shown string) (started time.Time, ok bool) {
	active := false
	for line := range strings.Lines(shown) {
		switch name, value, _ := strings.Cut(strings.TrimSpace(line), "="); name {
		case "ActiveState":
			active = value == "active"
		case "ExecMainStartTimestamp":
			seconds, err := strconv.ParseInt(strings.TrimPrefix(value, "@"), 10, 64)
			started, ok = time.Unix(seconds, 0), err == nil && seconds > 0
		}
	}
	return started, ok && active
}
