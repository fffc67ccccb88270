package detection

import (
	"slices"

	"slips-ips/argusfeed"
)

// Contact is one visit of a tuple: the connections that follow each other closely.
type Contact struct {
	Start argusfeed.Time `json:"start"`
	// Bytes are those of all its connections; the newest contact may still go on.
	Bytes uint64 `json:"bytes"`
}

// list gives the newest contacts, at most models.MaxContacts, the oldest first. The
// starts before the newest are added up from gaps in single precision: good to a
// thousandth of their distance.
func (c *contacts) list() []Contact {
	all := make([]Contact, 0, len(c.past)+1)
	all = append(all, Contact{c.start, c.size})
	at := c.start
	for i := range c.past {
		// next is the oldest once the ring is full, and 0 before.
		p := c.past[(c.next+len(c.past)-1-i)%len(c.past)]
		at -= seconds(p.gap)
		all = append(all, Contact{at, uint64(p.size)})
	}
	slices.Reverse(all)
	return all
}

// listAt gives the contacts of t as they are seen through the span of a level.
func listAt(t *entry, level int) []Contact {
	for i := range t.s.contacts {
		if c := &t.s.contacts[i]; c.level == level {
			return c.list()
		}
	}
	return nil
}
