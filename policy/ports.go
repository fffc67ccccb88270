package policy

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Ports is a list of port ranges, in TOML a number, a string or a list of
// them: 53, "8000-8100", [53, "8000-8100"]. Nil stands for every port.
type Ports []PortRange

// PortRange is the ports from First to Last, both included.
type PortRange struct{ First, Last uint16 }

const portsAllowed = `a port (0 to 65535), a range of them ("8000-8100"), or a list of both`

// UnmarshalTOML reads one range or a list.
func (p *Ports) UnmarshalTOML(data any) error {
	list, err := unmarshalList[PortRange](data, portsAllowed)
	if err != nil {
		return err
	}
	if list == nil {
		return errors.New("the list is empty; use " + portsAllowed + ", or leave the key out for every port")
	}
	*p = list
	return nil
}

// Contains tells whether port is in one of the ranges.
func (p Ports) Contains(port uint16) bool {
	for _, r := range p {
		if r.First <= port && port <= r.Last {
			return true
		}
	}
	return false
}

func (p Ports) check() error {
	for _, r := range p {
		if r.First > r.Last {
			return errReversed(r.First, r.Last)
		}
	}
	return nil
}

func errReversed(first, last uint16) error {
	return fmt.Errorf(`the range "%d-%d" is the wrong way round; use "%d-%d"`, first, last, last, first)
}

// UnmarshalText reads 53 or 8000-8100.
func (r *PortRange) UnmarshalText(b []byte) error {
	from, to, isRange := strings.Cut(string(b), "-")
	if !isRange {
		to = from
	}
	first, ok1 := parsePort(from)
	last, ok2 := parsePort(to)
	if !ok1 || !ok2 {
		return fmt.Errorf("%q is not allowed; use %s", b, portsAllowed)
	}
	if first > last {
		return errReversed(first, last)
	}
	*r = PortRange{first, last}
	return nil
}

func parsePort(s string) (uint16, bool) {
	n, err := strconv.ParseUint(strings.TrimSpace(s), 10, 16)
	return uint16(n), err == nil
}

// MarshalText writes what UnmarshalText reads. It never fails.
func (r PortRange) MarshalText() ([]byte, error) {
	b := strconv.AppendUint(nil, uint64(r.First), 10)
	if r.First != r.Last {
		b = append(b, '-')
		b = strconv.AppendUint(b, uint64(r.Last), 10)
	}
	return b, nil
}
