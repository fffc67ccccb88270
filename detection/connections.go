package detection

import (
	"strings"

	"slips-ips/argusfeed"
)

// connections remembers the newest connections of a tuple by their source
// ports. Argus reports a long connection in pieces, one at every status
// interval: the most regular thing there is, and no contact at all.
type connections struct {
	ports [openConnections]argusfeed.Port
	ends  [openConnections]argusfeed.Time
	next  int
}

// openConnections is how many connections of one tuple are told apart.
const openConnections = 16

// idle is the longest pause within a connection whose beginning cannot be seen:
// Argus forgets such a flow after 30 s (UDP) or 60 s.
const idle argusfeed.Time = 60e6

// continues notes a flow and tells whether it goes on with a connection that
// was there before.
func (c *connections) continues(f *argusfeed.Flow) bool {
	end := f.Start.Add(f.Dur)
	for i, p := range c.ports {
		if p != f.Sport || p == 0 {
			continue
		}
		on := f.Start-c.ends[i] <= idle
		if proto, ok := f.Proto.Number(); ok && argusfeed.Proto(proto) == argusfeed.ProtoTCP {
			// With the flags at hand a beginning shows as a SYN of the source.
			if flags, _, ok := strings.Cut(f.State, "_"); ok {
				on = !strings.Contains(flags, "S")
			}
		}
		c.ends[i] = max(c.ends[i], end)
		return on
	}
	if f.Sport != 0 {
		c.ports[c.next], c.ends[c.next] = f.Sport, end
		c.next = (c.next + 1) % openConnections
	}
	return false
}
