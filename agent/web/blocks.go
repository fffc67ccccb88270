package web

import (
	"slices"
	"strings"

	"slips-ips/agent/control"
	"slips-ips/enforce"
)

// blocksPage is how many blocks a page has: so many that each is counted.
const blocksPage = control.MaxHits

type blocksBody struct {
	Query    control.BlockQuery
	List     control.BlockList
	From, To int
	States   []string
	// Scopes and Verdicts are the choices of the form.
	Scopes, Verdicts []string
	Tuple            string // for the form
	pager
}

func (r *request) blocks() (answer, error) {
	f := fields{values: r.URL.Query()}
	states := []string{"any", string(enforce.StateBlocked), string(enforce.StateMissing), string(enforce.StateWouldBlock)}
	state := f.oneOf("state", states...)
	q := control.BlockQuery{Match: f.glob("match"), Host: f.host("host"), Limit: blocksPage, Offset: f.number("offset", maxOffset)}
	if state != "any" {
		q.State = enforce.State(state)
	}
	b := blocksBody{States: states, Scopes: scopes, Verdicts: verdicts, Tuple: f.text("tuple")}
	if f.err != nil {
		return answer{}, f.err
	}
	var err error
	if b.List, err = r.p.agent.Blocks(r.Context(), q); err != nil {
		return answer{}, err
	}
	b.Query, b.From, b.To = q, q.Offset+1, q.Offset+len(b.List.Blocks)
	b.pager = pages(r, q.Offset, len(b.List.Blocks), b.List.Matching, blocksPage)
	return answer{name: "blocks", title: "Blocks", section: "blocks", refresh: true, body: b}, nil
}

type allowsBody struct {
	ByHand, Others []control.Allow
	Network        string // for the form
}

func (r *request) allows() (answer, error) {
	f := fields{values: r.URL.Query()}
	b := allowsBody{Network: f.host("network")}
	if f.err != nil {
		return answer{}, f.err
	}
	all, err := r.p.agent.Allows(r.Context())
	if err != nil {
		return answer{}, err
	}
	for _, a := range all {
		if a.From == control.FromAllow {
			b.ByHand = append(b.ByHand, a)
		} else {
			b.Others = append(b.Others, a)
		}
	}
	byNetwork := func(x, y control.Allow) int { return strings.Compare(x.Network, y.Network) }
	slices.SortStableFunc(b.ByHand, byNetwork)
	return answer{name: "allows", title: "Allow list", section: "allows", refresh: true, body: b}, nil
}
