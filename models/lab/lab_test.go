package lab

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"
)

func TestPlansAreRepeatable(t *testing.T) {
	for _, family := range Families {
		for seed := range uint64(20) {
			p := Family(family, seed)
			if p.Visits < 8 || p.Period <= 0 || p.Port == 0 {
				t.Errorf("%s %d: %+v", family, seed, p)
			}
			a, b := p.Connections(seed), p.Connections(seed)
			if fmt.Sprint(a) != fmt.Sprint(b) || fmt.Sprint(p) != fmt.Sprint(Family(family, seed)) {
				t.Fatalf("%s %d is another one the second time", family, seed)
			}
			if want := p.Visits * max(1, p.Burst); len(a) != want {
				t.Errorf("%s %d: %d connections, want %d", family, seed, len(a), want)
			}
			for i, c := range a {
				if c.At < 0 || c.Lasts < 0 || c.Up < 0 || c.Down < 0 {
					t.Errorf("%s %d: connection %d is %+v", family, seed, i, c)
				}
			}
		}
	}
}

// TestGaps: periods, jitter and missing beats are what the plan says.
func TestGaps(t *testing.T) {
	const period = time.Minute
	for name, c := range map[string]struct {
		plan      Plan
		low, high time.Duration
	}{
		"clockwork": {Plan{}, period, period},
		"uniform":   {Plan{Share: 0.2}, 48 * time.Second, 72 * time.Second},
		"shortened": {Plan{Jitter: Shortened, Share: 0.5}, 30 * time.Second, period},
		"missing":   {Plan{Missing: 0.2}, period, 20 * period},
		"steady":    {Plan{Jitter: Lognormal, Share: 1, Steady: 1}, 0, 1000 * period},
	} {
		c.plan.Proto, c.plan.Visits, c.plan.Period = "tcp", 200, period
		all := c.plan.Connections(5)
		gaps := map[time.Duration]bool{}
		for i := 1; i < len(all); i++ {
			gap := all[i].At - all[i-1].At
			gaps[gap] = true
			if gap < c.low || gap > c.high {
				t.Errorf("%s: a gap of %v", name, gap)
			}
		}
		if want := name == "clockwork" || name == "steady"; want != (len(gaps) == 1) {
			t.Errorf("%s: %d different gaps", name, len(gaps))
		}
	}
}

// TestPcap: the packets are in order, and their checksums right.
func TestPcap(t *testing.T) {
	c := Conversation{
		Plan:   Plan{Proto: "tcp", Port: 80, Visits: 5, Period: time.Hour, Bytes: 3001, Lasts: time.Second},
		Client: netip.MustParseAddr("10.0.0.2"), Server: netip.MustParseAddr("198.18.0.9"), Start: time.Unix(1_700_000_000, 0),
	}
	var b bytes.Buffer
	if err := WritePcap(&b, c); err != nil {
		t.Fatal(err)
	}
	data := b.Bytes()[24:]
	packets, last := 0, uint64(0)
	for len(data) > 0 {
		at := uint64(binary.LittleEndian.Uint32(data))*1e6 + uint64(binary.LittleEndian.Uint32(data[4:]))
		n := binary.LittleEndian.Uint32(data[8:])
		if at < last {
			t.Fatalf("packet %d comes before the one before", packets)
		}
		last = at
		frame := data[16 : 16+n]
		ip := frame[14:]
		if s := checksum(ip[:20]); s != 0 {
			t.Errorf("packet %d: the checksum of IP is off by %x", packets, s)
		}
		pseudo := append(append([]byte(nil), ip[12:20]...), 0, 6)
		pseudo = binary.BigEndian.AppendUint16(pseudo, uint16(len(ip)-20))
		if s := checksum(append(pseudo, ip[20:]...)); s != 0 {
			t.Errorf("packet %d: the checksum of TCP is off by %x", packets, s)
		}
		data = data[16+n:]
		packets++
	}
	if packets < 5*10 {
		t.Errorf("%d packets", packets)
	}
	c.Server = netip.MustParseAddr("2001:db8::1")
	if err := WritePcap(&b, c); err == nil {
		t.Error("took an IPv6 address")
	}
}

func TestArgusIsMissing(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	_, err := Argus(t.Context(), t.TempDir(), Conversation{Plan: Family("regular", 1), Client: netip.MustParseAddr("10.0.0.2"), Server: netip.MustParseAddr("198.18.0.9")})
	if err == nil || !strings.Contains(err.Error(), "apt install argus-server") {
		t.Errorf("error %v", err)
	}
}
