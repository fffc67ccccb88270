package hostnet

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"

	"slips-ips/internal/lab"
	"slips-ips/internal/testenv"
	"slips-ips/policy"
)

// start runs a daemon in a namespace until the test ends.
func start(t *testing.T, ns *lab.NS, command ...string) {
	t.Helper()
	name := command[0]
	log, err := os.Create(filepath.Join(t.TempDir(), "log"))
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(testenv.Program(t, name), command[1:]...)
	cmd.Stdout, cmd.Stderr = log, log
	if err := ns.Start(cmd); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		log.Close()
		if text, _ := os.ReadFile(log.Name()); t.Failed() {
			t.Logf("%s said:\n%s", name, text)
		}
	})
}

// until looks until a line is there.
func until(t *testing.T, look func() []string, line string) {
	t.Helper()
	var last []string
	testenv.Until(t, line, func() bool {
		last = look()
		return slices.Contains(last, line)
	}, func() string { return fmt.Sprintf("%q", last) })
}

func discover(t *testing.T, opt Options) []string {
	t.Helper()
	s, err := Discover(opt)
	if err != nil {
		t.Fatal(err)
	}
	return lines(s)
}

// A real DHCP client of a real DHCP server.
func TestDHCP(t *testing.T) {
	testenv.Program(t, "dhclient")
	testenv.Program(t, "dnsmasq")
	r := newRouter(t)
	root, dir := t.TempDir(), t.TempDir()
	script := filepath.Join(dir, "script")
	if err := os.WriteFile(script, []byte("#!/bin/sh\n[ -n \"$new_ip_address\" ] && ip addr add $new_ip_address/24 dev $interface\nexit 0\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	leases := filepath.Join(root, "var/lib/dhcp/dhclient.eth0.leases")
	if err := os.MkdirAll(filepath.Dir(leases), 0o700); err != nil {
		t.Fatal(err)
	}
	start(t, r.Router, "dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--no-resolv", "--no-hosts", "--port=0", "--interface="+lab.RouterLAN,
		"--user=root", "--pid-file="+filepath.Join(dir, "pid"), "--dhcp-leasefile="+filepath.Join(dir, "given"),
		"--dhcp-range=10.20.0.100,10.20.0.120,1h", "--dhcp-option=option:ntp-server,10.20.0.77", "--dhcp-authoritative")
	opt := Options{NetNS: r.ClientA.FD(), ResolverFiles: []string{}, Root: root}
	if got := discover(t, opt); slices.ContainsFunc(got, func(s string) bool { return s[:4] == "dhcp" }) {
		t.Errorf("before: %q", got)
	}
	start(t, r.ClientA, "dhclient", "-4", "-d", "-v", "-lf", leases, "-pf", filepath.Join(dir, "client"), "-sf", script, "eth0")
	until(t, func() []string { return discover(t, opt) }, "dhcp 10.20.0.1/32: the DHCP server of this host")
	until(t, func() []string { return discover(t, opt) }, "ntp 10.20.0.77/32: a time server (from DHCP)")
}

// sshLooker gives a finder whose clock is in the test's hands.
func sshLooker(t *testing.T, ns *lab.NS, root string, now *time.Time) func() []string {
	f := newFinder(Options{NetNS: ns.FD(), ResolverFiles: []string{}, Root: root})
	f.now = func() time.Time { return *now }
	return func() []string {
		t.Helper()
		if err := f.look(); err != nil {
			t.Fatal(err)
		}
		peers := []string{}
		for _, e := range f.snapshot().Entries {
			if e.Kind == policy.KindSSH {
				peers = append(peers, e.Prefix.Addr().String())
			}
		}
		return peers
	}
}

// Connections as the kernel tells them, IPv4 and IPv6.
func TestSSHConnections(t *testing.T) {
	r := newRouter(t)
	root := t.TempDir()
	write(t, root, map[string]string{"etc/ssh/sshd_config": "Port 2222\n"})
	for _, ip := range []netip.Addr{lab.RouterLAN4, lab.RouterLAN6} {
		for _, port := range []uint16{2222, 2223} {
			if err := r.Router.EchoTCP(netip.AddrPortFrom(ip, port)); err != nil {
				t.Fatal(err)
			}
		}
	}
	dial := func(ns *lab.NS, to netip.Addr, port uint16) net.Conn {
		t.Helper()
		conn, err := ns.DialContext(t.Context(), "tcp", netip.AddrPortFrom(to, port).String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		return conn
	}
	first := dial(r.ClientA, lab.RouterLAN6, 2222)
	dial(r.Server, lab.RouterLAN4, 2223) // no port of SSH
	now := time.Now()
	look := sshLooker(t, r.Router, root, &now)
	check := func(when string, want ...string) {
		t.Helper()
		if got := look(); !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", when, got, want)
		}
	}
	check("connected before we look", lab.ClientA6.String())
	dial(r.ClientB, lab.RouterLAN4, 2222)
	check("somebody connects", lab.ClientA6.String())
	now = now.Add(loginTime)
	check("and stays", lab.ClientB4.String(), lab.ClientA6.String())
	first.Close()
	now = now.Add(linger)
	check("gone, and remembered", lab.ClientB4.String(), lab.ClientA6.String())
	now = now.Add(time.Second)
	check("long gone", lab.ClientB4.String())
}

// A real session of SSH, and somebody who only connects.
func TestSSHSession(t *testing.T) {
	t.Run("dropbear", func(t *testing.T) { sshSession(t, dropbear) })
	if _, err := exec.LookPath("/usr/sbin/sshd"); err == nil { // its package would start it, and dropbear-bin has no service
		t.Run("openssh", func(t *testing.T) { sshSession(t, openSSH) })
	}
}

const sshPort = "2222"

// dropbear starts a server, and gives the command of a client that logs in.
func dropbear(t *testing.T, ns *lab.NS, dir, command string) []string {
	t.Helper()
	for _, key := range []string{"host", "admin"} {
		run(t, testenv.Program(t, "dropbearkey"), "-t", "ed25519", "-f", filepath.Join(dir, key))
	}
	// It looks for the keys that may log in in root's home: it gets one of its own.
	root, err := user.LookupId("0")
	if err != nil {
		t.Fatal(err)
	}
	told, err := exec.Command("dropbearkey", "-y", "-f", filepath.Join(dir, "admin")).Output()
	if err != nil {
		t.Fatal(err)
	}
	home := t.TempDir()
	write(t, home, map[string]string{".ssh/authorized_keys": string(told[bytes.Index(told, []byte("ssh-ed25519 ")):])})
	for _, d := range []string{home, filepath.Join(home, ".ssh")} {
		if err := os.Chmod(d, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	start(t, ns, "unshare", "-m", "sh", "-c", `mount --bind "$1" "$2" && shift 2 && exec "$@"`, "-", home, root.HomeDir,
		testenv.Program(t, "dropbear"), "-F", "-E", "-s", "-p", lab.RouterLAN4.String()+":"+sshPort, "-r", filepath.Join(dir, "host"), "-P", filepath.Join(dir, "pid"))
	testenv.Until(t, "dropbear listens", func() bool { _, err := os.Stat(filepath.Join(dir, "pid")); return err == nil })
	return []string{testenv.Program(t, "dbclient"), "-y", "-y", "-i", filepath.Join(dir, "admin"), "-p", sshPort, "root@" + lab.RouterLAN4.String(), command}
}

// openSSH does as dropbear does.
func openSSH(t *testing.T, ns *lab.NS, dir, command string) []string {
	t.Helper()
	for _, key := range []string{"host", "admin"} {
		run(t, testenv.Program(t, "ssh-keygen"), "-q", "-t", "ed25519", "-N", "", "-f", filepath.Join(dir, key))
	}
	if err := os.MkdirAll("/run/sshd", 0o755); err != nil { // which sshd wants
		t.Fatal(err)
	}
	config := filepath.Join(dir, "sshd_config")
	text := fmt.Sprintf("Port %s\nListenAddress %s\nHostKey %s/host\nPidFile none\nUsePAM no\nStrictModes no\nPermitRootLogin yes\nAuthorizedKeysFile %s/admin.pub\n",
		sshPort, lab.RouterLAN4, dir, dir)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	start(t, ns, "sshd", "-D", "-e", "-f", config)
	return []string{testenv.Program(t, "ssh"), "-i", filepath.Join(dir, "admin"), "-p", sshPort, "-F", "none", "-o", "StrictHostKeyChecking=no",
		"-o", "BatchMode=yes", "-o", "UserKnownHostsFile=/dev/null", "-o", "ConnectionAttempts=20", "root@" + lab.RouterLAN4.String(), command}
}

func run(t *testing.T, name string, args ...string) {
	t.Helper()
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v: %s", name, err, out)
	}
}

func sshSession(t *testing.T, serve func(t *testing.T, ns *lab.NS, dir, command string) []string) {
	r := newRouter(t)
	root := t.TempDir()
	write(t, root, map[string]string{"etc/ssh/sshd_config": "Port " + sshPort + "\n"})
	client := serve(t, r.Router, t.TempDir(), "echo here; cat")
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute) // one that asks for a password never ends
	defer cancel()
	cmd := exec.CommandContext(ctx, client[0], client[1:]...)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = os.Stderr
	if err := r.ClientA.Start(cmd); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = in.Close(); _ = cmd.Process.Kill(); _ = cmd.Wait() })
	if _, err := io.ReadFull(out, make([]byte, len("here\n"))); err != nil {
		t.Fatalf("no session: %v", err)
	}

	now := time.Now()
	look := sshLooker(t, r.Router, root, &now)
	if got := look(); !slices.Equal(got, []string{lab.ClientA4.String()}) {
		t.Errorf("peers %v", got)
	}
	conn, err := r.ClientB.DialContext(t.Context(), "tcp", netip.AddrPortFrom(lab.RouterLAN4, 2222).String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if got := look(); !slices.Equal(got, []string{lab.ClientA4.String()}) {
		t.Errorf("with somebody who is not logged in: %v", got)
	}
	// The session ends, and is remembered for a while.
	_ = in.Close()
	_ = cmd.Wait()
	now = now.Add(linger)
	_ = conn.Close()
	if got := look(); !slices.Equal(got, []string{lab.ClientA4.String()}) {
		t.Errorf("after the session: %v", got)
	}
	now = now.Add(time.Second)
	if got := look(); len(got) != 0 {
		t.Errorf("long after the session: %v", got)
	}
}

// asks gives what the time daemons of a namespace say, with a folder that stands for /.
func asks(t *testing.T, ns *lab.NS, root string) []string {
	t.Helper()
	var found []string
	err := ns.Do(func() error {
		entries, err := askedNTP(t.Context(), root)
		found = told(entries)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// A real chronyd says which servers it uses.
func TestChrony(t *testing.T) {
	r := newRouter(t)
	root, dir := t.TempDir(), t.TempDir()
	config := filepath.Join(dir, "chrony.conf")
	text := fmt.Sprintf("server %s iburst\nserver %s\nlocal stratum 10\nport 0\nbindcmdaddress 127.0.0.1\nbindcmdaddress ::1\nbindcmdaddress %s/chronyd.sock\npidfile %s/pid\n",
		lab.RouterLAN4, lab.RouterLAN6, dir, dir)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	write(t, root, map[string]string{"run/chrony/pid": ""})
	if got := asks(t, r.ClientA, root); len(got) != 0 {
		t.Errorf("before it runs: %v", got)
	}
	start(t, r.ClientA, testenv.Unpacked(t, "", "chronyd", "-d", "-x", "-u", "root", "-F", "0", "-f", config)...)
	for _, ip := range []netip.Addr{lab.RouterLAN4, lab.RouterLAN6} {
		until(t, func() []string { return asks(t, r.ClientA, root) }, fmt.Sprintf("ntp %s/%d: a time server in use (chrony)", ip, ip.BitLen()))
	}
	if got := asks(t, r.ClientA, t.TempDir()); len(got) != 0 {
		t.Errorf("nothing runs, says the folder of chrony: %v", got)
	}
}

// A real ntpd says which servers it uses. It may not touch the clock.
func TestNtpd(t *testing.T) {
	r := newRouter(t)
	root, dir := t.TempDir(), t.TempDir()
	config := filepath.Join(dir, "ntp.conf")
	text := fmt.Sprintf("server %s iburst\nserver %s\ndisable ntp\nrestrict default noquery\nrestrict 127.0.0.1\n", lab.RouterLAN4, lab.RouterLAN6)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	write(t, root, map[string]string{"run/ntpd.pid": ""})
	if got := asks(t, r.ClientA, root); len(got) != 0 {
		t.Errorf("before it runs: %v", got)
	}
	start(t, r.ClientA, append([]string{"setpriv", "--bounding-set=-sys_time", "--inh-caps=-sys_time"},
		testenv.Unpacked(t, "", "ntpd", "-n", "-c", config, "-p", filepath.Join(dir, "pid"))...)...)
	for _, ip := range []netip.Addr{lab.RouterLAN4, lab.RouterLAN6} {
		until(t, func() []string { return asks(t, r.ClientA, root) }, fmt.Sprintf("ntp %s/%d: a time server in use (ntpd)", ip, ip.BitLen()))
	}
}

// timesync is what systemd-timesyncd offers on the bus; the package test asks a real one.
type timesync struct {
	mu     sync.Mutex
	family int32
	addr   []byte
}

// Get is org.freedesktop.DBus.Properties.Get.
func (s *timesync) Get(_, name string) (dbus.Variant, *dbus.Error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if name != "ServerAddress" {
		return dbus.Variant{}, dbus.MakeFailedError(errors.New("no such property"))
	}
	return dbus.MakeVariant(struct {
		Family int32
		Addr   []byte
	}{s.family, s.addr}), nil
}

// What systemd-timesyncd says over a real bus.
func TestTimesync(t *testing.T) {
	root, dir := t.TempDir(), t.TempDir()
	socket := filepath.Join(dir, "bus")
	t.Setenv("DBUS_SYSTEM_BUS_ADDRESS", "unix:path="+socket)
	write(t, root, map[string]string{"run/systemd/timesync/synchronized": ""})
	ask := func() []string {
		t.Helper()
		entries, err := askedNTP(t.Context(), root)
		if err != nil {
			t.Fatal(err)
		}
		return told(entries)
	}
	if got := ask(); len(got) != 0 {
		t.Errorf("without a bus: %v", got)
	}
	cmd := exec.Command(testenv.Program(t, "dbus-daemon"), "--session", "--nofork", "--nopidfile", "--address=unix:path="+socket)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	var conn *dbus.Conn
	testenv.Until(t, "a bus", func() (is bool) {
		c, err := dbus.ConnectSystemBus()
		conn = c
		return err == nil
	})
	t.Cleanup(func() { conn.Close() })
	if got := ask(); len(got) != 0 {
		t.Errorf("with nobody on the bus: %v", got)
	}
	var s timesync
	if err := conn.Export(&s, "/org/freedesktop/timesync1", "org.freedesktop.DBus.Properties"); err != nil {
		t.Fatal(err)
	}
	if reply, err := conn.RequestName("org.freedesktop.timesync1", dbus.NameFlagDoNotQueue); err != nil || reply != dbus.RequestNameReplyPrimaryOwner {
		t.Fatal(reply, err)
	}
	if got := ask(); len(got) != 0 {
		t.Errorf("while it uses none: %v", got)
	}
	for _, ip := range []netip.Addr{netip.MustParseAddr("192.0.2.7"), netip.MustParseAddr("2001:db8::7")} {
		s.mu.Lock()
		s.family, s.addr = 2, ip.AsSlice()
		s.mu.Unlock()
		if got, want := ask(), fmt.Sprintf("ntp %s/%d: a time server in use (systemd-timesyncd)", ip, ip.BitLen()); !slices.Equal(got, []string{want}) {
			t.Errorf("%v, want %q", got, want)
		}
	}
}

// Two networks, one of them the provider's.
func TestNetworks(t *testing.T) {
	r := newRouter(t)
	for _, c := range []struct {
		ns   *lab.NS
		want string
	}{
		{r.ClientA, "[10.20.0.0/24 fd00:20::/64]"},
		{r.Router, "[10.20.0.0/24 203.0.113.0/24 2001:db8:113::/64 fd00:20::/64]"}, // no default route
		{r.Server, "[]"}, // which is behind its default route
	} {
		s, err := Discover(Options{NetNS: c.ns.FD(), ResolverFiles: []string{}, Root: t.TempDir()})
		if err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprint(s.Networks); got != c.want {
			t.Errorf("%s: %s, want %s", c.ns.Name(), got, c.want)
		}
	}
}
