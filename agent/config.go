package agent

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"path/filepath"

	"github.com/BurntSushi/toml"

	"slips-ips/agent/history"
	"slips-ips/agent/report"
	"slips-ips/agent/report/metrics"
	"slips-ips/agent/web"
	"slips-ips/argusfeed"
	"slips-ips/detection"
	"slips-ips/enforce"
	"slips-ips/models/bundle"
	"slips-ips/policy"
)

// Config is slips.toml. Each table belongs to the package that it configures.
type Config struct {
	Agent     Settings             `toml:"agent"`
	Sources   []SourceConfig       `toml:"source"`
	Detection detection.Config     `toml:"detection"`
	Models    bundle.Config        `toml:"models"`
	Policy    policy.Config        `toml:"policy"`
	Protect   policy.ProtectConfig `toml:"protect"`
	Enforce   enforce.Config       `toml:"enforce"`
	Report    report.Config        `toml:"report"`
	History   history.Config       `toml:"history"`
	Metrics   metrics.Config       `toml:"metrics"`
	Web       web.Config           `toml:"web"`
}

// Settings is the table [agent].
type Settings struct {
	Mode Mode `toml:"mode"`
	// State is the folder of the history, the allow list and what reports wait
	// for; empty: nothing is kept over a restart.
	State string `toml:"state"`
	// Socket is the control socket; empty: there is none.
	Socket string `toml:"socket"`
	// Group may look on at the socket, AdminGroup change things as well. Root may
	// do both; empty: nobody else may.
	Group      string `toml:"group"`
	AdminGroup string `toml:"admin_group"`
}

// The places of a packaged agent.
const (
	DefaultState  = "/var/lib/slips-ips"
	DefaultSocket = "/run/slips-ips/control.sock"
	DefaultGroup  = "slips-ips"
)

// maxSocketPath is what the kernel takes for the address of a unix socket.
const maxSocketPath = 107

func (s Settings) validate() []error {
	var all []error
	for _, p := range []struct{ key, path string }{{"state", s.State}, {"socket", s.Socket}} {
		if p.path != "" && !filepath.IsAbs(p.path) {
			all = append(all, fmt.Errorf("%s: %q is not allowed; use a path from /, or \"\" for none", p.key, p.path))
		}
	}
	if len(s.Socket) > maxSocketPath {
		all = append(all, fmt.Errorf("socket: a path of %d bytes is not allowed; use at most %d", len(s.Socket), maxSocketPath))
	}
	return all
}

// SourceConfig is one [[source]].
type SourceConfig struct {
	// URL is argus://host:port, spawn:IFACE, ra:PATH, file:PATH, follow:PATH, or -
	// for what ra prints on standard input.
	URL string `toml:"url"`
	// Records says what becomes of the records of an Argus stream: RecordsJoined,
	// also where it is empty, or RecordsSingle.
	Records string `toml:"records"`
	// MaxFlows is argusfeed.Joining.MaxFlows; 0 is its default.
	MaxFlows int `toml:"max_flows"`
	// User is who must run the Argus of argus://127.0.0.1; empty: anybody.
	User string `toml:"user"`
}

// What becomes of the records of an Argus stream.
const (
	RecordsJoined = "joined" // the records of a flow are one flow
	RecordsSingle = "single" // each is a flow, as for the original
)

// The limits of SourceConfig.MaxFlows.
const leastFlows, mostFlows = 1000, 20_000_000

func (s SourceConfig) validate() []error {
	var all []error
	if err := checkSource(s.URL); err != nil {
		all = append(all, fmt.Errorf("url: %w", err))
	}
	if s.Records != "" && s.Records != RecordsJoined && s.Records != RecordsSingle {
		all = append(all, fmt.Errorf("records: %q is not allowed; use %q or %q", s.Records, RecordsJoined, RecordsSingle))
	}
	if s.MaxFlows != 0 && (s.MaxFlows < leastFlows || s.MaxFlows > mostFlows) {
		all = append(all, fmt.Errorf("max_flows: %d is not allowed; use %d to %d, or 0 for %d",
			s.MaxFlows, leastFlows, mostFlows, argusfeed.DefaultMaxFlows))
	}
	if s.User != "" && !loopback(s.URL) {
		all = append(all, fmt.Errorf("user: only known of a program of this machine: use it with argus://127.0.0.1:PORT, or leave it out"))
	}
	return all
}

