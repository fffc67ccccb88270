//go:build linux

// Walls tries what the units' sandbox is to forbid. The package test runs it in place
// of the agent, behind the same walls, and reads a line for each attempt: whether
// it was refused or worked, and whether that was wanted. Exit status 0: all as wanted.
package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"
)

// attempt is something to try; allowed says whether it must work.
type attempt struct {
	what    string
	allowed bool
	try     func() error
}

// errNotTried is an attempt that failed before it came to the wall.
var errNotTried = errors.New("it could not be tried")

func main() {
	// Without walls these attempts would succeed, and do harm.
	if os.Geteuid() == 0 {
		fmt.Println("walls never runs as root: start it through the unit, as package-test does")
		os.Exit(2)
	}
	wrong := 0
	for _, a := range attempts() {
		err := a.try()
		if errors.Is(err, errNotTried) {
			fmt.Printf("WRONG: %s: %v\n", a.what, err)
			wrong++
			continue
		}
		said := "works"
		if err != nil {
			said = "refused (" + err.Error() + ")"
		}
		mark := "as wanted"
		if (err == nil) != a.allowed {
			mark, wrong = "WRONG", wrong+1
		}
		fmt.Printf("%s: %s: %s\n", mark, a.what, said)
	}
	fmt.Printf("%d wrong\n", wrong)
	if wrong > 0 {
		os.Exit(1)
	}
}

func attempts() []attempt {
	list := []attempt{
		{"write into /var/lib/slips-ips", true, write("/var/lib/slips-ips")},
		{"write into /var/log/slips-ips", true, write("/var/log/slips-ips")},
		{"write into /run/slips-ips", true, write("/run/slips-ips")},
		{"read /etc/slips-ips/slips.toml", true, read("/etc/slips-ips/slips.toml")},
		{"read /etc/shadow", false, read("/etc/shadow")},
		{"execute /bin/sh", false, run("/bin/sh", "-c", "true")},
		{"execute timedatectl", false, run("/usr/bin/timedatectl", "--version")},
		{"execute /bin/true through the loader", false, throughLoader},
		{"map a library to execute", false, mapLibrary},
		{"execute any other program of /usr/bin and /usr/sbin", false, anyProgram("/usr/bin", "/usr/sbin")},
		{"execute a copy of itself in its state folder", false, runCopy("/var/lib/slips-ips")},
		{"execute a copy of itself in /tmp", false, runCopy("/tmp")},
		{"execute a copy of itself in /var/log/slips-ips", false, runCopy("/var/log/slips-ips")},
		{"execute a copy of itself in /run/slips-ips", false, runCopy("/run/slips-ips")},
		{"execute a copy of itself in /var/tmp", false, runCopy("/var/tmp")},
		{"execute a copy of itself in memory", false, runMemory},
		{"map memory to write and execute", false, func() error {
			b, err := unix.Mmap(-1, 0, 4096, unix.PROT_READ|unix.PROT_WRITE|unix.PROT_EXEC, unix.MAP_ANON|unix.MAP_PRIVATE)
			if err == nil {
				err = unix.Munmap(b)
			}
			return err
		}},
		{"become root", false, func() error { return call(unix.SYS_SETUID, 0) }},
		{"mount", false, func() error { return unix.Mount("none", "/tmp", "tmpfs", 0, "") }},
		{"a user namespace of its own", false, func() error { return unix.Unshare(unix.CLONE_NEWUSER) }},
		{"load a kernel module", false, func() error { return unix.InitModule(nil, "") }},
		{"set the clock", false, func() error { return unix.Settimeofday(&unix.Timeval{Sec: 1}) }},
		{"trace process 1", false, func() error { return unix.PtraceAttach(1) }},
		{"switch forwarding off", false, func() error { return os.WriteFile("/proc/sys/net/ipv4/ip_forward", []byte("0"), 0) }},
		{"a raw socket", false, socket(unix.AF_INET, unix.SOCK_RAW, unix.IPPROTO_ICMP)},
		{"an nftables socket", true, socket(unix.AF_NETLINK, unix.SOCK_RAW, unix.NETLINK_NETFILTER)},
		{"a TCP socket", true, socket(unix.AF_INET, unix.SOCK_STREAM, 0)},
		{"a TCP socket of IPv6", true, socket(unix.AF_INET6, unix.SOCK_STREAM, 0)},
		{"a unix socket", true, socket(unix.AF_UNIX, unix.SOCK_STREAM, 0)},
	}
	for _, dir := range []string{"/etc", "/etc/slips-ips", "/usr/bin", "/usr/local/bin", "/var", "/var/lib", "/var/log", "/root", "/home", "/srv", "/run", "/boot", "/dev", "/sys/fs/cgroup"} {
		list = append(list, attempt{"write into " + dir, false, write(dir)})
	}
	for family, name := range map[int]string{unix.AF_PACKET: "PACKET", unix.AF_ALG: "ALG", unix.AF_VSOCK: "VSOCK",
		unix.AF_BLUETOOTH: "BLUETOOTH", unix.AF_CAN: "CAN", unix.AF_KEY: "KEY", unix.AF_XDP: "XDP", unix.AF_TIPC: "TIPC", unix.AF_RDS: "RDS"} {
		// RestrictAddressFamilies= says EAFNOSUPPORT, as a kernel without the family does.
		list = append(list, attempt{"a socket of family " + name, false, socket(family, unix.SOCK_RAW, 0)})
	}
	return list
}

