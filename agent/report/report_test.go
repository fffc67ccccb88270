package report

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"slips-ips/argusfeed"
	"slips-ips/detection"
)

func testWindow() detection.Window {
	start := argusfeed.TimeOf(time.Date(2016, 3, 17, 7, 21, 32, 780708000, time.UTC))
	tuple := func(src string, proto argusfeed.Proto, port argusfeed.Port) argusfeed.Tuple {
		return argusfeed.Tuple{
			Src: argusfeed.AddrFrom(netip.MustParseAddr(src)), Dst: argusfeed.AddrFrom(netip.MustParseAddr("198.51.100.7")),
			Port: port, Proto: proto,
		}
	}
	return detection.Window{
		Start: start, End: start.Add(5 * time.Minute), Tuples: 4, Connections: 3,
		Active: []detection.TupleInfo{
			{Tuple: tuple("192.0.2.1", argusfeed.ProtoTCP, argusfeed.PortNumber(443)), Flows: 10, Letters: "88,h,h,h,h,h,h,h,h,",
				Label: "From-Botnet-TCP-HTTP-CC-23"},
			{Tuple: tuple("192.0.2.2", argusfeed.ProtoUDP, argusfeed.PortNumber(53)), Flows: 6, Letters: "21,v,r,w+w,"},
			{Tuple: tuple("192.0.2.3", argusfeed.ProtoICMP, argusfeed.PortHex(8)), Flows: 2, Letters: "16,"},
			{Tuple: tuple("192.0.2.4", argusfeed.ProtoTCP, argusfeed.PortNumber(22)), Flows: 1, Letters: "7"},
		},
	}
}

func TestPrinter(t *testing.T) {
	const (
		slot     = "Slot Started: 2016-03-17 07:21:32.780708, finished: 2016-03-17 07:26:32.780708. (4 connections)"
		detected = "192.0.2.1-198.51.100.7-443-tcp [] (10): 88,h,h,h,h,h,h,h,h,  Detected as: From-Botnet-TCP-HTTP-CC-23"
		dns      = "192.0.2.2-198.51.100.7-53-udp [] (6): 21,v,r,w+w,"
		icmp     = "192.0.2.3-198.51.100.7-0x0008-icmp [] (2): 16,"
		ssh      = "192.0.2.4-198.51.100.7-22-tcp [] (1): 7"
	)
	for _, tt := range []struct {
		name   string
		cfg    Config
		colour bool
		want   []string
	}{
		{"all", Config{Tuples: TuplesAll}, false, []string{slot, detected, dns, icmp, ssh}},
		{"detected", Config{Tuples: TuplesDetected}, false, []string{slot, detected}},
		{"at least 6 letters", Config{Tuples: TuplesAll, MinLetters: 6}, false, []string{slot, detected, dns}},
		{"detected with at least 11 letters", Config{Tuples: TuplesDetected, MinLetters: 11}, false, []string{slot}},
		{"colours of the original", Config{Tuples: TuplesAll}, true, []string{
			"\x1b[36m" + slot + "\x1b[0m",
			"\x1b[35m192.0.2.1-198.51.100.7-443-tcp\x1b[0m [] (10): 88,h,h,h,h,h,h,h,h,  Detected as: From-Botnet-TCP-HTTP-CC-23",
			"\x1b[33m192.0.2.2-198.51.100.7-53-udp\x1b[0m [] (6): 21,v,r,w+w,",
			"\x1b[31m192.0.2.3-198.51.100.7-0x0008-icmp\x1b[0m [] (2): 16,",
			"\x1b[31m192.0.2.4-198.51.100.7-22-tcp\x1b[0m [] (1): 7",
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var b bytes.Buffer
			p := NewPrinter(&b, tt.colour, tt.cfg)
			p.Window(testWindow())
			if err := p.Flush(); err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(strings.Join(tt.want, "\n")+"\n", b.String()); d != "" {
				t.Error(d)
			}
		})
	}
	if NewPrinter(nil, false, Config{Tuples: TuplesAll}).Wants() || NewPrinter(&bytes.Buffer{}, false, Config{Tuples: TuplesNone}).Wants() ||
		!NewPrinter(&bytes.Buffer{}, false, DefaultConfig()).Wants() {
		t.Error("windows are wanted where nothing prints them, or the other way round")
	}
}

type brokenWriter struct{ err error }

func (w brokenWriter) Write([]byte) (int, error) { return 0, w.err }

func TestPrinterKeepsTheFirstError(t *testing.T) {
	gone := errors.New("nobody reads")
	p := NewPrinter(brokenWriter{gone}, false, Config{Tuples: TuplesAll})
	for range 100 { // more than is buffered
		p.Window(testWindow())
	}
	if err := p.Flush(); !errors.Is(err, gone) {
		t.Error(err)
	}
	if err := p.Flush(); !errors.Is(err, gone) {
		t.Error("forgotten:", err)
	}
}

