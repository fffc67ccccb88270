package enforce

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Config is the table [enforce].
type Config struct {
	// Table is the name of our nftables table, of family inet.
	Table string `toml:"table"`
	// Hooks are the ways of packets on which blocks are enforced.
	Hooks []Hook `toml:"hooks"`
	// Priority orders our chains among those of other tables: smaller is
	// earlier. Other firewalls filter at 0.
	Priority int `toml:"priority"`
	// Verdict is what becomes of a blocked packet.
	Verdict Verdict `toml:"verdict"`
	// QuarantineAllow is what a quarantined host keeps: services such as dhcp and
	// dns, or tcp/PORT and udp/PORT.
	QuarantineAllow []Service `toml:"quarantine_allow"`
	// IPv6Prefix is how much of an IPv6 address a block of a destination or a
	// source covers: 128 for the address, 64 for its network.
	IPv6Prefix int `toml:"ipv6_prefix"`
	// MaxBlocks is how many blocks are kept; more are refused.
	MaxBlocks int `toml:"max_blocks"`
	// Ownership says whether the kernel keeps others from writing to our table.
	Ownership Ownership `toml:"ownership"`
	// Conntrack removes what connection tracking knows of blocked traffic.
	Conntrack bool `toml:"conntrack"`
	// Count makes dry-run load the blocks into a table that only counts.
	Count bool `toml:"count"`
	// CheckEvery is how often the kernel's state is compared with the wanted one.
	CheckEvery time.Duration `toml:"check_every"`
}

// Hook is a way of packets through the host.
type Hook string

// The hooks.
const (
	HookForward Hook = "forward" // from one interface to another
	HookInput   Hook = "input"   // to this host
	HookOutput  Hook = "output"  // from this host
)

var hooks = []Hook{HookForward, HookInput, HookOutput}

// Verdict is what becomes of a blocked packet.
type Verdict string

// The verdicts.
const (
	VerdictDrop   Verdict = "drop"   // it vanishes
	VerdictReject Verdict = "reject" // its sender is told: TCP by a reset, the rest by ICMP
)

// Ownership says who may write to our table.
type Ownership string

// The ways of owning the table.
const (
	// OwnershipNone leaves it to everybody; what others do to it is mended.
	OwnershipNone Ownership = "none"
	// OwnershipAuto owns it where the kernel also keeps it when the agent dies
	// (flags owner and persist, from 6.9 on), and is OwnershipNone elsewhere.
	OwnershipAuto Ownership = "auto"
	// OwnershipOwner owns it in any case. Before 6.9 all blocks are gone with the
	// agent, also when it crashes.
	OwnershipOwner Ownership = "owner"
)

// Limits of the configuration.
const (
	// MaxWide is how many blocks of each kind wider than a tuple, and of each
	// kind with another verdict than [enforce] verdict, are kept.
	MaxWide = 16_384

	MaxMaxBlocks  = 1_000_000
	MinCheckEvery = 100 * time.Millisecond
	MaxCheckEvery = time.Minute
	// MinPriority leaves connection tracking and de-fragmentation (-200) and
	// destination NAT (-100) before us; MaxPriority is that of the usual filters.
	MinPriority = -99
	MaxPriority = 0
)

// DefaultConfig is [enforce] where slips.toml says nothing.
func DefaultConfig() Config {
	return Config{
		Table:           "slips",
		Hooks:           slices.Clone(hooks),
		Priority:        -10,
		Verdict:         VerdictDrop,
		QuarantineAllow: []Service{"dhcp", "dns"},
		IPv6Prefix:      128,
		MaxBlocks:       100_000,
		Ownership:       OwnershipNone,
		Conntrack:       true,
		CheckEvery:      time.Second,
	}
}

// Validate tells all that is wrong, joined; each error begins with its key.
func (c Config) Validate() error {
	var all []error
	bad := func(key, format string, args ...any) {
		all = append(all, fmt.Errorf("%s: "+format, append([]any{key}, args...)...))
	}
	if err := checkTable(c.Table); err != nil {
		all = append(all, fmt.Errorf("table: %w", err))
	}
	if len(c.Hooks) == 0 {
		bad("hooks", "the list is empty; use one or more of %s", join(hooks))
	}
	for i, h := range c.Hooks {
		if !slices.Contains(hooks, h) {
			bad("hooks", "%q is not allowed; use %s", string(h), join(hooks))
		} else if slices.Contains(c.Hooks[:i], h) {
			bad("hooks", "%q is there twice", string(h))
		}
	}
	if c.Priority < MinPriority || c.Priority > MaxPriority {
		bad("priority", "%d is not allowed; use %d to %d", c.Priority, MinPriority, MaxPriority)
	}
	if c.Verdict != VerdictDrop && c.Verdict != VerdictReject {
		bad("verdict", "%q is not allowed; use %s or %s", string(c.Verdict), VerdictDrop, VerdictReject)
	}
	if len(c.QuarantineAllow) > maxServices {
		bad("quarantine_allow", "%d entries; use at most %d", len(c.QuarantineAllow), maxServices)
	}
	for _, service := range c.QuarantineAllow {
		if _, err := service.ports(); err != nil {
			all = append(all, fmt.Errorf("quarantine_allow: %w", err))
		}
	}
	if c.IPv6Prefix != 64 && c.IPv6Prefix != 128 {
		bad("ipv6_prefix", "%d is not allowed; use 64 or 128", c.IPv6Prefix)
	}
	switch c.Ownership {
	case OwnershipNone, OwnershipAuto, OwnershipOwner:
	default:
		bad("ownership", "%q is not allowed; use none, auto or owner", string(c.Ownership))
	}
	if c.MaxBlocks < 1 || c.MaxBlocks > MaxMaxBlocks {
		bad("max_blocks", "%d is not allowed; use 1 to %d", c.MaxBlocks, MaxMaxBlocks)
	}
	if c.CheckEvery < MinCheckEvery || c.CheckEvery > MaxCheckEvery {
		bad("check_every", `%v is not allowed; use "100ms" to "1m", with the unit`, c.CheckEvery)
	}
	return errors.Join(all...)
}

// checkTable accepts names that nft can read back without quotes and that are
// none of its words for a family or a hook.
func checkTable(name string) error {
	const allowed = "use 1 to 32 letters, digits, - and _, beginning with a letter"
	if name == "" || len(name) > 32 {
		return fmt.Errorf("%q is not allowed; %s", name, allowed)
	}
	for i, c := range []byte(name) {
		letter := c|0x20 >= 'a' && c|0x20 <= 'z'
		if !letter && (i == 0 || (c < '0' || c > '9') && c != '-' && c != '_') {
			return fmt.Errorf("%q is not allowed; %s", name, allowed)
		}
	}
	if slices.Contains(reservedNames, name) {
		return fmt.Errorf("%q is a word of nft; use another name", name)
	}
	return nil
}

// reservedNames are words that `list table inet NAME` and the like would
// take for something else, and the usual names of other people's tables.
var reservedNames = []string{
	"inet", "ip", "ip6", "arp", "bridge", "netdev", "table", "chain", "set", "map", "rule", "handle",
	"filter", "nat", "mangle", "raw", "firewalld", "fw4",
}

func join(hooks []Hook) string {
	var names []string
	for _, h := range hooks {
		names = append(names, string(h))
	}
	return strings.Join(names, ", ")
}
