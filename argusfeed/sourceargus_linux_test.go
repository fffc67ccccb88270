package argusfeed

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"slips-ips/internal/lab"
	"slips-ips/internal/testenv"
)

// argusLab is a namespace in which several Argus may run.
type argusLab struct {
	*lab.NS
	t    *testing.T
	echo netip.AddrPort
}

func newArgusLab(t *testing.T) *argusLab {
	t.Helper()
	testenv.Root(t)
	testenv.Program(t, "argus")
	ns, err := lab.NewNS("argus")
	if errors.Is(err, lab.ErrUnavailable) {
		testenv.Skip(t, err.Error())
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(ns.Close)
	l := &argusLab{NS: ns, t: t, echo: netip.MustParseAddrPort("127.0.0.1:7")}
	if err := ns.EchoUDP(l.echo); err != nil {
		t.Fatal(err)
	}
	return l
}

// argus runs a real argus on a port of loopback.
func (l *argusLab) argus(port int, settings ...string) *exec.Cmd {
	l.t.Helper()
	conf := fmt.Sprintf("ARGUS_INTERFACE=lo\nARGUS_ACCESS_PORT=%d\nARGUS_BIND_IP=\"127.0.0.1\"\nARGUS_SET_PID=no\n"+
		"ARGUS_FLOW_STATUS_INTERVAL=0.25\nARGUS_MAR_STATUS_INTERVAL=1\nARGUS_FILTER=\"udp\"\n%s\n", port, strings.Join(settings, "\n"))
	return l.run(exec.Command(testenv.Program(l.t, "argus"), "-X", "-F", "/dev/stdin"), conf)
}

func (l *argusLab) run(cmd *exec.Cmd, conf string) *exec.Cmd {
	l.t.Helper()
	cmd.Stdin = strings.NewReader(conf)
	cmd.Stderr = io.Discard
	if err := l.Start(cmd); err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() { l.kill(cmd) })
	return cmd
}

func (l *argusLab) kill(cmd *exec.Cmd) {
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
}

// source reads an Argus on a port.
func (l *argusLab) source(port int, log *logBuffer) *liveSource {
	return dialSource(fmt.Sprintf("argus://127.0.0.1:%d", port), fmt.Sprintf("127.0.0.1:%d", port), Options{Log: textLog(log), Joining: Joining{Off: true}}, l.DialContext)
}

// talk makes flows until the test ends, 20 a second.
func (l *argusLab) talk() {
	go func() {
		pace := time.NewTicker(50 * time.Millisecond)
		defer pace.Stop()
		for {
			select {
			case <-pace.C:
				_ = l.Reach("udp", l.echo, 100*time.Millisecond)
			case <-l.t.Context().Done():
				return
			}
		}
	}()
}

func flowsOf(s Source, more uint64) func() bool {
	before := s.Stats().Flows
	return func() bool { return s.Stats().Flows >= before+more }
}

func inState(s Source, want State) func() bool { return func() bool { return s.Stats().State == want } }

