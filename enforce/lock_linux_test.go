package enforce

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"slips-ips/internal/testenv"
)

// Two enforcers of one table would lift and restore each other's blocks.
func TestLockTable(t *testing.T) {
	first, err := lockTable("test-lock")
	if err != nil {
		t.Fatal(err)
	}
	if second, err := lockTable("test-lock"); err == nil {
		second.Close()
		t.Error("the table was locked twice")
	} else if !strings.Contains(err.Error(), "another slips-ips") {
		t.Errorf("the error does not say what to do: %v", err)
	}
	if other, err := lockTable("test-lock-2"); err != nil {
		t.Errorf("another table: %v", err)
	} else {
		other.Close()
	}
	first.Close()
	again, err := lockTable("test-lock")
	if err != nil {
		t.Fatalf("after the first was closed: %v", err)
	}
	again.Close()
}

// The table of an agent that lives is not removed behind its back.
func TestRemoveInUse(t *testing.T) {
	cfg := DefaultConfig()
	cfg.Table = "test-lock-3"
	lock, err := lockTable(cfg.Table)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = lock.Close() }()
	if err := Remove(cfg, 0); !errors.Is(err, ErrInUse) {
		t.Errorf("%v", err)
	}
}

// squatter makes the test's own program take a name: "NAME HOW".
const squatter = "SLIPS_TEST_SQUATTER"

// TestSquatter is no test, but the program that takes a name, until its standard input
// ends.
func TestSquatter(t *testing.T) {
	name, how, ok := strings.Cut(os.Getenv(squatter), " ")
	if !ok {
		return
	}
	if how == "waits" {
		_, _ = io.Copy(io.Discard, os.Stdin)
		return
	}
	const kind = unix.SOCK_STREAM | unix.SOCK_CLOEXEC // other kinds have names of their own
	fd, err := unix.Socket(unix.AF_UNIX, kind, 0)
	at := &unix.SockaddrUnix{Name: name}
	if err == nil {
		err = unix.Bind(fd, at)
	}
	if err == nil && (how == "listens" || how == "ends") {
		err = unix.Listen(fd, 100)
	}
	if how == "full" {
		client, cerr := unix.Socket(unix.AF_UNIX, kind, 0)
		err = errors.Join(err, cerr, unix.Listen(fd, 0), unix.Connect(client, at))
	}
	if how == "ends" { // and somebody else keeps the socket
		heir := exec.Command(os.Args[0], os.Args[1:]...)
		heir.Env, heir.Stdin, heir.ExtraFiles = append(os.Environ(), squatter+"= waits"), os.Stdin, []*os.File{os.NewFile(uintptr(fd), "socket")}
		err = errors.Join(err, heir.Start())
	}
	if err != nil {
		t.Fatal(err)
	}
	fmt.Println("taken")
	if how != "ends" {
		_, _ = io.Copy(io.Discard, os.Stdin)
	}
}

// programForAll is the test's own program where every user may run it.
func programForAll(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "squatter")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	data, err := os.ReadFile("/proc/self/exe")
	if err == nil {
		err = os.Chmod(dir, 0o755)
	}
	path := filepath.Join(dir, "squatter")
	if err == nil {
		err = os.WriteFile(path, data, 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// squat takes a name in another process until the test, or who calls stop, ends it.
func squat(t *testing.T, program, name, how string, as *syscall.SysProcAttr) (stop func()) {
	t.Helper()
	cmd := exec.Command(program, "-test.run=^TestSquatter$")
	cmd.Env, cmd.Dir, cmd.SysProcAttr = append(os.Environ(), squatter+"="+name+" "+how), "/", as
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	err = cmd.Start()
	if errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EACCES) {
		testenv.Skip(t, "it cannot be started as another user: "+err.Error())
	}
	if err != nil {
		t.Fatal(err)
	}
	stop = sync.OnceFunc(func() {
		in.Close()
		_ = cmd.Wait()
	})
	t.Cleanup(stop)
	if line, _ := bufio.NewReader(out).ReadString('\n'); line != "taken\n" {
		t.Fatalf("the name is not taken: %s", line)
	}
	return stop
}

// Every user may take the name of the lock before an agent starts. It keeps no agent
// from its work, and agents out of each other's table all the same.
func TestLockIntruder(t *testing.T) {
	testenv.Root(t)
	program := programForAll(t)
	const uid = 65534
	nobody := &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: uid}}
	for _, tt := range []struct {
		name  string
		how   string
		as    *syscall.SysProcAttr
		agent bool
	}{
		{"another user", "listens", nobody, false},
		{"one who does not listen", "binds", nobody, false},
		{"one with no room for another client", "full", nobody, false},
		{"one whose process has ended", "ends", nobody, false},
		{"root of a user namespace", "listens", &syscall.SysProcAttr{
			Cloneflags:  syscall.CLONE_NEWUSER,
			Credential:  &syscall.Credential{NoSetGroups: true}, // its root
			UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: uid, Size: 1}},
			GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: uid, Size: 1}},
		}, false},
		{"root", "listens", nil, true},
		{"an agent that is not root", "listens", &syscall.SysProcAttr{
			Credential: nobody.Credential, AmbientCaps: []uintptr{unix.CAP_NET_ADMIN},
		}, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			const table = "test-lock-4"
			name := "@slips-ips/enforce/" + table
			stop := squat(t, program, name, tt.how, tt.as)
			l, err := lockTable(table)
			if tt.agent {
				if !errors.Is(err, ErrInUse) {
					t.Errorf("%v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			if l.intruder == "" {
				t.Error("nobody is told of")
			}
			if second, err := lockTable(table); !errors.Is(err, ErrInUse) {
				t.Errorf("a second agent: %v, %v", second, err)
			}
			stop()
			testenv.Until(t, "the name is free", func() bool { return !nameHeld(name) })
			if third, err := lockTable(table); !errors.Is(err, ErrInUse) {
				t.Errorf("an agent that has the name: %v, %v", third, err)
			}
			l.Close()
			again, err := lockTable(table)
			if err != nil || again.intruder != "" {
				t.Fatalf("after that: %+v, %v", again, err)
			}
			again.Close()
		})
	}
}

// Whoever asks again and again takes nobody the room to ask.
func TestLockAnswers(t *testing.T) {
	l, err := lockTable("test-lock-5")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for range 20_000 { // more than may wait (net.core.somaxconn is 4096)
		fd, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_NONBLOCK, 0)
		if err != nil {
			t.Fatal(err)
		}
		err = syscall.Connect(fd, &syscall.SockaddrUnix{Name: "@slips-ips/enforce/test-lock-5"})
		syscall.Close(fd)
		if err != nil && !errors.Is(err, syscall.EAGAIN) {
			t.Fatal(err)
		}
	}
	if h, err := holderOf("@slips-ips/enforce/test-lock-5"); err != nil || !h.agent || !h.known {
		t.Errorf("%+v, %v", h, err)
	}
}
