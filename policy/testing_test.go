package policy

import (
	"flag"
	"fmt"
	"net/netip"
	"os"
	"testing"

	"slips-ips/argusfeed"
	"slips-ips/detection"
)

// TestMain has the property tests look further than rapid's 100 cases, unless
// told otherwise: blocks of odd tuples are rare.
func TestMain(m *testing.M) {
	flag.Parse()
	if f := flag.Lookup("rapid.checks"); f.Value.String() == f.DefValue {
		if err := f.Value.Set("2000"); err != nil {
			panic(err)
		}
	}
	os.Exit(m.Run())
}

func testTuple(src, dst, port, proto string) argusfeed.Tuple {
	s, err1 := argusfeed.ParseAddr([]byte(src))
	d, err2 := argusfeed.ParseAddr([]byte(dst))
	p, err3 := argusfeed.ParsePort([]byte(port))
	pr, err4 := argusfeed.ParseProto([]byte(proto))
	for _, err := range []error{err1, err2, err3, err4} {
		if err != nil {
			panic(fmt.Sprintf("a tuple of this test: %v", err))
		}
	}
	return argusfeed.Tuple{Src: s, Dst: d, Port: p, Proto: pr}
}

// testNow is 2026/03/01 12:00:00.
const testNow argusfeed.Time = 1772366400_000_000

const (
	second = 1_000_000
	minute = 60 * second
	hour   = 60 * minute
)

func testDetection(src, dst, port, proto string) detection.Detection {
	return detection.Detection{
		Tuple: testTuple(src, dst, port, proto),
		Label: "From-Botnet-TCP-HTTP-CC-1", Score: 1.0253001, Threshold: 1.1,
		Flows: 14, Time: testNow,
	}
}

// testProtected is a router between 10.0.0.0/24 and the world.
func testProtected() *Protected {
	entry := func(prefix string, kind Kind, why string) Entry {
		return Entry{Prefix: netip.MustParsePrefix(prefix), Kind: kind, Why: why}
	}
	return NewProtected(
		entry("10.0.0.1/32", KindOwn, "an own address of lan0"),
		entry("203.0.113.7/32", KindOwn, "an own address of wan0"),
		entry("2001:db8:1::1/128", KindOwn, "an own address of lan0"),
		entry("10.0.0.254/32", KindOwn, "an own address of lan0"),
		entry("203.0.113.1/32", KindGateway, "the gateway of wan0"),
		entry("203.0.113.1/32", KindResolver, "a resolver (/etc/resolv.conf)"),
		entry("10.0.0.240/28", KindAllow, "allowed in [protect]: the admins"),
	)
}
