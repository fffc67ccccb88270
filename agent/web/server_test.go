package web

import (
	"context"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/html"

	"slips-ips/agent/history"
	"slips-ips/internal/testenv"
)

const (
	annas = "0123456789abcdef0123456789abcdef"
	bobs  = "fedcba9876543210fedcba9876543210"
)

var writes atomic.Int64

func writeTokens(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	// Each is another one by its time, however fast the test is.
	if err := os.Chtimes(path, time.Time{}, time.Unix(1_800_000_000+writes.Add(1), 0)); err != nil {
		t.Fatal(err)
	}
}

// serve gives a server with two tokens and a browser, of sorts.
func serve(t *testing.T, a Agent) (s *Server, at string, browser *http.Client, tokens string) {
	t.Helper()
	tokens = filepath.Join(t.TempDir(), "tokens")
	writeTokens(t, tokens, "# who may\nanna change "+annas+"\n\nbob look "+bobs+"\n")
	s = NewServer(Config{Listen: "127.0.0.1:0", Tokens: tokens}, newPages(t, a), nil)
	h := httptest.NewServer(s.Handler())
	t.Cleanup(h.Close)
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return s, h.URL, &http.Client{Jar: jar}, tokens
}

// answered reads an answer to its end.
func answered(t *testing.T, resp *http.Response, err error) (status int, text string, at *url.URL) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var b strings.Builder
	if _, err := copyAll(&b, resp); err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, b.String(), resp.Request.URL
}

func TestLogin(t *testing.T) {
	a := newAgent()
	s, at, browser, tokens := serve(t, a)
	visit := func(path string) (int, string, string) {
		resp, err := browser.Get(at + path)
		status, text, u := answered(t, resp, err)
		return status, text, u.Path
	}
	login := func(token string) (int, string, string) {
		resp, err := browser.PostForm(at+"/ui/login", url.Values{"token": {token}})
		status, text, u := answered(t, resp, err)
		return status, text, u.Path
	}
	for _, path := range append([]string{"/"}, allPages...) {
		if status, text, where := visit(path); status != http.StatusOK || where != "/ui/login" || strings.Contains(text, "203.0.113.9") {
			t.Errorf("%s without a login leads to %s", path, where)
		}
	}
	for _, wrong := range []string{"", "nonsense", annas + "0", annas[1:]} {
		if status, text, _ := login(wrong); status != http.StatusForbidden || !strings.Contains(text, "no token of this agent") {
			t.Errorf("%q: %d", wrong, status)
		}
	}
	if got := s.Status(); got.FailedLogins != 4 || got.Logins != 0 || got.Sessions != 0 || got.Requests == 0 {
		t.Errorf("%+v", got)
	}
	if status, text, where := login(annas); status != http.StatusOK || where != "/ui/" || !strings.Contains(text, "anna") {
		t.Fatalf("%d at %s", status, where)
	}
	for _, c := range browser.Jar.Cookies(mustURL(t, at+"/ui/")) {
		if len(c.Value) < 40 {
			t.Errorf("the cookie %q", c)
		}
	}
	_, page, _ := visit("/ui/")
	form := url.Values{"form": {tokenOf(t, page)}, "sure": {"yes"}}
	resp, err := browser.PostForm(at+"/ui/do/flush", form)
	if status, text, _ := answered(t, resp, err); status != http.StatusOK || !strings.Contains(text, "2 blocks are lifted") {
		t.Errorf("%d %s", status, text)
	}
	if by := a.By(); len(by) != 1 || by[0] != (history.Who{UID: history.NoUser, User: "anna", Token: "anna"}) {
		t.Errorf("it was by %+v", by)
	}

	// What the file says counts at once.
	writeTokens(t, tokens, "anna look "+annas+"\n")
	if _, text, _ := visit("/ui/"); !strings.Contains(text, "may look on") || strings.Contains(text, "Turn all blocking off") {
		t.Error("anna may still change something")
	}
	resp, err = browser.PostForm(at+"/ui/do/panic", form)
	if status, _, _ := answered(t, resp, err); status != http.StatusForbidden || len(a.By()) != 1 {
		t.Errorf("she does: %d", status)
	}
	writeTokens(t, tokens, "anna change "+bobs+"x\n")
	if _, _, where := visit("/ui/"); where != "/ui/login" {
		t.Error("a token that is gone still opens")
	}
	resp, err = browser.PostForm(at+"/ui/do/panic", form)
	if status, text, _ := answered(t, resp, err); status != http.StatusForbidden || !strings.Contains(text, "Nothing was changed") || len(a.By()) != 1 {
		t.Errorf("%d", status)
	}
	if status, _, _ := login(bobs + "x"); status != http.StatusOK {
		t.Error("the new token does not open")
	}
	_, page, _ = visit("/ui/")
	resp, err = browser.PostForm(at+"/ui/logout", url.Values{"form": {tokenOf(t, page)}})
	if _, _, u := answered(t, resp, err); u.Path != "/ui/login" {
		t.Error("no logout")
	}
	if _, _, where := visit("/ui/"); where != "/ui/login" {
		t.Error("logged out and still in")
	}
}

