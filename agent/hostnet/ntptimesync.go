package hostnet

import (
	"context"
	"errors"
	"net/netip"
	"os"
	"syscall"

	"github.com/godbus/dbus/v5"
)

// askTimesync asks systemd-timesyncd over the system bus, as timedatectl does.
func askTimesync(ctx context.Context) ([]netip.Addr, error) {
	conn, err := dbus.ConnectSystemBus(dbus.WithContext(ctx))
	switch {
	case errors.Is(err, os.ErrNotExist), errors.Is(err, syscall.ECONNREFUSED):
		return nil, errNoDaemon // without a bus it cannot be asked, and still runs: its configuration is read too
	case err != nil:
		return nil, err
	}
	defer func() { _ = conn.Close() }()
	var v dbus.Variant
	// To be asked must not start it.
	err = conn.Object("org.freedesktop.timesync1", "/org/freedesktop/timesync1").
		CallWithContext(ctx, "org.freedesktop.DBus.Properties.Get", dbus.FlagNoAutoStart, "org.freedesktop.timesync1.Manager", "ServerAddress").
		Store(&v)
	if refused, ok := errors.AsType[dbus.Error](err); ok && (refused.Name == "org.freedesktop.DBus.Error.NameHasNoOwner" || refused.Name == "org.freedesktop.DBus.Error.ServiceUnknown") {
		return nil, errNoDaemon
	}
	if err != nil {
		return nil, err
	}
	var server struct {
		Family int32
		Addr   []byte
	}
	if err := dbus.Store([]any{v.Value()}, &server); err != nil {
		return nil, err
	}
	ip, _ := netip.AddrFromSlice(server.Addr) // empty while it uses none
	return addIP(nil, ip), nil
}
