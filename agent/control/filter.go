package control

import (
	"path"
	"slices"
	"strings"

	"slips-ips/agent/history"
	"slips-ips/argusfeed"
)

// filter selects the events that a follower wants: those that the history would
// give for the same query.
type filter struct {
	q     history.Query
	label string
	host  func(argusfeed.Tuple) bool
}

func newFilter(q history.Query) (*filter, error) {
	f := &filter{q: q, label: foldLabel(q.Label)}
	if q.Host != "" {
		network, err := ParseNetwork(q.Host)
		if err != nil {
			return nil, err
		}
		f.host = func(t argusfeed.Tuple) bool {
			for _, end := range []argusfeed.Addr{t.Src, t.Dst} {
				if ip, ok := end.IP(); ok && network.Contains(ip) {
					return true
				}
			}
			return false
		}
	}
	return f, nil
}

// wants tells whether e is one of them.
func (f *filter) wants(e *history.Event) bool {
	tuple, label := subject(e)
	switch {
	case len(f.q.Kinds) > 0 && !slices.Contains(f.q.Kinds, e.Kind):
	case !f.q.Since.IsZero() && e.Time.Before(f.q.Since):
	case !f.q.Until.IsZero() && !e.Time.Before(f.q.Until):
	case f.q.ID != "" && e.ID != f.q.ID && (e.Block == nil || e.Block.ID != f.q.ID):
	case f.q.Tuple != "" && (tuple == nil || tuple.String() != f.q.Tuple):
	case f.host != nil && (tuple == nil || !f.host(*tuple)):
	case f.q.Source != "" && (e.Feed == nil || e.Feed.Source != f.q.Source):
	case f.label != "" && !globMatches(f.label, label):
	default:
		return true
	}
	return false
}

// subject gives the tuple and label that an event is about; nil: none.
func subject(e *history.Event) (*argusfeed.Tuple, string) {
	switch {
	case e.Decision != nil:
		return &e.Decision.Tuple, e.Decision.Label
	case e.Block != nil:
		return &e.Block.Tuple, e.Block.Label
	case e.Detection != nil:
		return &e.Detection.Tuple, e.Detection.Label
	}
	return nil, ""
}

// foldLabel makes labels comparable: letter case is ignored, and / is no
// separator in them, as it is for path.Match.
func foldLabel(s string) string {
	return strings.ReplaceAll(strings.ToLower(s), "/", "\x1f")
}

func globMatches(pattern, label string) bool {
	ok, err := path.Match(pattern, foldLabel(label))
	return ok && err == nil
}

// ExactGlob makes a pattern that fits s alone.
func ExactGlob(s string) string {
	return strings.NewReplacer(`\`, `\\`, "*", `\*`, "?", `\?`, "[", `\[`).Replace(s)
}
