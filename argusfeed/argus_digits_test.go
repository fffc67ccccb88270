package argusfeed

import (
	"fmt"
	"net/netip"
	"strconv"
	"testing"
)

func TestDigits(t *testing.T) {
	for i := range 256 {
		ip := [4]byte{byte(i), byte(255 - i), byte(i * 7), byte(i)}
		// Room or none, what stands before it stays.
		for _, room := range []int{1, 64} {
			b := append(make([]byte, 0, room), 'x')
			if got, want := string(appendOctets(b, ip)), "x"+netip.AddrFrom4(ip).String(); got != want {
				t.Fatalf("%q, want %q", got, want)
			}
		}
	}
	for _, n := range []uint64{65535, 1 << 32, 1<<64 - 1} {
		if got := string(appendNumber(nil, n)); got != strconv.FormatUint(n, 10) {
			t.Errorf("%d is printed %s", n, got)
		}
	}
	for n := range uint64(11000) {
		if got := string(appendNumber(nil, n)); got != strconv.FormatUint(n, 10) {
			t.Fatalf("%d is printed %s", n, got)
		}
	}
	for us := int64(0); us < 1e6; us += 97 {
		if got, want := string(appendMicro(nil, us)), fmt.Sprintf(".%06d", us); got != want {
			t.Fatalf("%s, want %s", got, want)
		}
	}
}

func BenchmarkAppendAddr(b *testing.B) {
	for _, s := range []string{"10.0.0.7", "198.51.100.213", "2001:db8::7"} {
		b.Run(s, func(b *testing.B) {
			a, err := ParseAddr([]byte(s))
			if err != nil {
				b.Fatal(err)
			}
			line := make([]byte, 0, 64)
			b.ReportAllocs()
			for b.Loop() {
				line = a.AppendTo(line[:0])
			}
		})
	}
}
