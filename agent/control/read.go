package control

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"slips-ips/agent/history"
	"slips-ips/argusfeed"
)

// Index is what GET /v1 answers.
type Index struct {
	Name    string `json:"name"`
	API     string `json:"api"`
	Version string `json:"version"`
	You     You    `json:"you"`
	Calls   []call `json:"calls"`
	Stats   Stats  `json:"stats"`
}

// You is whom the server takes the client for.
type You struct {
	UID    uint32   `json:"uid"`
	Groups []uint32 `json:"groups"`
	Change bool     `json:"may_change"`
}

func (s *Server) index(w http.ResponseWriter, r *http.Request) error {
	p := peerFrom(r)
	return s.writeJSON(w, http.StatusOK, Index{
		Name: "slips-ips", API: apiVersion, Version: s.opt.Version, Calls: s.calls, Stats: s.Stats(),
		You: You{UID: p.uid, Groups: p.groups, Change: s.access.mayChange(p)},
	})
}

// within bounds how long the backend is asked.
func (s *Server) within(r *http.Request) (context.Context, context.CancelFunc) {
	return context.WithTimeout(r.Context(), s.opt.QueryTime)
}

func (s *Server) status(w http.ResponseWriter, _ *http.Request) error {
	st := s.backend.Status()
	// Lists are lists, also where there is nothing in them.
	st.Problems, st.Feeds, st.Outputs = orEmpty(st.Problems), orEmpty(st.Feeds), orEmpty(st.Outputs)
	st.Queues, st.Errors = orEmpty(st.Queues), orEmpty(st.Errors)
	st.Policy.Decisions = orEmpty(st.Policy.Decisions)
	if st.Detection.Labels == nil {
		st.Detection.Labels = map[string]uint64{}
	}
	st.Enforce.Latency.Bounds = orEmpty(st.Enforce.Latency.Bounds)
	st.Enforce.Latency.Counts = orEmpty(st.Enforce.Latency.Counts)
	return s.writeJSON(w, http.StatusOK, presentable(st))
}

func orEmpty[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

func (s *Server) tuples(w http.ResponseWriter, r *http.Request) error {
	q, err := parseTupleQuery(r.URL.RawQuery)
	if err != nil {
		return err
	}
	ctx, stop := s.within(r)
	defer stop()
	rows, err := s.backend.Tuples(ctx, q)
	if err != nil {
		return err
	}
	head := struct {
		Known    int `json:"known"`
		Matching int `json:"matching"`
	}{rows.Known, rows.Matching}
	return writeRows(s, w, head, "tuples", func() ([]TupleRow, error) { return rows.Next(r.Context()) })
}

func (s *Server) blocks(w http.ResponseWriter, r *http.Request) error {
	q, err := parseBlockQuery(r.URL.RawQuery)
	if err != nil {
		return err
	}
	ctx, stop := s.within(r)
	defer stop()
	l, err := s.backend.Blocks(ctx, q)
	if err != nil {
		return err
	}
	head := struct {
		Total    int  `json:"total"`
		Matching int  `json:"matching"`
		DryRun   bool `json:"dry_run"`
	}{l.Total, l.Matching, l.DryRun}
	return writeList(s, w, head, "blocks", l.Blocks[:min(len(l.Blocks), MaxLimit)])
}

func (s *Server) events(w http.ResponseWriter, r *http.Request) error {
	q, err := parseEvents(r.URL.RawQuery)
	if err != nil {
		return err
	}
	ctx, stop := s.within(r)
	defer stop()
	page, err := s.backend.Events(ctx, q)
	if err != nil {
		return err
	}
	head := struct {
		Next string `json:"next,omitempty"`
	}{page.Next}
	return writeList(s, w, head, "events", page.Events[:min(len(page.Events), MaxEvents)])
}

// AllowList is what GET /v1/allows answers.
type AllowList struct {
	Allows []Allow `json:"allows"`
}

func (s *Server) allows(w http.ResponseWriter, r *http.Request) error {
	if err := parseParams(r.URL.RawQuery).done(); err != nil {
		return err
	}
	ctx, stop := s.within(r)
	defer stop()
	list, err := s.backend.Allows(ctx)
	if err != nil {
		return err
	}
	return writeList(s, w, struct{}{}, "allows", list[:min(len(list), MaxLimit)])
}

func (s *Server) explain(w http.ResponseWriter, r *http.Request) error {
	p := parseParams(r.URL.RawQuery)
	text, id := p.text("tuple"), p.text("id")
	if (text == "") == (id == "") {
		p.fail("give either tuple or id")
	}
	if err := p.done(); err != nil {
		return err
	}
	ctx, stop := s.within(r)
	defer stop()
	var asked *history.Event
	var tuple argusfeed.Tuple
	var err error
	if text != "" {
		tuple, err = s.findKnown(ctx, text)
	} else {
		tuple, asked, err = s.tupleOf(ctx, id)
	}
	if err != nil {
		return err
	}
	e, err := s.backend.Explain(ctx, tuple)
	if err != nil {
		return err
	}
	e.Asked = asked
	e.Events = orEmpty(e.Events)
	if j := e.Judgement; j != nil {
		told := *j // not the backend's own
		told.For, told.Against = orEmpty(told.For), orEmpty(told.Against)
		e.Judgement = &told
	}
	return s.writeJSON(w, http.StatusOK, presentable(e))
}

// findTuple reads a tuple that somebody asks for.
func findTuple(text string) (argusfeed.Tuple, error) {
	t, err := argusfeed.FindTuple(text)
	switch {
	case errors.Is(err, argusfeed.ErrUnknownName):
		return t, fmt.Errorf("%w: %w", ErrNotFound, err)
	case err != nil:
		return t, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	return t, nil
}

// findKnown is findTuple for explaining: where a name has a dash the text does
// not say where it ends, and the tuple that the agent knows is meant.
func (s *Server) findKnown(ctx context.Context, text string) (argusfeed.Tuple, error) {
	t, err := findTuple(text)
	_, src := t.Src.IP()
	_, dst := t.Dst.IP()
	if src && dst {
		return t, err
	}
	if rows, failed := s.backend.Tuples(ctx, TupleQuery{Match: ExactGlob(text), Limit: 1, Letters: -1}); failed == nil {
		if l, failed := rows.All(ctx); failed == nil && len(l.Tuples) == 1 {
			return l.Tuples[0].Tuple, nil
		}
	}
	return t, err
}

// tupleOf finds what an ID of an event, a decision or a block is about: in the
// history, or among the blocks, which are there without one.
func (s *Server) tupleOf(ctx context.Context, id string) (argusfeed.Tuple, *history.Event, error) {
	page, err := s.backend.Events(ctx, history.Query{ID: id, Limit: 1})
	if err != nil && !errors.Is(err, ErrUnavailable) && !errors.Is(err, ErrNotFound) {
		return argusfeed.Tuple{}, nil, err
	}
	if len(page.Events) > 0 {
		e := &page.Events[0]
		if t, _ := subject(e); t != nil {
			return *t, e, nil
		}
		return argusfeed.Tuple{}, nil, fmt.Errorf("%w: %s is no event of a tuple: %s", ErrInvalid, id, e.Text)
	}
	l, err := s.backend.Blocks(ctx, BlockQuery{Limit: MaxLimit})
	if err != nil {
		return argusfeed.Tuple{}, nil, err
	}
	for i := range l.Blocks {
		if l.Blocks[i].ID == id {
			return l.Blocks[i].Tuple, nil, nil
		}
	}
	return argusfeed.Tuple{}, nil, fmt.Errorf("%w: neither the history nor a block in force has the id %q", ErrNotFound, id)
}
