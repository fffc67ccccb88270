package enforce

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"slips-ips/internal/lab"
	"slips-ips/internal/testenv"
	"slips-ips/policy"
)

// The real firewalld and ufw start, reload and end while blocks are in force: what is
// blocked does not pass, what they accept does, and their rules stay as they make
// them.
func TestFirewalls(t *testing.T) {
	t.Run("firewalld", func(t *testing.T) {
		r := newRouter(t)
		call := firewalld(t, r.Router)
		undisturbed(t, r, []step{
			{"starts", func() { call("--state") }},
			{"reloads", func() { call("--reload") }},
			{"changes", func() { call("--add-rich-rule=rule family=ipv4 source address=192.0.2.0/24 drop") }},
			{"reloads all", func() { call("--complete-reload") }},
			{"reloads again", func() { call("--reload") }},
		}, "table inet firewalld")
	})
	t.Run("ufw", func(t *testing.T) {
		r := newRouter(t)
		call := ufw(t, r.Router)
		undisturbed(t, r, []step{
			{"starts", func() { call("--force", "enable") }},
			{"changes", func() { call("deny", "from", "192.0.2.0/24") }},
			{"reloads", func() { call("reload") }},
			{"stops", func() { call("disable") }},
			{"starts again", func() { call("--force", "enable") }},
		}, "ufw-user-input")
	})
}

// step is what another firewall does.
type step struct {
	what string
	do   func()
}

// undisturbed runs steps while a client sends to all ports, of which the first half
// is blocked, and in the end looks for a mark of the other firewall.
func undisturbed(t *testing.T, r *lab.Router, steps []step, mark string) {
	t.Helper()
	arrivals := listenAll(t, r.Server)
	sends := sendAll(t, r.ClientA)
	e := open(t, r.Router)
	watching(t, e)
	const half = faultPort + faultPorts/2
	var blocks []policy.Block
	for port := faultPort; port < half; port++ {
		blocks = append(blocks, faultBlock(port))
	}
	apply(t, e, blocks...)
	blocked := time.Now()
	var windows []window
	for _, s := range steps {
		before := e.Stats()
		w := window{from: time.Now(), what: s.what}
		s.do()
		w.to = time.Now().Add(recovery)
		sends.after(t, w.to)
		if after := e.Stats(); after.Rebuilds > before.Rebuilds || after.Restored > before.Restored {
			t.Logf("%s: %d rebuilt, %d restored", s.what, after.Rebuilds-before.Rebuilds, after.Restored-before.Restored)
			windows = append(windows, w)
		}
		n := len(arrivals())
		testenv.Until(t, s.what+": something passes", func() bool { return len(arrivals()) > n })
	}
	sends.stop()
	if list := ruleset(t, r.Router); !strings.Contains(list, mark) {
		t.Errorf("the other firewall is not there:\n%s", list)
	}
	if in := inspectIn(t, r.Router); len(in.Firewalls) == 0 || !strings.Contains(strings.Join(in.Warnings, "\n"), in.Firewalls[0]) {
		t.Errorf("it is not named: %v", in.Firewalls)
	}
	for _, a := range arrivals() {
		if a.port >= half || a.sent.Before(blocked) {
			continue
		}
		allowed := false
		for _, w := range windows {
			allowed = allowed || a.sent.After(w.from) && a.sent.Before(w.to)
		}
		if !allowed {
			t.Fatalf("a packet to the blocked port %d passed", a.port)
		}
	}
	if _, err := e.Check(); err != nil {
		t.Error(err)
	}
	enforced(t, e, len(blocks))
}

// firewalld starts firewalld, with a message bus of its own, in a namespace, and
// gives firewall-cmd.
func firewalld(t *testing.T, ns *lab.NS) (call func(args ...string)) {
	t.Helper()
	dir := t.TempDir()
	bus := "unix:path=" + filepath.Join(dir, "bus")
	for name, text := range map[string]string{
		"bus.conf": `<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN" "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>system</type><listen>` + bus + `</listen><auth>EXTERNAL</auth>
<policy context="default"><allow user="*"/><allow own="*"/><allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/></policy></busconfig>`,
		"etc/firewalld.conf":   "DefaultZone=public\nFirewallBackend=nftables\nFlushAllOnReload=yes\nCleanupOnExit=yes\n",
		"etc/zones/public.xml": `<?xml version="1.0" encoding="utf-8"?><zone target="ACCEPT"><short>Public</short></zone>`,
	} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	env := append(os.Environ(), "DBUS_SYSTEM_BUS_ADDRESS="+bus)
	for i, args := range [][]string{
		{"dbus-daemon", "--nofork", "--nopidfile", "--config-file=" + filepath.Join(dir, "bus.conf")},
		{"firewalld", "--nofork", "--nopid", "--system-config=" + filepath.Join(dir, "etc"), "--log-file=" + filepath.Join(dir, "log")},
	} {
		args = testenv.Unpacked(t, "", args[0], args[1:]...)
		cmd := exec.Command(args[0], args[1:]...)
		cmd.Env = env
		if err := ns.Start(cmd); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		})
		if i == 0 {
			testenv.Until(t, "the bus is there", func() bool {
				_, err := os.Stat(filepath.Join(dir, "bus"))
				return err == nil
			})
		}
	}
	run := func(args ...string) error {
		args = testenv.Unpacked(t, "", "firewall-cmd", args...)
		cmd := exec.Command(args[0], args[1:]...)
		cmd.Env = env
		_, err := ns.Output(cmd)
		return err
	}
	var err error
	for end := time.Now().Add(30 * time.Second); ; {
		if err = run("--state"); err == nil {
			break
		}
		if time.Now().After(end) {
			text, _ := os.ReadFile(filepath.Join(dir, "log"))
			t.Fatalf("firewalld does not start: %v\n%s", err, text)
		}
	}
	return func(args ...string) {
		t.Helper()
		if err := run(args...); err != nil {
			t.Fatal(err)
		}
	}
}

// ufw gives ufw with a configuration of its own, in a namespace. Its files and the
// programs that it calls cannot be named: they are put over those of the machine, as
// the scripts of its packages would install them.
func ufw(t *testing.T, ns *lab.NS) (call func(args ...string)) {
	t.Helper()
	layer := t.TempDir()
	setUp := testenv.Unpacked(t, "", "sh", "-ec", `
		mkdir -p "$0/etc/default" "$0/etc/ufw/applications.d" "$0/usr/sbin"
		cp /usr/share/ufw/*.rules /usr/share/ufw/ufw.conf "$0/etc/ufw"
		sed 's/^DEFAULT_\(FORWARD\|INPUT\)_POLICY=.*/DEFAULT_\1_POLICY="ACCEPT"/' /etc/default/ufw >"$0/etc/default/ufw"
		for name in iptables ip6tables; do
			for program in $name $name-restore $name-save; do ln -s xtables-nft-multi "$0/usr/sbin/$program"; done
		done`, layer)
	if out, err := exec.Command(setUp[0], setUp[1:]...).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return func(args ...string) {
		t.Helper()
		args = testenv.Unpacked(t, layer, "ufw", args...)
		if _, err := ns.Output(exec.Command(args[0], args[1:]...)); err != nil {
			t.Fatal(err)
		}
	}
}
