//go:build linux

package main

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"slips-ips/internal/lab"
	"slips-ips/packaging"
)

// result is what one feed took, in seconds.
type result struct {
	Feed string `json:"feed"`
	// Detected is how many connections were; the first few of a tuple have too
	// few letters.
	Detected int     `json:"detected"`
	Median   float64 `json:"median_s"`
	P99      float64 `json:"p99_s"`
	Max      float64 `json:"max_s"`
}

// config makes every flow a detection and every detection a line of the log.
const config = `
[detection]
models = "%s"
forget_after = 0
[[policy.rule]]
action = "alert"
[report]
tuples = "none"
`

// model is like all letters.
const model = `
label = "From-Test-TCP-Any-Everything-1"
class = "malicious"
protocol = "tcp"
kind = "letters"
licence = "GPL-2.0-or-later"
threshold = 1e9
letters = "5.r.R.A.a.E.e.I.i.b.B.c.C.d.D.f.F.g.G.h.H.s.S.t.T.u.U.v.V.w.W.x.X.y.Y.z.Z."
[provenance]
data = "none"
tool = "made up"
learned = 2026-11-24
`

const (
	port     = 8088
	argusFor = 902 // the port of the shipped argus.conf
)

// measure makes n connections and tells when each was detected on each feed.
func measure(ctx context.Context, binary string, n int) ([]result, error) {
	router, err := lab.NewRouter()
	if err != nil {
		return nil, err
	}
	defer router.Close()
	dir, err := os.MkdirTemp("", "slips-latency")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	if err := os.Chmod(dir, 0o755); err != nil {
		return nil, err
	}
	argus, err := startArgus(ctx, router.Router, dir)
	if err != nil {
		return nil, err
	}
	defer end(argus)
	feeds, err := startFeeds(ctx, router.Router, binary, dir)
	defer func() {
		for _, f := range feeds {
			f.stop()
		}
	}()
	if err != nil {
		return nil, err
	}
	ends, err := connect(ctx, router, n)
	if err != nil {
		return nil, err
	}
	var results []result
	for _, f := range feeds {
		if err := f.wait(ctx, n); err != nil {
			return nil, err
		}
		results = append(results, f.result(ends))
	}
	return results, nil
}

// startArgus starts an argus with the shipped argus.conf: its status interval is
// what an admin gets.
func startArgus(ctx context.Context, ns *lab.NS, dir string) (*exec.Cmd, error) {
	conf := filepath.Join(dir, "argus.conf")
	if err := os.WriteFile(conf, []byte(packaging.ArgusConf+"\nARGUS_INTERFACE="+lab.RouterLAN+"\n"), 0o644); err != nil {
		return nil, err
	}
	cmd := exec.Command("argus", "-X", "-F", conf)
	cmd.Stderr = io.Discard // it tells of interfaces that it does not use
	if err := ns.Start(cmd); err != nil {
		return nil, err
	}
	for {
		c, err := ns.Dial("tcp", netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), argusFor), time.Second)
		if err == nil {
			_ = c.Close() // it was to find out that argus listens
			return cmd, nil
		}
		select {
		case <-ctx.Done():
			end(cmd)
			return nil, fmt.Errorf("argus does not listen: %w", err)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

func end(cmd *exec.Cmd) {
	_ = cmd.Process.Kill() // it may have ended by itself
	_ = cmd.Wait()
}

// connect makes the connections one after the other and gives their ends.
func connect(ctx context.Context, r *lab.Router, n int) ([]time.Time, error) {
	server := netip.AddrPortFrom(lab.Server4, port)
	err := r.Server.ServeHTTP(server, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		time.Sleep(time.Duration(rand.Float64() * float64(800*time.Millisecond)))
		_, _ = w.Write(make([]byte, 300))
	}))
	if err != nil {
		return nil, err
	}
	client := r.ClientA.HTTPClient(5 * time.Second)
	closed := make(chan time.Time, 2) // the transport closes from a goroutine of its own
	client.Transport.(*http.Transport).DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := r.ClientA.DialContext(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return &tellClose{Conn: c, at: closed}, nil
	}
	var ends []time.Time
	for range n {
		resp, err := client.Get("http://" + server.String() + "/")
		if err != nil {
			return nil, err
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		_ = resp.Body.Close() // all of it was read
		select {
		case at := <-closed:
			ends = append(ends, at)
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(time.Duration(50+rand.IntN(300)) * time.Millisecond):
		}
	}
	return ends, nil
}

// tellClose tells when a connection is closed.
type tellClose struct {
	net.Conn
	once sync.Once
	at   chan<- time.Time
}

func (c *tellClose) Close() error {
	c.once.Do(func() { c.at <- time.Now() })
	return c.Conn.Close()
}

// result compares detections with the ends of the connections.
func (f *feed) result(ends []time.Time) result {
	f.mu.Lock()
	defer f.mu.Unlock()
	var took []float64
	for i, at := range ends {
		if found, ok := f.found[i+1]; ok {
			took = append(took, found.Sub(at).Seconds())
		}
	}
	slices.Sort(took)
	r := result{Feed: f.name, Detected: len(took)}
	if n := len(took); n > 0 {
		r.Median, r.P99, r.Max = took[n/2], took[min(n-1, n*99/100)], took[n-1]
	}
	return r
}
