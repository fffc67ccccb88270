package web

import (
	"strconv"

	"slips-ips/agent/control"
)

// tuplesPage is how many tuples a page has.
const tuplesPage = 100

// maxOffset bounds what is left out before a page: the agent keeps so many of the
// first ones in order while it looks.
const maxOffset = 10_000_000

type tuplesBody struct {
	Query    control.TupleQuery
	List     control.TupleList
	From, To int
	pager
}

// pager leads to the pages before and after.
type pager struct{ Before, After string }

func pages(r *request, offset, got, matching, page int) pager {
	var p pager
	if offset > 0 {
		p.Before = with(r.URL, "offset", zeroEmpty(max(0, offset-page)))
	}
	if offset+got < matching {
		p.After = with(r.URL, "offset", strconv.Itoa(offset+page))
	}
	return p
}

func zeroEmpty(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}

func (r *request) tuples() (answer, error) {
	f := fields{values: r.URL.Query()}
	q := control.TupleQuery{
		Match: f.glob("match"), Host: f.host("host"), Label: f.glob("label"), Detected: f.flag("detected"),
		MinFlows: uint64(f.number("min_flows", maxOffset)),
		Sort:     control.TupleSort(f.oneOf("sort", string(control.SortLast), string(control.SortFlows), string(control.SortDetections), string(control.SortScore))),
		Limit:    tuplesPage, Offset: f.number("offset", maxOffset), Letters: 40,
	}
	if f.err != nil {
		return answer{}, f.err
	}
	rows, err := r.p.agent.Tuples(r.Context(), q)
	if err != nil {
		return answer{}, err
	}
	list, err := rows.All(r.Context())
	if err != nil {
		return answer{}, err
	}
	b := tuplesBody{Query: q, List: list, From: q.Offset + 1, To: q.Offset + len(list.Tuples)}
	b.pager = pages(r, q.Offset, len(list.Tuples), list.Matching, tuplesPage)
	return answer{name: "tuples", title: "Tuples", section: "tuples", refresh: true, body: b}, nil
}
