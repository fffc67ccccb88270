package web

import (
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"testing"
	"time"
)

// What one takes is no other's: each who logged in has his own, those who did not have
// theirs, and the files of a page are counted apart. Each has an end.
func TestAllowances(t *testing.T) {
	s, at, _, _ := serve(t, newAgent())
	now := time.Now()
	s.now = func() time.Time { return now } // so that nothing is given back
	logIn := func(token string) *http.Client {
		jar, err := cookiejar.New(nil)
		if err != nil {
			t.Fatal(err)
		}
		browser := &http.Client{Jar: jar}
		resp, err := browser.PostForm(at+"/ui/login", url.Values{"token": {token}})
		if status, _, where := answered(t, resp, err); status != http.StatusOK || where.Path != "/ui/" {
			t.Fatalf("no login: %d at %s", status, where)
		}
		return browser
	}
	anna, bob := logIn(annas), logIn(bobs)
	refused := func(browser *http.Client, path string, times int) (n int) {
		for range times {
			resp, err := browser.Get(at + path)
			if status, _, _ := answered(t, resp, err); status == http.StatusTooManyRequests {
				n++
			}
		}
		return n
	}
	const file = "/ui/static/style.css"
	if n := refused(anna, file, filesAtOnce+5); n != 5 {
		t.Errorf("%d files were too many", n)
	}
	// The page of after the login was one.
	if n := refused(anna, "/ui/models", pagesAtOnce+4); n != 5 {
		t.Errorf("%d pages were too many", n)
	}
	for name, n := range map[string]int{
		"bob's pages": refused(bob, "/ui/models", 1), "bob's files": refused(bob, file, 1),
		"a stranger's": refused(&http.Client{}, "/ui/login", 1), "a stranger's files": refused(&http.Client{}, file, 1),
	} {
		if n != 0 {
			t.Errorf("anna used up %s", name)
		}
	}
	if n := refused(&http.Client{}, "/ui/login", pagesAtOnce); n == 0 {
		t.Error("strangers have no end")
	}
	if n := refused(bob, "/ui/models", 1); n != 0 {
		t.Error("strangers used up what bob has")
	}
	now = now.Add(time.Second)
	if n := refused(anna, "/ui/models", pagesPerSecond+3); n != 3 {
		t.Errorf("%d pages were too many after a second", n)
	}
	now = now.Add(time.Second)
	// Who logs in again has one session still.
	resp, err := anna.PostForm(at+"/ui/login", url.Values{"token": {annas}})
	answered(t, resp, err)
	if got := s.Status(); got.Sessions != 2 || got.Logins != 3 || got.Refused == 0 {
		t.Errorf("%+v", got)
	}
}

// Strangers are told apart as far as there is room.
func TestStrangers(t *testing.T) {
	var all strangers
	now := time.Now()
	first := all.of(0, now)
	for uid := range int64(maxStrangers + 10) {
		all.of(uid, now.Add(time.Duration(uid+1)*time.Second))
		if uid%2 == 0 && all.of(0, now.Add(time.Duration(uid+1)*time.Second)) != first {
			t.Fatal("who is there all the time was forgotten")
		}
	}
	if len(all.byUID) != maxStrangers {
		t.Errorf("%d are remembered", len(all.byUID))
	}
	if _, ok := all.byUID[1]; ok {
		t.Error("the one that was not seen for the longest time is remembered")
	}
}

// A page that is open and kept up to date by its script is not being used.
func TestRefreshIsNoUse(t *testing.T) {
	s, at, browser, _ := serve(t, newAgent())
	now := time.Now()
	s.now = func() time.Time { return now }
	resp, err := browser.PostForm(at+"/ui/login", url.Values{"token": {annas}})
	answered(t, resp, err)
	for n, want := range []string{"/ui/", "/ui/login"} {
		now = now.Add(sessionIdle - time.Minute)
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, at+"/ui/", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set(refreshHeader, "1")
		resp, err := browser.Do(r)
		if _, _, where := answered(t, resp, err); where.Path != want {
			t.Errorf("refresh %d leads to %s, want %s", n, where.Path, want)
		}
	}
}