func mustURL(t *testing.T, s string) *url.URL {
	t.Helper()
	u, err := url.Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// tokenOf is the token of a page's forms.
func tokenOf(t *testing.T, page string) (token string) {
	t.Helper()
	walk(t, page, func(n *html.Node) {
		if n.Data == "input" && attribute(n, "name") == "form" {
			token = attribute(n, "value")
		}
	})
	if token == "" {
		t.Fatalf("no form in %s", page)
	}
	return token
}

func TestCookie(t *testing.T) {
	_, at, _, _ := serve(t, newAgent())
	direct := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := direct.PostForm(at+"/ui/login", url.Values{"token": {annas}})
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	c := resp.Header.Get("Set-Cookie")
	for _, want := range []string{"HttpOnly", "SameSite=Strict", "Path=/ui/"} {
		if !strings.Contains(c, want) {
			t.Errorf("no %s in %s", want, c)
		}
	}
}

// Requests that another page makes, or under another name, get nothing.
func TestForeign(t *testing.T) {
	s, _, _, _ := serve(t, newAgent())
	h := s.Handler()
	for _, c := range []struct {
		name, method, host string
		header             map[string]string
		status             int
	}{
		{"itself", "GET", "127.0.0.1:9561", nil, 200},
		{"by name", "GET", "localhost:9561", nil, 200},
		{"version 6", "GET", "[::1]:9561", nil, 200},
		{"rebound", "GET", "evil.example:9561", nil, 421},
		{"like it", "GET", "localhost.evil.example", nil, 421},
		{"elsewhere", "GET", "192.0.2.1:9561", nil, 421},
		{"nowhere", "GET", "", nil, 421},
		{"of another page", "POST", "localhost:9561", map[string]string{"Origin": "https://evil.example"}, 403},
		{"of another port", "POST", "localhost:9561", map[string]string{"Sec-Fetch-Site": "same-site"}, 403},
		{"cross", "POST", "localhost:9561", map[string]string{"Sec-Fetch-Site": "cross-site"}, 403},
		{"its own form", "POST", "localhost:9561", map[string]string{"Sec-Fetch-Site": "same-origin", "Origin": "http://localhost:9561"}, 403 /* a wrong token, see below */},
	} {
		r := httptest.NewRequest(c.method, "/ui/login", strings.NewReader("token=x"))
		r.Host = c.host
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		for k, v := range c.header {
			r.Header.Set(k, v)
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != c.status {
			t.Errorf("%s: %d, want %d", c.name, w.Code, c.status)
		}
		if own := c.name == "its own form"; c.method == "POST" && own != strings.Contains(w.Body.String(), "no token of this agent") {
			t.Errorf("%s: %s", c.name, w.Body)
		}
	}
}

func TestHeaders(t *testing.T) {
	s, _, _, _ := serve(t, newAgent())
	w := httptest.NewRecorder()
	r := httptest.NewRequest("GET", "/ui/login", nil)
	r.Host = "localhost"
	s.Handler().ServeHTTP(w, r)
	for _, h := range []http.Header{w.Header(), get(newPages(t, newAgent()), looker, "/ui/").Header()} {
		for name, want := range map[string]string{
			"Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self'", "X-Content-Type-Options": "nosniff",
			"X-Frame-Options": "DENY", "Referrer-Policy": "same-origin", "Cache-Control": "no-store", "Content-Type": "text/html; charset=utf-8",
		} {
			if !strings.HasPrefix(h.Get(name), want) {
				t.Errorf("%s is %q", name, h.Get(name))
			}
		}
	}
	for path, kind := range map[string]string{"style.css": "text/css", "pictures.css": "text/css", "refresh.js": "text/javascript", "icon.svg": "image/svg+xml"} {
		if w := get(newPages(t, newAgent()), looker, "/ui/static/"+path); w.Code != 200 || !strings.HasPrefix(w.Header().Get("Content-Type"), kind) {
			t.Errorf("%s: %d %s", path, w.Code, w.Header())
		}
	}
	if w := get(newPages(t, newAgent()), looker, "/ui/static/"); w.Code != http.StatusNotFound {
		t.Errorf("the folder: %d", w.Code)
	}
}

// All that visitors can pile up has an end.
func TestLimits(t *testing.T) {
	a := newAgent()
	s, at, browser, _ := serve(t, a)
	now := time.Now()
	s.now = func() time.Time { return now } // so that nothing is given back
	busy := 0
	for range loginsAtOnce + 5 {
		resp, err := browser.PostForm(at+"/ui/login", url.Values{"token": {"x"}})
		if status, _, _ := answered(t, resp, err); status == http.StatusTooManyRequests {
			busy++
		}
	}
	if busy != 5 || s.Status().Refused != 5 {
		t.Errorf("%d logins were too many, %+v", busy, s.Status())
	}
	now = now.Add(time.Minute)
	resp, err := browser.PostForm(at+"/ui/login", url.Values{"token": {strings.Repeat("x", maxBody+1)}})
	if status, _, _ := answered(t, resp, err); status != http.StatusBadRequest {
		t.Errorf("a large form: %d", status)
	}

	list := newSessions()
	valid := []token{{name: "anna"}, {name: "bob"}}
	bobs := list.begin(token{name: "bob"}, now)
	var first, last string
	for i := range maxSessions + 10 {
		last = list.begin(token{name: "anna"}, now.Add(time.Duration(i)*time.Second))
		if i == 0 {
			first = last
		}
	}
	if _, _, ok := list.of(first, valid, now, true); ok || len(list.byID) != maxOfOne+1 {
		t.Errorf("%d sessions", len(list.byID))
	}
	if _, _, ok := list.of(bobs, valid, now, true); !ok {
		t.Error("anna's logins ended bob's")
	}
	for i := range maxSessions + 10 {
		list.begin(token{name: strconv.Itoa(i)}, now)
	}
	if len(list.byID) != maxSessions {
		t.Errorf("%d sessions", len(list.byID))
	}
	if _, _, ok := list.of(last, valid, now.Add(time.Hour), true); !ok {
		t.Error("the newest is gone")
	}
	if _, _, ok := list.of(last, valid, now.Add(4*time.Hour), true); ok {
		t.Error("one that nobody uses goes on")
	}
	last = list.begin(token{name: "anna"}, now)
	for h := range 13 {
		_, _, ok := list.of(last, valid, now.Add(time.Duration(h)*time.Hour), true)
		if ok != (h <= 12) {
			t.Errorf("after %d hours: %v", h, ok)
		}
	}
}

// As many pages are made at a time as there is room for, and not all of them for one;
// the rest waits, or goes.
func TestQueue(t *testing.T) {
	a := newAgent()
	a.Wait = true
	s, at, _, _ := serve(t, a)
	ctx, cancel := context.WithCancel(t.Context())
	ask := func(cookie string) {
		r, err := http.NewRequestWithContext(ctx, "GET", at+"/ui/tuples", nil)
		if err != nil {
			t.Error(err)
			return
		}
		r.AddCookie(&http.Cookie{Name: cookieName, Value: cookie})
		if resp, err := http.DefaultClient.Do(r); err == nil {
			resp.Body.Close()
		}
	}
	for n := 1; n <= 3; n++ { // one after the other wants all there is
		cookie := s.sessions.begin(token{name: "anna", change: true, hash: hashOf(annas)}, time.Now())
		for range 3 * maxAsking {
			go ask(cookie)
		}
		testenv.Until(t, "as many pages are made as may be", func() bool { return len(s.asking) == min(n*maxPages, maxAsking) })
	}
	cancel()
	testenv.Until(t, "none is made any more", func() bool { return len(s.asking) == 0 })
}

func TestServe(t *testing.T) {
	tokens := filepath.Join(t.TempDir(), "tokens")
	writeTokens(t, tokens, "anna change "+annas+"\n")
	s := NewServer(Config{Listen: "127.0.0.1:0", Tokens: tokens}, newPages(t, newAgent()), nil)
	if err := s.Listen(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(ctx) }()
	resp, err := http.Get("http://" + s.listener.Addr().String() + "/")
	if status, text, _ := answered(t, resp, err); status != 200 || !strings.Contains(text, "Log in") {
		t.Errorf("%d", status)
	}
	taken := NewServer(Config{Listen: s.listener.Addr().String(), Tokens: tokens}, newPages(t, newAgent()), nil)
	if err := taken.Listen(); err == nil {
		t.Error("two at one address")
	}
	idle, err := net.Dial("tcp", s.listener.Addr().String()) // nobody waits for it
	if err != nil {
		t.Fatal(err)
	}
	defer idle.Close()
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	none := NewServer(Config{Listen: "127.0.0.1:0", Tokens: tokens + "x"}, newPages(t, newAgent()), nil)
	if err := none.Listen(); err == nil {
		t.Error("no file, and it listens")
	}
}
