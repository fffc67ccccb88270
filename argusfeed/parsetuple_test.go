package argusfeed

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestParseTuple(t *testing.T) {
	for _, tt := range []struct{ text, src, dst, port, proto string }{
		{"147.32.84.165-91.212.135.158-5678-tcp", "147.32.84.165", "91.212.135.158", "5678", "tcp"},
		{"fe80::1-ff02::fb-5353-udp", "fe80::1", "ff02::fb", "5353", "udp"},
		{"10.0.0.1-10.0.0.2-0x0008-icmp", "10.0.0.1", "10.0.0.2", "0x0008", "icmp"},
		{"fe80::1-fe80::2-0x0087-ipv6-icmp", "fe80::1", "fe80::2", "0x0087", "ipv6-icmp"},
		{"fe80::1-fe80::2--ipv6-icmp", "fe80::1", "fe80::2", "", "ipv6-icmp"},
		{"10.0.0.1-10.0.0.2--arp", "10.0.0.1", "10.0.0.2", "", "arp"},
		{"10.0.0.1-10.0.0.2-0xd5032625-esp", "10.0.0.1", "10.0.0.2", "0xd5032625", "esp"},
		{"02:00:00:00:01:04-ff:ff:ff:ff:ff:ff-0-34997", "02:00:00:00:01:04", "ff:ff:ff:ff:ff:ff", "0", "34997"},
		{"10.0.0.1-10.0.0.2--br-sat-mon", "10.0.0.1", "10.0.0.2", "", "br-sat-mon"},
		{"10.0.0.1-10.0.0.2-ftp-data-tcp", "10.0.0.1", "10.0.0.2", "ftp-data", "tcp"},
		{"my-host-10.0.0.2-443-tcp", "my-host", "10.0.0.2", "443", "tcp"},
		{"10.0.0.2-my-host.example-443-TCP", "10.0.0.2", "my-host.example", "443", "TCP"},
		{"---ip", "", "", "", "ip"},
		{"2001:db8:0::1-::ffff:1.2.3.4-80-tcp", "2001:db8::1", "::ffff:1.2.3.4", "80", "tcp"},
	} {
		got, err := ParseTuple(tt.text)
		if want := mustTuple(t, tt.src, tt.dst, tt.port, tt.proto); err != nil || got != want {
			t.Errorf("ParseTuple(%q) = %q, %v, want %q", tt.text, got, err, want)
		}
	}
	for _, text := range []string{
		"", "10.0.0.1", "10.0.0.1-10.0.0.2-80", "10.0.0.1-10.0.0.2-80-", "---", strings.Repeat("-", 30) + "tcp",
		strings.Repeat("a", 300) + "-b-80-tcp", strings.Repeat("a", 2000) + "-b-80-tcp",
	} {
		if got, err := ParseTuple(text); err == nil || got != (Tuple{}) {
			t.Errorf("ParseTuple(%q) = %q, %v, want an error", text, got, err)
		}
	}
}

// What a feed can give comes back as it was, as long as names have no dashes.
func TestParseTupleGivesBackWhatWasWritten(t *testing.T) {
	name := rapid.StringMatching(`[a-z][a-z0-9._]{0,8}`)
	addr := rapid.Custom(func(r *rapid.T) string {
		switch rapid.IntRange(0, 4).Draw(r, "kind of address") {
		case 0:
			return netip.AddrFrom4([4]byte(rapid.SliceOfN(rapid.Byte(), 4, 4).Draw(r, "ip"))).String()
		case 1:
			return netip.AddrFrom16([16]byte(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(r, "ip"))).String()
		case 2:
			return AddrFromMAC([6]byte(rapid.SliceOfN(rapid.Byte(), 6, 6).Draw(r, "mac"))).String()
		case 3:
			return name.Draw(r, "name")
		}
		return ""
	})
	port := rapid.Custom(func(r *rapid.T) string {
		n := rapid.Uint32().Draw(r, "port")
		switch rapid.IntRange(0, 4).Draw(r, "kind of port") {
		case 0:
			return PortNumber(uint16(n)).String()
		case 1:
			return PortHex(uint16(n)).String()
		case 2:
			return PortSPI(n).String()
		case 3:
			return name.Draw(r, "name")
		}
		return ""
	})
	proto := rapid.Custom(func(r *rapid.T) string {
		switch rapid.IntRange(0, 2).Draw(r, "kind of protocol") {
		case 0:
			return Proto(rapid.Uint8().Draw(r, "protocol")).String()
		case 1:
			return fmt.Sprint(rapid.IntRange(1, 65535).Draw(r, "type"))
		}
		return name.Draw(r, "name")
	})
	rapid.Check(t, func(r *rapid.T) {
		want := mustTuple(t, addr.Draw(r, "src"), addr.Draw(r, "dst"), port.Draw(r, "port"), proto.Draw(r, "proto"))
		text, err := want.MarshalText()
		if err != nil {
			r.Fatal(err)
		}
		var got Tuple
		if err := got.UnmarshalText(text); err != nil || got != want {
			r.Fatalf("%q came back as %q: %v", want, got, err)
		}
	})
}

func FuzzParseTuple(f *testing.F) {
	for _, s := range []string{"10.0.0.1-10.0.0.2-80-tcp", "::1-fe80::2--ipv6-icmp", "a-b-c-d-e-f", "02:00:00:00:01:04-x-0x1-9", "-\xff-\x00-TCP"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, err := ParseTuple(s)
		if err != nil {
			if got != (Tuple{}) {
				t.Fatalf("ParseTuple(%q) gives %q and an error: %v", s, got, err)
			}
			return
		}
		text := got.String()
		again, err := ParseTuple(text)
		if err != nil || again.String() != text {
			t.Fatalf("ParseTuple(%q) = %q, read again it is %q: %v", s, text, again, err)
		}
		if !strings.Contains(s, ":") && text != s {
			t.Fatalf("ParseTuple(%q) = %q", s, text)
		}
	})
}

// Whoever sends texts of tuples takes no places from the feeds.
func TestParseTupleLeavesNamesToTheFeeds(t *testing.T) {
	table := &nameTable{ids: make(map[string]uint32), atMost: 4}
	for i := range 2 {
		if _, err := table.idWithin(fmt.Append(nil, i), 2); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := table.idWithin([]byte("new"), 2); !errors.Is(err, ErrTooManyNames) {
		t.Errorf("a third name: %v, want %v", err, ErrTooManyNames)
	}
	if _, err := table.idWithin([]byte("1"), 2); err != nil {
		t.Errorf("a known name: %v", err)
	}
	if _, err := table.id([]byte("new")); err != nil {
		t.Errorf("a name of a feed: %v", err)
	}
}
