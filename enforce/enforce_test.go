package enforce

import (
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"slips-ips/argusfeed"
	"slips-ips/policy"
)

// noneProtected is what tests use that are not about protected addresses.
var noneProtected = policy.NewProtected()

func mustPrefix(s string) netip.Prefix { return netip.MustParsePrefix(s) }

func mustTuple(src, dst string, proto argusfeed.Proto, port argusfeed.Port) argusfeed.Tuple {
	return argusfeed.Tuple{
		Src: argusfeed.AddrFrom(netip.MustParseAddr(src)), Dst: argusfeed.AddrFrom(netip.MustParseAddr(dst)),
		Proto: proto, Port: port,
	}
}

func TestKey(t *testing.T) {
	mac := argusfeed.AddrFromMAC([6]byte{1, 2, 3, 4, 5, 6})
	for _, test := range []struct {
		tuple argusfeed.Tuple
		set   setKind
		want  string // the bytes
		err   string
	}{
		{mustTuple("10.0.0.1", "192.0.2.2", argusfeed.ProtoTCP, argusfeed.PortNumber(443)), blocked4,
			"\x0a\x00\x00\x01\xc0\x00\x02\x02\x06\x00\x00\x00\x01\xbb\x00\x00", ""},
		{mustTuple("fd00::1", "2001:db8::2", argusfeed.ProtoUDP, argusfeed.PortNumber(53)), blocked6,
			"\xfd" + strings.Repeat("\x00", 14) + "\x01" + "\x20\x01\x0d\xb8" + strings.Repeat("\x00", 11) + "\x02" +
				"\x11\x00\x00\x00\x00\x35\x00\x00", ""},
		{mustTuple("10.0.0.1", "192.0.2.2", argusfeed.ProtoICMP, argusfeed.PortHex(0x0800)), pair4,
			"\x0a\x00\x00\x01\xc0\x00\x02\x02\x01\x00\x00\x00", ""},
		{mustTuple("fd00::1", "2001:db8::2", argusfeed.ProtoICMP, 0), pair6, // Argus's name, IPv6's protocol
			"\xfd" + strings.Repeat("\x00", 14) + "\x01" + "\x20\x01\x0d\xb8" + strings.Repeat("\x00", 11) + "\x02" +
				"\x3a\x00\x00\x00", ""},
		{mustTuple("10.0.0.1", "192.0.2.2", 47, 0), pair4, "\x0a\x00\x00\x01\xc0\x00\x02\x02\x2f\x00\x00\x00", ""},
		{mustTuple("10.0.0.1", "192.0.2.2", 136, argusfeed.PortNumber(9)), blocked4,
			"\x0a\x00\x00\x01\xc0\x00\x02\x02\x88\x00\x00\x00\x00\x09\x00\x00", ""},
		{mustTuple("10.0.0.1", "192.0.2.2", argusfeed.ProtoTCP, 0), 0, "", "no port"},
		{mustTuple("10.0.0.1", "2001:db8::2", argusfeed.ProtoTCP, argusfeed.PortNumber(1)), 0, "", "mixes"},
		{argusfeed.Tuple{Src: mac, Dst: mac, Proto: argusfeed.ProtoTCP, Port: argusfeed.PortNumber(1)}, 0, "", "no two IP addresses"},
	} {
		k, err := keyOf(test.tuple)
		if test.err != "" {
			if !errors.Is(err, ErrRefused) || !strings.Contains(err.Error(), test.err) {
				t.Errorf("%s: the error is %v, not one with %q", test.tuple, err, test.err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", test.tuple, err)
			continue
		}
		if k.set != test.set || string(k.bytes()) != test.want {
			t.Errorf("%s: %s %x, not %s %x", test.tuple, k.set, k.bytes(), test.set, test.want)
		}
	}
}

// A key has its fields at fixed places, zeros in between, and leads back to its
// tuple; different tuples have different keys.
func TestKeyProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		draw := func(name string) argusfeed.Tuple {
			v6 := rapid.Bool().Draw(t, name+" v6")
			addr := func(end string) argusfeed.Addr {
				if v6 {
					return argusfeed.AddrFrom16([16]byte(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, name+end)))
				}
				return argusfeed.AddrFrom4([4]byte(rapid.SliceOfN(rapid.Byte(), 4, 4).Draw(t, name+end)))
			}
			proto := rapid.SampledFrom([]uint8{1, 2, 6, 17, 33, 47, 50, 58, 132, 136}).Draw(t, name+" proto")
			tuple := argusfeed.Tuple{Src: addr(" src"), Dst: addr(" dst"), Proto: argusfeed.Proto(proto)}
			if policy.HasPorts(proto) {
				tuple.Port = argusfeed.PortNumber(rapid.Uint16Min(1).Draw(t, name+" port"))
			}
			return tuple
		}
		a, b := draw("a"), draw("b")
		ka, errA := keyOf(a)
		kb, errB := keyOf(b)
		if errA != nil || errB != nil {
			t.Skip("an address twice")
		}
		if (a == b) != (ka == kb) && a.Proto != argusfeed.ProtoICMP && a.Proto != argusfeed.ProtoICMPv6 {
			t.Fatalf("%s and %s: keys equal is %v", a, b, ka == kb)
		}
		n := ka.set.addrLen()
		for i, c := range ka.buf {
			padding := i > 2*n && i < 2*n+4 || i > 2*n+5 || i >= 2*n+4 && !ka.set.ports()
			if padding && c != 0 {
				t.Fatalf("%s: byte %d of the key %x is not zero", a, i, ka.buf)
			}
		}
		back, err := keyFrom(ka.set, ka.bytes())
		if err != nil || back != ka {
			t.Fatalf("%s: read back as %v, %v", a, back, err)
		}
		again, err := keyOf(back.tuple())
		if err != nil || again != ka {
			t.Fatalf("%s: leads back to %s", a, back.tuple())
		}
	})
}