// A real argus is killed and started again, and is stopped and goes on.
func TestArgusKilledAndHung(t *testing.T) {
	t.Parallel()
	l := newArgusLab(t)
	l.talk()
	var log logBuffer
	s := l.source(9901, &log)
	_, _, stop := running(t, s)
	testenv.Until(t, "nobody listens", inState(s, StateRetrying))
	first := l.argus(9901)
	testenv.Until(t, "flows", flowsOf(s, 5))
	l.kill(first)
	testenv.Until(t, "the loss of argus", inState(s, StateRetrying))
	second := l.argus(9901)
	testenv.Until(t, "flows of another argus", flowsOf(s, 5))
	if log.count("argus was started again") != 1 {
		t.Errorf("the restart was not told:\n%s", log.String())
	}
	if err := second.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	testenv.Until(t, "silence", inState(s, StateSilent))
	testenv.Until(t, "giving up", inState(s, StateRetrying))
	if err := second.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	testenv.Until(t, "flows again", flowsOf(s, 5))
	if got := s.Stats(); got.Gaps != 2 || got.State != StateLive {
		t.Errorf("%+v", got)
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
}

// Flows that begin while the connection is away are estimated from the numbers of
// a real argus.
func TestArgusTellsWhatWasMissed(t *testing.T) {
	t.Parallel()
	l := newArgusLab(t)
	l.argus(9901)
	var log logBuffer
	s := l.source(9901, &log)
	dial := s.open
	var conn io.Closer
	hold := make(chan struct{}, 1)
	hold <- struct{}{}
	s.open = func(ctx context.Context) (*link, error) {
		select {
		case <-hold:
		case <-ctx.Done(): // or a test that fails would never end
			return nil, ctx.Err()
		}
		ln, err := dial(ctx)
		if err == nil {
			conn = ln.conn
		} else {
			hold <- struct{}{}
		}
		return ln, err
	}
	_, _, _ = running(t, s)
	var witnessed logBuffer
	witness := l.source(9901, &witnessed) // it stays, and sees what Argus reports
	_, _, _ = running(t, witness)
	testenv.Until(t, "the connections", func() bool { return inState(s, StateLive)() && inState(witness, StateLive)() })
	for range 20 {
		_ = l.Reach("udp", l.echo, time.Second)
	}
	testenv.Until(t, "flows", flowsOf(s, 20))
	conn.Close()
	testenv.Until(t, "the cut", inState(s, StateRetrying))
	reported := flowsOf(witness, 45)
	for range 50 {
		_ = l.Reach("udp", l.echo, time.Second)
	}
	testenv.Until(t, "argus to report them", reported)
	hold <- struct{}{}
	testenv.Until(t, "the connection", inState(s, StateLive))
	if got := s.Stats(); got.Gaps != 1 || got.Missed < 45 || got.Missed > 55 {
		t.Errorf("50 flows were missed: %+v\n%s", got, log.String())
	}
}

// The eleventh client is refused, and served when another one has left.
func TestElevenClients(t *testing.T) {
	t.Parallel()
	l := newArgusLab(t)
	l.argus(9901)
	var logs [11]logBuffer
	var stops [11]func() error
	var sources [11]*liveSource
	for i := range sources {
		sources[i] = l.source(9901, &logs[i])
		_, _, stops[i] = running(t, sources[i])
		if i < 10 {
			testenv.Until(t, "a client served", inState(sources[i], StateLive))
		}
	}
	last := sources[10]
	testenv.Until(t, "the refusal", inState(last, StateClients))
	if got := last.Stats().Error; !strings.Contains(got, "as many clients as it takes (10)") {
		t.Error(got)
	}
	if err := stops[3](); err != nil {
		t.Error(err)
	}
	testenv.Until(t, "its turn", inState(last, StateLive))
	if n := logs[10].count("source interrupted"); n != 1 {
		t.Errorf("%d lines of a refusal:\n%s", n, logs[10].String())
	}
}

// Two probes behind one radium are told apart, and their flows all come.
func TestRadium(t *testing.T) {
	t.Parallel()
	l := newArgusLab(t)
	radium := testenv.Program(t, "radium")
	l.argus(9901, "ARGUS_MONITOR_ID=111")
	l.argus(9902, "ARGUS_MONITOR_ID=222")
	l.run(exec.Command(radium, "-X", "-f", "/dev/stdin"), "RADIUM_DAEMON=no\nRADIUM_SET_PID=no\nRADIUM_MONITOR_ID=333\n"+
		"RADIUM_ARGUS_SERVER=127.0.0.1:9901\nRADIUM_ARGUS_SERVER=127.0.0.1:9902\n"+
		"RADIUM_ACCESS_PORT=9903\nRADIUM_BIND_IP=\"127.0.0.1\"\nRADIUM_MAR_STATUS_INTERVAL=1\n")
	l.talk()
	var log logBuffer
	s := l.source(9903, &log)
	probes := make(chan uint64, 1000)
	open := s.open
	s.open = func(ctx context.Context) (*link, error) {
		ln, err := open(ctx)
		if err == nil {
			ln.conn = teeProbes(ln.conn, probes)
		}
		return ln, err
	}
	_, _, stop := running(t, s)
	seen := map[uint64]int{}
	for deadline := time.After(testenv.Patience); seen[111] < 5 || seen[222] < 5; {
		select {
		case p := <-probes:
			seen[p]++
		case <-deadline:
			t.Fatalf("probes %v, %+v\n%s", seen, s.Stats(), log.String())
		}
	}
	testenv.Until(t, "flows", flowsOf(s, 10))
	if err := stop(); err != nil {
		t.Error(err)
	}
}

// A real argus keeps a client whose flows nobody takes.
func TestArgusKeepsAStalledClient(t *testing.T) {
	t.Parallel()
	l := newArgusLab(t)
	l.argus(9901)
	var log logBuffer
	s := l.source(9901, &log)
	out := make(chan []Flow)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx, out); close(out) }()
	testenv.Until(t, "the connection", inState(s, StateLive))
	restarts := s.Stats().Restarts
	l.flood(liveQueue + 20000)
	testenv.Until(t, "flows thrown away", func() bool { return s.Stats().Dropped > 1000 })
	if got := s.Stats(); got.State != StateLive || got.Restarts != restarts {
		t.Errorf("%+v\n%s", got, log.String())
	}
	cancel()
	n := 0
	for b := range out {
		n += len(b)
	}
	if err := <-ended; err != nil || n < liveQueue-batchSize {
		t.Errorf("%d flows, %v", n, err)
	}
}

// flood makes that many flows of one packet.
func (l *argusLab) flood(flows int) {
	l.t.Helper()
	c, err := l.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		l.t.Fatal(err)
	}
	defer c.Close()
	pace := time.NewTicker(20 * time.Millisecond) // a thousand each: argus keeps up with that
	defer pace.Stop()
	for i := range flows {
		to := net.UDPAddr{IP: net.IPv4(127, 1, byte(i>>8), byte(i)), Port: 7 + i>>16}
		_, _ = c.WriteTo([]byte("x"), &to)
		if i%1000 == 0 {
			<-pace.C
		}
	}
}

// teeProbes decodes what a connection reads a second time, and tells the probe of
// each flow.
func teeProbes(c net.Conn, probes chan<- uint64) net.Conn {
	r, w := io.Pipe()
	go func() {
		a := NewArgus(r)
		var rec Record
		for a.Next(&rec) == nil {
			if rec.Kind == KindFlow {
				probes <- rec.Probe
			}
		}
	}()
	return teeConn{c, w}
}

type teeConn struct {
	net.Conn
	w *io.PipeWriter
}

func (c teeConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	_, _ = c.w.Write(p[:n])
	return n, err
}

func (c teeConn) Close() error {
	c.w.Close()
	return c.Conn.Close()
}
