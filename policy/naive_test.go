package policy

import (
	"net/netip"
	"path"
	"slices"
	"strings"
	"time"

	"slips-ips/argusfeed"
	"slips-ips/detection"
)

// naiveFits compares the texts that ra prints.
func naiveFits(c Config, v View, r Rule, d detection.Detection) bool {
	if r.Label != "" {
		slash := strings.NewReplacer("/", "~")
		if ok, _ := path.Match(slash.Replace(strings.ToUpper(string(r.Label))), slash.Replace(strings.ToUpper(d.Label))); !ok {
			return false
		}
	}
	proto := strings.ToLower(d.Tuple.Proto.String())
	if proto == "rtp" {
		proto = "udp"
	}
	if r.Protocol != "" && proto != string(r.Protocol) {
		return false
	}
	if r.Ports != nil {
		fits := false
		for _, p := range r.Ports {
			for n := int(p.First); n <= int(p.Last); n++ {
				fits = fits || argusfeed.PortNumber(uint16(n)) == d.Tuple.Port
			}
		}
		if !fits {
			return false
		}
	}
	if r.Direction != nil && !slices.Contains(r.Direction, naiveDirection(c, v, d.Tuple)) {
		return false
	}
	if r.Feed != "" {
		slash := strings.NewReplacer("/", "~")
		if ok, _ := path.Match(slash.Replace(string(r.Feed)), slash.Replace(v.Feed)); !ok {
			return false
		}
	}
	if r.Behaviour != nil {
		if ok, _ := path.Match(string(r.Behaviour[0]), d.Behaviour); !ok || d.Behaviour == "" {
			return false
		}
	}
	if !naiveSchedule(r, d.Time.Time().UTC()) {
		return false
	}
	inside := func(list Prefixes, end argusfeed.Addr) bool {
		ip, ok := end.IP()
		return list == nil || ok && slices.ContainsFunc(list, func(p Prefix) bool { return unmapPrefix(p.Prefix).Contains(ip.Unmap()) })
	}
	return inside(r.Source, d.Tuple.Src) && inside(r.Destination, d.Tuple.Dst)
}

// naiveDirection goes through the definition with net/netip.
func naiveDirection(c Config, v View, t argusfeed.Tuple) Direction {
	src, ok1 := t.Src.IP()
	dst, ok2 := t.Dst.IP()
	if !ok1 || !ok2 {
		return ""
	}
	own := func(ip netip.Addr) bool {
		for e := range v.Protected.All() {
			if (e.Kind == KindOwn || e.Kind == KindRouter) && e.Prefix.Contains(ip) {
				return true
			}
		}
		return false
	}
	home := func(ip netip.Addr) bool {
		if len(c.Home) > 0 {
			return slices.ContainsFunc(c.Home, func(n Network) bool { return unmapPrefix(n.Prefix.Prefix).Contains(ip) })
		}
		return ip.IsPrivate() || ip.IsLinkLocalUnicast() || netip.MustParsePrefix("203.0.113.0/24").Contains(ip)
	}
	src, dst = src.Unmap(), dst.Unmap()
	from, to := home(src), home(dst) || own(dst)
	switch {
	case own(src):
		return "router"
	case from && !to:
		return "outbound"
	case !from && to:
		return "inbound"
	case from:
		return "internal"
	}
	return "external"
}

// naiveSchedule looks at every minute of the night before and of the day.
func naiveSchedule(r Rule, at time.Time) bool {
	at = at.Truncate(time.Minute)
	midnight := at.Truncate(day)
	for _, begin := range []time.Time{midnight.Add(-day), midnight} {
		if r.Days != nil && time.Weekday(r.Days[0]) != begin.Weekday() {
			continue
		}
		from, to := 0, minutesOfDay
		if r.Hours != nil {
			if from, to = r.Hours[0].From, r.Hours[0].To; to <= from {
				to += minutesOfDay
			}
		}
		for m := from; m < to; m++ {
			if begin.Add(time.Duration(m) * time.Minute).Equal(at) {
				return true
			}
		}
	}
	return false
}