func TestComment(t *testing.T) {
	for _, test := range []struct {
		id, label string
		forced    bool
		want      string
	}{
		{"0190-1", "From-Botnet", false, "id=0190-1 label=From-Botnet"},
		{"a b", "x\"y\\z\n\x00é", false, "id=a_b label=x_y_z___"},
		{"", "", false, "id= label="},
		{"0190-1 forced", "x forced label=y", true, "id=0190-1_forced forced label=x forced label=y"},
		{strings.Repeat("i", 60), strings.Repeat("l", 200), false, "id=" + strings.Repeat("i", 48) + " label=" + strings.Repeat("l", 62)},
	} {
		got := commentOf(policy.Block{ID: test.id, Label: test.label, Forced: test.forced})
		if got != test.want {
			t.Errorf("%q, %q: %q, not %q", test.id, test.label, got, test.want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		b := policy.Block{ID: rapid.String().Draw(t, "id"), Label: rapid.String().Draw(t, "label"), Forced: rapid.Bool().Draw(t, "forced")}
		got := commentOf(b)
		if len(got) > maxComment {
			t.Fatalf("%d bytes", len(got))
		}
		for _, c := range []byte(got) {
			if c < ' ' || c > '~' || c == '"' || c == '\\' {
				t.Fatalf("%q holds %q", got, c)
			}
		}
		id, label, forced := parseComment(got)
		if again := commentOf(policy.Block{ID: id, Label: label, Forced: forced}); again != got || forced != b.Forced {
			t.Fatalf("%q reads as %q, %q and %v", got, id, label, forced)
		}
	})
	if id, label, forced := parseComment("added by hand"); id != "" || label != "" || forced {
		t.Errorf("another comment reads as %q and %q", id, label)
	}
}

func TestConfig(t *testing.T) {
	if err := DefaultConfig().Validate(); err != nil {
		t.Error(err)
	}
	for _, test := range []struct {
		change func(*Config)
		want   string
	}{
		{func(c *Config) { c.Table = "" }, `table: "" is not allowed; use 1 to 32 letters, digits, - and _, beginning with a letter`},
		{func(c *Config) { c.Table = "a b" }, `table: "a b" is not allowed; use 1 to 32 letters, digits, - and _, beginning with a letter`},
		{func(c *Config) { c.Table = "filter" }, `table: "filter" is a word of nft; use another name`},
		{func(c *Config) { c.Hooks = nil }, "hooks: the list is empty; use one or more of forward, input, output"},
		{func(c *Config) { c.Hooks = []Hook{"ingress"} }, `hooks: "ingress" is not allowed; use forward, input, output`},
		{func(c *Config) { c.Hooks = []Hook{"input", "input"} }, `hooks: "input" is there twice`},
		{func(c *Config) { c.Priority = -300 }, "priority: -300 is not allowed; use -99 to 0"},
		{func(c *Config) { c.Verdict = "deny" }, `verdict: "deny" is not allowed; use drop or reject`},
		{func(c *Config) { c.MaxBlocks = 0 }, "max_blocks: 0 is not allowed; use 1 to 1000000"},
		{func(c *Config) { c.CheckEvery = -time.Second }, `check_every: -1s is not allowed; use "100ms" to "1m", with the unit`},
	} {
		c := DefaultConfig()
		test.change(&c)
		err := c.Validate()
		if err == nil || err.Error() != test.want {
			t.Errorf("got %v\nnot %s", err, test.want)
		}
		if _, err := New(c, Options{}); err == nil {
			t.Errorf("New takes it: %s", test.want)
		}
	}
}

// The rest needs no kernel: dry-run decides the same.

type fakeClock struct{ time.Time }

func dryRun(t *testing.T, maxBlocks int, p *policy.Protected) (*Enforcer, *fakeClock) {
	t.Helper()
	clock := &fakeClock{time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}
	cfg := DefaultConfig()
	cfg.MaxBlocks = maxBlocks
	e, err := New(cfg, Options{
		DryRun: true, Protected: func() *policy.Protected { return p }, Now: func() time.Time { return clock.Time },
	})
	if err != nil {
		t.Fatal(err)
	}
	return e, clock
}

func TestGuards(t *testing.T) {
	protected := policy.NewProtected(
		policy.Entry{Prefix: mustPrefix("192.0.2.1/32"), Kind: policy.KindGateway, Why: "the gateway of eth0"},
		policy.Entry{Prefix: mustPrefix("10.0.0.1/32"), Kind: policy.KindOwn, Why: "an own address of eth0"},
	)
	tcp := func(src, dst string) policy.Block {
		return policy.Block{ID: "1", Scope: policy.ScopeTuple, Duration: time.Hour,
			Tuple: mustTuple(src, dst, argusfeed.ProtoTCP, argusfeed.PortNumber(80))}
	}
	wide := tcp("10.0.0.2", "192.0.2.9")
	wide.Scope = "destination"
	e, _ := dryRun(t, 3, protected)
	blocks := []policy.Block{
		tcp("10.0.0.2", "192.0.2.2"), // fine
		tcp("10.0.0.2", "192.0.2.1"), // to the gateway
		tcp("192.0.2.1", "10.0.0.2"), // from the gateway
		tcp("10.0.0.1", "192.0.2.2"), // own connection: fine
		tcp("10.0.0.2", "10.0.0.1"),  // to this host
		tcp("10.0.0.2", "127.0.0.1"), // special
		wide,
		tcp("10.0.0.2", "192.0.2.2"), // the first one again
		tcp("10.0.0.2", "192.0.2.3"), // the third, and the last that fits
		tcp("10.0.0.2", "192.0.2.4"), // one too many
	}
	want := []error{nil, ErrRefused, ErrRefused, nil, ErrRefused, ErrRefused, ErrRefused, nil, nil, ErrFull}
	for i, res := range e.Apply(blocks) {
		if !errors.Is(res.Err, want[i]) || res.Block != blocks[i] {
			t.Errorf("block %d, %s: %v, not %v", i, blocks[i].Tuple, res.Err, want[i])
		}
	}
	if diff := cmp.Diff(Stats{Wanted: 3, Applied: 3, Refused: 5, Full: 1}, e.Stats()); diff != "" {
		t.Errorf("counts (-want +got):\n%s", diff)
	}
	if _, ok := e.Lookup(blocks[0].Tuple); !ok {
		t.Error("the first block is not found")
	}
	if _, ok := e.Lookup(blocks[9].Tuple); ok {
		t.Error("the block too many is found")
	}
	// Without known protected addresses nothing is blocked.
	e, _ = dryRun(t, 3, nil)
	if res := e.Apply(blocks[:1]); !errors.Is(res[0].Err, ErrRefused) {
		t.Errorf("without known protected addresses: %v", res[0].Err)
	}
}

// The list follows the clock, whatever the kernel says.
func TestExpiry(t *testing.T) {
	e, clock := dryRun(t, 10, noneProtected)
	one := policy.Block{ID: "1", Scope: policy.ScopeTuple, Duration: time.Minute,
		Tuple: mustTuple("10.0.0.2", "192.0.2.2", argusfeed.ProtoTCP, argusfeed.PortNumber(80))}
	tiny, huge := one, one
	tiny.Tuple.Port, tiny.Duration = argusfeed.PortNumber(81), 0
	huge.Tuple.Port, huge.Duration = argusfeed.PortNumber(82), 100*policy.MaxDuration
	start := clock.Time
	for i, res := range e.Apply([]policy.Block{one, tiny, huge}) {
		want := []time.Duration{time.Minute, time.Second, policy.MaxDuration}[i]
		if res.Err != nil || res.Until.Sub(start) != want {
			t.Errorf("block %d ends after %v, not %v (%v)", i, res.Until.Sub(start), want, res.Err)
		}
	}
	for _, step := range []struct {
		after time.Duration
		left  int
	}{{0, 3}, {985 * time.Millisecond, 3}, {995 * time.Millisecond, 2}, {59 * time.Second, 2}, {time.Minute, 1}, {policy.MaxDuration, 0}} {
		clock.Time = start.Add(step.after)
		if n := len(e.List()); n != step.left {
			t.Errorf("after %v %d blocks are listed, not %d", step.after, n, step.left)
		}
		if s := e.Stats(); s.Wanted != step.left || s.Expired != uint64(3-step.left) {
			t.Errorf("after %v: %+v", step.after, s)
		}
	}
	report, err := e.Check()
	if err != nil || len(report.Expired) != 3 {
		t.Errorf("%d blocks are reported as run out (%v)", len(report.Expired), err)
	}
	if report, err := e.Check(); err != nil || !report.Quiet() {
		t.Errorf("reported twice: %+v (%v)", report, err)
	}
	if err := e.Close(); err != nil {
		t.Error(err)
	}
	if res := e.Apply([]policy.Block{one}); !errors.Is(res[0].Err, ErrClosed) {
		t.Errorf("after Close: %v", res[0].Err)
	}
	if _, err := e.Check(); !errors.Is(err, ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
}
