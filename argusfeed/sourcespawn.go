package argusfeed

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"regexp"
	"strings"
	"syscall"
	"time"

	"slips-ips/packaging"
)

const (
	// stopGrace is how long Argus may take to report what it holds when it is
	// told to stop.
	stopGrace = 5 * time.Second
	// listenWait is how long it may take to open its port.
	listenWait = 10 * time.Second
	// listenPoll is how often that is tried.
	listenPoll = 20 * time.Millisecond
)

// newSpawnSource starts an Argus of its own on an interface and reads it through
// a port on loopback. A pipe would be nobody else's to read, but what argus
// 3.0.8 writes to its standard output it leaves lying for up to ten seconds
// after a burst, and its heartbeats too; on a socket it does not.
//
// Programs of this machine can reach that port. So the port is another one each
// time, others that read along are told of, and who answers has to know a number
// that only our Argus was given.
func newSpawnSource(url, iface string, opt Options) *liveSource {
	opt.Joining.Interval = spawnFlowInterval
	s := &liveSource{status: newStatus(url), opt: opt}
	warned := false
	s.open = func(ctx context.Context) (*link, error) {
		if iface == anyInterface && !warned {
			warned = true
			opt.Log.Warn("on a router the interface any counts forwarded packets twice; name the one towards the clients", "source", url)
		}
		return spawn(ctx, iface, opt)
	}
	return s
}

// spawn starts Argus and connects to it.
func spawn(ctx context.Context, iface string, opt Options) (*link, error) {
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	probe := 1 + rand.Uint32N(1<<31-1)
	p, err := argusProgram(iface, port, probe)
	if err != nil {
		return nil, missingError{err}
	}
	return startArgus(ctx, p, port, uint64(probe), opt)
}

// startArgus runs p, which is to listen on the port, and connects to it.
func startArgus(ctx context.Context, p program, port int, probe uint64, opt Options) (*link, error) {
	argus, err := start(p, opt.Log)
	if err != nil {
		return nil, missingError{err}
	}
	conn, err := dialChild(ctx, argus, port)
	if err != nil {
		argus.signal(syscall.SIGTERM)
		end := argus.end()
		if errors.Is(err, errChildEnded) {
			err = errors.New(end)
		}
		return nil, err
	}
	return &link{
		conn: conn, where: "our argus", probe: probe,
		finish: func() { argus.signal(syscall.SIGTERM) }, grace: stopGrace,
		close: func(why error) error {
			_ = conn.Close()
			by := argus.end() // where it ended by itself, it has said why
			if errors.Is(why, errStopped) || by == "" {
				return why
			}
			return fmt.Errorf("%w (%s)", why, by)
		},
	}, nil
}

var errChildEnded = errors.New("argus ended")

// dialChild connects to an Argus that is about to listen.
func dialChild(ctx context.Context, argus *process, port int) (net.Conn, error) {
	address := fmt.Sprintf("127.0.0.1:%d", port)
	poll := time.NewTicker(listenPoll)
	defer poll.Stop()
	late := time.NewTimer(listenWait)
	defer late.Stop()
	for {
		conn, err := (&net.Dialer{Timeout: listenWait}).DialContext(ctx, "tcp", address)
		if err == nil {
			return conn, nil
		}
		select {
		case <-poll.C:
		case <-argus.done:
			return nil, errChildEnded
		case <-ctx.Done():
			return nil, errStopped
		case <-late.C:
			return nil, fmt.Errorf("our argus: it does not listen on %s after %v: %w", address, listenWait, plain(err))
		}
	}
}

// freePort gives a port of loopback that nobody uses. Somebody may take it until
// Argus does: then Argus ends, and the next attempt has another one.
func freePort() (int, error) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return 0, fmt.Errorf("finding a port of loopback for argus: %w", err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().(*net.TCPAddr).Port, nil
}

// The intervals of an Argus of our own. It reports a flow when that
// time has passed since its first packet, looking ten times a second: so
// the end of a connection is known after 0.4 to 1 second. Half of it would bring
// 0.1 seconds and double the records of long connections.
const (
	spawnFlowInterval = 250 * time.Millisecond
	spawnHeartbeat    = time.Second
)

// argusProgram is argus with our argus.conf on an interface. It is started
// without the rights that it would otherwise give up.
func argusProgram(iface string, port int, probe uint32) (program, error) {
	path, err := findProgram("argus")
	if err != nil {
		return program{}, err
	}
	if iface == "" {
		if iface, err = defaultInterface(); err != nil {
			return program{}, err
		}
	}
	if iface != anyInterface {
		if err := interfaceUp(iface); err != nil {
			return program{}, err
		}
	}
	if err := mayCapture(); err != nil {
		return program{}, err
	}
	settings := []string{
		"ARGUS_INTERFACE=" + iface, fmt.Sprintf("ARGUS_MONITOR_ID=%d", probe),
		fmt.Sprintf("ARGUS_ACCESS_PORT=%d", port), `ARGUS_BIND_IP="127.0.0.1"`,
		fmt.Sprintf("ARGUS_FLOW_STATUS_INTERVAL=%g", spawnFlowInterval.Seconds()),
		fmt.Sprintf("ARGUS_MAR_STATUS_INTERVAL=%g", spawnHeartbeat.Seconds()),
		"ARGUS_DAEMON=no", "ARGUS_SET_PID=no", "ARGUS_SETUSER_ID=", "ARGUS_SETGROUP_ID=",
	}
	if iface == anyInterface || iface == "lo" { // where it would see its own reports
		settings = append(settings, fmt.Sprintf(`ARGUS_FILTER="not (host 127.0.0.1 and tcp port %d)"`, port))
	}
	return program{
		name: "argus", path: path, conf: configure(packaging.ArgusConf, settings...), capture: true,
		args: []string{"-X", "-F", "/dev/fd/3"},
	}, nil
}

// interfaceUp says what keeps the interface from being captured on.
func interfaceUp(name string) error {
	switch i, err := net.InterfaceByName(name); {
	case err != nil:
		return fmt.Errorf("interface %s: %w", name, plain(err))
	case i.Flags&net.FlagUp == 0:
		return fmt.Errorf("interface %s is down: ip link set %s up", name, name)
	}
	return nil
}

// anyInterface is Argus's word for all of them at once.
const anyInterface = "any"

// configure replaces settings in a configuration; one without a value is only
// taken out.
func configure(conf string, settings ...string) string {
	for _, s := range settings {
		name, value, _ := strings.Cut(s, "=")
		conf = regexp.MustCompile(`(?m)^`+name+`=.*\n`).ReplaceAllString(conf, "")
		if value != "" {
			conf += s + "\n"
		}
	}
	return conf
}
