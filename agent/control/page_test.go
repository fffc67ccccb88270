package control_test

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"

	"slips-ips/agent/control"
	"slips-ips/agent/control/controltest"
)

// The page is for who may read, as the one that the kernel says; its body is there.
func TestPage(t *testing.T) {
	var mu sync.Mutex
	var seen []control.Visitor
	b := controltest.Sample()
	s, path := start(t, b, control.Options{MaxForm: 100, Page: func(w http.ResponseWriter, r *http.Request, v control.Visitor) {
		mu.Lock()
		seen = append(seen, v)
		mu.Unlock()
		body, err := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%s %s %s %v %d", r.Method, r.URL.Path, body, err, v.Who(r.Context()).PID)
	}})
	me := os.Getpid()
	if status, _, text := raw(t, path, request("GET", "/ui/blocks?x=y", "")); status != 200 || text != fmt.Sprintf("GET /ui/blocks  <nil> %d", me) {
		t.Errorf("%d %s", status, text)
	}
	if status, _, text := raw(t, path, request("POST", "/ui/do/block", "sure=yes")); status != 200 || text != fmt.Sprintf("POST /ui/do/block sure=yes <nil> %d", me) {
		t.Errorf("%d %s", status, text)
	}
	// What is too large the page tells in its own words.
	if status, _, text := raw(t, path, request("POST", "/ui/do/block", strings.Repeat("x", 101))); status != 200 || !strings.Contains(text, " "+(&http.MaxBytesError{}).Error()+" ") {
		t.Errorf("a large form: %d %s", status, text)
	}
	status, header, _ := raw(t, path, request("GET", "/", ""))
	if status != http.StatusSeeOther || header.Get("Location") != control.PagePath {
		t.Errorf("the root: %d %s", status, header.Get("Location"))
	}
	if len(seen) != 3 || !seen[0].Change || seen[0].Key != fmt.Sprintf("uid %d", os.Getuid()) || seen[0].Name == "" {
		t.Errorf("%+v", seen)
	}
	if st := s.Stats(); st.Requests != 4 {
		t.Errorf("%+v", st)
	}
	_, bare := start(t, b, control.Options{})
	if status, _, _ := raw(t, bare, request("GET", "/ui/", "")); status != http.StatusNotFound {
		t.Errorf("without a page: %d", status)
	}
}

// What a browser is made to ask by another page gets nothing, neither of the page nor
// of the calls; programs are as free as before.
func TestForeign(t *testing.T) {
	b := controltest.Sample()
	_, path := start(t, b, control.Options{Page: func(http.ResponseWriter, *http.Request, control.Visitor) {}})
	for _, c := range []struct {
		name, method, at, headers string
		status                    int
	}{
		{"curl", "POST", "/v1/panic", "Host: x\r\n", 200},
		{"curl, other names", "GET", "/v1", "Host: slips-ips:80\r\n", 200},
		{"no name", "GET", "/v1", "Host:\r\n", 200},
		{"the tunnel", "GET", "/ui/", "Host: localhost:9570\r\nSec-Fetch-Site: none\r\n", 200},
		{"its script", "GET", "/ui/", "Host: 127.0.0.1:9570\r\nSec-Fetch-Site: same-origin\r\nSec-Fetch-Mode: cors\r\n", 200},
		{"its form", "POST", "/ui/do/flush", "Host: localhost:9570\r\nSec-Fetch-Site: same-origin\r\nOrigin: http://localhost:9570\r\n", 200},
		{"version 6", "GET", "/ui/", "Host: [::1]:9570\r\n", 200},
		{"a link to it", "GET", "/ui/tuple", "Host: localhost:9570\r\nSec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: document\r\n", 200},
		{"a frame of it", "GET", "/ui/", "Host: localhost:9570\r\nSec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: iframe\r\n", 403},
		{"another page's form", "POST", "/ui/do/flush", "Host: localhost:9570\r\nSec-Fetch-Site: cross-site\r\nOrigin: https://evil.example\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: document\r\n", 403},
		{"another page's script", "POST", "/v1/panic", "Host: localhost:9570\r\nSec-Fetch-Site: cross-site\r\nOrigin: https://evil.example\r\n", 403},
		{"an old browser", "POST", "/v1/panic", "Host: localhost:9570\r\nOrigin: https://evil.example\r\n", 403},
		{"another port", "POST", "/v1/panic", "Host: localhost:9570\r\nSec-Fetch-Site: same-site\r\n", 403},
		{"reading along", "GET", "/v1/tuples", "Host: localhost:9570\r\nSec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: no-cors\r\n", 403},
		{"a rebound name", "GET", "/v1/tuples", "Host: evil.example:9570\r\n", 403},
		{"a rebound name, absolute", "GET", "/v1/tuples", "Host: evil.example.\r\n", 403},
		{"another address", "GET", "/ui/", "Host: 192.0.2.1\r\n", 403},
	} {
		before := len(b.By())
		status, _, text := raw(t, path, c.method+" "+c.at+" HTTP/1.1\r\n"+c.headers+"Content-Length: 0\r\n\r\n")
		if status != c.status || status == 403 && len(b.By()) != before {
			t.Errorf("%s: %d %s", c.name, status, text)
		}
	}
}
