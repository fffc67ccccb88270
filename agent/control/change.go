package control

import (
	"fmt"
	"net/http"
	"strings"
	"time"
	"unicode"

	"slips-ips/agent/allowlist"
	"slips-ips/policy"
)

// maxComment is the longest comment, in bytes: as long as the policy and the allow
// list take it.
const maxComment = min(policy.MaxComment, allowlist.MaxComment)

// CheckComment keeps control characters out of what others will read.
func CheckComment(s string) error {
	if len(s) > maxComment {
		return fmt.Errorf("%w: the comment is longer than %d bytes", ErrInvalid, maxComment)
	}
	if strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsGraphic(r) || r == unicode.ReplacementChar }) {
		return fmt.Errorf("%w: the comment has a character that cannot be printed", ErrInvalid)
	}
	return nil
}

// The limits of a block's length are those of [policy] duration.
const leastBlock, mostBlock = time.Second, 720 * time.Hour

// blockBody is what POST /v1/blocks takes: as a BlockRequest, or with the
// duration as people write it.
type blockBody struct {
	Tuple      string        `json:"tuple"`
	Scope      string        `json:"scope,omitempty"`
	Verdict    string        `json:"verdict,omitempty"`
	Duration   string        `json:"duration,omitempty"`
	DurationNS time.Duration `json:"duration_ns,omitempty"`
	Comment    string        `json:"comment,omitempty"`
	Force      bool          `json:"force,omitempty"`
}

func (b blockBody) request() (r BlockRequest, err error) {
	r = BlockRequest{Duration: b.DurationNS, Comment: b.Comment, Force: b.Force}
	if b.Duration != "" {
		if b.DurationNS != 0 {
			return r, fmt.Errorf("%w: duration and duration_ns are given; use one", ErrInvalid)
		}
		if r.Duration, err = ParseDuration(b.Duration); err != nil {
			return r, fmt.Errorf("%w: duration: %w", ErrInvalid, err)
		}
	}
	// 0 is what the policy says.
	if r.Duration != 0 && (r.Duration < leastBlock || r.Duration > mostBlock) {
		return r, fmt.Errorf("%w: a block for %s; use 1s to 720h, or none for what the policy says", ErrInvalid, r.Duration)
	}
	if err := CheckComment(b.Comment); err != nil {
		return r, err
	}
	if err := r.Scope.UnmarshalText([]byte(b.Scope)); err != nil {
		return r, fmt.Errorf("%w: scope: %w", ErrInvalid, err)
	}
	if err := r.Verdict.UnmarshalText([]byte(b.Verdict)); err != nil {
		return r, fmt.Errorf("%w: verdict: %w", ErrInvalid, err)
	}
	r.Tuple, err = findTuple(b.Tuple)
	return r, err
}

func (s *Server) addBlock(w http.ResponseWriter, r *http.Request) error {
	var body blockBody
	if err := readBody(r, &body); err != nil {
		return err
	}
	req, err := body.request()
	if err != nil {
		return err
	}
	ctx, stop := s.within(r)
	defer stop()
	b, err := s.backend.AddBlock(ctx, who(ctx, peerFrom(r)), req)
	if err != nil {
		return err
	}
	return s.writeJSON(w, http.StatusCreated, presentable(b))
}

func (s *Server) removeBlock(w http.ResponseWriter, r *http.Request) error {
	if err := parseParams(r.URL.RawQuery).done(); err != nil {
		return err
	}
	ctx, stop := s.within(r)
	defer stop()
	b, err := s.backend.RemoveBlock(ctx, who(ctx, peerFrom(r)), r.PathValue("block"))
	if err != nil {
		return err
	}
	return s.writeJSON(w, http.StatusOK, presentable(b))
}

// Flushed is what DELETE /v1/blocks answers.
type Flushed struct {
	Lifted int `json:"lifted"`
}

func (s *Server) flushBlocks(w http.ResponseWriter, r *http.Request) error {
	p := parseParams(r.URL.RawQuery)
	if !p.flag("all") {
		p.fail("to lift all blocks say all=true")
	}
	if err := p.done(); err != nil {
		return err
	}
	ctx, stop := s.within(r)
	defer stop()
	n, err := s.backend.FlushBlocks(ctx, who(ctx, peerFrom(r)))
	if err != nil {
		return err
	}
	return s.writeJSON(w, http.StatusOK, Flushed{n})
}

// allowBody is what POST /v1/allows takes.
type allowBody struct {
	Network  string    `json:"network"`
	Comment  string    `json:"comment"`
	Until    time.Time `json:"until"`
	Duration string    `json:"duration"`
}

func (b allowBody) allow(now time.Time) (a Allow, err error) {
	network, err := ParseNetwork(b.Network)
	if err != nil {
		return a, fmt.Errorf("%w: network: %w", ErrInvalid, err)
	}
	if err := CheckComment(b.Comment); err != nil {
		return a, err
	}
	a = Allow{Network: networkText(network), Comment: b.Comment, Until: b.Until.UTC()}
	if b.Duration != "" {
		d, err := ParseDuration(b.Duration)
		switch {
		case err != nil:
			return a, fmt.Errorf("%w: duration: %w", ErrInvalid, err)
		case !b.Until.IsZero():
			return a, fmt.Errorf("%w: until and duration are given; use one", ErrInvalid)
		}
		a.Until = now.Add(d).UTC()
	}
	if !a.Until.IsZero() && !a.Until.After(now) {
		return a, fmt.Errorf("%w: until %s is over already", ErrInvalid, a.Until.Format(time.RFC3339))
	}
	return a, nil
}

func (s *Server) addAllow(w http.ResponseWriter, r *http.Request) error {
	var body allowBody
	if err := readBody(r, &body); err != nil {
		return err
	}
	a, err := body.allow(time.Now())
	if err != nil {
		return err
	}
	ctx, stop := s.within(r)
	defer stop()
	by := who(ctx, peerFrom(r))
	a.By = by.User
	result, err := s.backend.AddAllow(ctx, by, a)
	if err != nil {
		return err
	}
	result.Lifted = orEmpty(result.Lifted)
	return s.writeJSON(w, http.StatusCreated, presentable(result))
}

func (s *Server) removeAllow(w http.ResponseWriter, r *http.Request) error {
	p := parseParams(r.URL.RawQuery)
	var network string
	if n, err := ParseNetwork(p.text("network")); err != nil {
		p.fail("network: %v", err)
	} else {
		network = networkText(n)
	}
	if err := p.done(); err != nil {
		return err
	}
	ctx, stop := s.within(r)
	defer stop()
	a, err := s.backend.RemoveAllow(ctx, who(ctx, peerFrom(r)), network)
	if err != nil {
		return err
	}
	return s.writeJSON(w, http.StatusOK, presentable(a))
}

func (s *Server) reload(w http.ResponseWriter, r *http.Request) error {
	var req ReloadRequest
	if err := readBody(r, &req); err != nil {
		return err
	}
	ctx, stop := s.within(r)
	defer stop()
	result, err := s.backend.Reload(ctx, who(ctx, peerFrom(r)), req)
	if err != nil {
		return err
	}
	result.Changes, result.Unwanted, result.Protected = orEmpty(result.Changes), orEmpty(result.Unwanted), orEmpty(result.Protected)
	return s.writeJSON(w, http.StatusOK, presentable(result))
}
