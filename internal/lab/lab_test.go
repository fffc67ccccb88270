//go:build linux

package lab

import (
	"errors"
	"net/netip"
	"os"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"slips-ips/internal/testenv"
)

func newRouter(t *testing.T) *Router {
	t.Helper()
	r, err := NewRouter()
	if errors.Is(err, ErrUnavailable) {
		testenv.Skip(t, err.Error())
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	return r
}

func TestRouterForwards(t *testing.T) {
	r := newRouter(t)
	for _, client := range []*NS{r.ClientA, r.ClientB} {
		for _, server := range []netip.Addr{Server4, Server6} {
			for _, port := range EchoPorts {
				for _, network := range []string{"tcp", "udp"} {
					if err := client.Reach(network, netip.AddrPortFrom(server, port), 2*time.Second); err != nil {
						t.Errorf("%s, %s port %d: %v", client.Name(), network, port, err)
					}
				}
			}
			if err := client.Ping(server, 2*time.Second); err != nil {
				t.Error(err)
			}
			resp, err := client.HTTPClient(2 * time.Second).Get("http://" + netip.AddrPortFrom(server, HTTPPort).String() + "/x")
			if err != nil {
				t.Error(err)
				continue
			}
			resp.Body.Close()
		}
	}
	if err := r.ClientA.Ping(netip.MustParseAddr("203.0.113.99"), 100*time.Millisecond); err == nil {
		t.Error("an address that nobody has answered a ping")
	}
}

// A child must live in the namespace, outlast the goroutine that started it,
// and end with the namespace.
func TestStart(t *testing.T) {
	sleep := testenv.Program(t, "sleep")
	n, err := NewNS("alone")
	if errors.Is(err, ErrUnavailable) {
		testenv.Skip(t, err.Error())
	}
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	cmd := exec.Command(sleep, "60")
	if err := n.Start(cmd); err != nil {
		t.Fatal(err)
	}
	var inside, outside string
	if inside, err = os.Readlink("/proc/" + strconv.Itoa(cmd.Process.Pid) + "/ns/net"); err != nil {
		t.Fatal(err)
	}
	if outside, err = os.Readlink("/proc/self/ns/net"); err != nil {
		t.Fatal(err)
	}
	if inside == outside {
		t.Error("the child runs outside")
	}
	n.Close()
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	select {
	case err := <-done:
		if err == nil {
			t.Error("the child ended well, not by a signal")
		}
	case <-time.After(testenv.Patience):
		t.Error("the child outlived its namespace")
		_ = cmd.Process.Kill()
	}
}
