package web

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"slips-ips/agent/control"
	"slips-ips/agent/httpserver"
	"slips-ips/agent/status"
)

// What all visitors on loopback together may take of the agent.
const (
	maxAsking  = 4 // pages that are made at a time
	queueTime  = 5 * time.Second
	pageTime   = 20 * time.Second
	maxBody    = 256 << 10 // a slips.toml as a form
	cookieName = "slips-ips"
)

var limits = httpserver.Limits{
	Connections: 32, Request: 5 * time.Second, Answer: queueTime + pageTime + 20*time.Second,
	Idle: 2 * time.Minute, Header: 16 << 10,
}

// Server serves the pages on loopback, to those who have a token. It is safe for
// concurrent use; Listen and Serve may be called once.
type Server struct {
	cfg       Config
	pages     *Pages
	log       *slog.Logger
	tokens    *tokens
	sessions  *sessions
	strangers strangers
	cross     http.CrossOriginProtection
	asking    chan struct{}
	listener  net.Listener
	now       func() time.Time

	requests, refused, logins, failedLogins atomic.Uint64
}

// NewServer makes a server of a valid configuration. A nil log is silence.
func NewServer(cfg Config, pages *Pages, log *slog.Logger) *Server {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Server{
		cfg: cfg, pages: pages, log: log, tokens: &tokens{path: cfg.Tokens}, sessions: newSessions(),
		asking: make(chan struct{}, maxAsking), now: time.Now,
	}
}

// Status tells of this moment.
func (s *Server) Status() status.Web {
	return status.Web{
		Listen: s.cfg.Listen, Sessions: s.sessions.count(s.now()), Requests: s.requests.Load(),
		Refused: s.refused.Load(), Logins: s.logins.Load(), FailedLogins: s.failedLogins.Load(),
	}
}

// Listen reads the tokens and opens the address, so that what is wrong is known
// before Serve.
func (s *Server) Listen() error {
	list, err := s.tokens.now()
	if err != nil {
		return err
	}
	if len(list) == 0 {
		s.log.Warn("the web page has no token: nobody can log in", "file", s.cfg.Tokens)
	}
	l, err := net.Listen("tcp", s.cfg.Listen)
	if err != nil {
		return fmt.Errorf("listening for visitors of the web page: %w", err)
	}
	s.listener = l
	return nil
}

// Close gives the address back where Serve was not called.
func (s *Server) Close() error {
	if s.listener == nil {
		return nil
	}
	return s.listener.Close()
}

// Serve answers until ctx ends, which is no error. Listen comes before.
func (s *Server) Serve(ctx context.Context) error {
	s.log.Info("the web page is served", "address", "http://"+s.listener.Addr().String()+"/")
	if err := httpserver.Serve(ctx, s.listener, s.Handler(), limits, s.log); err != nil {
		return fmt.Errorf("serving the web page on %s: %w", s.cfg.Listen, err)
	}
	return nil
}

// Handler gives what answers, without its listener.
func (s *Server) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, control.PagePath, http.StatusSeeOther)
	})
	root := control.PagePath
	mux.Handle("GET "+staticPath, s.pages.static)
	mux.HandleFunc("GET "+root+"login", func(w http.ResponseWriter, _ *http.Request) { s.loginPage(w, http.StatusOK, "") })
	mux.HandleFunc("POST "+root+"login", s.login)
	mux.HandleFunc("POST "+root+"logout", s.logout)
	mux.HandleFunc(root, s.page)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.requests.Add(1)
		setHeaders(w.Header())
		w.Header().Set("Cache-Control", "no-store")
		if !httpserver.OfLoopback(r.Host) {
			// A name that leads here is not enough: it may be another page's own.
			http.Error(w, "this page is at localhost, or at the address that it listens on", http.StatusMisdirectedRequest)
			return
		}
		if s.cross.Check(r) != nil {
			http.Error(w, "this request was made by another page", http.StatusForbidden)
			return
		}
		one := s.guest(r)
		may := one.pages
		if strings.HasPrefix(r.URL.Path, staticPath) {
			may = one.files
		}
		if !may.AllowN(s.now(), 1) {
			s.busy(w)
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		mux.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), guestKey{}, one)))
	})
}

func (s *Server) busy(w http.ResponseWriter) {
	s.refused.Add(1)
	w.Header().Set("Retry-After", "1")
	http.Error(w, "too many requests at once; try again in a moment", http.StatusTooManyRequests)
}

// page makes a page for who has logged in, when there is room for it.
func (s *Server) page(w http.ResponseWriter, r *http.Request) {
	one := guestOf(r)
	if !one.loggedIn {
		if r.Method == http.MethodGet {
			http.Redirect(w, r, control.PagePath+"login", http.StatusSeeOther)
			return
		}
		s.loginPage(w, http.StatusForbidden, "You are not logged in any more. Nothing was changed.")
		return
	}
	wait := time.NewTimer(queueTime)
	defer wait.Stop()
	for _, room := range []chan struct{}{one.making, s.asking} {
		select {
		case room <- struct{}{}:
			defer func() { <-room }()
		case <-wait.C:
			s.busy(w)
			return
		case <-r.Context().Done():
			return
		}
	}
	ctx, cancel := context.WithTimeout(r.Context(), pageTime)
	defer cancel()
	s.pages.Serve(w, r.WithContext(ctx), one.Visitor)
}
