//go:build linux

package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// paths are where the agent of a run has its things.
type paths struct {
	dir              string // all of them; the small disk is below it
	config, disk     string
	control, metrics string // sockets
	eve, state       string
}

func newPaths(dir string) paths {
	disk := filepath.Join(dir, "disk")
	return paths{
		dir: dir, config: filepath.Join(dir, "slips.toml"), disk: disk,
		control: filepath.Join(dir, "control.sock"), metrics: filepath.Join(dir, "metrics.sock"),
		eve: filepath.Join(disk, "eve.json"), state: filepath.Join(disk, "state"),
	}
}

// blockTime is how long a block lasts, otherBlockTime what every other reload makes
// of it.
const (
	blockTime      = `duration = "30s"`
	otherBlockTime = `duration = "31s"`
)

// The parts of the slips.toml. Beacons are blocked after three matches and for half
// a minute, so that blocks are renewed all the time; what else is found in the load
// is told.
const pipelineConfig = `
[agent]
mode = "enforce"
%s
[[source]]
url = "argus://%s"
records = "%s"

[detection]
max_tuples = %d

[policy]
action = "alert"
` + blockTime + `
[[policy.rule]]
name = "beacons"
ports = [%d]
action = "block"
matches = 3
%s`

const agentConfig = `socket = %q
state = %q
`

// reportsConfig has every way out that needs no desktop and no journal.
const reportsConfig = `
[history]
max_mib = 64

[metrics]
listen = "unix:%s"

[report]
tuples = "none"
[report.eve]
path = %q
flows = "detected"
[report.syslog]
address = "udp://%s"
[[report.webhook]]
name = "soak"
url = "http://%s/hook"
[[report.exec]]
name = "soak"
program = "/bin/true"
`

// bareConfig is without any of them; nor is there a state folder or a socket then.
const bareConfig = `
[report]
tuples = "none"
`

// addresses inside the namespace of a run.
const (
	argusAddress   = "127.0.0.1:5610"
	webhookAddress = "127.0.0.1:5611"
	syslogAddress  = "127.0.0.1:5612"
)

// writeConfig writes the slips.toml and has the agent check it.
func writeConfig(ctx context.Context, p paths, o options) error {
	settings, reports := fmt.Sprintf(agentConfig, p.control, p.state), fmt.Sprintf(reportsConfig, p.metrics, p.eve, syslogAddress, webhookAddress)
	if o.bare {
		settings, reports = fmt.Sprintf(agentConfig, "", ""), bareConfig
	}
	text := fmt.Sprintf(pipelineConfig, settings, argusAddress, o.records, o.tuples, beaconPort, reports)
	if err := os.WriteFile(p.config, []byte(text), 0o644); err != nil {
		return err
	}
	out, err := exec.CommandContext(ctx, o.binary, "config", "check", p.config).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s does not take the configuration of internal/soak/config.go: %w\n%s", o.binary, err, strings.TrimSpace(string(out)))
	}
	return nil
}
