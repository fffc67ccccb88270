package enforce

import (
	"bufio"
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"slips-ips/argusfeed"
	"slips-ips/internal/lab"
	"slips-ips/internal/testenv"
	"slips-ips/policy"
)

const (
	faultPorts = 200
	faultPort  = 20_000 // the first
)

// recovery is four times the recovery time of docs/enforcement.md: this is about what
// must not be, on a machine that does much else, and no measurement. What it really
// was is in the test's log. An emulated machine has another one (SLIPS_RECOVERY).
var recovery = func() time.Duration {
	if d, err := time.ParseDuration(os.Getenv("SLIPS_RECOVERY")); err == nil {
		return d
	}
	return 400 * time.Millisecond
}()

func faultBlock(port int) policy.Block {
	b := block(tuple(lab.ClientA4, lab.Server4, argusfeed.ProtoUDP, uint16(port)), time.Hour)
	b.ID = fmt.Sprintf("id-%d", port)
	return b
}

// TestFaultChild is the agent that TestFaults starts and kills: it restores what
// the file says was in force, and blocks and renews until it is killed.
func TestFaultChild(t *testing.T) {
	path := os.Getenv("SLIPS_ENFORCE_CHILD")
	if path == "" {
		return
	}
	file, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	e, err := New(DefaultConfig(), Options{Protected: func() *policy.Protected { return noneProtected }, eventBuffer: 8192})
	if err != nil {
		fmt.Println("failed", err)
		return
	}
	go func() { _ = e.Watch(context.Background(), 100*time.Millisecond, func(Report, error) {}) }()
	var blocks []policy.Block
	for port := range confirmedIn(t, path) {
		blocks = append(blocks, faultBlock(port))
	}
	for _, res := range e.Restore(blocks) {
		if res.Err != nil {
			fmt.Println("unrestored", res.Err)
		}
	}
	fmt.Println("ready")
	for n := 0; ; n++ {
		if n%20 == 10 {
			noRoom(e) // until there is a new connection
		}
		batch := make([]policy.Block, 1+rand.IntN(5))
		for i := range batch {
			batch[i] = faultBlock(faultPort + rand.IntN(faultPorts))
		}
		for _, res := range e.Apply(batch) {
			if res.Err == nil {
				port, _ := res.Block.Tuple.Port.Number()
				fmt.Fprintf(file, "%d %d\n", port, time.Now().UnixNano())
			}
		}
		time.Sleep(time.Millisecond)
	}
}

// confirmedIn gives since when the blocks in a file are in force.
func confirmedIn(t *testing.T, path string) map[int]time.Time {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	since := map[int]time.Time{}
	for lines := bufio.NewScanner(file); lines.Scan(); {
		var port int
		var at int64
		if n, _ := fmt.Sscan(lines.Text(), &port, &at); n == 2 && since[port].IsZero() {
			since[port] = time.Unix(0, at)
		}
	}
	return since
}

// arrival is a packet that arrived, with the time at which it was sent: when it is
// read says more of this machine than of the router.
type arrival struct {
	port int
	sent time.Time
}

// window is a time in which packets may pass: from a disturbance on.
type window struct {
	from, to time.Time
	what     string
	dead     bool // nobody was there to mend it, or perhaps not for long enough
}

