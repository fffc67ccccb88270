package control

import (
	"fmt"
	"maps"
	"net/netip"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"slips-ips/policy"
)

// maxText is the longest text of a parameter, in bytes.
const maxText = 512

// params reads the parameters of a request. The first mistake is kept; those
// that nobody asked for are one, so that a misspelt filter cannot show all.
type params struct {
	values url.Values
	known  []string
	err    error
}

// parseParams reads the query of a URL.
func parseParams(raw string) *params {
	values, err := url.ParseQuery(raw)
	p := &params{values: values}
	if err != nil {
		p.fail("the parameters cannot be read: %v", err)
	}
	return p
}

func (p *params) fail(format string, args ...any) {
	if p.err == nil {
		p.err = fmt.Errorf("%w: "+format, append([]any{ErrInvalid}, args...)...)
	}
}

// all gives the values of a parameter, which may also be separated by commas.
func (p *params) all(name string) []string {
	p.known = append(p.known, name)
	var list []string
	for _, v := range p.values[name] {
		list = append(list, strings.Split(v, ",")...)
	}
	return list
}

// text gives a parameter that may be given once.
func (p *params) text(name string) string {
	p.known = append(p.known, name)
	v := p.values[name]
	switch {
	case len(v) == 0:
		return ""
	case len(v) > 1:
		p.fail("%s: given more than once", name)
	case len(v[0]) > maxText:
		p.fail("%s: longer than %d bytes", name, maxText)
	}
	return v[0]
}

// glob gives a pattern.
func (p *params) glob(name string) string {
	v := p.text(name)
	if _, err := path.Match(v, ""); err != nil {
		p.fail("%s: %q is no pattern; use * for any characters, ? for one and [abc] for one of these", name, v)
	}
	return v
}

// host gives an address or network.
func (p *params) host(name string) string {
	v := p.text(name)
	if v == "" {
		return ""
	}
	if _, err := ParseNetwork(v); err != nil {
		p.fail("%s: %v", name, err)
	}
	return v
}

// number gives a whole number from least to most; 0 where it is not given.
func (p *params) number(name string, least, most int) int {
	v := p.text(name)
	if v == "" {
		return 0
	}
	n, err := strconv.Atoi(v)
	if err != nil || n < least || n > most {
		p.fail("%s: %q is not allowed; use %d to %d", name, v, least, most)
		return 0
	}
	return n
}

// flag gives true or false.
func (p *params) flag(name string) bool {
	v := p.text(name)
	if v == "" {
		return false
	}
	b, err := strconv.ParseBool(v)
	if err != nil {
		p.fail("%s: %q is not allowed; use true or false", name, v)
	}
	return b
}

// when gives a point in time.
func (p *params) when(name string) time.Time {
	v := p.text(name)
	if v == "" {
		return time.Time{}
	}
	t, err := time.Parse(time.RFC3339Nano, v)
	if err != nil {
		p.fail("%s: %q is no time; use RFC 3339, as in 2026-03-01T12:00:00Z", name, v)
		return time.Time{}
	}
	return t
}

// done gives the first mistake; every parameter must have been asked for.
func (p *params) done() error {
	for _, name := range slices.Sorted(maps.Keys(p.values)) {
		if !slices.Contains(p.known, name) {
			allowed := "none is known here"
			if len(p.known) > 0 {
				allowed = "known here: " + strings.Join(p.known, ", ")
			}
			p.fail("%q: unknown parameter; %s", name, allowed)
		}
	}
	return p.err
}

// ParseNetwork reads an address or a network, as [protect] does; an address
// stands for itself alone.
func ParseNetwork(s string) (netip.Prefix, error) {
	var p policy.Prefix
	err := p.UnmarshalText([]byte(s))
	return p.Prefix, err
}

// networkText writes what ParseNetwork reads, always in the same way.
func networkText(p netip.Prefix) string {
	text, _ := policy.Prefix{Prefix: p}.MarshalText() // it never fails
	return string(text)
}
