package report

import (
	"bufio"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"slips-ips/agent/history"
	"slips-ips/internal/testenv"
)

func lift(t testing.TB, text string) history.Event {
	return said(history.KindLift, usualTuple(t), text)
}

// The receiver goes away and comes back: what was told meanwhile arrives.
func TestEVEOverAStream(t *testing.T) {
	path := filepath.Join(t.TempDir(), "eve.sock")
	r := testReporter(t, func(c *Config) { c.EVE.Path, c.EVE.Type = path, EVEStream }, testOptions(t))
	r.Event(lift(t, "one"))
	testenv.Until(t, "failing", func() bool { return !only(t, r).Failing.IsZero() })
	listen := func() *net.UnixListener {
		l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	l := listen()
	conn, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewReader(conn)
	next := func(want string) {
		t.Helper()
		line, err := lines.ReadString('\n')
		if err != nil || !strings.Contains(line, `"text":"`+want+`"`) {
			t.Errorf("%q, %v; want %s", line, err, want)
		}
	}
	next("one")
	testenv.Until(t, "sent", func() bool { return only(t, r).Sent == 1 })
	r.Event(lift(t, "two"))
	next("two")
	conn.Close()
	l.Close() // removes the socket
	r.Event(lift(t, "three"))
	testenv.Until(t, "failing", func() bool { return !only(t, r).Failing.IsZero() })
	r.Event(lift(t, "four"))
	l = listen()
	defer l.Close()
	if conn, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	lines = bufio.NewReader(conn)
	next("three")
	next("four")
	mustClose(t, r)
	if o := only(t, r); o.Sent != 4 || o.Dropped != 0 {
		t.Errorf("%+v", o)
	}
}

// A receiver that never reads is given up on in time, and Close does not wait for it.
func TestEVEOverAStreamThatNobodyReads(t *testing.T) {
	path := filepath.Join(t.TempDir(), "eve.sock")
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	r := testReporter(t, func(c *Config) { c.EVE.Path, c.EVE.Type, c.EVE.Queue = path, EVEStream, 16 }, testOptions(t))
	long := lift(t, strings.Repeat("x", 100_000))
	for only(t, r).Dropped == 0 {
		r.Event(long)
	}
	closeSoon(t, r)
	if o := only(t, r); o.Waiting != 0 || o.Dropped < 2 {
		t.Errorf("%+v", o)
	}
}

func TestEVEInDatagrams(t *testing.T) {
	path := filepath.Join(t.TempDir(), "eve.sock")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	r := testReporter(t, func(c *Config) { c.EVE.Path, c.EVE.Type = path, EVEDgram }, testOptions(t))
	r.Event(testEvent(history.KindBlock, usualTuple(t))) // two lines
	r.Event(lift(t, strings.Repeat("x", 1<<20)))         // larger than any datagram
	r.Event(lift(t, "last"))
	var got []string
	buf := make([]byte, 1<<16)
	for range 3 {
		if err := conn.SetReadDeadline(time.Now().Add(30 * time.Second)); err != nil {
			t.Fatal(err)
		}
		n, err := conn.Read(buf)
		if err != nil {
			t.Fatal(err)
		}
		_, kind, _ := strings.Cut(string(buf[:n]), `"event_type":"`)
		kind, _, _ = strings.Cut(kind, `"`)
		got = append(got, kind)
		if strings.Count(string(buf[:n]), "\n") != 1 {
			t.Errorf("%q is not one line", buf[:n])
		}
	}
	if d := cmp.Diff([]string{"alert", "drop", "slips"}, got); d != "" {
		t.Error(d)
	}
	mustClose(t, r)
	if o := only(t, r); o.Sent != 2 || o.Dropped != 1 {
		t.Errorf("%+v", o)
	}
}
