package control

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync/atomic"
	"time"
)

// Server answers the clients of the control socket.
type Server struct {
	backend Backend
	opt     Options
	access  access
	calls   []call
	cross   http.CrossOriginProtection

	clients, followers, queries *gate
	// leaving ends when the server does: followers would stay for ever.
	leaving context.Context

	accepted, requests, changes, forbidden, bad, cut atomic.Uint64
}

// NewServer makes a server that asks b.
func NewServer(b Backend, opt Options) *Server {
	opt = opt.withDefaults()
	return &Server{
		backend:   b,
		opt:       opt,
		calls:     allCalls(),
		clients:   newGate(opt.MaxClients, opt.MaxPerUser),
		followers: newGate(opt.MaxFollowers, max(1, opt.MaxFollowers/2)),
		queries:   newGate(opt.MaxQueries, max(1, opt.MaxQueries/2)),
		leaving:   context.Background(),
	}
}

// leaveTime is how long requests under way may take when the server ends.
const leaveTime = 3 * time.Second

// Serve answers until ctx ends, and closes l. It may be called once.
func (s *Server) Serve(ctx context.Context, l *Listener) error {
	s.access = l.access
	s.leaving = ctx
	// Requests outlive ctx by leaveTime: a change under way is finished.
	base, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	srv := &http.Server{
		Handler:           s.routes(),
		BaseContext:       func(net.Listener) context.Context { return base },
		ConnContext:       withPeer,
		ErrorLog:          slog.NewLogLogger(s.opt.Log.Handler(), slog.LevelDebug),
		MaxHeaderBytes:    s.opt.MaxHeader,
		ReadHeaderTimeout: s.opt.ReadTime,
		ReadTimeout:       s.opt.ReadTime,
		IdleTimeout:       s.opt.IdleTime,
		// Each answer sets a deadline of its own; this one is for those of net/http.
		WriteTimeout: s.opt.ReadTime + s.opt.QueueTime + s.opt.QueryTime + s.opt.WriteTime,
		Protocols:    http1(),
	}
	ended := make(chan error, 1)
	go func() { ended <- srv.Serve(&door{Listener: l, server: s}) }()
	select {
	case err := <-ended:
		_ = l.Close()
		return fmt.Errorf("serving the control socket %s: %w", l.Addr(), err)
	case <-ctx.Done():
	}
	// Shutdown waits between looks at its connections, and a client that keeps
	// one open must not make the agent wait.
	grace, cancel := context.WithTimeout(base, leaveTime)
	defer cancel()
	err := srv.Shutdown(grace)
	stop()
	if errors.Is(err, context.DeadlineExceeded) {
		err = srv.Close()
	}
	if ended := <-ended; err == nil && !errors.Is(ended, http.ErrServerClosed) {
		err = ended
	}
	_ = l.Close()
	if errors.Is(err, net.ErrClosed) {
		err = nil // Shutdown closed the listener, and with it the socket
	}
	return err
}

func http1() *http.Protocols {
	p := new(http.Protocols)
	p.SetHTTP1(true)
	return p
}

// Stats gives the counts of this moment.
func (s *Server) Stats() Stats {
	st := Stats{
		Accepted: s.accepted.Load(), Requests: s.requests.Load(), Changes: s.changes.Load(), Forbidden: s.forbidden.Load(),
		Bad: s.bad.Load(), Cut: s.cut.Load(),
	}
	st.Clients, st.RefusedClients = s.clients.counts()
	st.Followers, st.RefusedFollowers = s.followers.counts()
	_, st.RefusedQueries = s.queries.counts()
	return st
}
