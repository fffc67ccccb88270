package web

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"sync/atomic"
	"time"

	"golang.org/x/net/netutil"
	"golang.org/x/time/rate"

	"slips-ips/agent/control"
	"slips-ips/agent/history"
)

// What visitors on loopback may take of the agent.
const (
	maxConnections = 32
	maxAsking      = 4 // pages that are made at a time
	pagesPerSecond = 20
	pagesAtOnce    = 100
	loginsAtOnce   = 10 // and one a second
	requestTime    = 5 * time.Second
	queueTime      = 5 * time.Second
	pageTime       = 20 * time.Second
	answerTime     = requestTime + queueTime + pageTime + 20*time.Second
	idleTime       = 2 * time.Minute
	endTime        = time.Second
	maxHeader      = 16 << 10
	maxBody        = 256 << 10 // a slips.toml as a form
	cookieName     = "slips-ips"
)

// Server serves the pages on loopback, to those who have a token. It is safe for
// concurrent use; Listen and Serve may be called once.
type Server struct {
	cfg      Config
	pages    *Pages
	log      *slog.Logger
	tokens   *tokens
	sessions *sessions
	cross    http.CrossOriginProtection
	asking   chan struct{}
	rate     *rate.Limiter
	logins   *rate.Limiter
	listener net.Listener
	now      func() time.Time

	refused, failedLogins atomic.Uint64
}

// NewServer makes a server of a valid configuration. A nil log is silence.
func NewServer(cfg Config, pages *Pages, log *slog.Logger) *Server {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Server{
		cfg: cfg, pages: pages, log: log, tokens: &tokens{path: cfg.Tokens}, sessions: newSessions(),
		asking: make(chan struct{}, maxAsking), rate: rate.NewLimiter(pagesPerSecond, pagesAtOnce),
		logins: rate.NewLimiter(1, loginsAtOnce), now: time.Now,
	}
}

// Stats counts what the server refused since it was made.
type Stats struct {
	// Refused requests were too many at once, FailedLogins had a wrong token.
	Refused, FailedLogins uint64
}

// Stats gives the counts of this moment.
func (s *Server) Stats() Stats { return Stats{s.refused.Load(), s.failedLogins.Load()} }

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
	server := &http.Server{
		Handler: s.Handler(), ReadHeaderTimeout: requestTime, ReadTimeout: requestTime, WriteTimeout: answerTime,
		IdleTimeout: idleTime, MaxHeaderBytes: maxHeader, ErrorLog: slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
	}
	ended := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(ended)
		end, cancel := context.WithTimeout(context.WithoutCancel(ctx), endTime)
		defer cancel()
		if server.Shutdown(end) != nil {
			_ = server.Close() // who still reads does so too slowly
		}
	})
	s.log.Info("the web page is served", "address", "http://"+s.listener.Addr().String()+"/")
	err := server.Serve(netutil.LimitListener(s.listener, maxConnections))
	if !stop() {
		<-ended
	}
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return fmt.Errorf("serving the web page on %s: %w", s.cfg.Listen, err)
}

// Handler gives what answers, without its listener.
func (s *Server) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, control.PagePath, http.StatusSeeOther)
	})
	root := control.PagePath
	mux.Handle("GET "+root+"static/", s.pages.static)
	mux.HandleFunc("GET "+root+"login", func(w http.ResponseWriter, _ *http.Request) { s.loginPage(w, http.StatusOK, "") })
	mux.HandleFunc("POST "+root+"login", s.login)
	mux.HandleFunc("POST "+root+"logout", s.logout)
	mux.HandleFunc(root, s.page)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		setHeaders(w.Header())
		w.Header().Set("Cache-Control", "no-store")
		switch {
		case !ours(r.Host):
			// A name that leads here is not enough: it may be another page's own.
			http.Error(w, "this page is at localhost, or at the address that it listens on", http.StatusMisdirectedRequest)
		case s.cross.Check(r) != nil:
			http.Error(w, "this request was made by another page", http.StatusForbidden)
		case !s.rate.AllowN(s.now(), 1):
			s.busy(w)
		default:
			r.Body = http.MaxBytesReader(w, r.Body, maxBody)
			mux.ServeHTTP(w, r)
		}
	})
}

// ours tells whether a request was meant for this host.
func ours(host string) bool {
	name := host
	if h, _, err := net.SplitHostPort(host); err == nil {
		name = h
	} else if len(host) > 1 && host[0] == '[' && host[len(host)-1] == ']' {
		name = host[1 : len(host)-1]
	}
	if name == "localhost" {
		return true
	}
	ip, err := netip.ParseAddr(name)
	return err == nil && ip.IsLoopback()
}

