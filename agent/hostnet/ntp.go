package hostnet

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"slips-ips/policy"
)

// ntpConfigs are where servers of time are configured. Only addresses count:
// what a name stands for when it is asked here need not be what the daemon uses.
var ntpConfigs = []string{
	"/etc/chrony/chrony.conf", "/etc/chrony/conf.d/*.conf", "/etc/chrony/sources.d/*.sources", "/run/chrony-dhcp/*.sources",
	"/etc/ntp.conf", "/etc/ntpsec/ntp.conf", "/etc/ntpsec/ntp.d/*.conf", "/run/ntp.conf.dhcp",
	"/etc/systemd/timesyncd.conf", "/etc/systemd/timesyncd.conf.d/*.conf", "/run/systemd/timesyncd.conf.d/*.conf",
}

// ntpDaemons are asked which servers they use, where they run. Their own tools
// know their protocols and need no privilege.
var ntpDaemons = []struct {
	runs    string // there while the daemon is
	command []string
	parse   func(string) []netip.Addr
}{
	{"/run/chrony", []string{"chronyc", "-n", "-c", "sources"}, parseChronyc},
	{"/run/systemd/timesync", []string{"timedatectl", "show-timesync", "--property=ServerAddress", "--value"}, parseTimedatectl},
	{"/run/ntpd.pid", []string{"ntpq", "-n", "-p"}, parseNtpq},
}

const (
	// askNTP is how often the daemons are asked, askTime how long one may take.
	askNTP  = time.Minute
	askTime = 2 * time.Second
	// maxOutput is what is read of an answer.
	maxOutput = 64 << 10
)

// configuredNTP reads the addresses in the configuration of the daemons.
func configuredNTP(root string) ([]policy.Entry, error) {
	var entries []policy.Entry
	var all []error
	for _, pattern := range ntpConfigs {
		err := eachFile(root, pattern, func(name string, data []byte) {
			for _, ip := range parseNTPConfig(data) {
				entries = append(entries, entry(ip, policy.KindNTP, "a time server ("+strings.TrimPrefix(name, root)+")"))
			}
		})
		all = append(all, err)
	}
	return entries, errors.Join(all...)
}

// parseNTPConfig reads chrony.conf(5), ntp.conf(5) and timesyncd.conf(5).
func parseNTPConfig(data []byte) []netip.Addr {
	var found []netip.Addr
	configLines(data, func(fields []string) {
		switch key, value, isKeyed := strings.Cut(fields[0], "="); {
		case isKeyed && (key == "NTP" || key == "FallbackNTP"):
			found = addIPs(found, append([]string{value}, fields[1:]...))
		case len(fields) > 1 && (fields[0] == "server" || fields[0] == "peer" || fields[0] == "pool"):
			if fields[1] == "-4" || fields[1] == "-6" {
				fields = fields[1:]
			}
			found = addIPs(found, fields[1:min(2, len(fields))])
		}
	})
	return found
}

// askedNTP asks the daemons that run which servers they use.
func askedNTP(ctx context.Context, root string) ([]policy.Entry, error) {
	var entries []policy.Entry
	var all []error
	for _, d := range ntpDaemons {
		if _, err := os.Stat(filepath.Join(root, d.runs)); err != nil {
			continue
		}
		path, err := exec.LookPath(d.command[0])
		if err != nil {
			continue // the daemon without its tools
		}
		out, err := ask(ctx, path, d.command[1:])
		if exit := new(exec.ExitError); errors.As(err, &exit) && exit.Exited() {
			continue // what it left behind is there, and it does not run
		}
		if err != nil {
			all = append(all, fmt.Errorf("asking %s for the time servers in use: %w", d.command[0], err))
			continue
		}
		for _, ip := range d.parse(out) {
			entries = append(entries, entry(ip, policy.KindNTP, "a time server in use ("+d.command[0]+")"))
		}
	}
	return entries, errors.Join(all...)
}

func ask(ctx context.Context, path string, args []string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Env = append(os.Environ(), "LC_ALL=C")
	cmd.WaitDelay = time.Second
	out, err := cmd.Output()
	return string(out[:min(len(out), maxOutput)]), err
}

// parseChronyc reads `chronyc -c sources`: mode, state, address, and more. A mode
// of # is a clock of this host.
func parseChronyc(out string) []netip.Addr {
	var found []netip.Addr
	for line := range strings.Lines(out) {
		if f := strings.Split(strings.TrimSpace(line), ","); len(f) > 3 && (f[0] == "^" || f[0] == "=") {
			found = addIPs(found, f[2:3])
		}
	}
	return found
}

// parseTimedatectl reads the address in `timedatectl show-timesync`.
func parseTimedatectl(out string) []netip.Addr { return addIPs(nil, strings.Fields(out)) }

// parseNtpq reads `ntpq -n -p`: a sign and the address begin each line.
func parseNtpq(out string) []netip.Addr {
	var found []netip.Addr
	for line := range strings.Lines(out) {
		if f := strings.Fields(strings.TrimLeft(line, " *+-#xo.~")); len(f) > 5 {
			found = addIPs(found, f[:1])
		}
	}
	return found
}
