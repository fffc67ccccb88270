package web

import (
	"context"
	"net"
	"net/http"
	"net/netip"

	"slips-ips/agent/control"
	"slips-ips/agent/history"
)

// guest is who a request is of, and what he may still ask for.
type guest struct {
	*allowance
	control.Visitor
	loggedIn bool
}

type guestKey struct{}

func guestOf(r *http.Request) guest {
	one, _ := r.Context().Value(guestKey{}).(guest)
	return one
}

// sessionOf tells whether a request is of somebody who logged in.
func sessionOf(r *http.Request) bool { return guestOf(r).loggedIn }

// refreshHeader marks what the page's script asks for by itself: nobody uses it by
// that.
const refreshHeader = "Slips-Refresh"

// guest finds out who a request is of.
func (s *Server) guest(r *http.Request) guest {
	if c, err := r.Cookie(cookieName); err == nil && s.sessions.has(c.Value) {
		list, err := s.tokens.now()
		if err != nil {
			s.log.Error("nobody can use the web page", "error", err)
		} else if t, may, ok := s.sessions.of(c.Value, list, s.now(), r.Header.Get(refreshHeader) == ""); ok {
			return guest{may, control.Visitor{
				Key: "session " + c.Value, Name: t.name, Change: t.change,
				Who: func(context.Context) history.Who {
					return history.Who{UID: history.NoUser, User: t.name, Token: t.name}
				},
			}, true}
		}
	}
	return guest{allowance: s.strangers.of(s.userOf(r), s.now())}
}

// userOf gives who is at the other end of a request's connection.
func (s *Server) userOf(r *http.Request) int64 {
	local, _ := r.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr)
	remote, err := netip.ParseAddrPort(r.RemoteAddr)
	if local == nil || err != nil {
		return nobodyKnown
	}
	uid, err := userOf(remote, local.AddrPort())
	if err != nil {
		s.log.Debug("a visitor of the web page is not known", "error", err)
		return nobodyKnown
	}
	return int64(uid)
}
