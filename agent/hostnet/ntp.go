package hostnet

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"syscall"
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

// ntpDaemons are asked which servers they use, where they run: in their own protocols,
// since the agent executes no program. None of it needs a privilege.
var ntpDaemons = []struct {
	name string
	runs string // there while the daemon is
	ask  func(context.Context) ([]netip.Addr, error)
}{
	{"chrony", "/run/chrony", askChrony},
	{"systemd-timesyncd", "/run/systemd/timesync", askTimesync},
	{"ntpd", "/run/ntpd.pid", askNtpd},
}

const (
	// askNTP is how often the daemons are asked, askTime how long one may take.
	askNTP  = time.Minute
	askTime = 2 * time.Second
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
		ctx, cancel := context.WithTimeout(ctx, askTime)
		found, err := d.ask(ctx)
		cancel()
		if errors.Is(err, errNoDaemon) {
			continue // what it left behind is there
		}
		if err != nil {
			all = append(all, fmt.Errorf("asking %s for the time servers in use: %w", d.name, err))
			continue
		}
		for _, ip := range found {
			entries = append(entries, entry(ip, policy.KindNTP, "a time server in use ("+d.name+")"))
		}
	}
	return entries, errors.Join(all...)
}

// errNoDaemon says that nobody is there to be asked.
var errNoDaemon = errors.New("it does not run")

// asking is a daemon at a port of loopback that answers each question with a packet.
type asking struct {
	conn net.Conn
	// answers tells whether a packet is the answer to the question before it: one that
	// came late may be of an earlier one.
	answers func(question, answer []byte) bool
}

func askAt(ctx context.Context, port int, answers func(question, answer []byte) bool) (*asking, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, "udp4", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		return nil, err
	}
	if end, ok := ctx.Deadline(); ok {
		if err := conn.SetDeadline(end); err != nil {
			_ = conn.Close()
			return nil, err
		}
	}
	return &asking{conn, answers}, nil
}

func (a *asking) ask(question []byte) ([]byte, error) {
	if _, err := a.conn.Write(question); err != nil {
		return nil, noDaemon(err)
	}
	for buf := make([]byte, 1024); ; {
		n, err := a.conn.Read(buf)
		if err != nil {
			return nil, noDaemon(err)
		}
		if a.answers(question, buf[:n]) {
			return buf[:n], nil
		}
	}
}

func noDaemon(err error) error {
	if errors.Is(err, syscall.ECONNREFUSED) {
		return errNoDaemon
	}
	return err
}
