package argusfeed

import (
	"errors"
	"testing"
)

func TestFindTuple(t *testing.T) {
	// As a feed shows them; where a name begins cannot be told from the text alone.
	var named Tuple
	for _, part := range []struct {
		to   *Addr
		name string
	}{{&named.Src, "printer.lan"}, {&named.Dst, "mail-relay.lan"}} {
		addr, err := ParseAddr([]byte(part.name))
		if err != nil {
			t.Fatal(err)
		}
		*part.to = addr
	}
	var err error
	if named.Port, err = ParsePort([]byte("imaps")); err != nil {
		t.Fatal(err)
	}
	named.Proto = ProtoTCP
	if found, err := FindTuple("printer.lan-mail-relay.lan-imaps-tcp"); err != nil || found != named {
		t.Errorf("%s, %v", found, err)
	}
	for _, s := range []string{
		"10.0.0.5-203.0.113.9-443-tcp", "2001:db8::1-2001:db8::2-53-udp", "2001:db8::1-2001:db8::2-0x0080-ipv6-icmp",
		"10.0.0.5-203.0.113.9-0x0008-icmp", "02:00:00:00:00:01-ff:ff:ff:ff:ff:ff--2054", "10.0.0.5-203.0.113.9--bbn-rcc",
		"10.0.0.5-203.0.113.9-0xc0ffee00-esp",
	} {
		found, err := FindTuple(s)
		if err != nil {
			t.Errorf("%s: %v", s, err)
			continue
		}
		if parsed, err := ParseTuple(s); err != nil || parsed != found {
			t.Errorf("%s: ParseTuple differs: %v, %v", s, parsed, err)
		}
		if found.String() != s {
			t.Errorf("%s became %s", s, found)
		}
	}
}

// What is asked for must not use up the names of the feed.
func TestFindTupleLearnsNoNames(t *testing.T) {
	names.mu.RLock()
	before := len(names.byID)
	names.mu.RUnlock()
	for _, s := range []string{
		"", "-", "---", "----", "tcp", "10.0.0.5", "10.0.0.5-203.0.113.9", "10.0.0.5-203.0.113.9-443-", "a-b-c",
		"nobody.x-203.0.113.9-443-tcp", "10.0.0.5-nobody.x-443-tcp", "10.0.0.5-203.0.113.9-70000-tcp",
		"10.0.0.5-203.0.113.9-0443-tcp", "10.0.0.5-203.0.113.9-443-tcpx", "10.0.0.5-203.0.113.9-0x-tcp", "10.0.0.5-203.0.113.9-443-99999",
		"010.0.0.5-203.0.113.9-443-tcp", "fe80::1%eth0-203.0.113.9-443-tcp", "\x00-\x00-\x00-\x00",
	} {
		if got, err := FindTuple(s); err == nil {
			t.Errorf("%q became %q", s, got)
		} else if got != (Tuple{}) {
			t.Errorf("%q: an error and a tuple", s)
		}
	}
	names.mu.RLock()
	defer names.mu.RUnlock()
	if len(names.byID) != before {
		t.Errorf("%d names were learned", len(names.byID)-before)
	}
	if _, err := FindTuple("nobody.x-203.0.113.9-443-tcp"); !errors.Is(err, ErrUnknownName) {
		t.Errorf("got %v", err)
	}
	// A number that is no port is a mistake, and no name that was not seen.
	if _, err := FindTuple("10.0.0.5-203.0.113.9-70000-tcp"); err == nil || errors.Is(err, ErrUnknownName) {
		t.Errorf("got %v", err)
	}
}

func FuzzFindTuple(f *testing.F) {
	for _, s := range []string{"10.0.0.5-203.0.113.9-443-tcp", "a-b-c-d", "2001:db8::1-2001:db8::2-0x0080-ipv6-icmp", "----"} {
		f.Add(s)
	}
	names.mu.RLock()
	before := len(names.byID)
	names.mu.RUnlock()
	f.Fuzz(func(t *testing.T, s string) {
		got, err := FindTuple(s)
		if err != nil && got != (Tuple{}) {
			t.Fatal("an error and a tuple")
		}
		names.mu.RLock()
		defer names.mu.RUnlock()
		if len(names.byID) != before {
			t.Fatalf("%q was learned", s)
		}
	})
}
