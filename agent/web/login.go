package web

import (
	"bytes"
	"net/http"
	"strconv"
	"time"

	"slips-ips/agent/control"
)

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
	if !guestOf(r).logins.AllowN(s.now(), 1) {
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
	s.logins.Add(1)
	if c, err := r.Cookie(cookieName); err == nil {
		s.sessions.end(c.Value) // nobody has it any more
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
	if one := guestOf(r); one.loggedIn {
		rq := &request{r, one.Visitor, s.pages}
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
