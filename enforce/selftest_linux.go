package enforce

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"runtime"
	"time"

	"golang.org/x/sys/unix"

	"slips-ips/argusfeed"
	"slips-ips/policy"
)

// SelfTested is the result of SelfTest.
type SelfTested struct {
	// Passed tells that a datagram arrived before the block, and after it was
	// lifted; Dropped that it did not while the block was in force.
	Passed, Dropped bool
	// Counted is how many packets the kernel counted on the block.
	Counted uint64
	Took    time.Duration
}

// SelfTest proves that a block stops a packet, with the kernel and the settings
// of this host but in a network namespace of its own, which is gone afterwards.
// It needs root (CAP_SYS_ADMIN, to make the namespace).
func SelfTest(cfg Config) (SelfTested, error) {
	type answer struct {
		r   SelfTested
		err error
	}
	done := make(chan answer, 1)
	go func() {
		// The thread ends with this goroutine, as it is not unlocked, and with it
		// the namespace.
		runtime.LockOSThread()
		start := time.Now()
		r, err := selfTest(cfg)
		r.Took = time.Since(start)
		done <- answer{r, err}
	}()
	a := <-done
	if a.err != nil {
		return a.r, fmt.Errorf("testing whether a block stops a packet: %w", a.err)
	}
	return a.r, nil
}

func selfTest(cfg Config) (r SelfTested, err error) {
	if unix.Gettid() == unix.Getpid() {
		return onAnotherThread(cfg)
	}
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		return r, fmt.Errorf("making a network namespace: %w (root is needed)", err)
	}
	if err := loopbackUp(); err != nil {
		return r, err
	}
	cfg.Hooks = []Hook{HookInput, HookOutput}
	cfg.Conntrack, cfg.Count = false, false
	e, err := New(cfg, Options{Protected: func() *policy.Protected { return loopbackAllowed }})
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, e.Close()) }()
	// Loopback addresses are never blocked, so that it has two others.
	from, to := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2")
	server, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.AddrPortFrom(to, 0)))
	if err != nil {
		return r, err
	}
	defer func() { _ = server.Close() }()
	port := server.LocalAddr().(*net.UDPAddr).AddrPort().Port()
	d := net.Dialer{LocalAddr: net.UDPAddrFromAddrPort(netip.AddrPortFrom(from, 0))}
	client, err := d.DialContext(context.Background(), "udp4", netip.AddrPortFrom(to, port).String())
	if err != nil {
		return r, err
	}
	defer func() { _ = client.Close() }()
	arrives := func(within time.Duration) bool {
		// Of an output hook an error is a drop too; a reject before is told with the
		// next datagram, which is not sent then.
		if _, err := client.Write([]byte{1}); err != nil {
			_, _ = client.Write([]byte{1})
		}
		_ = server.SetReadDeadline(time.Now().Add(within))
		_, _, err := server.ReadFrom(make([]byte, 8))
		return err == nil
	}
	const wait, short = 2 * time.Second, 200 * time.Millisecond
	if !arrives(wait) {
		return r, errors.New("a datagram does not arrive even without a block")
	}
	b := policy.Block{
		ID: "self-test", Scope: policy.ScopeTuple, Duration: time.Minute, Label: "self-test",
		Tuple: argusfeed.Tuple{
			Src: argusfeed.AddrFrom(from), Dst: argusfeed.AddrFrom(to),
			Proto: argusfeed.ProtoUDP, Port: argusfeed.PortNumber(port),
		},
	}
	if res := e.Apply([]policy.Block{b}); res[0].Err != nil {
		return r, res[0].Err
	}
	r.Dropped = !arrives(short)
	counts, err := e.CountOf(b)
	if err != nil {
		return r, err
	}
	r.Counted = counts.Packets
	if res := e.Lift([]policy.Block{b}); res[0].Err != nil {
		return r, res[0].Err
	}
	r.Passed = arrives(wait)
	if !r.Dropped || !r.Passed {
		return r, fmt.Errorf("blocked datagram dropped: %v; datagram after the block passed: %v", r.Dropped, r.Passed)
	}
	return r, nil
}

// loopbackAllowed protects nothing of the self-test.
var loopbackAllowed = policy.NewProtected()

// onAnotherThread keeps the main thread, which stands for the process in /proc,
// out of the namespace: while it waits here it cannot be the other one.
func onAnotherThread(cfg Config) (SelfTested, error) {
	type answer struct {
		r   SelfTested
		err error
	}
	done := make(chan answer, 1)
	go func() {
		runtime.LockOSThread()
		r, err := selfTest(cfg)
		done <- answer{r, err}
	}()
	a := <-done
	return a.r, a.err
}