func (s *Server) busy(w http.ResponseWriter) {
	s.refused.Add(1)
	w.Header().Set("Retry-After", "1")
	http.Error(w, "too many requests at once; try again in a moment", http.StatusTooManyRequests)
}

// visitor gives who a request is of.
func (s *Server) visitor(r *http.Request) (control.Visitor, bool) {
	c, err := r.Cookie(cookieName)
	if err != nil {
		return control.Visitor{}, false
	}
	list, err := s.tokens.now()
	if err != nil {
		s.log.Error("nobody can use the web page", "error", err)
		return control.Visitor{}, false
	}
	t, ok := s.sessions.of(c.Value, list, s.now())
	if !ok {
		return control.Visitor{}, false
	}
	return control.Visitor{
		Key: "session " + c.Value, Name: t.name, Change: t.change,
		Who: func(context.Context) history.Who {
			return history.Who{UID: history.NoUser, User: t.name, Token: t.name}
		},
	}, true
}

type sessionKey struct{}

// sessionOf tells whether a request is of somebody who logged in.
func sessionOf(r *http.Request) bool { return r.Context().Value(sessionKey{}) != nil }

func (s *Server) page(w http.ResponseWriter, r *http.Request) {
	v, ok := s.visitor(r)
	if !ok {
		if r.Method == http.MethodGet {
			http.Redirect(w, r, control.PagePath+"login", http.StatusSeeOther)
			return
		}
		s.loginPage(w, http.StatusForbidden, "You are not logged in any more. Nothing was changed.")
		return
	}
	ctx := context.WithValue(r.Context(), sessionKey{}, true)
	wait := time.NewTimer(queueTime)
	defer wait.Stop()
	select {
	case s.asking <- struct{}{}:
		defer func() { <-s.asking }()
	case <-wait.C:
		s.busy(w)
		return
	case <-ctx.Done():
		return
	}
	ctx, cancel := context.WithTimeout(ctx, pageTime)
	defer cancel()
	s.pages.Serve(w, r.WithContext(ctx), v)
}

func (s *Server) loginPage(w http.ResponseWriter, status int, said string) {
	var out bytes.Buffer
	if err := s.pages.pages["login"].ExecuteTemplate(&out, "login", said); err != nil {
		s.log.Error("the login page was not made", "error", err)
		http.Error(w, "this page could not be made; the agent's log says why", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(out.Bytes())
}

func (s *Server) login(w http.ResponseWriter, r *http.Request) {
	if !s.logins.AllowN(s.now(), 1) {
		s.refused.Add(1)
		w.Header().Set("Retry-After", "10")
		s.loginPage(w, http.StatusTooManyRequests, "Too many logins at once. Try again in some seconds.")
		return
	}
	if err := r.ParseForm(); err != nil {
		s.loginPage(w, http.StatusBadRequest, "The form cannot be read.")
		return
	}
	list, err := s.tokens.now()
	if err != nil {
		s.log.Error("nobody can log in to the web page", "error", err)
		s.loginPage(w, http.StatusServiceUnavailable, "The file of tokens cannot be used; the agent's log says why.")
		return
	}
	t, ok := find(list, r.PostForm.Get("token"))
	if !ok {
		n := s.failedLogins.Add(1)
		s.log.Warn("a login to the web page had a wrong token", "wrong_so_far", strconv.FormatUint(n, 10))
		s.loginPage(w, http.StatusForbidden, "This is no token of this agent.")
		return
	}
	http.SetCookie(w, s.cookie(s.sessions.begin(t, s.now()), int(sessionFor/time.Second)))
	http.Redirect(w, r, control.PagePath, http.StatusSeeOther)
}

// cookie is a host's, whatever the port: other servers on this host's loopback get it
// too, from the same browser.
func (s *Server) cookie(value string, age int) *http.Cookie {
	return &http.Cookie{Name: cookieName, Value: value, Path: control.PagePath, MaxAge: age, HttpOnly: true, SameSite: http.SameSiteStrictMode}
}

func (s *Server) logout(w http.ResponseWriter, r *http.Request) {
	if v, ok := s.visitor(r); ok {
		rq := &request{r, v, s.pages}
		if err := rq.checkForm(); err != nil {
			s.loginPage(w, http.StatusForbidden, "Not logged out: load the page again and repeat it.")
			return
		}
		if c, err := r.Cookie(cookieName); err == nil {
			s.sessions.end(c.Value)
		}
	}
	http.SetCookie(w, s.cookie("", -1))
	http.Redirect(w, r, control.PagePath+"login", http.StatusSeeOther)
}
