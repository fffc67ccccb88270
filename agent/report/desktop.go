package report

import (
	"context"
	"errors"
	"fmt"
	"html"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/godbus/dbus/v5"

	"slips-ips/agent/history"
)

// DesktopConfig is the table [report.desktop]: a notification on the desktops
// of those who are logged in.
type DesktopConfig struct {
	Enabled bool `toml:"enabled"`
	// Timeout is how long a notification stays; 0: as long as the desktop likes.
	Timeout time.Duration `toml:"timeout"`
	Kinds   Kinds         `toml:"kinds"`
	Queue   int           `toml:"queue"`
}

// DefaultDesktopConfig is off.
func DefaultDesktopConfig() DesktopConfig {
	return DesktopConfig{Timeout: 10 * time.Second, Kinds: loudKinds(), Queue: 64}
}

func (c DesktopConfig) validate() []error {
	all := append(c.Kinds.validate(), checkQueue(c.Queue)...)
	if c.Timeout != 0 && (c.Timeout < time.Second || c.Timeout > time.Hour) {
		all = append(all, fmt.Errorf("timeout: %v is not allowed; use \"1s\" to \"1h\", or \"0s\" for the desktop's own", c.Timeout))
	}
	return all
}

// runUsers has a folder with the session bus of each user who is logged in.
const runUsers = "/run/user"

func (c DesktopConfig) spec() spec {
	return spec{name: "desktop", to: runUsers, config: c, kinds: c.Kinds, queue: c.Queue, workers: 1, tries: 1,
		open: func() (sink, error) { return &desktop{cfg: c, users: runUsers}, nil }}
}

// desktop notifies over D-Bus (org.freedesktop.Notifications). A session bus
// takes its own user only, so the agent connects as that user: one thread takes
// the user's id for the moment of connecting. That needs no program such as
// notify-send, and nothing is run in the user's name.
type desktop struct {
	cfg   DesktopConfig
	users string // runUsers, but for tests
}

const (
	// maxDesktops bounds the users who are notified.
	maxDesktops = 16
	// desktopPatience is how long a bus may take.
	desktopPatience = 3 * time.Second
)

// deliver notifies all who are logged in; one desktop that took it is success.
func (d *desktop) deliver(ctx context.Context, it *item) error {
	if it.event == nil {
		return nil
	}
	buses, err := d.buses()
	if err != nil {
		return err
	}
	var wrong []error
	for _, b := range buses {
		if err := d.notify(ctx, b, it); err != nil {
			wrong = append(wrong, fmt.Errorf("notifying user %d at %s: %w", b.uid, b.path, err))
		}
	}
	if len(wrong) < len(buses) {
		return nil
	}
	return errors.Join(wrong...)
}

func (d *desktop) close() {}

// bus is the session bus of a user.
type bus struct {
	uid, gid uint32
	path     string
}

// buses finds the session buses; errNobody where nobody is logged in. The folder
// of a user must be his own.
func (d *desktop) buses() ([]bus, error) {
	entries, err := os.ReadDir(d.users)
	if errors.Is(err, os.ErrNotExist) {
		return nil, errNobody
	} else if err != nil {
		return nil, fmt.Errorf("looking for desktops: %w", err)
	}
	var found []bus
	for _, e := range entries {
		uid, err := strconv.ParseUint(e.Name(), 10, 32)
		if err != nil || len(found) == maxDesktops {
			continue
		}
		dir := filepath.Join(d.users, e.Name())
		owner, gid, err := ownerOf(dir)
		if err != nil || owner != uint32(uid) {
			continue
		}
		path := filepath.Join(dir, "bus")
		if info, err := os.Lstat(path); err != nil || info.Mode().Type() != os.ModeSocket {
			continue
		}
		found = append(found, bus{owner, gid, path})
	}
	if len(found) == 0 {
		return nil, errNobody
	}
	return found, nil
}

// The levels of org.freedesktop.Notifications.
const urgencyNormal, urgencyCritical byte = 1, 2

func (d *desktop) notify(ctx context.Context, b bus, it *item) error {
	ctx, cancel := context.WithTimeout(ctx, desktopPatience)
	defer cancel()
	raw, err := dialAs(ctx, b)
	if err != nil {
		return err
	}
	defer raw.Close() //nolint:errcheck // nothing is lost with it
	if err := raw.SetDeadline(time.Now().Add(desktopPatience)); err != nil {
		return err
	}
	// As a plain connection: the unix one would send the ids of the process.
	conn, err := dbus.NewConn(raw, dbus.WithContext(ctx))
	if err != nil {
		return err
	}
	defer conn.Close() //nolint:errcheck // nothing is lost with it
	if err := conn.Auth([]dbus.Auth{dbus.AuthExternal(strconv.Itoa(int(b.uid)))}); err != nil {
		return fmt.Errorf("authenticating: %w", err)
	}
	if err := conn.Hello(); err != nil {
		return fmt.Errorf("greeting the bus: %w", err)
	}
	summary, body := desktopText(it)
	urgency := urgencyNormal
	if it.event.Kind == history.KindBlock {
		urgency = urgencyCritical
	}
	timeout := int32(-1)
	if d.cfg.Timeout > 0 {
		timeout = int32(d.cfg.Timeout.Milliseconds())
	}
	call := conn.Object("org.freedesktop.Notifications", "/org/freedesktop/Notifications").CallWithContext(ctx,
		"org.freedesktop.Notifications.Notify", 0,
		"slips-ips", uint32(0), "security-high", summary, body, []string{},
		map[string]dbus.Variant{"urgency": dbus.MakeVariant(urgency), "category": dbus.MakeVariant("network")}, timeout)
	return call.Err
}

// desktopText gives the two texts of a notification. The body may have markup,
// so that it is escaped.
func desktopText(it *item) (summary, body string) {
	summary = "slips-ips: " + cefName(it.event)
	if label := labelOf(it.event); label != "" {
		summary += ": " + Plain(label)
	}
	return summary, html.EscapeString(it.text())
}

// unixConn is what dialAs gives.
func unixConn(c net.Conn) (*net.UnixConn, error) {
	u, ok := c.(*net.UnixConn)
	if !ok {
		_ = c.Close()
		return nil, errors.New("the bus is no unix socket")
	}
	return u, nil
}
