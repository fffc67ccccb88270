package lab

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// ErrUnavailable says that this machine allows no network namespaces to the
// process, or that its kernel lacks a kind of link; the text around it says why.
var ErrUnavailable = errors.New("not available on this machine")

// NS is a network namespace without a name. It ends with Close or with the
// process, and with it all that was made in it.
type NS struct {
	name   string
	file   *os.File // keeps the namespace
	links  *netlink.Handle
	starts chan func() // run by the namespace's own thread
	once   sync.Once
	mu     sync.Mutex
	open   map[io.Closer]bool // services and their connections
}

// NewNS makes a namespace with the loopback interface up. The name is only for
// messages.
func NewNS(name string) (*NS, error) {
	n := &NS{name: name, starts: make(chan func()), open: make(map[io.Closer]bool)}
	ready := make(chan error)
	go n.live(ready)
	if err := <-ready; err != nil {
		return nil, fmt.Errorf("making the network namespace %s: %w", name, err)
	}
	h, err := netlink.NewHandleAt(netns.NsHandle(n.FD()), unix.NETLINK_ROUTE)
	if err != nil {
		n.Close()
		return nil, fmt.Errorf("opening netlink in the namespace %s: %w", name, err)
	}
	n.links = h
	// Without this an IPv6 address is no use for a second or two.
	err = errors.Join(n.Sysctl("net.ipv6.conf.all.accept_dad", "0"),
		n.Sysctl("net.ipv6.conf.default.accept_dad", "0"), n.Up("lo"))
	if err != nil {
		n.Close()
		return nil, err
	}
	return n, nil
}

// live is the thread of the namespace. It starts child processes, whose
// parent-death signal would otherwise strike when a thread of the Go runtime
// ends, and is never given back.
func (n *NS) live(ready chan<- error) {
	runtime.LockOSThread()
	if unix.Gettid() == unix.Getpid() {
		// What the main thread is in, /proc/self shows. While it is held here
		// the next goroutine cannot get it.
		defer runtime.UnlockOSThread()
		moved := make(chan error)
		go n.live(moved)
		ready <- <-moved
		return
	}
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		if errors.Is(err, unix.EPERM) || errors.Is(err, unix.ENOSYS) || errors.Is(err, unix.EINVAL) {
			err = fmt.Errorf("%w: unshare: %w (root is needed, or unshare -Urn around the program)", ErrUnavailable, err)
		}
		ready <- err
		return
	}
	f, err := os.Open("/proc/thread-self/ns/net")
	if err != nil {
		ready <- fmt.Errorf("%w: %w", ErrUnavailable, err)
		return
	}
	n.file = f
	ready <- nil
	for start := range n.starts {
		start()
	}
}

// Name gives the name that messages use.
func (n *NS) Name() string { return n.name }

// FD gives the file descriptor of the namespace, valid until Close.
func (n *NS) FD() int { return int(n.file.Fd()) }

// Close ends the services of the namespace, the child processes started in it
// that are still running, and the namespace itself. It may be called twice.
func (n *NS) Close() {
	n.once.Do(func() {
		n.mu.Lock()
		open := n.open
		n.open = nil
		n.mu.Unlock()
		for c := range open {
			_ = c.Close()
		}
		if n.links != nil {
			n.links.Close()
		}
		close(n.starts)
		n.file.Close()
	})
}

// closeWith closes c when the namespace is closed, at once where it is already.
func (n *NS) closeWith(c io.Closer) {
	n.mu.Lock()
	closed := n.open == nil
	if !closed {
		n.open[c] = true
	}
	n.mu.Unlock()
	if closed {
		_ = c.Close()
	}
}

func (n *NS) closeNow(c io.Closer) {
	_ = c.Close()
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.open, c)
}

// Do runs f on a thread inside the namespace and gives f's error. Goroutines
// that f starts are outside again; sockets that it opens stay inside.
func (n *NS) Do(f func() error) error {
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		done <- func() error {
			outside, err := os.Open("/proc/thread-self/ns/net")
			if err != nil {
				return fmt.Errorf("entering the namespace %s: %w", n.name, err)
			}
			defer outside.Close()
			if err := unix.Setns(n.FD(), unix.CLONE_NEWNET); err != nil {
				return fmt.Errorf("entering the namespace %s: %w", n.name, err)
			}
			err = f()
			// A thread that cannot go back stays locked and ends with the goroutine.
			if unix.Setns(int(outside.Fd()), unix.CLONE_NEWNET) == nil {
				runtime.UnlockOSThread()
			}
			return err
		}()
	}()
	return <-done
}

// Start starts cmd inside the namespace. The child is killed when the
// namespace is closed or this process ends.
func (n *NS) Start(cmd *exec.Cmd) error {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Pdeathsig = syscall.SIGKILL
	done := make(chan error)
	n.starts <- func() { done <- cmd.Start() }
	if err := <-done; err != nil {
		return fmt.Errorf("starting %s in the namespace %s: %w", cmd.Path, n.name, err)
	}
	return nil
}

// Output runs cmd inside the namespace until it ends and gives what it printed
// on standard output; the error has what it printed on standard error.
func (n *NS) Output(cmd *exec.Cmd) (string, error) {
	var out, errout strings.Builder
	cmd.Stdout = &out
	if cmd.Stderr == nil {
		cmd.Stderr = &errout
	}
	if err := n.Start(cmd); err != nil {
		return "", err
	}
	if err := cmd.Wait(); err != nil {
		return out.String(), fmt.Errorf("running %s in the namespace %s: %w: %s",
			strings.Join(cmd.Args, " "), n.name, err, strings.TrimSpace(errout.String()))
	}
	return out.String(), nil
}

// Sysctl sets a kernel parameter of the namespace, written with dots.
func (n *NS) Sysctl(key, value string) error {
	return n.Do(func() error {
		path := filepath.Join("/proc/sys", strings.ReplaceAll(key, ".", "/"))
		if err := os.WriteFile(path, []byte(value), 0); err != nil {
			return fmt.Errorf("setting %s = %s in the namespace %s: %w", key, value, n.name, err)
		}
		return nil
	})
}

// ReadFile reads a file of /proc as a process inside the namespace sees it.
func (n *NS) ReadFile(path string) (text string, err error) {
	err = n.Do(func() error {
		b, err := os.ReadFile(path)
		text = string(b)
		return err
	})
	return text, err
}
