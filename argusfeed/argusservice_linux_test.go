package argusfeed

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"slips-ips/internal/lab"
)

// serviceConfPath makes the test binary become an argus, with this configuration.
const serviceConfPath = "ARGUSFEED_TEST_SERVICE"

func becomeTestArgus(path string) {
	err := BecomeArgus(context.Background(), path, slog.New(slog.NewTextHandler(os.Stderr, nil)), func(string) {})
	fmt.Fprintln(os.Stderr, "error", err)
	os.Exit(1)
}

// service is a process of this test binary that becomes an argus.
type service struct {
	*argusLab
	t      *testing.T
	cmd    *exec.Cmd
	stderr io.ReadCloser
}

func startService(t *testing.T, conf string) *service {
	l := newArgusLab(t)
	other, err := lab.NewNS("gateway")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(other.Close)
	if err := lab.Veth(l.NS, "wan0", other, "eth0"); err != nil {
		t.Fatal(err)
	}
	s := &service{argusLab: l, t: t, cmd: exec.Command(os.Args[0])}
	s.cmd.Env = append(os.Environ(), serviceConfPath+"="+conf)
	if s.stderr, err = s.cmd.StderrPipe(); err != nil {
		t.Fatal(err)
	}
	if err := l.Start(s.cmd); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.kill(s.cmd) })
	return s
}

// says waits for its next words.
func (s *service) says(want string) {
	s.t.Helper()
	buf := make([]byte, 4096)
	n, err := s.stderr.Read(buf)
	if said := string(buf[:n]); err != nil || !strings.Contains(said, want) {
		s.t.Fatalf("it says %q (%v), want %q", said, err, want)
	}
}

// isArgus waits until it listens, as a real argus.
func (s *service) isArgus() {
	s.t.Helper()
	go func() { _, _ = io.Copy(io.Discard, s.stderr) }() // argus talks too, and must not wait for a reader
	ctx, cancel := context.WithTimeout(s.t.Context(), 20*time.Second)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		c, err := s.DialContext(ctx, "tcp", "127.0.0.1:"+servicePort)
		if err == nil {
			c.Close()
			break
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			s.t.Fatalf("it does not listen: %v", err)
		}
	}
	if comm, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", s.cmd.Process.Pid)); string(comm) != "argus\n" {
		s.t.Errorf("the process is %q, not argus (%v)", comm, err)
	}
}

// It waits for a default route, then is a real argus on that interface, and listens.
func TestBecomeArgus(t *testing.T) {
	s := startService(t, filepath.Join(t.TempDir(), "missing"))
	s.says("waiting for an interface")
	if err := errors.Join(s.Addr("wan0", netip.MustParsePrefix("192.0.2.1/24")),
		s.Route(netip.MustParsePrefix("0.0.0.0/0"), netip.MustParseAddr("192.0.2.254"))); err != nil {
		t.Fatal(err)
	}
	s.says("interface=wan0")
	s.isArgus()
}

// An interface that is named and missing is waited for: argus alone would listen at
// once, look alive, and see nothing.
func TestBecomeArgusNamed(t *testing.T) {
	conf := filepath.Join(t.TempDir(), "argus.conf")
	if err := os.WriteFile(conf, []byte("# the LAN\nARGUS_INTERFACE=lan0\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := startService(t, conf)
	s.says("interface lan0: no such network interface (ARGUS_INTERFACE in " + conf + ", line 2;")
	if c, err := s.DialContext(t.Context(), "tcp", "127.0.0.1:"+servicePort); err == nil {
		c.Close()
		t.Error("something listens already")
	}
	client, err := lab.NewNS("client")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	if err := lab.Veth(s.NS, "lan0", client, "eth0"); err != nil {
		t.Fatal(err)
	}
	s.says("interface=lan0")
	s.isArgus()
}
