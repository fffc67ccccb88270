package argusfeed

import (
	"context"
	"errors"
	"fmt"
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
	err := BecomeArgus(context.Background(), path, slog.New(slog.NewTextHandler(os.Stderr, nil)))
	fmt.Fprintln(os.Stderr, "error", err)
	os.Exit(1)
}

// It waits for a default route, then is a real argus on that interface, and listens.
func TestBecomeArgus(t *testing.T) {
	l := newArgusLab(t)
	other, err := lab.NewNS("gateway")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(other.Close)
	if err := lab.Veth(l.NS, "wan0", other, "eth0"); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), serviceConfPath+"="+filepath.Join(t.TempDir(), "missing"))
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Start(cmd); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.kill(cmd) })
	buf := make([]byte, 4096)
	n, err := stderr.Read(buf)
	if said := string(buf[:n]); err != nil || !strings.Contains(said, "waiting for an interface") {
		t.Fatalf("without a default route it says %q (%v)", said, err)
	}
	if err := errors.Join(l.Addr("wan0", netip.MustParsePrefix("192.0.2.1/24")),
		l.Route(netip.MustParsePrefix("0.0.0.0/0"), netip.MustParseAddr("192.0.2.254"))); err != nil {
		t.Fatal(err)
	}
	n, err = stderr.Read(buf)
	if said := string(buf[:n]); err != nil || !strings.Contains(said, "interface=wan0") {
		t.Fatalf("with a default route it says %q (%v)", said, err)
	}
	go func() { // argus talks too, and must not wait for a reader
		for err == nil {
			_, err = stderr.Read(buf)
		}
	}()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		c, err := l.DialContext(ctx, "tcp", "127.0.0.1:"+servicePort)
		if err == nil {
			c.Close()
			break
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("it does not listen: %v", err)
		}
	}
	if comm, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", cmd.Process.Pid)); string(comm) != "argus\n" {
		t.Errorf("the process is %q, not argus (%v)", comm, err)
	}
}
