package browser

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"slips-ips/agent/control"
	"slips-ips/argusfeed"
	"slips-ips/internal/lab"
	"slips-ips/internal/testenv"
)

// theToken opens the page on loopback.
const theToken = "0123456789abcdef0123456789abcdef"

// the tuple that the agent finds out about by itself.
const beacon = "10.20.0.11-203.0.113.80-9090-tcp"

// leftward is a name, as a feed may have them, whose letters run to the left.
const leftward = "\u05d0\u05d1\u05d2"

// agent is the real program on a router, enforcing, fed with flows of the last hour.
type agent struct {
	*control.Client
	net            *lab.Router
	socket         string
	tunnel, direct string // addresses of its page, through the socket and on its loopback
	config, tokens string
	binary         string
	cmd            *exec.Cmd
	out            lockedBuffer
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func startAgent(t *testing.T) *agent {
	t.Helper()
	testenv.Root(t)
	testenv.Program(t, "nft")
	dir := t.TempDir()
	a := &agent{
		socket: filepath.Join(dir, "c.sock"), config: filepath.Join(dir, "slips.toml"), tokens: filepath.Join(dir, "tokens"),
		binary: filepath.Join(dir, "slips-ips"),
	}
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", a.binary, "slips-ips/cmd/slips-ips").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	write := func(path, text string) {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(a.tokens, "anna change "+theToken+"\n")
	write(filepath.Join(dir, "flows"), flows(60, time.Now().UTC().Add(-time.Hour)))
	write(a.config, fmt.Sprintf(`[agent]
mode = "enforce"
socket = %q
state = %q
[[source]]
url = "follow:%s"
[policy]
matches = 2
rule = []
[web]
listen = "127.0.0.1:9561"
tokens = %q
`, a.socket, filepath.Join(dir, "state"), filepath.Join(dir, "flows"), a.tokens))
	var err error
	if a.net, err = lab.NewRouter(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(a.net.Close)
	t.Cleanup(func() {
		if a.Client != nil {
			a.Close()
		}
		_ = a.cmd.Process.Signal(syscall.SIGTERM)
		if err := a.cmd.Wait(); err != nil || t.Failed() {
			t.Logf("the agent ended with %v and said\n%s", err, a.out.String())
		}
	})
	a.start(t)
	testenv.Until(t, "the beacon is blocked", func() bool {
		l, err := a.Blocks(t.Context(), control.BlockQuery{})
		return err == nil && len(l.Blocks) == 1 && l.Blocks[0].Tuple.String() == beacon
	})
	lead := func(dial func(context.Context) (net.Conn, error)) string {
		at, err := Tunnel(t.Context(), dial)
		if err != nil {
			t.Fatal(err)
		}
		return "http://" + at
	}
	a.tunnel = lead(func(ctx context.Context) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "unix", a.socket)
	})
	a.direct = lead(func(ctx context.Context) (net.Conn, error) {
		return a.net.Router.DialContext(ctx, "tcp", "127.0.0.1:9561")
	})
	return a
}

// start starts the program and waits until it answers.
func (a *agent) start(t *testing.T) {
	t.Helper()
	a.cmd = exec.Command(a.binary, "run", "-c", a.config, "--tuples", "none")
	a.cmd.Stdout, a.cmd.Stderr = &a.out, &a.out
	if err := a.net.Router.Start(a.cmd); err != nil {
		t.Fatal(err)
	}
	testenv.Until(t, "the agent answers", func() bool {
		var err error
		a.Client, err = control.Dial(a.socket)
		return err == nil
	})
}

// kill ends it as a lack of memory would.
func (a *agent) kill(t *testing.T) {
	t.Helper()
	a.Close()
	if err := a.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = a.cmd.Wait() // it was killed
}

// flows writes what ra would have printed of a beacon, and of some others.
func flows(contacts int, begin time.Time) string {
	text := []byte(argusfeed.RaHeader + "\n")
	add := func(host byte, port uint16, after time.Duration, size uint64) {
		f := argusfeed.Flow{
			Tuple: argusfeed.Tuple{
				Src: argusfeed.AddrFrom4([4]byte{10, 20, 0, host}), Dst: argusfeed.AddrFrom(lab.Server4),
				Port: argusfeed.PortNumber(port), Proto: argusfeed.ProtoTCP,
			},
			Sport: argusfeed.PortNumber(uint16(40000 + after/(time.Second/2))), Start: argusfeed.TimeOf(begin.Add(after)),
			Dur: 300 * time.Millisecond, Packets: 10, Bytes: size, Dir: argusfeed.DirTo, State: "FSPA_FSPA",
		}
		if host != 11 {
			f.Dst = argusfeed.AddrFrom4([4]byte{198, 51, 100, 9}) // the beacon's network is its own
		}
		text = append(new(argusfeed.RaPrinter).AppendFlow(text, &f), '\n')
	}
	for i := range contacts {
		add(11, 9090, time.Duration(i)*59*time.Second, 1200)
		if i < 5 {
			add(byte(20+i), 22, time.Duration(i)*59*time.Second+time.Second/2, 90)
		}
	}
	named := strings.Replace(strings.Split(string(text), "\n")[1], "10.20.0.11", leftward, 1)
	return string(text) + named + "\n"
}

// kernel is what nft says of our table; nothing where there is none.
func (a *agent) kernel(t *testing.T) string {
	t.Helper()
	list, err := a.net.Router.Output(exec.Command("nft", "list", "ruleset"))
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// element tells whether a set in the kernel has an element with all these words.
func (a *agent) element(t *testing.T, words ...string) bool {
	t.Helper()
	for line := range strings.Lines(a.kernel(t)) {
		has := strings.Contains(line, "expires") || strings.Contains(line, "elements")
		for _, w := range words {
			has = has && strings.Contains(line, w)
		}
		if has {
			return true
		}
	}
	return false
}
