package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// idleConfig is an agent with everything on that a router has, and a feed that says
// nothing.
const idleConfig = `
[agent]
mode = "dry-run"
state = %q
socket = %q
[[source]]
url = "ra:-"
[metrics]
listen = "unix:%s"
[report]
tuples = "none"
`

// idle runs the agent for so many seconds after its start is over.
func idle(ctx context.Context, o options, seconds int) (figures, error) {
	dir, err := os.MkdirTemp("", "slips-idle-")
	if err != nil {
		return figures{}, err
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "slips.toml")
	text := fmt.Sprintf(idleConfig, filepath.Join(dir, "state"), filepath.Join(dir, "control.sock"), filepath.Join(dir, "metrics.sock"))
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		return figures{}, err
	}
	cmd := exec.CommandContext(ctx, o.binary, "run", "-c", file)
	cmd.Env = append(os.Environ(), "GOMAXPROCS=") // as it is by itself
	var said strings.Builder
	cmd.Stderr = &said
	feed, err := cmd.StdinPipe()
	if err != nil {
		return figures{}, err
	}
	if err := cmd.Start(); err != nil {
		return figures{}, err
	}
	const settle = 3 * time.Second
	time.Sleep(settle)
	before, begun := processorTime(cmd.Process.Pid), time.Now()
	time.Sleep(time.Duration(seconds) * time.Second)
	f := figures{CPU: processorTime(cmd.Process.Pid) - before, Seconds: time.Since(begun).Seconds(), Resident: peak(cmd.Process.Pid)}
	_ = feed.Close() // the feed ends, and the agent with it
	if err := cmd.Wait(); err != nil {
		return f, fmt.Errorf("the agent: %w: %s", err, strings.TrimSpace(said.String()))
	}
	return f, nil
}

// processorTime is what a process used so far, in seconds.
func processorTime(pid int) float64 {
	b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	_, rest, _ := strings.Cut(string(b), ") ")
	fields := strings.Fields(rest)
	if len(fields) < 13 {
		return 0
	}
	user, _ := strconv.ParseFloat(fields[11], 64) // what is no number is 0, as if it had gone
	system, _ := strconv.ParseFloat(fields[12], 64)
	const tick = 100 // of a second, on every Linux that Go runs on
	return (user + system) / tick
}
