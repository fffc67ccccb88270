package enforce

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"slips-ips/argusfeed"
	"slips-ips/internal/lab"
)

var update = flag.Bool("update", false, "rewrite the files in testdata")

// The ruleset as nft prints it, which must load again into the same.
func TestRuleset(t *testing.T) {
	blocks := func(t *testing.T, e *Enforcer) {
		for i, tuple := range []argusfeed.Tuple{
			tuple(lab.ClientA4, lab.Server4, argusfeed.ProtoTCP, 443),
			tuple(lab.ClientA4, lab.Server4, argusfeed.ProtoICMP, 0),
			tuple(lab.ClientA6, lab.Server6, argusfeed.ProtoUDP, 53),
			tuple(lab.ClientA6, lab.Server6, argusfeed.ProtoICMPv6, 0),
		} {
			b := block(tuple, time.Duration(i+1)*24*time.Hour)
			apply(t, e, b)
		}
	}
	for _, test := range []struct {
		name   string
		change func(*Config, *Options)
		blocks func(*testing.T, *Enforcer)
	}{
		{"default", func(*Config, *Options) {}, nil},
		{"blocks", func(*Config, *Options) {}, blocks},
		{"changed", func(c *Config, _ *Options) {
			c.Table, c.Hooks, c.Priority, c.Verdict, c.MaxBlocks = "ips-2", []Hook{HookOutput, HookForward}, -50, VerdictReject, 1000
		}, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			ns := newNS(t)
			e := open(t, ns, test.change)
			if test.blocks != nil {
				test.blocks(t, e)
			}
			got := ruleset(t, ns)
			file := filepath.Join("testdata", test.name+".nft")
			if *update {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			// Other versions of nft print other words for the same.
			version := nft(t, ns, "", "--version")
			if diff := cmp.Diff(string(want), got); diff != "" && strings.Contains(version, "v1.0.6 ") {
				t.Errorf("%s is not what nft lists (-file +kernel):\n%s", file, diff)
			}

			other := newNS(t)
			nft(t, other, got, "-f", "-")
			if diff := cmp.Diff(got, ruleset(t, other)); diff != "" {
				t.Errorf("loaded again it differs (-kernel +loaded):\n%s", diff)
			}
			// And it is ours, to the byte of every rule.
			again := open(t, other, test.change)
			if s := again.Stats(); s.Rebuilds != 0 {
				t.Errorf("the table that nft loaded had to be made again: %s", again.kernel.why)
			}
			enforced(t, again, e.Stats().Wanted)
		})
	}
}
