package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
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

// TestMasqueradeWithArgus: the whole program in enforce mode on a masquerading
// router, with an argus of its own that captures on the LAN side or on the outside,
// where a client's beacon has the router's own address as its source. A block is in
// force where it stops the client, is refused with the reason where it could not,
// and never cuts the router off.
func TestMasqueradeWithArgus(t *testing.T) {
	testenv.Root(t)
	testenv.Program(t, "argus")
	program := testenv.Program(t, "nft")
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	evil := netip.AddrPortFrom(netip.MustParseAddr("203.0.113.66"), 8080)
	for _, tt := range []struct {
		iface, scope string
		src          netip.Addr
		blocks       bool
		a, b         bool // who still reaches the server of no good
	}{
		{lab.RouterLAN, "tuple", lab.ClientA4, true, false, true},
		{lab.RouterLAN, "destination", lab.ClientA4, true, false, false},
		{lab.RouterWAN, "tuple", lab.RouterWAN4, false, true, true},
		{lab.RouterWAN, "destination", lab.RouterWAN4, true, false, false},
	} {
		t.Run(tt.iface+" "+tt.scope, func(t *testing.T) {
			t.Parallel()
			must := func(err error) {
				t.Helper()
				if errors.Is(err, lab.ErrUnavailable) {
					testenv.Skip(t, err.Error())
				}
				if err != nil {
					t.Fatal(err)
				}
			}
			r, err := lab.NewRouter()
			must(err)
			t.Cleanup(r.Close)
			must(r.Server.Addr("eth0", netip.PrefixFrom(evil.Addr(), 24)))
			must(r.Server.EchoTCP(evil))
			must(r.Router.Route(netip.MustParsePrefix("0.0.0.0/0"), lab.Server4))
			nft := exec.Command(program, "-f", "-")
			nft.Stdin = strings.NewReader("table ip nat {\n\tchain post { type nat hook postrouting priority srcnat; oifname \"wan0\" masquerade; }\n}\n")
			_, err = r.Router.Output(nft)
			must(err)

			dir := t.TempDir()
			must(os.Chmod(dir, 0o755)) // for argus, which gives up its rights
			conf, socket := filepath.Join(dir, "slips.toml"), filepath.Join(dir, "c.sock")
			must(os.WriteFile(conf, fmt.Appendf(nil, natConfig, socket, filepath.Join(dir, "state"), tt.iface, tt.scope), 0o644))
			var said bytes.Buffer
			agent := &exec.Cmd{Path: self, Args: []string{"slips-ips", "run", "-c", conf}, Stdout: &said, Stderr: &said, Env: append(os.Environ(), "GORACE=atexit_sleep_ms=0")}
			must(r.Router.Start(agent))
			ended := make(chan error, 1)
			go func() { ended <- agent.Wait() }()
			t.Cleanup(func() {
				_ = agent.Process.Signal(syscall.SIGINT)
				if err := <-ended; err != nil || t.Failed() {
					t.Errorf("the agent ended with %v and said:\n%s", err, said.String())
				}
			})
			var c *control.Client
			soon(t, "the agent hears of its argus", func() bool {
				if c == nil {
					if c, err = control.Dial(socket); err != nil {
						return false
					}
					t.Cleanup(c.Close)
				}
				st, err := c.Status(t.Context())
				return err == nil && len(st.Feeds) == 1 && st.Feeds[0].State == "live"
			})

			// The client beacons until the agent has made up its mind.
			ctx, stop := context.WithCancel(t.Context())
			beaconing := make(chan struct{})
			go func() {
				defer close(beaconing)
				tick := time.NewTicker(time.Second)
				defer tick.Stop()
				for ; ctx.Err() == nil; <-tick.C {
					_ = r.ClientA.Reach("tcp", evil, 500*time.Millisecond)
				}
			}()
			tuple := fmt.Sprintf("%s-%s-%d-tcp", tt.src, evil.Addr(), evil.Port())
			var e control.Explanation
			soon(t, "it is decided", func() bool {
				e, err = c.ExplainTuple(t.Context(), tuple)
				return err == nil && (e.Block != nil || e.Ruling != nil && e.Ruling.Decision.Cause == "protected")
			})
			stop()
			<-beaconing
			switch {
			case (e.Block != nil) != tt.blocks:
				t.Errorf("blocked: %v, want %v: %s", e.Block != nil, tt.blocks, e.Verdict)
			case tt.blocks && (string(e.Block.Scope) != tt.scope || e.Block.State != "blocked"):
				t.Errorf("%+v", *e.Block)
			case !tt.blocks && (!strings.Contains(e.Verdict, "let Argus watch the LAN side") || !strings.Contains(e.Protected, "an own address of wan0")):
				t.Errorf("it does not say why not: %s; %s", e.Verdict, e.Protected)
			}

			for _, from := range []struct {
				who     string
				ns      *lab.NS
				to      netip.AddrPort
				reaches bool
			}{
				{"client A", r.ClientA, evil, tt.a},
				{"client B", r.ClientB, evil, tt.b},
				{"the router", r.Router, evil, true},
				{"the router to another server", r.Router, netip.AddrPortFrom(lab.Server4, 8080), true},
				{"client A to another server", r.ClientA, netip.AddrPortFrom(lab.Server4, 8080), true},
			} {
				patience := 5 * time.Second
				if !from.reaches {
					patience = 500 * time.Millisecond
				}
				if err := from.ns.Reach("tcp", from.to, patience); (err == nil) != from.reaches {
					t.Errorf("%s: %v, want it to reach: %v", from.who, err, from.reaches)
				}
			}
		})
	}
}

// natConfig takes the socket, the state folder, the interface and the scope.
const natConfig = `[agent]
mode = "enforce"
socket = %q
state = %q
[[source]]
url = "spawn:%s"
[policy]
matches = 3
[[policy.rule]]
name = "all"
action = "block"
scope = %q
`

// soon waits for a condition.
func soon(t *testing.T, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !is(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("not within a minute: " + what)
		}
	}
}
