package detection

import (
	"strings"

	"slips-ips/argusfeed"
)

// connections remembers the newest connections of a tuple by their source
// ports. Argus reports a long connection in pieces, one at every status
// interval: the most regular thing there is, and no contact at all.
type connections []connection

// connection is one of them.
type connection struct {
	port argusfeed.Port
	end  argusfeed.Time
	// began is the number of the contact that it began in, for each span; 0 is
	// none. What comes later belongs there and not to the newest contact: a long
	// connection beside a beacon would change the sizes of all of its contacts.
	began [len(spans)]uint32
}

// openConnections is how many connections of one tuple are told apart.
const openConnections = 16

// idle is the longest pause within a connection whose beginning cannot be seen:
// Argus forgets such a flow after 30 s (UDP) or 60 s.
const idle argusfeed.Time = 60e6

// continues notes a flow that may begin a connection, and tells whether it goes
// on with one that was there before. The connection is nil where the flow has no
// source port.
func (c *connections) continues(f *argusfeed.Flow) (of *connection, on bool) {
	end := f.Start.Add(f.Dur)
	if of = c.find(f.Sport); of != nil {
		on = f.Start-of.end <= idle
		if proto, ok := f.Proto.Number(); ok && argusfeed.Proto(proto) == argusfeed.ProtoTCP {
			// With the flags at hand a beginning shows as a SYN of the source.
			if flags, _, ok := strings.Cut(f.State, "_"); ok {
				on = !strings.Contains(flags, "S")
			}
		}
		of.end = max(of.end, end)
		return of, on
	}
	if f.Sport == 0 {
		return nil, false
	}
	if n := len(*c); n < openConnections {
		if n == cap(*c) {
			*c = append(make(connections, 0, max(openConnections/2, 2*n)), *c...)
		}
		*c = append(*c, connection{port: f.Sport, end: end})
		return &(*c)[n], false
	}
	all := *c
	of = &all[0] // the one that was silent for the longest makes room
	for i := range all {
		if all[i].end < of.end {
			of = &all[i]
		}
	}
	*of = connection{port: f.Sport, end: end}
	return of, false
}

// goes gives the connection that a piece told while it goes on is of; nil: it is
// not known any more.
func (c *connections) goes(f *argusfeed.Flow) *connection {
	of := c.find(f.Sport)
	if of != nil {
		of.end = max(of.end, f.Start.Add(f.Dur))
	}
	return of
}

func (c *connections) find(p argusfeed.Port) *connection {
	if p == 0 {
		return nil
	}
	all := *c
	for i := range all {
		if all[i].port == p {
			return &all[i]
		}
	}
	return nil
}

// fork has a span begin with the contacts of another one.
func (c *connections) fork(from, to int) {
	for i := range *c {
		(*c)[i].began[to] = (*c)[i].began[from]
	}
}
