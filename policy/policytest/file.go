package policytest

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/BurntSushi/toml"

	"slips-ips/policy"
)

// File is a file of cases.
type File struct {
	Cases []Case `toml:"case"`
}

// Case is one question to the policy, and the answer that it must give.
type Case struct {
	Name string `toml:"name"`
	// Line is where it begins in the file, from 1.
	Line int `toml:"-"`
	// Matches is how often the tuple has matched, the one asked about included;
	// 0 stands for 1. Every is the time between two of them: by default the gap of
	// the detection, or a minute.
	Matches int             `toml:"matches"`
	Every   policy.Duration `toml:"every"`
	// At is when the last match was, as "2026-03-02 14:30" in the policy's time
	// zone. By default it is noon of that day, a Monday.
	At        string    `toml:"at"`
	Detection Detection `toml:"detection"`
	Given     Given     `toml:"given"`
	Expect    Expect    `toml:"expect"`
}

// Detection is what was detected.
type Detection struct {
	// Tuple is written source-destination-port-protocol.
	Tuple string `toml:"tuple"`
	Label string `toml:"label"`
	// Probability is what the default scorer gives, Distance what slips-0.3.3
	// does: one of them, by default a probability of 0.99.
	Probability *float64 `toml:"probability"`
	Distance    *float64 `toml:"distance"`
	// Generic says that no model of something known speaks for it, Behaviour is
	// its class, Normal a normal model that fits as well.
	Generic   bool   `toml:"generic"`
	Behaviour string `toml:"behaviour"`
	Normal    string `toml:"normal"`
	// Flows is how many the tuple has had, by default as many as matches.
	Flows int             `toml:"flows"`
	Gap   policy.Duration `toml:"gap"`
}

// Given is how things are. All may be left out.
type Given struct {
	// Own are this host's addresses, Router says that it forwards for others.
	Own    policy.Prefixes `toml:"own"`
	Router bool            `toml:"router"`
	// Networks are those of its interfaces.
	Networks policy.Prefixes `toml:"networks"`
	// Protected are addresses that are never blocked, by kind: gateway, resolver,
	// dhcp, ntp, ssh, cli, feed, allow. What [protect] lists is so anyway.
	Protected map[string]policy.Prefixes `toml:"protected"`
	// Up is how long the agent has run, Feed the URL of the flow's source.
	Up   policy.Duration `toml:"up"`
	Feed string          `toml:"feed"`
	// Blocked is how often the same was blocked before, the last time a day ago.
	Blocked int `toml:"blocked"`
	// Blocks are in force, and of the same source, the same destination's network,
	// and begun in this minute.
	Blocks            int `toml:"blocks"`
	BlocksSource      int `toml:"blocks_source"`
	BlocksDestination int `toml:"blocks_destination"`
	BlocksMinute      int `toml:"blocks_minute"`
	// InForce is how much is left of a block of the tuple, InForceScope its scope.
	InForce      policy.Duration `toml:"in_force"`
	InForceScope policy.Scope    `toml:"in_force_scope"`
}

// Expect is the answer that there must be. What is left out may be anything.
type Expect struct {
	Action    policy.Action    `toml:"action"`
	Rule      string           `toml:"rule"`
	Cause     policy.Cause     `toml:"cause"`
	Scope     policy.Scope     `toml:"scope"`
	Verdict   policy.Verdict   `toml:"verdict"`
	Direction policy.Direction `toml:"direction"`
	// Duration is how long the block lasts, without jitter.
	Duration policy.Duration `toml:"duration"`
	// Reason are texts that the reason must contain.
	Reason Texts `toml:"reason"`
}

// Texts is one text or a list of them.
type Texts []string

// UnmarshalTOML reads one text or a list.
func (t *Texts) UnmarshalTOML(data any) error {
	switch v := data.(type) {
	case string:
		*t = Texts{v}
		return nil
	case []any:
		for _, x := range v {
			s, ok := x.(string)
			if !ok {
				return fmt.Errorf("%v is not allowed; use a text in quotes or a list of them", x)
			}
			*t = append(*t, s)
		}
		return nil
	}
	return fmt.Errorf("%v is not allowed; use a text in quotes or a list of them", data)
}

