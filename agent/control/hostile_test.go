package control_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"slips-ips/agent/control"
	"slips-ips/agent/control/controltest"
	"slips-ips/agent/history"
	"slips-ips/internal/testenv"
)

// quick are limits that a test can wait for.
func quick() control.Options {
	return control.Options{
		MaxClients: 16, MaxPerUser: 16, QueueTime: 200 * time.Millisecond,
		ReadTime: 200 * time.Millisecond, WriteTime: 300 * time.Millisecond, IdleTime: 400 * time.Millisecond, Heartbeat: 20 * time.Millisecond,
	}
}

func connect(t *testing.T, path string) net.Conn {
	t.Helper()
	c, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// Each of these clients ends cut off, with all that it held given back.
func TestClientsThatAreSlow(t *testing.T) {
	large := controltest.Large(20_000)
	for name, behave := range map[string]func(*testing.T, net.Conn){
		"silent":        func(*testing.T, net.Conn) {},
		"half a line":   func(_ *testing.T, c net.Conn) { io.WriteString(c, "GET /v1/sta") },
		"half a header": func(_ *testing.T, c net.Conn) { io.WriteString(c, "GET /v1/status HTTP/1.1\r\nHost: x\r\n") },
		"a byte at a time": func(_ *testing.T, c net.Conn) {
			go func() {
				pace := time.Tick(20 * time.Millisecond)
				for _, b := range []byte("GET /v1/status HTTP/1.1\r\nHost: " + strings.Repeat("x", 1000)) {
					if _, err := c.Write([]byte{b}); err != nil {
						return
					}
					<-pace
				}
			}()
		},
		"a body that never comes": func(_ *testing.T, c net.Conn) {
			io.WriteString(c, "POST /v1/blocks HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
		},
		"a body for GET that never comes": func(_ *testing.T, c net.Conn) {
			io.WriteString(c, "GET /v1/status HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n")
		},
		"chunks that never end": func(_ *testing.T, c net.Conn) {
			io.WriteString(c, "POST /v1/reload HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n")
		},
		"garbage":      func(_ *testing.T, c net.Conn) { io.WriteString(c, strings.Repeat("\x00\xff\r\n", 1000)) },
		"never reads":  func(_ *testing.T, c net.Conn) { io.WriteString(c, request("GET", "/v1/tuples?limit=100000", "")) },
		"never again":  func(_ *testing.T, c net.Conn) { io.WriteString(c, request("GET", "/v1", "")) },
		"never pauses": func(_ *testing.T, c net.Conn) { go io.Copy(c, endless{request("GET", "/v1/tuples?limit=9999", "")}) },
		"reads a byte at a time": func(_ *testing.T, c net.Conn) {
			io.WriteString(c, request("GET", "/v1/tuples?limit=100000", ""))
			go func() {
				b := make([]byte, 1)
				for range time.Tick(10 * time.Millisecond) {
					if _, err := c.Read(b); err != nil {
						return
					}
				}
			}()
		},
		"follows and never reads": func(t *testing.T, c net.Conn) { io.WriteString(c, request("GET", "/v1/events/follow", "")) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := large
			if strings.HasPrefix(name, "follows") {
				b = controltest.Large(10)
			}
			s, path := start(t, b, quick())
			c := connect(t, path)
			behave(t, c)
			testenv.Until(t, "in", func() bool { return s.Stats().Accepted == 1 })
			stop := make(chan struct{})
			var storm sync.WaitGroup
			if strings.HasPrefix(name, "follows") {
				storm.Go(func() {
					event := b.Past[0]
					event.Text = strings.Repeat("x", 10_000)
					pace := time.Tick(time.Millisecond)
					for {
						select {
						case <-stop:
							return
						case <-pace:
							b.Happen(event)
							b.Past = b.Past[1:]
						}
					}
				})
			}
			testenv.Until(t, "cut off", func() bool { st := s.Stats(); return st.Clients == 0 && st.Followers == 0 })
			close(stop)
			storm.Wait()
			if b.Followers() != 0 {
				t.Error("the backend still has a follower")
			}
			if _, err := dial(t, path).Status(t.Context()); err != nil {
				t.Errorf("afterwards: %v", err)
			}
		})
	}
}

// endless gives the same text again and again.
type endless struct{ text string }

func (e endless) Read(b []byte) (int, error) { return copy(b, e.text), nil }

func TestGiants(t *testing.T) {
	s, path := start(t, controltest.Sample(), quick())
	for name, tt := range map[string]struct {
		request string
		status  int
	}{
		"header": {"GET /v1 HTTP/1.1\r\nHost: x\r\nX: " + strings.Repeat("x", 100_000) + "\r\n\r\n", http.StatusRequestHeaderFieldsTooLarge},
		"url":    {"GET /v1/tuples?match=" + strings.Repeat("x", 10_000) + " HTTP/1.1\r\nHost: x\r\n\r\n", http.StatusBadRequest},
		"body":   {request("POST", "/v1/reload", strings.Repeat(" ", 1<<20)), http.StatusRequestEntityTooLarge},
		"depth":  {request("POST", "/v1/reload", strings.Repeat("[", 60_000)), http.StatusBadRequest},
		"comment": {request("POST", "/v1/blocks", fmt.Sprintf(`{"tuple":"10.0.0.1-10.0.0.2-80-tcp","comment":%q}`, strings.Repeat("x", 300))),
			http.StatusBadRequest},
	} {
		c := connect(t, path)
		go io.WriteString(c, tt.request)
		resp, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil || resp.StatusCode != tt.status {
			t.Errorf("%s: %v, %v; want %d", name, resp, err, tt.status)
		}
	}
	testenv.Until(t, "gone", func() bool { return s.Stats().Clients == 0 })
}

// A thousand connections: those beyond the limit are told so, and those within
// it are answered.
func TestManyClients(t *testing.T) {
	opt := quick()
	opt.ReadTime, opt.IdleTime = 10*time.Second, 10*time.Second
	s, path := start(t, controltest.Sample(), opt)
	var refused, in int
	var conns []net.Conn
	for range 1000 {
		c, err := net.Dial("unix", path)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		conns = append(conns, c)
	}
	testenv.Until(t, "decided", func() bool { st := s.Stats(); return st.Clients+int(st.RefusedClients) == 1000 })
	for _, c := range conns {
		io.WriteString(c, request("GET", "/v1/status", ""))
		c.SetReadDeadline(time.Now().Add(20 * time.Second))
		resp, err := http.ReadResponse(bufio.NewReader(c), nil)
		switch {
		case err != nil:
			t.Fatal(err)
		case resp.StatusCode == http.StatusOK:
			in++
		case resp.StatusCode == http.StatusTooManyRequests:
			refused++
		}
	}
	if in != 16 || refused != 984 {
		t.Errorf("%d in, %d refused", in, refused)
	}
	if _, err := dial(t, path).Status(t.Context()); !errors.Is(err, control.ErrBusy) {
		t.Errorf("one more: %v", err)
	}
	for _, c := range conns {
		c.Close()
	}
	testenv.Until(t, "gone", func() bool { return s.Stats().Clients == 0 })
	if _, err := dial(t, path).Status(t.Context()); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

// Queries that take long keep others waiting, for a time; those that cost
// nothing are answered meanwhile.
func TestManyQueries(t *testing.T) {
	b := controltest.Sample()
	opt := quick()
	opt.MaxQueries, opt.QueryTime = 2, 10*time.Second
	s, path := start(t, b, opt)
	b.Wait = true
	for range 2 {
		io.WriteString(connect(t, path), request("GET", "/v1/allows", ""))
	}
	testenv.Until(t, "asked", func() bool { return s.Stats().Requests == 2 })
	c := dial(t, path)
	for s.Stats().RefusedQueries == 0 {
		if _, err := c.Tuples(t.Context(), control.TupleQuery{}); !errors.Is(err, control.ErrBusy) {
			t.Errorf("a third query: %v", err)
		}
	}
	if _, err := c.Status(t.Context()); err != nil {
		t.Errorf("status meanwhile: %v", err)
	}
}

func TestManyFollowers(t *testing.T) {
	b := controltest.Sample()
	opt := quick()
	opt.MaxFollowers = 2
	s, path := start(t, b, opt)
	for range 2 {
		io.WriteString(connect(t, path), request("GET", "/v1/events/follow", ""))
	}
	testenv.Until(t, "following", func() bool { return s.Stats().Followers == 2 })
	for _, err := range dial(t, path).Follow(t.Context(), history.Query{}, nil) {
		if !errors.Is(err, control.ErrBusy) {
			t.Errorf("a third follower: %v", err)
		}
	}
	if got := s.Stats().RefusedFollowers; got != 1 {
		t.Errorf("%d refused", got)
	}
}