func write(dir string) func() error {
	return func() error {
		f, err := os.CreateTemp(dir, "walls-*")
		if err != nil {
			return err
		}
		f.Close()
		return os.Remove(f.Name())
	}
}

func read(path string) func() error {
	return func() error { _, err := os.ReadFile(path); return err }
}

func run(path string, args ...string) func() error {
	return func() error { return exec.Command(path, args...).Run() }
}

// library finds a file whose name is another one on each architecture.
func library(name string) (string, error) {
	found, err := filepath.Glob("/usr/lib/*-linux-gnu*/" + name)
	if err != nil {
		return "", fmt.Errorf("%w: %w", errNotTried, err)
	}
	if len(found) == 0 {
		return "", fmt.Errorf("%w: there is no %s", errNotTried, name)
	}
	return found[0], nil
}

func throughLoader() error {
	loader, err := library("ld-linux-*.so.*")
	if err != nil {
		return err
	}
	return exec.Command(loader, "/bin/true").Run()
}

func mapLibrary() error {
	libc, err := library("libc.so.6")
	if err != nil {
		return err
	}
	f, err := os.Open(libc)
	if err != nil {
		return fmt.Errorf("%w: %w", errNotTried, err)
	}
	defer f.Close()
	b, err := unix.Mmap(int(f.Fd()), 0, 4096, unix.PROT_READ|unix.PROT_EXEC, unix.MAP_PRIVATE)
	if err == nil {
		err = unix.Munmap(b)
	}
	return err
}

// anyProgram asks the kernel, which knows of NoExecPaths=, for each program: to run
// them all would be too much where there is no wall. Its own one may be executed.
func anyProgram(dirs ...string) func() error {
	return func() error {
		asked := 0
		for _, dir := range dirs {
			entries, err := os.ReadDir(dir)
			if err != nil {
				return fmt.Errorf("%w: %w", errNotTried, err)
			}
			for _, e := range entries {
				if e.Name() == "slips-ips" {
					continue
				}
				path := filepath.Join(dir, e.Name())
				asked++
				if unix.Access(path, unix.X_OK) == nil {
					fmt.Printf("executable: %s\n", path)
					return nil
				}
			}
		}
		if asked == 0 {
			return fmt.Errorf("%w: there are none", errNotTried)
		}
		return fmt.Errorf("none of %d", asked)
	}
}

func runCopy(dir string) func() error {
	return func() error {
		self, err := os.ReadFile("/proc/self/exe")
		if err != nil {
			return fmt.Errorf("%w: %w", errNotTried, err)
		}
		path := filepath.Join(dir, "walls")
		defer func() { _ = os.Remove(path) }()
		if err := os.WriteFile(path, self, 0o755); err != nil {
			return fmt.Errorf("%w: %w", errNotTried, err)
		}
		return started(path)
	}
}

// started tells whether the program could be executed, whatever it did then.
func started(path string) error {
	p, err := os.StartProcess(path, []string{"walls"}, &os.ProcAttr{Env: []string{}})
	if err != nil {
		return err
	}
	_ = p.Kill()
	_, err = p.Wait()
	return err
}

func runMemory() error {
	fd, err := unix.MemfdCreate("walls", 0)
	if err != nil {
		return err
	}
	self, err := os.ReadFile("/proc/self/exe")
	if err == nil {
		_, err = unix.Write(fd, self)
	}
	if err != nil {
		return fmt.Errorf("%w: %w", errNotTried, err)
	}
	return started(fmt.Sprintf("/proc/self/fd/%d", fd))
}

func call(nr, arg uintptr) error {
	if _, _, errno := syscall.RawSyscall(nr, arg, 0, 0); errno != 0 {
		return errno
	}
	return nil
}

func socket(family, kind, protocol int) func() error {
	return func() error {
		fd, err := unix.Socket(family, kind|unix.SOCK_CLOEXEC, protocol)
		if err == nil {
			return unix.Close(fd)
		}
		// These say that the family itself was given, so no wall was in the way.
		if errors.Is(err, unix.EPROTONOSUPPORT) || errors.Is(err, unix.ESOCKTNOSUPPORT) || errors.Is(err, unix.EINVAL) {
			return nil
		}
		return err
	}
}
