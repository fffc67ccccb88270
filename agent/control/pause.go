package control

import (
	"context"
	"net/http"

	"slips-ips/agent/history"
)

func (s *Server) panic(w http.ResponseWriter, r *http.Request) error {
	return s.pause(w, r, s.backend.Panic)
}

func (s *Server) resume(w http.ResponseWriter, r *http.Request) error {
	return s.pause(w, r, s.backend.Resume)
}

func (s *Server) pause(w http.ResponseWriter, r *http.Request, do func(context.Context, history.Who) (PauseResult, error)) error {
	if err := parseParams(r.URL.RawQuery).done(); err != nil {
		return err
	}
	ctx, stop := s.within(r)
	defer stop()
	result, err := do(ctx, who(ctx, peerFrom(r)))
	if err != nil {
		return err
	}
	return s.writeJSON(w, http.StatusOK, presentable(result))
}
