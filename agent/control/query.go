package control

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"time"

	"slips-ips/agent/history"
	"slips-ips/enforce"
)

// values writes the parameters of a query; what is zero is left out.
type values url.Values

func (v values) text(name, s string) {
	if s != "" {
		url.Values(v).Set(name, s)
	}
}

func (v values) number(name string, n int) {
	if n != 0 {
		v.text(name, strconv.Itoa(n))
	}
}

func (v values) flag(name string, b bool) {
	if b {
		v.text(name, "true")
	}
}

func (v values) when(name string, t time.Time) {
	if !t.IsZero() {
		v.text(name, t.UTC().Format(time.RFC3339Nano))
	}
}

func (v values) encode() string { return url.Values(v).Encode() }

func (q TupleQuery) encode() string {
	v := values{}
	v.text("match", q.Match)
	v.text("host", q.Host)
	v.text("label", q.Label)
	v.flag("detected", q.Detected)
	if q.MinFlows != 0 {
		v.text("min_flows", strconv.FormatUint(q.MinFlows, 10))
	}
	v.text("sort", string(q.Sort))
	v.number("limit", q.Limit)
	v.number("offset", q.Offset)
	v.number("letters", q.Letters)
	return v.encode()
}

// maxOffset bounds what may be left out.
const maxOffset = 1 << 30

func parseTupleQuery(raw string) (TupleQuery, error) {
	p := parseParams(raw)
	q := TupleQuery{
		Match:    p.glob("match"),
		Host:     p.host("host"),
		Label:    p.glob("label"),
		Detected: p.flag("detected"),
		MinFlows: uint64(p.number("min_flows", 0, 1<<62)),
		Sort:     TupleSort(p.text("sort")),
		Limit:    p.number("limit", 0, MaxLimit),
		Offset:   p.number("offset", 0, maxOffset),
		Letters:  p.number("letters", -1, MaxLetters),
	}
	switch q.Sort {
	case "":
		q.Sort = SortLast
	case SortLast, SortFlows, SortDetections, SortScore:
	default:
		p.fail("sort: %q is not allowed; use last, flows, detections or score", string(q.Sort))
	}
	q.Limit = orDefault(q.Limit, DefaultLimit)
	q.Letters = orDefault(q.Letters, DefaultLetters)
	if err := p.done(); err != nil {
		return TupleQuery{}, err
	}
	return q, nil
}

func (q BlockQuery) encode() string {
	v := values{}
	v.text("match", q.Match)
	v.text("host", q.Host)
	v.text("state", string(q.State))
	v.number("limit", q.Limit)
	v.number("offset", q.Offset)
	return v.encode()
}

func parseBlockQuery(raw string) (BlockQuery, error) {
	p := parseParams(raw)
	q := BlockQuery{
		Match:  p.glob("match"),
		Host:   p.host("host"),
		State:  enforce.State(p.text("state")),
		Limit:  p.number("limit", 0, MaxLimit),
		Offset: p.number("offset", 0, maxOffset),
	}
	switch q.State {
	case "", enforce.StateBlocked, enforce.StateMissing, enforce.StateWouldBlock:
	default:
		p.fail("state: %q is not allowed; use blocked, missing or would-block", string(q.State))
	}
	q.Limit = orDefault(q.Limit, DefaultLimit)
	if err := p.done(); err != nil {
		return BlockQuery{}, err
	}
	return q, nil
}

// kinds are what an event may be.
var kinds = []history.Kind{history.KindAlert, history.KindBlock, history.KindLift, history.KindFeed, history.KindChange, history.KindAgent}

// ParseKind reads the kind of an event.
func ParseKind(s string) (history.Kind, error) {
	if k := history.Kind(s); slices.Contains(kinds, k) {
		return k, nil
	}
	return "", fmt.Errorf("%q is no kind of event; use alert, block, lift, feed, change or agent", s)
}

func encodeEvents(q history.Query) string {
	v := values{}
	for _, k := range q.Kinds {
		url.Values(v).Add("kind", string(k))
	}
	v.when("since", q.Since)
	v.when("until", q.Until)
	v.text("tuple", q.Tuple)
	v.text("host", q.Host)
	v.text("label", q.Label)
	v.text("source", q.Source)
	v.text("id", q.ID)
	v.number("limit", q.Limit)
	v.text("after", q.After)
	return v.encode()
}

func parseEvents(raw string) (history.Query, error) {
	p := parseParams(raw)
	var q history.Query
	for _, s := range p.all("kind") {
		k, err := ParseKind(s)
		if err != nil {
			p.fail("kind: %v", err)
		}
		if !slices.Contains(q.Kinds, k) { // so they are not more than there are
			q.Kinds = append(q.Kinds, k)
		}
	}
	q.Since, q.Until = p.when("since"), p.when("until")
	q.Tuple, q.Host, q.Label, q.Source = p.text("tuple"), p.host("host"), p.glob("label"), p.text("source")
	q.ID, q.After = p.text("id"), p.text("after")
	q.Limit = orDefault(p.number("limit", 0, MaxEvents), DefaultLimit)
	if err := p.done(); err != nil {
		return history.Query{}, err
	}
	return q, nil
}

func orDefault(n, def int) int {
	if n == 0 {
		return def
	}
	return n
}
