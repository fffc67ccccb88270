package argusfeed

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"regexp"
	"strings"
	"time"

	"slips-ips/packaging"
)

// raSource runs ra, and argus before it where it has none to connect to, reads
// what ra prints, and starts them again whenever they end or fall silent.
type raSource struct {
	*status
	opt Options
	// prepare says what to run, and what is missing for it.
	prepare func() ([]program, error)
	// first and idle are the longest silences that are believed.
	first, idle time.Duration
}

const (
	// connectSilence is how long an Argus may take to answer: it sends a
	// management record at once. One that hangs still accepts connections.
	connectSilence = 20 * time.Second
	// remoteSilence allows for an Argus with the longest usual heartbeat, 300
	// seconds, to miss one.
	remoteSilence = 11 * time.Minute
	// spawnSilence is three heartbeats of our argus.conf, and some.
	spawnSilence = 45 * time.Second
)

// newArgusSource reads an Argus elsewhere.
func newArgusSource(url, address string, opt Options) *raSource {
	s := &raSource{status: newStatus(url), opt: opt, first: connectSilence, idle: remoteSilence}
	s.prepare = func() ([]program, error) {
		ra, err := raProgram("-S", address)
		return []program{ra}, err
	}
	return s
}

// newSpawnSource starts an Argus of its own on an interface. The two programs
// talk through a pipe: on a port anyone on this machine could read along, or
// stop Argus with one malformed filter.
func newSpawnSource(url, iface string, opt Options) *raSource {
	s := &raSource{status: newStatus(url), opt: opt, first: spawnSilence, idle: spawnSilence}
	s.prepare = func() ([]program, error) {
		argus, err := argusProgram(iface)
		if err != nil {
			return nil, err
		}
		ra, err := raProgram("-r", "-")
		return []program{argus, ra}, err
	}
	return s
}

// raProgram is ra with our ra.conf, plus the columns that tell a status record
// from a new flow, and without trying again by itself.
func raProgram(from ...string) (program, error) {
	path, err := findProgram("ra")
	conf := packaging.RaConf
	conf = strings.Replace(conf, `pkts bytes"`, `pkts bytes sbytes seq"`, 1)
	conf = configure(conf, "RA_RELIABLE_CONNECT=no")
	return program{
		name: "ra", path: path, conf: conf,
		args: append([]string{"-X", "-F", "/dev/fd/3", "-n", "-Z", "b"}, from...),
	}, err
}

// argusProgram is argus with our argus.conf on an interface, without a port.
// It is started without the rights that it would otherwise give up.
func argusProgram(iface string) (program, error) {
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
		switch i, err := net.InterfaceByName(iface); {
		case err != nil:
			return program{}, fmt.Errorf("interface %s: %w", iface, err)
		case i.Flags&net.FlagUp == 0:
			return program{}, fmt.Errorf("interface %s is down: ip link set %s up", iface, iface)
		}
	}
	if err := mayCapture(); err != nil {
		return program{}, err
	}
	conf := configure(packaging.ArgusConf,
		"ARGUS_INTERFACE="+iface, "ARGUS_ACCESS_PORT=0", "ARGUS_BIND_IP=", "ARGUS_OUTPUT_FILE=-",
		"ARGUS_DAEMON=no", "ARGUS_SET_PID=no", "ARGUS_SETUSER_ID=", "ARGUS_SETGROUP_ID=")
	return program{
		name: "argus", path: path, conf: conf, capture: true,
		args: []string{"-X", "-F", "/dev/fd/3"},
	}, nil
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

// Run delivers flows until ctx ends. What is missing at the beginning, a program
// or a right, is an error; everything later is tried again.
func (s *raSource) Run(ctx context.Context, out chan<- []Flow) error {
	return s.finish(ctx, s.run(ctx, out))
}

func (s *raSource) run(ctx context.Context, out chan<- []Flow) error {
	if s.String() == "spawn:"+anyInterface {
		s.opt.Log.Warn("on a router the interface any counts forwarded packets twice; name the one towards the clients", "source", s.String())
	}
	wait := backoff{}
	for attempt := 0; ; attempt++ {
		programs, err := s.prepare()
		if err != nil && attempt == 0 {
			return fmt.Errorf("starting the source %s: %w", s, err)
		}
		began := time.Now()
		if err == nil {
			s.set(StateConnecting)
			err = s.once(ctx, out, programs)
		}
		if errors.Is(err, errNotTaken) {
			return err
		}
		if ctx.Err() != nil {
			return nil
		}
		s.failed(err)
		s.set(StateRetrying)
		pause := wait.next(time.Since(began))
		s.opt.Log.Warn("source interrupted", "source", s.String(), "error", err, "retry", pause.Round(time.Millisecond))
		t := time.NewTimer(pause)
		select {
		case <-t.C:
		case <-ctx.Done():
			t.Stop()
			return nil
		}
		s.add(&s.s.Restarts, 1)
	}
}

// once runs the programs until they end, fall silent, or ctx ends. Its error
// says which and is never nil.
func (s *raSource) once(ctx context.Context, out chan<- []Flow, programs []program) error {
	c, err := startChain(programs, s.opt.Log)
	if err != nil {
		return err
	}
	reading, done := c.terminateOn(ctx)
	r := newStopReader(reading, c.out, func() bool { return c.out.SetReadDeadline(time.Unix(1, 0)) == nil })
	r.first, r.idle = s.first, s.idle
	o := outlet{out: out, stop: ctx, status: s.status, log: s.opt.Log, live: true}
	err = o.run(NewText(r, TextOptions{Source: s.opt.Number}))
	done()
	r.Close()
	if err != nil { // they have not ended by themselves
		c.terminate()
	}
	ends := c.kill()
	if err == nil {
		return fmt.Errorf("the feed ended (%s)", ends)
	}
	return err
}

// backoff makes the waiting between attempts longer, up to half a minute, with
// some chance in it, so that many agents do not come back at once.
type backoff struct{ d time.Duration }

const (
	minBackoff = 500 * time.Millisecond
	maxBackoff = 30 * time.Second
	// goodRun is how long an attempt must have lasted to begin anew.
	goodRun = time.Minute
)

// next gives the time to wait after an attempt that lasted for lasted.
func (b *backoff) next(lasted time.Duration) time.Duration {
	switch {
	case b.d == 0 || lasted >= goodRun:
		b.d = minBackoff
	default:
		b.d = min(2*b.d, maxBackoff)
	}
	return b.d - time.Duration(rand.Int64N(int64(b.d)/4))
}
