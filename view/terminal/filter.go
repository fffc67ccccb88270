package terminal

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"slips-ips/agent/control"
)

// filter is what the admin wants to see, of each list as far as it applies.
type filter struct {
	text  string // as it was typed
	host  string
	label string // a glob
	match string // a glob over the tuple
	flows uint64
}

// parseFilter reads words: an address or network, label:GLOB, flows:N, or a part
// of a tuple, which may have * and ? in it. Those of one kind may come once.
func parseFilter(text string) (filter, error) {
	f := filter{text: strings.Join(strings.Fields(text), " ")}
	for _, w := range strings.Fields(text) {
		name, value, named := strings.Cut(w, ":")
		var into *string
		switch {
		case named && name == "label":
			into, w = &f.label, glob(value)
		case named && name == "flows":
			n, err := strconv.ParseUint(value, 10, 62)
			if err != nil {
				return filter{}, fmt.Errorf("%q is no number of flows; use flows:10", value)
			}
			f.flows = n
			continue
		case isNetwork(w):
			into = &f.host
		default:
			into, w = &f.match, glob(w)
		}
		if *into != "" {
			return filter{}, fmt.Errorf("%q is one too many: one address, one label and one part of a tuple", w)
		}
		*into = w
	}
	return f, nil
}

// leftOut gives the parts of the filter that a list does not know.
func (f filter) leftOut(v view) string {
	var parts []string
	for _, w := range strings.Fields(f.text) {
		name, _, named := strings.Cut(w, ":")
		label, flows := named && name == "label", named && name == "flows"
		if v == viewBlocks && (label || flows) || v == viewAlerts && !label && !isNetwork(w) {
			parts = append(parts, w)
		}
	}
	return strings.Join(parts, " ")
}

func isNetwork(s string) bool {
	if _, err := netip.ParseAddr(s); err == nil {
		return true
	}
	_, err := control.ParseNetwork(s)
	return err == nil
}

// glob makes a part of a text a pattern; what is one stays.
func glob(s string) string {
	if s == "" || strings.ContainsAny(s, "*?[") {
		return s
	}
	return "*" + control.ExactGlob(s) + "*"
}
