package report

import (
	"context"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"
	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"slips-ips/agent/history"
	"slips-ips/internal/testenv"
)

// notified is a notification that a desktop got.
type notified struct {
	App, Summary, Body string
	Urgency            byte
	Timeout            int32
}

// notifications is what a desktop offers on its bus.
type notifications chan notified

func (n notifications) Notify(app string, _ uint32, _, summary, body string, _ []string, hints map[string]dbus.Variant, timeout int32) (uint32, *dbus.Error) {
	urgency, _ := hints["urgency"].Value().(byte)
	n <- notified{app, summary, body, urgency, timeout}
	return 1, nil
}

// userFolder makes the folder of a user, in one that he can reach.
func userFolder(t *testing.T, users string, uid int) string {
	t.Helper()
	if err := os.Chmod(filepath.Dir(users), 0o755); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(users, strconv.Itoa(uid))
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(dir, uid, uid); err != nil {
		t.Fatal(err)
	}
	return dir
}

// sessionBus starts a real bus of a user of every Debian, with nobody on it.
func sessionBus(t *testing.T, users string, uid int) bus {
	t.Helper()
	daemon := testenv.Program(t, "dbus-daemon")
	b := bus{uint32(uid), uint32(uid), filepath.Join(userFolder(t, users, uid), "bus")}
	cmd := exec.Command(daemon, "--session", "--nofork", "--nopidfile", "--address=unix:path="+b.path)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: b.uid, Gid: b.gid}}
	cmd.Env = []string{"PATH=/usr/bin:/bin"}
	cmd.Dir = "/"
	said := &tail{}
	cmd.Stderr = said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if t.Failed() {
			t.Log(said)
		}
	})
	testenv.Until(t, "a bus", func() bool {
		c, err := net.Dial("unix", b.path)
		if err == nil {
			c.Close()
		}
		return err == nil
	})

	return b
}

// desktopOn puts a desktop on a bus.
func desktopOn(t *testing.T, b bus) notifications {
	t.Helper()
	raw, err := dialAs(t.Context(), b)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := dbus.NewConn(raw)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if err := conn.Auth([]dbus.Auth{dbus.AuthExternal(strconv.Itoa(int(b.uid)))}); err != nil {
		t.Fatal(err)
	}
	if err := conn.Hello(); err != nil {
		t.Fatal(err)
	}
	n := make(notifications, 10)
	if err := conn.Export(n, "/org/freedesktop/Notifications", "org.freedesktop.Notifications"); err != nil {
		t.Fatal(err)
	}
	if reply, err := conn.RequestName("org.freedesktop.Notifications", dbus.NameFlagDoNotQueue); err != nil || reply != dbus.RequestNameReplyPrimaryOwner {
		t.Fatal(reply, err)
	}
	return n
}

// ids gives the ids that threads of this process have.
func ids(t *testing.T) map[string]bool {
	t.Helper()
	files, err := filepath.Glob("/proc/self/task/*/status")
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]bool{}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			continue // a thread that ended
		}
		var of []string
		for line := range strings.Lines(string(b)) {
			if strings.HasPrefix(line, "Uid:") || strings.HasPrefix(line, "Gid:") {
				of = append(of, strings.TrimSpace(line))
			}
		}
		all[strings.Join(of, " ")] = true
	}
	return all
}

// Root notifies two users, each over his own bus, while a third one's hangs.
func TestDesktop(t *testing.T) {
	testenv.Root(t)
	users := t.TempDir()
	a := sessionBus(t, users, 65534)
	onA, onB := desktopOn(t, a), desktopOn(t, sessionBus(t, users, 1))
	sessionBus(t, users, 2) // without a desktop
	hanging, err := net.ListenUnix("unix", &net.UnixAddr{Name: filepath.Join(userFolder(t, users, 65531), "bus"), Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	defer hanging.Close()
	if err := os.Chmod(filepath.Join(users, "65531", "bus"), 0o777); err != nil {
		t.Fatal(err)
	}
	d := &desktop{cfg: DesktopConfig{Timeout: 5 * time.Second}, users: users}
	e := testEvent(history.KindBlock, usualTuple(t))
	e.Text = "blocked: <b>a & b</b>\x1b"
	// Starting a program as another user has changed it already.
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 1, 0, 0, 0); err != nil {
		t.Fatal(err)
	}
	if err := d.deliver(t.Context(), &item{event: &e}); err != nil {
		t.Fatal(err)
	}
	want := notified{"slips-ips", "slips-ips: Blocked: From-Botnet-TCP-CC-Beacon-1", "blocked: &lt;b&gt;a &amp; b&lt;/b&gt;?", urgencyCritical, 5000}
	for name, n := range map[string]notifications{"a": onA, "b": onB} {
		select {
		case got := <-n:
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s: %s", name, diff)
			}
		default:
			t.Errorf("%s was not notified", name)
		}
	}
	for status := range ids(t) {
		if status != "Uid:\t0\t0\t0\t0 Gid:\t0\t0\t0\t0" {
			t.Errorf("a thread has %s", status)
		}
	}
	if d, err := unix.PrctlRetInt(unix.PR_GET_DUMPABLE, 0, 0, 0, 0); err != nil || d != 1 {
		t.Errorf("the process can be dumped no longer: %d, %v", d, err)
	}
	// As root itself a session bus takes nobody: that is why.
	raw, err := net.Dial("unix", a.path)
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	conn, err := dbus.NewConn(raw)
	if err != nil {
		t.Fatal(err)
	}
	if err := conn.Auth([]dbus.Auth{dbus.AuthExternal("0")}); err == nil && conn.Hello() == nil {
		t.Error("the bus takes root: then there is no need to act as the user")
	}
}

func TestDesktopWithoutAny(t *testing.T) {
	e := testEvent(history.KindBlock, usualTuple(t))
	dir := t.TempDir()
	d := &desktop{users: dir}
	if err := d.deliver(t.Context(), &item{event: &e}); !errors.Is(err, errNobody) {
		t.Error(err)
	}
	d.users = filepath.Join(dir, "none")
	if err := d.deliver(t.Context(), &item{event: &e}); !errors.Is(err, errNobody) {
		t.Error(err)
	}
}

// A folder that belongs to another one than its name says is left alone.
func TestDesktopOfAnother(t *testing.T) {
	users, elsewhere := t.TempDir(), t.TempDir()
	for _, dir := range []string{filepath.Join(users, "12345"), filepath.Join(users, "nobody"), filepath.Join(elsewhere, "x")} {
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		l, err := net.Listen("unix", filepath.Join(dir, "bus"))
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
	}
	if err := os.Symlink(filepath.Join(elsewhere, "x"), filepath.Join(users, strconv.Itoa(os.Geteuid()))); err != nil {
		t.Fatal(err)
	}
	d := &desktop{users: users}
	if buses, err := d.buses(); err == nil {
		t.Errorf("%+v", buses)
	}
}

func TestDesktopThatRefuses(t *testing.T) {
	testenv.Root(t)
	users := t.TempDir()
	sessionBus(t, users, 2)
	d := &desktop{users: users}
	e := testEvent(history.KindAlert, usualTuple(t))
	err := d.deliver(context.Background(), &item{event: &e})
	if err == nil || !strings.Contains(err.Error(), "notifying user 2") {
		t.Error(err)
	}
}