func TestSlotTime(t *testing.T) {
	for us, want := range map[int64]string{0: "1970-01-01 00:00:00", 1: "1970-01-01 00:00:00.000001", 1e6: "1970-01-01 00:00:01"} {
		if got := slotTime(argusfeed.Time(us).Time()); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestBellPauses(t *testing.T) {
	var b bytes.Buffer
	now := time.Unix(1000, 0)
	bell := NewBell(&b, func() time.Time { return now })
	for _, step := range []struct {
		after time.Duration
		rings int
	}{{0, 1}, {0, 1}, {bellPause - 1, 1}, {1, 2}, {time.Second, 2}, {time.Hour, 3}} {
		now = now.Add(step.after)
		if err := bell.Ring(); err != nil {
			t.Fatal(err)
		}
		if got := strings.Count(b.String(), "\a"); got != step.rings || got != b.Len() {
			t.Errorf("after %v: %q, want %d rings", step.after, b.String(), step.rings)
		}
	}
}

func TestConfig(t *testing.T) {
	if err := DefaultConfig().Validate(); err != nil {
		t.Error(err)
	}
	for want, change := range map[string]func(*Config){
		"min_letters: -1 is not allowed; use 0 or more":                                func(c *Config) { c.MinLetters = -1 },
		`tuples: "some" is not allowed; use all, detected or none`:                     func(c *Config) { c.Tuples = "some" },
		"limit.burst: -1 is not allowed; use 1 to 10000, or 0 for no limit":            func(c *Config) { c.Limit.Burst = -1 },
		`limit.every: 0s is not allowed; use "1s" to "24h", with the unit`:             func(c *Config) { c.Limit.Every = 0 },
		"limit.max_tuples: 1 is not allowed; use 16 to 1000000":                        func(c *Config) { c.Limit.MaxTuples = 1 },
		`eve.path: "eve.json" is not allowed; use a path from the root, or "" for off`: func(c *Config) { c.EVE.Path = "eve.json" },
		`eve.type: "redis" is not allowed; use file, unix_stream or unix_dgram`:        func(c *Config) { c.EVE.Type = "redis" },
		`eve.stats_every: 1ms is not allowed; use "1s" to "24h", or "0s" for never`:    func(c *Config) { c.EVE.StatsEvery = time.Millisecond },
		`journald.kinds: "alarm" is not allowed; use one or more of alert, block, lift, feed, change, agent`: func(c *Config) {
			c.Journald.Kinds = Kinds{"alarm"}
		},
		"journald.queue: 1 is not allowed; use 16 to 1000000": func(c *Config) { c.Journald.Queue = 1 },
		`syslog.address: "udp://host" has no host and port; use "unix:/dev/log", "udp://HOST:PORT" or "tcp://HOST:PORT"`: func(c *Config) {
			c.Syslog.Address = "udp://host"
		},
		`syslog.address: "/dev/log" is not allowed; use "unix:/dev/log", "udp://HOST:PORT" or "tcp://HOST:PORT"`: func(c *Config) {
			c.Syslog.Address = "/dev/log"
		},
		`exec[0].program: "mail root" is not allowed; use a path from the root, without arguments (those go into args)`: func(c *Config) {
			c.Exec = []ExecConfig{{Name: "a", Program: "mail root"}}
		},
		`exec[0].name: "" is not allowed; use 1 to 32 of a-z, 0-9, - and _, a letter or digit first`: func(c *Config) {
			c.Exec = []ExecConfig{{Program: "/bin/true"}}
		},
		`webhook[0].name: "../x" is not allowed; use 1 to 32 of a-z, 0-9, - and _, a letter or digit first`: func(c *Config) {
			c.Webhooks = []WebhookConfig{{Name: "../x", URL: "http://x/"}}
		},
		"webhook[0].url: user and password are not allowed in it; put a token into a file and its path into token_file": func(c *Config) {
			c.Webhooks = []WebhookConfig{{Name: "x", URL: "http://a:b@x/"}}
		},
		"webhook[0].cert_file: it needs key_file, and key_file needs it; give both or none": func(c *Config) {
			c.Webhooks = []WebhookConfig{{Name: "x", URL: "http://x/", CertFile: "/x"}}
		},
		`sound.player: "beep" is not allowed; use "auto", "bell" or the path of a program from the root`: func(c *Config) { c.Sound.Player = "beep" },
		"exec: 17 of them are not allowed; use at most 16": func(c *Config) {
			for i := range 17 {
				c.Exec = append(c.Exec, ExecConfig{Name: fmt.Sprint("n", i), Program: "/bin/true"})
			}
		},
	} {
		c := DefaultConfig()
		change(&c)
		if err := c.Validate(); err == nil || err.Error() != want {
			t.Errorf("got  %v\nwant %s", err, want)
		}
	}
}