// loopback tells whether an Argus of this machine is meant.
func loopback(source string) bool {
	u, err := url.Parse(source)
	if err != nil || u.Scheme != "argus" {
		return false
	}
	ip, err := netip.ParseAddr(u.Hostname())
	return err == nil && ip.IsLoopback()
}

// DefaultConfig is what the agent does without a slips.toml: dry-run, fed by
// an argus of its own on the interface of the default route.
func DefaultConfig() Config {
	return Config{
		Agent:     Settings{Mode: ModeDryRun, State: DefaultState, Socket: DefaultSocket, Group: DefaultGroup},
		Detection: detection.DefaultConfig(),
		Models:    bundle.DefaultConfig(),
		Policy:    policy.DefaultConfig(),
		Protect:   policy.DefaultProtectConfig(),
		Enforce:   enforce.DefaultConfig(),
		Report:    report.DefaultConfig(),
		History:   history.DefaultConfig(),
		Metrics:   metrics.DefaultConfig(),
		Web:       web.DefaultConfig(),
	}
}

// DefaultSource is read where no source is configured.
const DefaultSource = "spawn:"

// feedURL gives the URL of a source by its number.
func (c Config) feedURL(source uint16) string {
	if int(source) < len(c.Sources) {
		return c.Sources[source].URL
	}
	return DefaultSource
}

// Validate checks every table. Its errors begin with the path of the key.
func (c Config) Validate() error {
	var all []error
	for _, err := range c.Agent.validate() {
		all = append(all, fmt.Errorf("agent.%w", err))
	}
	stdin := -1
	for i, s := range c.Sources {
		for _, err := range s.validate() {
			all = append(all, fmt.Errorf("source[%d].%w", i, err))
		}
		if s.URL != "-" && s.URL != "ra:-" && s.URL != "file:-" {
			continue
		}
		if stdin >= 0 {
			all = append(all, fmt.Errorf("source[%d].url: standard input is source[%d] already; use it once", i, stdin))
		}
		stdin = i
	}
	for _, t := range []struct {
		name string
		err  error
	}{
		{"detection", c.Detection.Validate()},
		{"models", c.Models.Validate()},
		{"policy", c.Policy.Validate()},
		{"protect", c.Protect.Validate()},
		{"enforce", c.Enforce.Validate()},
		{"report", c.Report.Validate()},
		{"history", c.History.Validate()},
		{"metrics", c.Metrics.Validate()},
		{"web", c.Web.Validate()},
	} {
		for _, err := range split(t.err) {
			all = append(all, fmt.Errorf("%s.%w", t.name, err))
		}
	}
	return errors.Join(all...)
}

// Warnings tell what is allowed and hardly meant. They are no mistakes.
func (c Config) Warnings() []string { return c.Protect.Everything() }

// split takes apart what errors.Join made.
func split(err error) []error {
	if err == nil {
		return nil
	}
	if joined, ok := err.(interface{ Unwrap() []error }); ok { //nolint:errorlint // only the outermost is of interest
		return joined.Unwrap()
	}
	return []error{err}
}

// DefaultConfigPath is where the package installs slips.toml.
const DefaultConfigPath = "/etc/slips-ips/slips.toml"

// ConfigTable gives c as the tables and keys of slips.toml, for printing.
func ConfigTable(c Config) (map[string]any, error) {
	var text bytes.Buffer
	if err := toml.NewEncoder(&text).Encode(c); err != nil {
		return nil, fmt.Errorf("writing the configuration: %w", err)
	}
	table := map[string]any{}
	if _, err := toml.NewDecoder(&text).Decode(&table); err != nil {
		return nil, fmt.Errorf("reading the written configuration back: %w", err)
	}
	return table, nil
}
