package argusfeed

import (
	"errors"
	"fmt"
	"net/netip"
	"testing"
)

func TestTupleKeepsTheTextOfRa(t *testing.T) {
	for _, tt := range []struct{ src, dst, port, proto, want string }{
		{"147.32.84.165", "91.212.135.158", "5678", "tcp", ""},
		{"fe80::1", "ff02::fb", "5353", "udp", ""},
		{"10.0.0.1", "10.0.0.2", "0x0303", "icmp", ""},
		{"10.0.0.1", "10.0.0.2", "", "arp", ""},
		{"02:00:00:00:01:04", "ff:ff:ff:ff:ff:ff", "", "rarp", ""},
		{"host-a", "host.b", "https", "TCP", ""},
		{"1.2.3.4\xff\xfe", "010.0.0.1", "\x00", "weird", ""},
		{"0.0.0.0", "255.255.255.255", "0", "ipv6-icmp", ""},
		{"10.0.0.1", "10.0.0.2", "080", "unas", ""},
		{"10.0.0.1", "10.0.0.2", "0x03", "any", ""},
		{"10.0.0.1", "10.0.0.2", "0xd5032625", "esp", ""},
		{"10.0.0.1", "10.0.0.2", "0x5", "esp", ""},
		{"10.0.0.1", "10.0.0.2", "0x0", "esp", ""},
		{"10.0.0.1", "10.0.0.2", "0x123456789", "esp", ""},
		{"02:00:00:00:01:04", "ff:ff:ff:ff:ff:ff", "0", "34997", ""},
		{"02:00:00:00:01:04", "ff:ff:ff:ff:ff:ff", "0", "65536", ""},
		{"2001:0db8::0001", "::ffff:1.2.3.4", "65536", "tcp", "2001:db8::1-::ffff:1.2.3.4-65536-tcp"},
	} {
		want := tt.want
		if want == "" {
			want = tt.src + "-" + tt.dst + "-" + tt.port + "-" + tt.proto
		}
		got := mustTuple(t, tt.src, tt.dst, tt.port, tt.proto)
		if got.String() != want {
			t.Errorf("tuple %q, want %q", got, want)
		}
		if got != mustTuple(t, tt.src, tt.dst, tt.port, tt.proto) {
			t.Errorf("the same text gave two tuples: %q", got)
		}
	}
}

func mustTuple(t *testing.T, src, dst, port, proto string) Tuple {
	t.Helper()
	s, err1 := ParseAddr([]byte(src))
	d, err2 := ParseAddr([]byte(dst))
	p, err3 := ParsePort([]byte(port))
	pr, err4 := ParseProto([]byte(proto))
	if err := errors.Join(err1, err2, err3, err4); err != nil {
		t.Fatal(err)
	}
	return Tuple{Src: s, Dst: d, Port: p, Proto: pr}
}

func TestAddrIsAnAddressOnlyWhenItIsOne(t *testing.T) {
	for s, want := range map[string]string{
		"1.2.3.4": "1.2.3.4", "255.255.255.255": "255.255.255.255", "::1": "::1",
		"1.2.3": "", "1.2.3.4.5": "", "256.1.1.1": "", "01.2.3.4": "", "1..2.3": "", "1.2.3.4 ": "",
		"fe80::1%eth0": "", "": "", "00:11:22:33:44:55": "", "localhost": "",
	} {
		a, err := ParseAddr([]byte(s))
		if err != nil {
			t.Fatal(err)
		}
		ip, ok := a.IP()
		if ok != (want != "") || ok && ip != netip.MustParseAddr(want) {
			t.Errorf("ParseAddr(%q).IP() = %v, %v, want %q", s, ip, ok, want)
		}
	}
}

func TestNumbers(t *testing.T) {
	for s, want := range map[string]int{"tcp": 6, "TCP": 6, "udp": 17, "rtp": 17, "ipv6-icmp": 58, "rsvp": 46, "arp": -1, "unas": -1, " tcp": 6, "34997": -1, "6": -1} {
		p, err := ParseProto([]byte(s))
		if err != nil {
			t.Fatal(err)
		}
		if n, ok := p.Number(); ok != (want >= 0) || ok && int(n) != want {
			t.Errorf("protocol %q has number %d, %v, want %d", s, n, ok, want)
		}
	}
	for s, want := range map[string]int{"0": 0, "80": 80, "65535": 65535, "65536": -1, "0x0050": -1, "0x50": -1, "http": -1, "": -1} {
		p, err := ParsePort([]byte(s))
		if err != nil {
			t.Fatal(err)
		}
		if n, ok := p.Number(); ok != (want >= 0) || ok && int(n) != want {
			t.Errorf("port %q has number %d, %v, want %d", s, n, ok, want)
		}
	}
}

func TestNamesAreBounded(t *testing.T) {
	table := &nameTable{ids: make(map[string]uint32), atMost: 3}
	for i := range 3 {
		if _, err := table.id(fmt.Append(nil, i)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := table.id([]byte("one more")); !errors.Is(err, ErrTooManyNames) {
		t.Errorf("a fourth name: %v, want %v", err, ErrTooManyNames)
	}
	if id, err := table.id([]byte("1")); err != nil || table.name(id) != "1" {
		t.Errorf("a known name is no longer found: %v", err)
	}
}
