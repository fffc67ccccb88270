package agent

import (
	"fmt"
	"maps"
	"net/netip"
	"reflect"
	"slices"
	"strings"

	"slips-ips/agent/allowlist"
	"slips-ips/models"
)

// configChange is one key whose value is another one.
type configChange struct {
	key      string // as in slips.toml: policy.rule[0].action
	old, new string // "" where the key is not there
}

// String gives "policy.duration: 1h0m0s -> 2h0m0s".
func (c configChange) String() string {
	none := func(s string) string {
		if s == "" {
			return "(none)"
		}
		return s
	}
	return fmt.Sprintf("%s: %s -> %s", c.key, none(c.old), none(c.new))
}

// configDiff gives the keys that differ, in their order.
func configDiff(before, after Config) ([]configChange, error) {
	was, err := flat(before)
	if err != nil {
		return nil, err
	}
	is, err := flat(after)
	if err != nil {
		return nil, err
	}
	keys := slices.Sorted(maps.Keys(was))
	for k := range is {
		if _, ok := was[k]; !ok {
			keys = append(keys, k)
		}
	}
	slices.Sort(keys)
	var changes []configChange
	for _, k := range keys {
		if was[k] != is[k] {
			changes = append(changes, configChange{k, was[k], is[k]})
		}
	}
	return changes, nil
}

// flat gives the leaves of a configuration by their paths.
func flat(c Config) (map[string]string, error) {
	table, err := ConfigTable(c)
	if err != nil {
		return nil, err
	}
	leaves := map[string]string{}
	flatten(leaves, "", table)
	return leaves, nil
}

func flatten(leaves map[string]string, path string, v any) {
	switch v := v.(type) {
	case map[string]any:
		for k, inner := range v {
			flatten(leaves, strings.TrimPrefix(path+"."+k, "."), inner)
		}
	case []map[string]any:
		for i, inner := range v {
			flatten(leaves, fmt.Sprintf("%s[%d]", path, i), inner)
		}
	default:
		leaves[path] = fmt.Sprint(v)
	}
}

// secretKeys hold what must not be told.
var secretKeys = []string{"password", "secret", "token", "headers"}

// told hides the values of keys that may be secrets.
func (c configChange) told() string {
	for _, s := range secretKeys {
		if strings.Contains(c.key, s) {
			return c.key + ": changed"
		}
	}
	return c.String()
}

// reloadable are the tables and keys that can change while the agent runs. It does
// not look at [models], which is for commands.
var reloadable = []string{"detection", "models", "policy", "protect", "report"}

// fixed are those among them that cannot.
var fixed = []string{"report.tuples", "report.min_letters", "detection.scoring"}

// staged are those that the stages are made of.
var staged = []string{"detection", "policy"}

// needsRestart tells whether a key can only change with a restart.
func needsRestart(key string) bool { return !under(reloadable, key) || under(fixed, key) }

// under tells whether a key is one of a list, or in a table of it.
func under(list []string, key string) bool {
	return slices.ContainsFunc(list, func(k string) bool {
		rest, ok := strings.CutPrefix(key, k)
		return ok && (rest == "" || rest[0] == '.' || rest[0] == '[')
	})
}

// allowChanges tells which networks are allowed now, and which are not any more.
func allowChanges(before, after []allowlist.Entry) []string {
	was := map[netip.Prefix]bool{}
	for _, e := range before {
		was[e.Network] = true
	}
	var told []string
	for _, e := range after {
		if !was[e.Network] {
			told = append(told, "allow list: "+e.Network.String()+" is new")
		}
		delete(was, e.Network)
	}
	for gone := range was {
		told = append(told, "allow list: "+gone.String()+" is gone")
	}
	slices.Sort(told)
	return told
}

// modelChanges tells which models came, went or are others now, by their files.
func modelChanges(before, after []models.Model) []string {
	name := func(m models.Model) string { return m.Label + " (" + m.File + ")" }
	was := map[string]models.Model{}
	for _, m := range before {
		was[name(m)] = m
	}
	var told []string
	for _, m := range after {
		old, ok := was[name(m)]
		delete(was, name(m))
		switch {
		case !ok:
			told = append(told, "models: "+name(m)+" is new")
		case !reflect.DeepEqual(old, m):
			told = append(told, "models: "+name(m)+" has changed")
		}
	}
	for gone := range was {
		told = append(told, "models: "+gone+" is gone")
	}
	slices.Sort(told)
	return told
}