// TestFaults: others flush, delete our chains and put sets of the same name
// there, and the agent is killed at random, while a client sends to all that is
// blocked. Nothing passes outside of the recovery time, and in the end all that
// was ever confirmed is in force.
//
// SLIPS_FAULT_ROUNDS=200 is the full run.
func TestFaults(t *testing.T) {
	rounds := 12
	if n, err := strconv.Atoi(os.Getenv("SLIPS_FAULT_ROUNDS")); err == nil {
		rounds = n
	}
	r := newRouter(t)
	arrivals := listenAll(t, r.Server)
	sends := sendAll(t, r.ClientA)
	path := filepath.Join(t.TempDir(), "confirmed")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	var windows []window
	foreign := "table inet slips { set blocked4 { type ipv4_addr; }; chain forward { type filter hook forward priority 0; }; }"
	open := -1 // the window that ends when the next agent is ready
	disturb := func(alive bool) {
		w := window{from: time.Now()}
		scripts := []string{
			"flush ruleset",
			"delete table inet slips",
			"flush chain inet slips forward; delete chain inet slips forward",
			"flush chain inet slips block4",
			"flush set inet slips blocked4",
			"delete table inet slips; " + foreign,
		}
		script := scripts[rand.IntN(len(scripts))]
		w.what = script[:min(len(script), 36)]
		cmd := exec.Command("nft", "-f", "-")
		cmd.Stdin = strings.NewReader(script)
		if _, err := r.Router.Output(cmd); err != nil {
			return // what it was to delete was not there
		}
		if script == scripts[5] {
			time.Sleep(time.Duration(rand.IntN(10)) * time.Millisecond)
			nft(t, r.Router, "delete table inet slips", "-f", "-")
		}
		w.to = time.Now().Add(recovery)
		windows = append(windows, w)
		if !alive && open < 0 {
			open = len(windows) - 1
		}
	}
	kills := 0
	for range rounds {
		cmd := exec.Command(os.Args[0], "-test.run=^TestFaultChild$")
		cmd.Env = append(os.Environ(), "SLIPS_ENFORCE_CHILD="+path)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := r.Router.Start(cmd); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		for lines.Scan() && lines.Text() != "ready" {
			t.Log(lines.Text())
		}
		if open >= 0 { // whatever happened since, until now nobody was there to mend it
			for i := open; i < len(windows); i++ {
				windows[i].to, windows[i].dead = time.Now().Add(recovery), true
			}
			open = -1
		}
		for range rand.IntN(3) * rand.IntN(2) { // in most rounds it is only killed
			time.Sleep(time.Duration(rand.IntN(30)) * time.Millisecond)
			disturb(true)
		}
		time.Sleep(time.Duration(rand.IntN(60)) * time.Millisecond)
		if len(windows) > 0 && time.Since(windows[len(windows)-1].from) < recovery && open < 0 {
			open = len(windows) - 1 // it may be killed before it has mended that
		}
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		kills++
		if rand.IntN(5) == 0 {
			disturb(false)
		}
	}
	last, err := tryOpen(r.Router)
	if err != nil {
		t.Fatal(err)
	}
	defer last.Close()
	since := confirmedIn(t, path)
	var blocks []policy.Block
	for port := range since {
		blocks = append(blocks, faultBlock(port))
	}
	last.Restore(blocks)
	for i := range windows {
		if open >= 0 && i >= open {
			windows[i].to, windows[i].dead = time.Now().Add(recovery), true
		}
	}
	watching(t, last)
	sends.after(t, time.Now().Add(recovery)) // and now nothing may pass
	sends.stop()
	for range 3 {
		if _, err := last.Check(); err != nil {
			t.Fatal(err)
		}
	}
	enforced(t, last, last.Len())
	for port := range since {
		if _, ok := last.Lookup(faultBlock(port).Tuple); !ok {
			t.Errorf("the block of port %d is lost", port)
		}
	}

	passed, wrong := 0, 0
	longest := map[string]time.Duration{}
	for _, a := range arrivals() {
		from, ok := since[a.port]
		if !ok || a.sent.Before(from) {
			continue
		}
		passed++
		i := slices.IndexFunc(windows, func(w window) bool { return a.sent.After(w.from) && a.sent.Before(w.to) })
		if i < 0 {
			if wrong++; wrong < 5 {
				t.Errorf("a packet to port %d, blocked since %v, was sent %v later and passed", a.port, from, a.sent.Sub(from))
			}
			continue
		}
		for _, w := range windows { // the newest disturbance before it
			if a.sent.After(w.from) {
				i = slices.Index(windows, w)
			}
		}
		if late := a.sent.Sub(windows[i].from); !windows[i].dead {
			longest[windows[i].what] = max(longest[windows[i].what], late)
		}
	}
	t.Logf("%d kills, %d disturbances, %d blocks; %d packets passed after a disturbance, %d wrongly; the last after %v",
		kills, len(windows), len(since), passed, wrong, longest)
	if len(since) == 0 || len(windows) == 0 && rounds > 10 {
		t.Error("nothing happened")
	}
}

// listenAll notes every datagram that arrives at the server.
func listenAll(t *testing.T, server *lab.NS) func() []arrival {
	t.Helper()
	var (
		mu   sync.Mutex
		list []arrival
	)
	for port := faultPort; port < faultPort+faultPorts; port++ {
		c, err := server.ListenPacket("udp", netip.AddrPortFrom(lab.Server4, uint16(port)).String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		go func() {
			buf := make([]byte, 64)
			for {
				if _, _, err := c.ReadFrom(buf); err != nil {
					return
				}
				mu.Lock()
				list = append(list, arrival{port, time.Unix(0, int64(binary.NativeEndian.Uint64(buf)))})
				mu.Unlock()
			}
		}()
	}
	return func() []arrival {
		mu.Lock()
		defer mu.Unlock()
		return list
	}
}

// sender sends a datagram to each port some hundred times a second.
type sender struct {
	rounds atomic.Int64 // through all ports
	newest atomic.Int64 // when the newest of them began
	stop   func()
}

// after waits until much was sent after a moment.
func (s *sender) after(t *testing.T, moment time.Time) {
	t.Helper()
	testenv.Until(t, "datagrams are sent", func() bool { return s.newest.Load() > moment.UnixNano() })
	n := s.rounds.Load()
	testenv.Until(t, "more datagrams are sent", func() bool { return s.rounds.Load() > n+20 })
}

func sendAll(t *testing.T, client *lab.NS) *sender {
	t.Helper()
	s := &sender{}
	c, err := client.ListenPacket("udp", netip.AddrPortFrom(lab.ClientA4, 0).String())
	if err != nil {
		t.Fatal(err)
	}
	end := make(chan struct{})
	var done sync.WaitGroup
	done.Go(func() {
		defer c.Close()
		for {
			s.rounds.Add(1)
			s.newest.Store(time.Now().UnixNano())
			for port := faultPort; port < faultPort+faultPorts; port++ {
				now := binary.NativeEndian.AppendUint64(nil, uint64(time.Now().UnixNano()))
				_, _ = c.WriteTo(now, net.UDPAddrFromAddrPort(netip.AddrPortFrom(lab.Server4, uint16(port))))
			}
			select {
			case <-end:
				return
			case <-time.After(5 * time.Millisecond):
			}
		}
	})
	s.stop = sync.OnceFunc(func() { close(end); done.Wait() })
	return s
}