// MaxFile is how large a file of cases may be, in bytes, MaxMatches how many
// matches a case may have.
const (
	MaxFile    = 4 << 20
	MaxMatches = 1000
)

var caseTable = regexp.MustCompile(`(?m)^[ \t]*\[\[[ \t]*case[ \t]*\]\]`)

// Parse reads a file of cases. The error names the line, and all mistakes where
// there are several of one kind.
func Parse(data []byte) (File, error) {
	if len(data) > MaxFile {
		return File{}, fmt.Errorf("larger than %d bytes", MaxFile)
	}
	var f File
	meta, err := toml.Decode(string(data), &f)
	var parse toml.ParseError
	if errors.As(err, &parse) {
		what := parse.Message
		if what == "" {
			what = strings.TrimPrefix(err.Error(), "toml: ")
		}
		return File{}, fmt.Errorf("line %d: %s: %s", parse.Position.Line, parse.LastKey, what)
	}
	if err != nil {
		return File{}, errors.New(strings.TrimPrefix(err.Error(), "toml: "))
	}
	if left := meta.Undecoded(); len(left) > 0 {
		return File{}, fmt.Errorf("%s: unknown key; docs/policy.md has those that are known", left[0])
	}
	if len(f.Cases) == 0 {
		return File{}, errors.New("there is no [[case]] in it")
	}
	for i, at := range caseTable.FindAllIndex(data, -1) {
		if i < len(f.Cases) {
			f.Cases[i].Line = 1 + strings.Count(string(data[:at[0]]), "\n")
		}
	}
	var all []error
	for i, c := range f.Cases {
		if err := c.check(); err != nil {
			all = append(all, fmt.Errorf("line %d: case %d (%s): %w", c.Line, i+1, c.Name, err))
		}
	}
	return f, errors.Join(all...)
}

func (c Case) check() error {
	if _, err := tupleOf(c.Detection.Tuple); err != nil {
		return err
	}
	if _, err := c.time(nil); err != nil {
		return err
	}
	if c.Detection.Probability != nil && c.Detection.Distance != nil {
		return errors.New("detection: probability is of the default scorer and distance of slips-0.3.3; use one")
	}
	if c.Matches < 0 || c.Matches > MaxMatches {
		return fmt.Errorf("matches: %d is not allowed; use 1 to %d", c.Matches, MaxMatches)
	}
	if longest := policy.Duration(policy.MaxDuration); c.Every < 0 || c.Every > longest || c.Detection.Gap < 0 || c.Detection.Gap > longest || c.Given.Up < 0 {
		return fmt.Errorf("every, detection.gap and given.up: use \"0s\" to \"%v\"", longest)
	}
	if g := c.Given; c.Detection.Flows < 0 || g.Blocked < 0 || g.Blocks < 0 || g.BlocksSource < 0 || g.BlocksDestination < 0 || g.BlocksMinute < 0 {
		return errors.New("no number may be negative")
	}
	for kind := range c.Given.Protected {
		switch policy.Kind(kind) {
		case policy.KindGateway, policy.KindResolver, policy.KindDHCP, policy.KindNTP, policy.KindSSH, policy.KindCLI, policy.KindFeed, policy.KindAllow:
		default:
			return fmt.Errorf("given.protected: %q is not known; use gateway, resolver, dhcp, ntp, ssh, cli, feed or allow", kind)
		}
	}
	e := c.Expect
	if e.Action == "" && e.Rule == "" && e.Cause == "" && e.Scope == "" && e.Verdict == "" && e.Direction == "" && e.Duration == 0 && len(e.Reason) == 0 {
		return errors.New(`it expects nothing; write expect = { action = "block" } or more`)
	}
	return nil
}
