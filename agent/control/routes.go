package control

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// The version of the API is in the path of each call. Every answer names it in
// this header, by which a client knows that it speaks to an agent.
const (
	apiVersion = "v1"
	apiHeader  = "Slips-Ips-Api"
)

// call is one thing that a client may ask for.
type call struct {
	Method string `json:"method"`
	Path   string `json:"path"`
	Does   string `json:"does"`
	// Changes tells that it needs the right to change.
	Changes bool `json:"changes"`
	// costly calls are limited in how many run at once.
	costly bool
	// forPeople is the page: it says in its own words what is wrong with a body.
	forPeople bool
	run       func(*Server, http.ResponseWriter, *http.Request) error
}

// allCalls gives all there are.
func allCalls() []call {
	return []call{
		{Method: "GET", Path: "/v1", Does: "this list, who you are and what you may do", run: (*Server).index},
		{Method: "GET", Path: "/v1/status", Does: "how the agent is", run: (*Server).status},
		{Method: "GET", Path: "/v1/tuples", Does: "tuples: match, host, label, detected, min_flows, sort, limit, offset, letters", costly: true, run: (*Server).tuples},
		{Method: "GET", Path: "/v1/explain", Does: "all that is known of a tuple, or of an id: tuple, id", costly: true, run: (*Server).explain},
		{Method: "GET", Path: "/v1/events", Does: "what happened: kind, since, until, tuple, host, label, source, id, limit, after", costly: true, run: (*Server).events},
		{Method: "GET", Path: "/v1/events/follow", Does: "what happens from now on, as JSON lines; the same filters", run: (*Server).follow},
		{Method: "GET", Path: "/v1/blocks", Does: "blocks: match, host, state, limit, offset", costly: true, run: (*Server).blocks},
		{Method: "POST", Path: "/v1/blocks", Does: "block: {tuple, scope, verdict, duration, comment, force}", Changes: true, costly: true, run: (*Server).addBlock},
		{Method: "DELETE", Path: "/v1/blocks/{block}", Does: "lift the block with that id or tuple", Changes: true, costly: true, run: (*Server).removeBlock},
		{Method: "DELETE", Path: "/v1/blocks", Does: "lift all blocks: all=true", Changes: true, costly: true, run: (*Server).flushBlocks},
		{Method: "GET", Path: "/v1/allows", Does: "networks that are never blocked", costly: true, run: (*Server).allows},
		{Method: "POST", Path: "/v1/allows", Does: "never block: {network, comment, until or duration}", Changes: true, costly: true, run: (*Server).addAllow},
		{Method: "DELETE", Path: "/v1/allows", Does: "block again what is decided: network", Changes: true, costly: true, run: (*Server).removeAllow},
		{Method: "POST", Path: "/v1/whatif", Does: "what another policy would have done: {config, since, until}", costly: true, run: (*Server).whatIf},
		{Method: "POST", Path: "/v1/reload", Does: "read the configuration again: {check, lift}", Changes: true, costly: true, run: (*Server).reload},
		// Not costly: what everybody waits for does not wait in a queue.
		{Method: "POST", Path: "/v1/panic", Does: "lift all blocks and pause blocking", Changes: true, run: (*Server).panic},
		{Method: "POST", Path: "/v1/resume", Does: "block again what is decided from now on", Changes: true, run: (*Server).resume},
	}
}

func (s *Server) routes() http.Handler {
	mux := http.NewServeMux()
	for i := range s.calls {
		c := &s.calls[i]
		mux.HandleFunc(c.Method+" "+c.Path, func(w http.ResponseWriter, r *http.Request) { s.serve(c, w, r) })
	}
	if s.opt.Page != nil {
		page, home := &call{costly: true, forPeople: true, run: (*Server).page}, &call{run: (*Server).home}
		mux.HandleFunc(PagePath, func(w http.ResponseWriter, r *http.Request) { s.serve(page, w, r) })
		mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) { s.serve(home, w, r) })
	}
	unknown := &call{run: (*Server).unknown}
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { s.serve(unknown, w, r) })
	return mux
}

