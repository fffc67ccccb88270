package metrics

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"slips-ips/agent/status"
)

func get(t *testing.T, e *Exporter) *httptest.ResponseRecorder {
	t.Helper()
	w := httptest.NewRecorder()
	e.Handler().ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", nil))
	return w
}

// An agent whose status hangs costs three waiting scrapes and no more; each is
// answered, and when it goes on, so do the metrics.
func TestHangingStatus(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hang := make(chan struct{})
		var taken sync.WaitGroup
		e, err := New(Config{}, func() status.Status { <-hang; return filled() }, nil)
		if err != nil {
			t.Fatal(err)
		}
		for range maxScrapes {
			taken.Go(func() {
				if w := get(t, e); w.Code != http.StatusServiceUnavailable || !strings.Contains(w.Body.String(), "took too long") {
					t.Errorf("hanging: %d %s", w.Code, w.Body)
				}
			})
		}
		synctest.Wait()
		if w := get(t, e); w.Code != http.StatusServiceUnavailable || !strings.Contains(w.Body.String(), "too many scrapes") {
			t.Errorf("one more: %d %s", w.Code, w.Body)
		}
		start := time.Now()
		taken.Wait()
		if d := time.Since(start); d != scrapeTimeout {
			t.Errorf("the hanging scrapes took %v", d)
		}
		if w := get(t, e); w.Code != http.StatusServiceUnavailable {
			t.Errorf("while it still hangs: %d", w.Code)
		}
		close(hang)
		synctest.Wait()
		w := get(t, e)
		if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "slips_metrics_refused_scrapes_total 2\n") {
			t.Errorf("afterwards: %d %s", w.Code, w.Body)
		}
	})
}

// serving runs an Exporter until the test ends it, and gives a client.
func serving(t *testing.T, cfg Config) (*http.Client, func() error) {
	t.Helper()
	e, err := New(cfg, filled, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Listen(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- e.Serve(ctx) }()
	addr := e.listener.Addr()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, addr.Network(), addr.String())
	}}}
	end := sync.OnceValue(func() error { cancel(); return <-done })
	t.Cleanup(func() {
		if err := end(); err != nil {
			t.Error(err)
		}
	})
	return client, end
}

func body(t *testing.T, c *http.Client, path string) string {
	t.Helper()
	resp, err := c.Get("http://localhost" + path)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.Status + " " + string(b)
}

func TestServe(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	free := l.Addr().String()
	l.Close()
	socket := filepath.Join(t.TempDir(), "metrics.sock")
	for _, listen := range []string{free, "unix:" + socket} {
		client, end := serving(t, Config{Listen: listen})
		text := body(t, client, "/metrics")
		for _, want := range []string{"200 OK", "slips_blocks_missing 3\n", "go_goroutines ", "process_resident_memory_bytes "} {
			if !strings.Contains(text, want) {
				t.Errorf("%s: no %q in %s", listen, want, text)
			}
		}
		if s := body(t, client, "/"); !strings.Contains(s, "/metrics") {
			t.Error(s)
		}
		if s := body(t, client, "/debug/pprof/"); !strings.HasPrefix(s, "404") {
			t.Error(s)
		}
		if resp, err := client.Post("http://localhost/metrics", "", nil); err != nil || resp.StatusCode != http.StatusMethodNotAllowed {
			t.Errorf("POST: %v %v", resp, err)
		}
		if err := end(); err != nil {
			t.Errorf("%s: %v", listen, err)
		}
	}
	if _, err := os.Lstat(socket); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the socket is still there: %v", err)
	}
}

// A page elsewhere whose name leads to this host reads nothing of it, while each name
// that Prometheus may have for loopback is answered. What listens for others, or at a
// socket, which no page reaches, is reached by names that the agent does not know.
func TestHost(t *testing.T) {
	for _, c := range []struct {
		listen, host string
		status       int
	}{
		{"127.0.0.1:9560", "127.0.0.1:9560", http.StatusOK},
		{"127.7.0.1:9560", "127.7.0.1:9560", http.StatusOK},
		{"127.0.0.1:9560", "localhost:9560", http.StatusOK},
		{"127.0.0.1:9560", "localhost:19560", http.StatusOK}, // through a tunnel
		{"[::1]:9560", "[::1]:9560", http.StatusOK},
		{"[::ffff:127.0.0.1]:9560", "[::ffff:127.0.0.1]:9560", http.StatusOK},
		{"127.0.0.1:9560", "evil.example:9560", http.StatusMisdirectedRequest},
		{"127.0.0.1:9560", "localhost.evil.example:9560", http.StatusMisdirectedRequest},
		{"[::1]:9560", "evil.example:9560", http.StatusMisdirectedRequest},
		{"[::ffff:127.0.0.1]:9560", "evil.example:9560", http.StatusMisdirectedRequest},
		{"127.0.0.1:9560", "", http.StatusMisdirectedRequest},
		{"192.0.2.1:9560", "192.0.2.1:9560", http.StatusOK},
		{"0.0.0.0:9560", "router.example:9560", http.StatusOK},
		{"unix:/run/metrics.sock", "agent", http.StatusOK},
	} {
		e, err := New(Config{Listen: c.listen, AllowRemote: true}, filled, nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range []string{"/", "/metrics"} {
			w, r := httptest.NewRecorder(), httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil)
			r.Host = c.host
			e.Handler().ServeHTTP(w, r)
			if w.Code != c.status || w.Code != http.StatusOK && strings.Contains(w.Body.String(), "slips_") {
				t.Errorf("%s, asked as %q for %s: %d, want %d: %.200s", c.listen, c.host, path, w.Code, c.status, w.Body)
			}
		}
	}
}

// Connections that say nothing are bounded, and the one after the most is served
// when there is room.
func TestSilentConnections(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "metrics.sock")
	client, _ := serving(t, Config{Listen: "unix:" + socket})
	var held []net.Conn
	for range maxConnections {
		conn, err := net.Dial("unix", socket)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		held = append(held, conn)
	}
	held[0].Close()
	if s := body(t, client, "/metrics"); !strings.HasPrefix(s, "200 OK") {
		t.Error(s)
	}
}

func TestListen(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "metrics.sock")
	cfg := Config{Listen: "unix:" + path}
	open := func() error {
		e, err := New(cfg, filled, nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := e.Listen(); err != nil {
			return err
		}
		t.Cleanup(func() { e.listener.Close() })
		return nil
	}
	if err := os.WriteFile(path, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := open(); err == nil || !strings.Contains(err.Error(), "is no socket") {
		t.Errorf("a file in the way: %v", err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	// What an agent leaves that is killed.
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	l.(*net.UnixListener).SetUnlinkOnClose(false)
	l.Close()
	if err := open(); err != nil {
		t.Errorf("a stale socket: %v", err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != socketMode {
		t.Errorf("%v %v", info.Mode(), err)
	}
	if err := open(); err == nil || !strings.Contains(err.Error(), "another agent") {
		t.Errorf("a second agent: %v", err)
	}
}
