package terminal

import (
	"fmt"

	"slips-ips/agent/control"
	"slips-ips/argusfeed"
	"slips-ips/policy"
)

// wholeTuple says in words what a block of a scope covers.
func wholeTuple(t argusfeed.Tuple, s policy.Scope) string {
	switch s {
	case policy.ScopePair:
		return fmt.Sprintf("everything between %s and %s", t.Src, t.Dst)
	case policy.ScopeDestination:
		return fmt.Sprintf("everything to and from %s", t.Dst)
	case policy.ScopeSource:
		return fmt.Sprintf("everything to and from %s (quarantine)", t.Src)
	}
	return inWords(t)
}

// covered says what a block covers as short as a list has room for: a tuple, or the
// addresses whose whole traffic it is.
func covered(b *control.BlockInfo) string {
	t := b.Tuple
	switch b.Scope {
	case policy.ScopePair:
		return fmt.Sprintf("all %s-%s", t.Src, t.Dst)
	case policy.ScopeDestination:
		return fmt.Sprintf("all to %s", t.Dst)
	case policy.ScopeSource:
		return fmt.Sprintf("all of %s (quarantine)", t.Src)
	}
	return t.String()
}

// inWords writes a tuple for people.
func inWords(t argusfeed.Tuple) string {
	port := t.Port.String()
	if port != "" {
		port = " port " + port
	}
	return fmt.Sprintf("%s to %s%s, %s", t.Src, t.Dst, port, t.Proto)
}