// serve does what every call needs: who is it, may they, is there room.
func (s *Server) serve(c *call, w http.ResponseWriter, r *http.Request) {
	s.requests.Add(1)
	w.Header().Set(apiHeader, apiVersion)
	w.Header().Set("Cache-Control", "no-store")
	// A browser may be the reader, and names from outside are in what it reads.
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	p := peerFrom(r)
	if err := foreign(r, &s.cross); err != nil {
		s.fail(w, err)
		return
	}
	switch {
	case !s.access.mayRead(p):
		s.fail(w, s.access.forbidden(p, false))
		return
	case c.Changes && !s.access.mayChange(p):
		s.fail(w, s.access.forbidden(p, true))
		return
	}
	if err := s.takeBody(w, r, c); err != nil {
		s.fail(w, err)
		return
	}
	if c.costly {
		ctx, stop := context.WithTimeout(r.Context(), s.opt.QueueTime)
		ok := s.queries.wait(ctx, p.uid)
		stop()
		if !ok {
			w.Header().Set("Retry-After", "1")
			s.fail(w, fmt.Errorf("%w: others have been asked for meanwhile; try again", ErrBusy))
			return
		}
		// The place is kept until the answer is out, for what it lists is in memory.
		defer s.queries.leave(p.uid)
	}
	if err := c.run(s, w, r); err != nil {
		s.fail(w, err)
		return
	}
	if c.Changes {
		s.changes.Add(1)
	}
}

// fail answers with an error.
func (s *Server) fail(w http.ResponseWriter, err error) {
	var sent *sentError
	// Too late for another answer, or nobody there to read one: end the connection.
	if errors.As(err, &sent) || errors.Is(err, context.Canceled) {
		s.cut.Add(1)
		panic(http.ErrAbortHandler)
	}
	code, status := codeOf(err)
	if errors.Is(err, context.DeadlineExceeded) {
		code, status = "timeout", http.StatusGatewayTimeout
		err = fmt.Errorf("the agent took longer than %s and was not waited for: %w", s.opt.QueryTime, err)
	}
	var is *statusError
	if errors.As(err, &is) {
		code, status = is.code, is.status
	}
	switch {
	case status == http.StatusForbidden:
		s.forbidden.Add(1)
	case status == http.StatusInternalServerError:
		s.opt.Log.Warn("a request at the control socket failed", "error", err)
	case code != "not_found" && status < 500 && status != http.StatusConflict && status != http.StatusTooManyRequests:
		s.bad.Add(1)
	}
	// That it is invalid the code says; the text says why.
	text := strings.TrimPrefix(err.Error(), ErrInvalid.Error()+": ")
	said := failure{Text: text, Code: code}
	var wrong *ConfigError
	if errors.As(err, &wrong) {
		said.Mistakes = wrong.Mistakes
	}
	if writeErr := s.writeJSON(w, status, said); writeErr != nil {
		s.cut.Add(1)
	}
}

// statusError is an error that is none of a Backend.
type statusError struct {
	text, code string
	status     int
}

func (e *statusError) Error() string { return e.text }

// unknown answers what no call is.
func (s *Server) unknown(w http.ResponseWriter, r *http.Request) error {
	path := r.URL.Path
	first, _, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	if first != apiVersion {
		return fmt.Errorf("%w: %q; this agent speaks /%s only (GET /%s lists its calls)", ErrVersion, "/"+first, apiVersion, apiVersion)
	}
	var methods []string
	for _, c := range s.calls {
		if c.Path == path || c.Path == "/v1/blocks/{block}" && strings.HasPrefix(path, "/v1/blocks/") {
			methods = append(methods, c.Method)
		}
	}
	if len(methods) == 0 {
		return &statusError{fmt.Sprintf("there is no call %s; GET /%s lists them", path, apiVersion), codeNoCall, http.StatusNotFound}
	}
	slices.Sort(methods)
	allowed := strings.Join(methods, ", ")
	w.Header().Set("Allow", allowed)
	return &statusError{fmt.Sprintf("%s is not for %s; use %s", path, r.Method, allowed), codeMethod, http.StatusMethodNotAllowed}
}
