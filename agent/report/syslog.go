package report

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// SyslogConfig is the table [report.syslog]: events in CEF.
type SyslogConfig struct {
	// Address is unix:PATH, udp://host:port or tcp://host:port; empty: off.
	Address string `toml:"address"`
	// Format is that of the header: rfc5424 or rfc3164.
	Format SyslogFormat `toml:"format"`
	// Facility is a name: daemon, auth, local0 and so on.
	Facility string `toml:"facility"`
	Kinds    Kinds  `toml:"kinds"`
	Queue    int    `toml:"queue"`
}

// SyslogFormat is the form of a syslog header.
type SyslogFormat string

// The forms.
const (
	RFC5424 SyslogFormat = "rfc5424"
	RFC3164 SyslogFormat = "rfc3164"
)

// DefaultSyslogConfig is off.
func DefaultSyslogConfig() SyslogConfig {
	return SyslogConfig{Format: RFC5424, Facility: "daemon", Kinds: usualKinds(), Queue: defaultQueue}
}

// facilities are in the order of their numbers (RFC 5424, 6.2.1).
var facilities = []string{"kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv", "ftp",
	"ntp", "audit", "alert", "clock", "local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7"}

func (c SyslogConfig) validate() []error {
	all := append(c.Kinds.validate(), checkQueue(c.Queue)...)
	if _, _, err := c.dial(); c.Address != "" && err != nil {
		all = append(all, fmt.Errorf("address: %w", err))
	}
	if c.Format != RFC5424 && c.Format != RFC3164 {
		all = append(all, fmt.Errorf("format: %q is not allowed; use rfc5424 or rfc3164", string(c.Format)))
	}
	if !slices.Contains(facilities, c.Facility) {
		all = append(all, fmt.Errorf("facility: %q is not allowed; use one of %s", c.Facility, strings.Join(facilities, ", ")))
	}
	return all
}

// dial gives what Address names.
func (c SyslogConfig) dial() (network, address string, err error) {
	if path, ok := strings.CutPrefix(c.Address, "unix:"); ok && filepath.IsAbs(path) {
		return "unixgram", path, nil
	}
	const allowed = `use "unix:/dev/log", "udp://HOST:PORT" or "tcp://HOST:PORT"`
	u, err := url.Parse(c.Address)
	if err != nil || u.Scheme != "udp" && u.Scheme != "tcp" || u.Path != "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return "", "", fmt.Errorf("%q is not allowed; %s", c.Address, allowed)
	}
	if host, port, err := net.SplitHostPort(u.Host); err != nil || host == "" || port == "" {
		return "", "", fmt.Errorf("%q has no host and port; %s", c.Address, allowed)
	}
	return u.Scheme, u.Host, nil
}

func (c SyslogConfig) spec(opt Options) spec {
	return spec{name: "syslog", to: c.Address, config: c, kinds: c.Kinds, queue: c.Queue, workers: 1,
		open: func() (sink, error) {
			network, address, err := c.dial()
			if err != nil {
				return nil, fmt.Errorf("report.syslog.address: %w", err)
			}
			return &syslog{
				s: socket{network: network, address: address}, format: c.Format, facility: slices.Index(facilities, c.Facility),
				host: opt.Host, version: opt.Version, pid: os.Getpid(),
			}, nil
		}}
}

// syslog tells events to a syslog server, in CEF.
type syslog struct {
	s             socket
	format        SyslogFormat
	facility      int
	host, version string
	pid           int
}

func (s *syslog) deliver(ctx context.Context, it *item) error {
	if it.event == nil {
		return nil
	}
	return s.s.send(ctx, s.message(it))
}

func (s *syslog) close() { s.s.close() }

// message gives what is sent: on TCP with its length before it (RFC 6587, octet
// counting), which keeps messages apart whatever is in them.
func (s *syslog) message(it *item) []byte {
	pri := s.facility*8 + int(priority(it.event))
	text := cef(it, s.version)
	host := s.hostname()
	var m string
	switch {
	case s.format == RFC5424:
		m = fmt.Sprintf("<%d>1 %s %s slips-ips %d %s - %s", pri, it.event.Time.UTC().Format("2006-01-02T15:04:05.000000Z"),
			host, s.pid, it.event.Kind, text)
	case s.s.network == "unixgram": // of the local /dev/log the host is known
		m = fmt.Sprintf("<%d>%s slips-ips[%d]: %s", pri, it.event.Time.Local().Format(time.Stamp), s.pid, text)
	default:
		m = fmt.Sprintf("<%d>%s %s slips-ips[%d]: %s", pri, it.event.Time.Local().Format(time.Stamp), host, s.pid, text)
	}
	if s.s.network == "tcp" {
		m = fmt.Sprintf("%d %s", len(m), m)
	}
	return []byte(m)
}

// hostname gives the host as a header can have it.
func (s *syslog) hostname() string {
	name := strings.Map(func(r rune) rune {
		if r <= ' ' || r > '~' {
			return -1
		}
		return r
	}, s.host)
	if name == "" {
		return "-"
	}
	return name
}
