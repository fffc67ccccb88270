package control_test

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"slips-ips/agent/control"
	"slips-ips/agent/control/controltest"
	"slips-ips/internal/testenv"
)

// start serves b at a socket of its own until the test ends.
func start(t testing.TB, b control.Backend, opt control.Options) (*control.Server, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "c.sock")
	l, err := control.Listen(path, "", "")
	if err != nil {
		t.Fatal(err)
	}
	return serve(t, l, b, opt), path
}

func serve(t testing.TB, l *control.Listener, b control.Backend, opt control.Options) *control.Server {
	t.Helper()
	s := control.NewServer(b, opt)
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx, l) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Errorf("serving: %v", err)
		}
	})
	return s
}

func dial(t testing.TB, path string) *control.Client {
	t.Helper()
	c, err := control.Dial(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func TestListenMakesItSafely(t *testing.T) {
	testenv.Root(t)
	group, err := user.LookupGroup("daemon")
	if err != nil {
		testenv.Skip(t, err.Error())
	}
	dir := filepath.Join(t.TempDir(), "new", "folder")
	path := filepath.Join(dir, "c.sock")
	for _, tt := range []struct{ group, admin, want string }{
		{"daemon", "", group.Gid}, {"daemon", "0", group.Gid}, {"", "daemon", group.Gid}, {"", "", "0"}, {group.Gid, "", group.Gid},
	} {
		l, err := control.Listen(path, tt.group, tt.admin)
		if err != nil {
			t.Fatal(err)
		}
		info, err := os.Lstat(path)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode() != os.ModeSocket|0o660 {
			t.Errorf("mode %v", info.Mode())
		}
		if gid := info.Sys().(*syscall.Stat_t).Gid; tt.want != itoa(gid) {
			t.Errorf("%+v: group %d", tt, gid)
		}
		if err := l.Close(); err != nil {
			t.Error(err)
		}
		if _, err := os.Lstat(path); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("the socket stays: %v", err)
		}
	}
	if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o755 {
		t.Errorf("the folder: %v, %v", info.Mode(), err)
	}
}

func itoa(n uint32) string { return strconv.FormatUint(uint64(n), 10) }

func TestListenRefuses(t *testing.T) {
	dir := t.TempDir()
	open := filepath.Join(dir, "open")
	if err := errors.Join(os.Mkdir(open, 0o777), os.Chmod(open, 0o777), os.WriteFile(filepath.Join(dir, "file"), []byte("x"), 0o600)); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ path, group, want string }{
		{filepath.Join(dir, strings.Repeat("x", 108)), "", "its path has"},
		{"", "", "needs a path"},
		{"@abstract", "", "needs a path"},
		{filepath.Join(dir, "c"), "no-such-group", `there is no group "no-such-group"; make it with: addgroup`},
		{filepath.Join(open, "c"), "", "everybody may replace files"},
		{filepath.Join(dir, "file"), "", "something else than a socket"},
		{filepath.Join(dir, "file", "c"), "", "not a directory"},
	} {
		l, err := control.Listen(tt.path, tt.group, "")
		if err == nil {
			l.Close()
		}
		if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), "control socket") {
			t.Errorf("%s: %v; want %q in it", tt.path, err, tt.want)
		}
	}
	if text, err := os.ReadFile(filepath.Join(dir, "file")); err != nil || string(text) != "x" {
		t.Errorf("the file was touched: %q, %v", text, err)
	}
}

// The socket of a living agent is left alone, that of a dead one replaced.
func TestListenTwice(t *testing.T) {
	b := controltest.Sample()
	path := filepath.Join(t.TempDir(), "c.sock")
	l, err := control.Listen(path, "", "")
	if err != nil {
		t.Fatal(err)
	}
	serve(t, l, b, control.Options{})
	if _, err := control.Listen(path, "", ""); !errors.Is(err, control.ErrInUse) || !strings.Contains(err.Error(), "(process "+itoa(uint32(os.Getpid()))+")") {
		t.Errorf("the socket of a living agent: %v", err)
	}
	if _, err := dial(t, path).Status(t.Context()); err != nil {
		t.Errorf("after it the agent does not answer: %v", err)
	}
}

func TestListenReplacesStale(t *testing.T) {
	path := filepath.Join(t.TempDir(), "c.sock")
	dead, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	// Somebody's living socket that no agent has a lock for.
	if _, err := control.Listen(path, "", ""); !errors.Is(err, control.ErrInUse) {
		t.Errorf("another program's socket: %v", err)
	}
	dead.SetUnlinkOnClose(false)
	dead.Close()
	if _, err := control.Dial(path); !errors.Is(err, control.ErrNotRunning) || !strings.Contains(err.Error(), "not running any more") {
		t.Errorf("dialling a dead agent: %v", err)
	}
	l, err := control.Listen(path, "", "")
	if err != nil {
		t.Fatal(err)
	}
	serve(t, l, controltest.Sample(), control.Options{})
	if _, err := dial(t, path).Status(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestDialErrors(t *testing.T) {
	dir := t.TempDir()
	_, err := control.Dial(filepath.Join(dir, "none"))
	if !errors.Is(err, control.ErrNotRunning) || !strings.Contains(err.Error(), "it is not running (slips-ips run), or its socket is elsewhere (--socket)") {
		t.Errorf("no socket: %v", err)
	}
	// Something that is no agent.
	path := filepath.Join(dir, "other")
	other, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	answers := make(chan string, 2)
	go func() {
		for {
			c, err := other.Accept()
			if err != nil {
				return
			}
			go func() {
				b := make([]byte, 4096)
				c.Read(b)
				io.WriteString(c, <-answers)
				c.Close()
			}()
		}
	}()
	answers <- "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"
	if _, err := dial(t, path).Status(t.Context()); !errors.Is(err, control.ErrNotRunning) || !strings.Contains(err.Error(), "is no slips-ips agent") {
		t.Errorf("another server: %v", err)
	}
	answers <- "HTTP/1.1 404 Not Found\r\nSlips-Ips-Api: v2\r\nContent-Type: application/json\r\nContent-Length: 34\r\n\r\n{\"error\":\"gone\",\"code\":\"version\"}"
	if _, err := dial(t, path).Status(t.Context()); !errors.Is(err, control.ErrVersion) || !strings.Contains(err.Error(), "this program speaks v1 and the agent at "+path+" v2") {
		t.Errorf("another version: %v", err)
	}
}
