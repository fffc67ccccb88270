package hostnet

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"slips-ips/policy"
)

// write puts files below a folder that stands for /.
func write(t *testing.T, root string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func told(entries []policy.Entry) []string {
	var list []string
	for _, e := range entries {
		list = append(list, fmt.Sprintf("%s %s: %s", e.Kind, e.Prefix, e.Why))
	}
	slices.Sort(list)
	return list
}

// dhcpMessage is what dhcpcd keeps: an answer of a DHCP server.
func dhcpMessage(address string, options ...byte) string {
	m := make([]byte, dhcpOptions)
	copy(m[dhcpAddress:], netip.MustParseAddr(address).AsSlice())
	binary.BigEndian.PutUint32(m[dhcpCookie:], dhcpMagic)
	return string(append(m, options...))
}

const dhclientLeases = `# a comment
default-duid "x";
lease {
  interface "eth0";
  fixed-address 10.1.0.7;
  option dhcp-server-identifier 10.1.0.1;
  option ntp-servers 10.1.0.3, 10.1.0.4;
  expire 2 2026/03/03 12:00:00;
}
lease {
  interface "eth0";
  fixed-address 172.16.9.9;
  option dhcp-server-identifier 172.16.9.1;
}
`

// Each client's files, and which of their leases are in use.
func TestLeases(t *testing.T) {
	root := t.TempDir()
	write(t, root, map[string]string{
		"var/lib/dhcp/dhclient.eth0.leases":                 dhclientLeases,
		"run/systemd/netif/leases/3":                        "# private\nADDRESS=10.2.0.7\nNETMASK=255.255.255.0\nSERVER_ADDRESS=10.2.0.1\nNTP=10.2.0.3 10.2.0.4\nDNS=10.2.0.5\n",
		"var/lib/NetworkManager/internal-1-2-3-wlan0.lease": "ADDRESS=10.3.0.7\nSERVER_ADDRESS=10.3.0.1\n",
		"var/lib/NetworkManager/internal-old-wlan0.lease":   "ADDRESS=192.168.1.7\nSERVER_ADDRESS=192.168.1.1\n",
		"var/lib/dhcpcd/eth3.lease":                         dhcpMessage("10.4.0.7", 0, 53, 1, 5, optionServer, 4, 10, 4, 0, 1, optionNTP, 8, 10, 4, 0, 2, 10, 4, 0, 3, optionEnd, optionServer, 4, 1, 1, 1, 1),
		"var/lib/dhcpcd/broken.lease":                       dhcpMessage("10.4.0.7", optionServer, 200, 1),
		"var/lib/dhcp/dhclient.empty.leases":                "",
	})
	leases, err := readLeases(root)
	if err != nil {
		t.Fatal(err)
	}
	var own []policy.Entry
	for _, s := range []string{"10.1.0.7", "10.2.0.7", "10.3.0.7", "10.4.0.7"} {
		own = append(own, entry(netip.MustParseAddr(s), policy.KindOwn, "own"))
	}
	want := []string{
		"dhcp 10.1.0.1/32: the DHCP server of this host", "dhcp 10.2.0.1/32: the DHCP server of this host",
		"dhcp 10.3.0.1/32: the DHCP server of this host", "dhcp 10.4.0.1/32: the DHCP server of this host",
		"ntp 10.1.0.3/32: a time server (from DHCP)", "ntp 10.1.0.4/32: a time server (from DHCP)",
		"ntp 10.2.0.3/32: a time server (from DHCP)", "ntp 10.2.0.4/32: a time server (from DHCP)",
		"ntp 10.4.0.2/32: a time server (from DHCP)", "ntp 10.4.0.3/32: a time server (from DHCP)",
	}
	if diff := cmp.Diff(want, told(leaseEntries(leases, own))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestTimeServers(t *testing.T) {
	root := t.TempDir()
	write(t, root, map[string]string{
		"etc/chrony/chrony.conf":                 "# server 192.0.2.99\nserver 192.0.2.1 iburst\npool 2.debian.pool.ntp.org iburst\npeer 192.0.2.2 # a friend\n",
		"run/chrony-dhcp/eth0.sources":           "server 192.0.2.3 iburst\n",
		"etc/ntpsec/ntp.conf":                    "server -6 2001:db8::1\nserver 127.127.1.0\n",
		"etc/systemd/timesyncd.conf.d/site.conf": "[Time]\nNTP=192.0.2.5 time.example 2001:db8::5\n#NTP=192.0.2.98\nFallbackNTP=192.0.2.6\n",
	})
	entries, err := configuredNTP(root)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range entries {
		got = append(got, e.Prefix.Addr().String())
	}
	slices.Sort(got)
	want := []string{"127.127.1.0", "192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.5", "192.0.2.6", "2001:db8::1", "2001:db8::5"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestSSHPorts(t *testing.T) {
	for name, c := range map[string]struct {
		files map[string]string
		want  []uint16
	}{
		"no configuration": {nil, []uint16{22}},
		"shipped":          {map[string]string{"etc/ssh/sshd_config": "#Port 22\nUsePAM yes\n"}, []uint16{22}},
		"others": {map[string]string{"etc/ssh/sshd_config": "Port 2222\nport 2223 # also\nListenAddress 10.0.0.1:2224\nListenAddress [2001:db8::1]:2225\nListenAddress 2001:db8::2\nListenAddress gate:2226\n",
			"etc/ssh/sshd_config.d/a.conf": "Port 0\nPort 70000\nPort 2227\n"}, []uint16{2222, 2223, 2224, 2225, 2226, 2227}},
	} {
		root := t.TempDir()
		write(t, root, c.files)
		var got []uint16
		for p := range sshPorts(root) {
			got = append(got, p)
		}
		slices.Sort(got)
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestLoggedIn(t *testing.T) {
	root := t.TempDir()
	write(t, root, map[string]string{
		"run/systemd/sessions/3":     "# private\nUID=0\nREMOTE=1\nREMOTE_HOST=10.0.0.7\nSTATE=active\nSERVICE=sshd\n",
		"run/systemd/sessions/4":     "REMOTE=1\nREMOTE_HOST=10.0.0.8\nSTATE=closing\n",
		"run/systemd/sessions/5":     "REMOTE=0\nSTATE=active\nREMOTE_HOST=10.0.0.9\n",
		"run/systemd/sessions/6":     "REMOTE=1\nREMOTE_HOST=admin.example\nSTATE=active\n",
		"run/systemd/sessions/3.ref": "REMOTE=1\nREMOTE_HOST=10.0.0.10\n",
	})
	got, err := loggedIn(root)
	if err != nil || len(got) != 1 || got[0].String() != "10.0.0.7" {
		t.Errorf("%v, %v", got, err)
	}
}

// Connecting to the port of SSH protects nobody: being logged in does.
func TestSSHPeers(t *testing.T) {
	admin, attacker, early := netip.MustParseAddr("10.0.0.7"), netip.MustParseAddr("203.0.113.66"), netip.MustParseAddr("10.0.0.8")
	conn := func(ip netip.Addr, port uint16) peer { return peer{netip.AddrPortFrom(ip, port), 22} }
	var s sshPeers
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for _, step := range []struct {
		name      string
		after     time.Duration
		connected []peer
		loggedIn  []netip.Addr
		want      []netip.Addr
	}{
		{"connected when we start", 0, []peer{conn(early, 1000)}, nil, []netip.Addr{early}},
		{"somebody connects", 5 * time.Second, []peer{conn(early, 1000), conn(attacker, 2000)}, nil, []netip.Addr{early}},
		{"again and again", 2 * time.Minute, []peer{conn(early, 1000), conn(attacker, 2001)}, nil, []netip.Addr{early}},
		{"as sshd throws him out", 2 * time.Minute, []peer{conn(early, 1000), conn(attacker, 2002)}, nil, []netip.Addr{early}},
		{"the admin logs in", time.Second, []peer{conn(early, 1000), conn(admin, 3000)}, []netip.Addr{admin}, []netip.Addr{admin, early}},
		{"a session that logind does not know", 10 * time.Second, []peer{conn(attacker, 4000), conn(admin, 3000)}, nil, []netip.Addr{admin, early}},
		{"lasts for longer than a login may take", loginTime, []peer{conn(attacker, 4000), conn(admin, 3000)}, nil, []netip.Addr{admin, early, attacker}},
		{"and ends: it may have dropped", 10 * time.Minute, nil, nil, []netip.Addr{admin, early, attacker}},
		{"long ago", linger, nil, nil, []netip.Addr{}},
	} {
		now = now.Add(step.after)
		got := s.look(now, step.connected, step.loggedIn)
		slices.SortFunc(got, netip.Addr.Compare)
		if !slices.Equal(got, step.want) {
			t.Errorf("%s: %v, want %v", step.name, got, step.want)
		}
	}
	var many []netip.Addr
	for i := range 10 * maxPeers {
		many = append(many, netip.AddrFrom4([4]byte{10, 1, byte(i >> 8), byte(i)}))
	}
	if got := s.look(now, nil, many); len(got) != maxPeers || len(s.seen) != maxPeers {
		t.Errorf("%d peers, %d remembered, want %d", len(got), len(s.seen), maxPeers)
	}
}

func TestGuests(t *testing.T) {
	var g Guests
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	g.Note(netip.MustParseAddr("10.0.0.7"), now)
	g.Note(netip.MustParseAddr("::1"), now)
	g.Note(netip.Addr{}, now)
	g.Note(netip.MustParseAddr("::ffff:10.0.0.8"), now.Add(time.Hour))
	want := []string{"cli 10.0.0.7/32: where the command line was used from", "cli 10.0.0.8/32: where the command line was used from"}
	if diff := cmp.Diff(want, told(g.Entries(now.Add(GuestTime)))); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(want[1:], told(g.Entries(now.Add(GuestTime+time.Second)))); diff != "" {
		t.Error(diff)
	}
	for i := range 1000 {
		g.Note(netip.AddrFrom4([4]byte{10, 1, byte(i >> 8), byte(i)}), now.Add(2*time.Hour+time.Duration(i)))
	}
	if n := len(g.Entries(now.Add(2 * time.Hour))); n != MaxGuests {
		t.Errorf("%d guests, want %d", n, MaxGuests)
	}
	if none := (*Guests)(nil).Entries(now); none != nil {
		t.Error(none)
	}
}

func TestStartedFrom(t *testing.T) {
	if e, ok := startedFrom("10.0.0.7 51000 10.0.0.1 22"); !ok || e.Prefix.String() != "10.0.0.7/32" || e.Kind != policy.KindSSH {
		t.Errorf("%v %v", e, ok)
	}
	for _, s := range []string{"", "  ", "host 1 2 3"} {
		if e, ok := startedFrom(s); ok {
			t.Errorf("%q: %v", s, e)
		}
	}
}

// Files that other programs write: whatever is in them, at most addresses come out.
func FuzzLeases(f *testing.F) {
	f.Add([]byte(dhclientLeases))
	f.Add([]byte("ADDRESS=10.2.0.7\nSERVER_ADDRESS=10.2.0.1\nNTP=10.2.0.3 10.2.0.4\n"))
	f.Add([]byte(dhcpMessage("10.4.0.7", optionServer, 4, 10, 4, 0, 1, optionEnd)))
	f.Add([]byte("server 192.0.2.1\nNTP=192.0.2.5\nPort 22\nListenAddress x:1\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, kind := range leaseFiles {
			for _, l := range kind.parse(data) {
				for _, ip := range append(slices.Clone(l.servers), l.ntp...) {
					if !ip.IsValid() || ip.IsUnspecified() || ip.Zone() != "" || ip.Is4In6() {
						t.Fatalf("%v", ip)
					}
				}
				if len(l.servers) > maxServers || len(l.ntp) > maxServers {
					t.Fatal("too many")
				}
			}
		}
		if len(parseNTPConfig(data)) > maxServers {
			t.Fatal("too many")
		}
	})
}

// answering is a connection to a daemon of time that answers each question with data,
// behind what makes it an answer.
type answering struct {
	net.Conn
	data     []byte
	question []byte
}

func (a *answering) Close() error                { return nil }
func (a *answering) Write(q []byte) (int, error) { a.question = q; return len(q), nil }

func (a *answering) Read(buf []byte) (int, error) {
	answer := slices.Concat([]byte{a.question[0], a.question[1] | ntpResponse}, a.question[2:4], a.data)
	if a.question[0] == chronyVersion {
		answer = slices.Concat([]byte{chronyVersion, chronyReply, 0, 0}, a.question[4:6], make([]byte, 10), a.question[8:12], a.data)
	}
	return copy(buf, answer), nil
}

// Whoever answers at a port of loopback: at most addresses come out, and it ends.
func FuzzTimeServers(f *testing.F) {
	f.Add(append([]byte{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 192, 0, 2, 1}, make([]byte, 24)...))
	f.Add([]byte("\x00\x00\x00\x00\x00\x00\x00\x12srcadr=192.0.2.1\r\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) < chronyTells { // shorter ones are no answers, and waited out
			data = append(data, make([]byte, chronyTells)...)
		}
		for _, sources := range []func(*asking) ([]netip.Addr, error){chronySources, ntpdSources} {
			found, err := sources(&asking{&answering{data: data}, func(_, _ []byte) bool { return true }})
			if len(found) > maxServers || err != nil && len(found) > 0 {
				t.Fatalf("%v, %v", found, err)
			}
			for _, ip := range found {
				if !ip.IsValid() || ip.IsUnspecified() || ip.Zone() != "" || ip.Is4In6() {
					t.Fatalf("%v", ip)
				}
			}
		}
	})
}
