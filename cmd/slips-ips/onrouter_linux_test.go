package main

import (
	"bytes"
	"context"
	"errors"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"slips-ips/agent/control"
	"slips-ips/internal/lab"
	"slips-ips/internal/testenv"
)

// evil is a server of no good beside the lab's.
var evil = netip.AddrPortFrom(netip.MustParseAddr("203.0.113.66"), 8080)

// masqueradingRouter makes the lab with a server of no good, a default route through
// the server, and a router that masquerades.
func masqueradingRouter(t *testing.T) *lab.Router {
	t.Helper()
	testenv.Root(t)
	testenv.Program(t, "argus")
	program := testenv.Program(t, "nft")
	r, err := lab.NewRouter()
	if errors.Is(err, lab.ErrUnavailable) {
		testenv.Skip(t, err.Error())
	}
	check(t, err)
	t.Cleanup(r.Close)
	check(t, r.Server.Addr("eth0", netip.PrefixFrom(evil.Addr(), 24)))
	check(t, r.Server.EchoTCP(evil))
	check(t, r.Router.Route(netip.MustParsePrefix("0.0.0.0/0"), lab.Server4))
	nft := exec.Command(program, "-f", "-")
	nft.Stdin = strings.NewReader("table ip nat {\n\tchain post { type nat hook postrouting priority srcnat; oifname \"wan0\" masquerade; }\n}\n")
	_, err = r.Router.Output(nft)
	check(t, err)
	return r
}

// runOnRouter runs the program in enforce mode on the router, with an argus of its own
// on an interface and a control socket, until the test ends, and waits until it hears
// its argus. policy is what follows [agent] and [[source]] in slips.toml, resolver the
// name server of the router, where there is one.
func runOnRouter(t *testing.T, r *lab.Router, iface, policy string, resolver netip.Addr) *control.Client {
	t.Helper()
	self, err := os.Executable()
	check(t, err)
	dir := t.TempDir()
	check(t, os.Chmod(dir, 0o755)) // for argus, which gives up its rights
	path := func(name string) string { return filepath.Join(dir, name) }
	check(t, os.Symlink(self, path("slips-ips")))
	check(t, os.WriteFile(path("slips.toml"), []byte(`[agent]
mode = "enforce"
socket = "`+path("c.sock")+`"
state = "`+path("state")+`"
[[source]]
url = "spawn:`+iface+`"
`+policy), 0o644))
	agent := exec.Command(path("slips-ips"), "run", "-c", path("slips.toml"))
	if resolver.IsValid() {
		check(t, os.WriteFile(path("resolv.conf"), []byte("nameserver "+resolver.String()+"\n"), 0o644))
		agent = exec.Command("unshare", "--mount", "sh", "-ec", `mount --bind "$1/resolv.conf" /etc/resolv.conf; exec "$1/slips-ips" run -c "$1/slips.toml"`, "sh", dir)
	}
	var said bytes.Buffer
	agent.Stdout, agent.Stderr, agent.Env = &said, &said, append(os.Environ(), "GORACE=atexit_sleep_ms=0")
	check(t, r.Router.Start(agent))
	ended := make(chan error, 1)
	go func() { ended <- agent.Wait() }()
	t.Cleanup(func() {
		_ = agent.Process.Signal(syscall.SIGINT)
		if err := <-ended; err != nil || t.Failed() {
			t.Errorf("the agent ended with %v and said:\n%s", err, said.String())
		}
	})
	var c *control.Client
	testenv.Until(t, "the agent hears its argus", func() bool {
		if c == nil {
			if c, err = control.Dial(path("c.sock")); err != nil {
				return false
			}
			t.Cleanup(c.Close)
		}
		st, err := c.Status(t.Context())
		return err == nil && len(st.Feeds) == 1 && st.Feeds[0].State == "live"
	})
	return c
}

// beaconGap is how far the calls are apart; faster ones look less like a beacon.
const beaconGap = 1250 * time.Millisecond

// beaconEach lets a host call another one again and again until stop is called.
func beaconEach(t *testing.T, from *lab.NS, to netip.AddrPort) (stop func()) {
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(beaconGap)
		defer tick.Stop()
		for ; ctx.Err() == nil; <-tick.C {
			_ = from.Reach("tcp", to, 500*time.Millisecond)
		}
	}()
	return func() {
		cancel()
		<-done
	}
}

// reach is who must reach what, or must not.
type reach struct {
	who     string
	from    *lab.NS
	to      netip.AddrPort
	reaches bool
}

func checkReach(t *testing.T, all []reach) {
	t.Helper()
	for _, c := range all {
		patience := 5 * time.Second
		if !c.reaches {
			patience = 500 * time.Millisecond
		}
		if err := c.from.Reach("tcp", c.to, patience); (err == nil) != c.reaches {
			t.Errorf("%s: %v, want it to reach: %v", c.who, err, c.reaches)
		}
	}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
