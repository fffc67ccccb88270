package hostnet

import (
	"net/netip"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var compareAddrs = cmp.Comparer(func(a, b netip.Addr) bool { return a == b })

func TestParseResolvers(t *testing.T) {
	text := "# made by hand\nnameserver 192.0.2.53\n  nameserver\t2001:db8::53 # second\r\n" +
		"nameserver fe80::1%eth0\nnameserver ::ffff:192.0.2.54\nnameserver\nnameserver localhost\n" +
		"search example.org\nnameservers 192.0.2.99\n;nameserver 192.0.2.98\nnameserver 192.0.2.55"
	want := []netip.Addr{
		netip.MustParseAddr("192.0.2.53"), netip.MustParseAddr("2001:db8::53"), netip.MustParseAddr("fe80::1"),
		netip.MustParseAddr("192.0.2.54"), netip.MustParseAddr("192.0.2.55"),
	}
	if diff := cmp.Diff(want, parseResolvers(text), compareAddrs); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// A file that cannot be read is an error, keeps what it said before, and takes
// nothing else along.
func TestUnreadableResolvers(t *testing.T) {
	file := filepath.Join(t.TempDir(), "resolv.conf")
	f := newFinder(Options{ResolverFiles: []string{file, filepath.Join(t.TempDir(), "none")}})
	if err := os.WriteFile(file, []byte("nameserver 192.0.2.53\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := f.look(); err != nil {
		t.Fatal(err)
	}
	before := f.snapshot()
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(file, 0o700); err != nil { // which opens, but does not read
		t.Fatal(err)
	}
	if err := f.look(); err == nil {
		t.Error("no error")
	}
	if after := f.snapshot(); !after.equal(before) || len(after.Entries) < 2 {
		t.Errorf("before %+v\nafter %+v", before, after)
	}
}
