package control

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"os/user"
	"strconv"
	"strings"
	"time"

	"slips-ips/agent/history"
)

// PagePath is where the page for people is, where there is one.
const PagePath = "/ui/"

// Visitor is who looks at the page.
type Visitor struct {
	// Key tells visitors apart; two that look at the same time have different ones
	// unless they are the same user.
	Key string
	// Name is for showing.
	Name string
	// Change tells whether they may change anything.
	Change bool
	// Who describes them for the history. It may take a moment.
	Who func(context.Context) history.Who
}

// visitor is the page's view of p.
func (s *Server) visitor(p peer) Visitor {
	name := "user " + strconv.Itoa(int(p.uid))
	if p.uid == 0 {
		name = "root"
	} else if u, err := user.LookupId(strconv.Itoa(int(p.uid))); err == nil {
		name = u.Username
	}
	return Visitor{
		Key: "uid " + strconv.Itoa(int(p.uid)), Name: name, Change: s.access.mayChange(p),
		Who: func(ctx context.Context) history.Who { return who(ctx, p) },
	}
}

// page answers with the page for people, in the time that an answer has.
func (s *Server) page(w http.ResponseWriter, r *http.Request) error {
	ctx, stop := s.within(r)
	defer stop()
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(s.opt.QueryTime + s.opt.WriteTime))
	v := s.visitor(peerFrom(r))
	s.opt.Page(w, r.WithContext(ctx), v)
	return nil
}

// home sends browsers to the page.
func (s *Server) home(w http.ResponseWriter, r *http.Request) error {
	http.Redirect(w, r, PagePath, http.StatusSeeOther)
	return nil
}

// foreign tells whether a request was made by a page of somewhere else in an admin's
// browser, which reaches the socket where ssh forwards a port to it. Programs send
// none of what browsers say, and may write what they like as the host, as long as it
// is no name of the Internet: that a page elsewhere has such a name lead to its
// reader's own machine is how it would get to read the answers.
func foreign(r *http.Request, cross *http.CrossOriginProtection) error {
	host := r.Host
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	host = strings.Trim(host, "[]")
	ip, err := netip.ParseAddr(host)
	if err == nil && !ip.IsLoopback() || err != nil && strings.Contains(strings.TrimSuffix(host, "."), ".") {
		return &statusError{fmt.Sprintf("the host %q is not this agent's: use localhost, or a name without a dot", host), "forbidden", http.StatusForbidden}
	}
	// To follow a link to the page is no harm: nothing is changed by GET.
	followed := r.Method == http.MethodGet && r.Header.Get("Sec-Fetch-Mode") == "navigate" && r.Header.Get("Sec-Fetch-Dest") == "document"
	if site := r.Header.Get("Sec-Fetch-Site"); !followed && (site == "cross-site" || site == "same-site") {
		return &statusError{"this request was made by another page than the agent's own", "forbidden", http.StatusForbidden}
	}
	if err := cross.Check(r); err != nil {
		return &statusError{"this request was made by another page than the agent's own: " + err.Error(), "forbidden", http.StatusForbidden}
	}
	return nil
}
