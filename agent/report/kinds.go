package report

import (
	"fmt"
	"slices"
	"strings"

	"slips-ips/agent/history"
)

// Kinds are the kinds of events that an output tells.
type Kinds []history.Kind

var allKinds = Kinds{history.KindAlert, history.KindBlock, history.KindLift, history.KindFeed, history.KindChange, history.KindAgent}

// usualKinds are what most receivers want; loudKinds are worth a disturbance.
func usualKinds() Kinds { return Kinds{history.KindAlert, history.KindBlock, history.KindLift} }
func loudKinds() Kinds  { return Kinds{history.KindAlert, history.KindBlock} }

func (k Kinds) has(kind history.Kind) bool { return slices.Contains(k, kind) }

// validate checks the key kinds. An output that tells nothing is switched off
// otherwise.
func (k Kinds) validate() []error {
	var names []string
	for _, kind := range allKinds {
		names = append(names, string(kind))
	}
	allowed := strings.Join(names, ", ")
	if len(k) == 0 {
		return []error{fmt.Errorf("kinds: the list is empty; use one or more of %s", allowed)}
	}
	for _, kind := range k {
		if !allKinds.has(kind) {
			return []error{fmt.Errorf("kinds: %q is not allowed; use one or more of %s", string(kind), allowed)}
		}
	}
	return nil
}
