package web

import (
	"context"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"slips-ips/internal/testenv"
)

// somebody is a user who is not us.
const somebody = 65534

// dialAs connects as another user does.
func dialAs(t *testing.T, uid int, at string) (net.Conn, error) {
	t.Helper()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	before, err := unix.SetfsuidRetUid(uid)
	if err != nil {
		return nil, err
	}
	defer func() { _, _ = unix.SetfsuidRetUid(before) }()
	return net.Dial("tcp", at)
}

// The kernel tells whose the other end is, of either family, and nobody's where there
// is none.
func TestUserOf(t *testing.T) {
	testenv.Root(t)
	for _, on := range []string{"127.0.0.1:0", "[::1]:0"} {
		l, err := net.Listen("tcp", on)
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		server := l.Addr().(*net.TCPAddr).AddrPort()
		for _, want := range []int{os.Getuid(), somebody} {
			c, err := dialAs(t, want, l.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			client := c.LocalAddr().(*net.TCPAddr).AddrPort()
			if got, err := userOf(client, server); err != nil || int(got) != want {
				t.Errorf("%s: %d, %v, want %d", client, got, err, want)
			}
			if got, err := userOf(netip.AddrPortFrom(client.Addr(), 1), server); err == nil {
				t.Errorf("where there is no socket there is one of %d", got)
			}
			c.Close()
		}
	}
}

// Who guesses tokens keeps no other user of this host from logging in.
func TestNobodyLocksOut(t *testing.T) {
	testenv.Root(t)
	s, at, browser, _ := serve(t, newAgent())
	now := time.Now()
	s.now = func() time.Time { return now }
	guesser := &http.Client{Transport: &http.Transport{DialContext: func(_ context.Context, _, to string) (net.Conn, error) {
		return dialAs(t, somebody, to)
	}}}
	t.Cleanup(guesser.CloseIdleConnections)
	busy := 0
	for range pagesAtOnce + 5 {
		resp, err := guesser.PostForm(at+"/ui/login", url.Values{"token": {"x"}})
		if status, _, _ := answered(t, resp, err); status == http.StatusTooManyRequests {
			busy++
		}
	}
	if busy != pagesAtOnce+5-loginsAtOnce {
		t.Errorf("%d logins were too many", busy)
	}
	resp, err := browser.PostForm(at+"/ui/login", url.Values{"token": {annas}})
	if status, _, where := answered(t, resp, err); status != http.StatusOK || where.Path != "/ui/" {
		t.Errorf("%d at %s", status, where)
	}
}
