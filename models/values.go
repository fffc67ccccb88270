package models

import (
	"math"
	"net/netip"
	"strings"
	"time"
)

// The setters below take a value as the TOML parser decodes it and report
// whether it is of the right kind; ranges are the business of problems.

func (m *Model) limits() *Behaviour {
	if m.Behaviour == nil {
		m.Behaviour = new(Behaviour)
	}
	return m.Behaviour
}

func setLimits(m *Model, v any) bool {
	m.limits() // a table without keys is one too
	return setProvenance(m, v)
}

func setProvenance(_ *Model, v any) bool {
	_, ok := v.(map[string]any)
	return ok
}

func setText[T ~string](to *T, v any) bool {
	s, ok := v.(string)
	*to = T(s)
	return ok
}

func setNumber(to *float64, v any) bool {
	switch v := v.(type) {
	case float64:
		*to = v
	case int64:
		*to = float64(v)
	default:
		return false
	}
	return true
}

func setCount(to *int, v any) bool {
	n, ok := v.(int64)
	*to = int(max(math.MinInt32, min(n, math.MaxInt32))) // out of range in any case
	return ok
}

func setDuration(to *time.Duration, v any) bool {
	s, ok := v.(string)
	if !ok {
		return false
	}
	d, err := time.ParseDuration(s)
	*to = d
	return err == nil
}

// setLetters ignores white space, so that a file may wrap long letters.
func setLetters(m *Model, v any) bool {
	s, ok := v.(string)
	m.Letters = strings.Join(strings.Fields(s), "")
	return ok
}

func setPorts(to *[]uint16, v any) bool {
	list, ok := v.([]any)
	if !ok {
		return false
	}
	var ports []uint16
	for _, v := range list {
		n, ok := v.(int64)
		if !ok || n < 0 || n > math.MaxUint16 {
			return false
		}
		ports = append(ports, uint16(n))
	}
	*to = ports
	return true
}

func setDestinations(m *Model, v any) bool {
	list, ok := v.([]any)
	if !ok {
		return false
	}
	var all []netip.Prefix
	for _, v := range list {
		s, _ := v.(string)
		p, err := netip.ParsePrefix(s)
		if err != nil {
			return false
		}
		all = append(all, p)
	}
	m.limits().Destinations = all
	return true
}

func setLearned(m *Model, v any) bool {
	t, ok := v.(time.Time)
	if !ok || t.Hour() != 0 || t.Minute() != 0 || t.Second() != 0 || t.Nanosecond() != 0 {
		return false
	}
	m.Learned = day(t)
	return true
}
