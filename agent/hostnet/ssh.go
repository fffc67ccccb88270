package hostnet

import (
	"cmp"
	"net/netip"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"slips-ips/policy"
)

// peer is the other end of an established TCP connection to a port of this host.
type peer struct {
	remote netip.AddrPort
	local  uint16
}

const (
	// loginTime is how long sshd lets a connection be that has not logged in
	// (LoginGraceTime, two minutes), and some more. Whoever has been connected for
	// longer is logged in. Else anybody who can reach the port would protect
	// himself by connecting to it.
	loginTime = 130 * time.Second
	// linger is how long a peer stays protected after its last session: a dropped
	// connection must not lock out whoever comes back.
	linger = 15 * time.Minute
	// maxPeers are remembered; beyond it those go that were seen longest ago.
	maxPeers = 256
)

// sshPeers follows the sessions of SSH. It belongs to one goroutine.
type sshPeers struct {
	began map[peer]time.Time // the connections at the last look
	seen  map[netip.Addr]time.Time
	first bool // looked before
}

// look takes the connections of this moment and the hosts that are logged in, and
// gives the peers that are protected. What is connected at the first look is taken
// for a session: how old it is cannot be told.
func (s *sshPeers) look(now time.Time, connected []peer, loggedIn []netip.Addr) []netip.Addr {
	began := make(map[peer]time.Time, len(connected))
	if s.seen == nil {
		s.seen = make(map[netip.Addr]time.Time)
	}
	for _, p := range connected {
		at, known := s.began[p]
		switch {
		case known:
		case s.first:
			at = now
		default:
			at = now.Add(-loginTime)
		}
		began[p] = at
		if now.Sub(at) >= loginTime {
			s.seen[p.remote.Addr()] = now
		}
	}
	s.began, s.first = began, true
	for _, ip := range loggedIn {
		s.seen[ip] = now
	}
	peers := make([]netip.Addr, 0, len(s.seen))
	for ip, at := range s.seen {
		if now.Sub(at) > linger {
			delete(s.seen, ip)
			continue
		}
		peers = append(peers, ip)
	}
	slices.SortFunc(peers, func(a, b netip.Addr) int { return cmp.Or(s.seen[b].Compare(s.seen[a]), a.Compare(b)) })
	for len(peers) > maxPeers {
		delete(s.seen, peers[len(peers)-1])
		peers = peers[:len(peers)-1]
	}
	return peers
}

// sshPorts reads the ports that sshd listens on from its configuration: 22 where
// it names none, or cannot be read.
func sshPorts(root string) map[uint16]bool {
	ports := map[uint16]bool{}
	add := func(s string) {
		if n, err := strconv.ParseUint(s, 10, 16); err == nil && n > 0 && len(ports) < maxServers {
			ports[uint16(n)] = true
		}
	}
	read := func(_ string, data []byte) {
		configLines(data, func(fields []string) {
			if len(fields) < 2 {
				return
			}
			switch strings.ToLower(fields[0]) {
			case "port":
				add(fields[1])
			case "listenaddress":
				if ap, err := netip.ParseAddrPort(fields[1]); err == nil {
					add(strconv.Itoa(int(ap.Port())))
				} else if i := strings.LastIndexByte(fields[1], ':'); i >= 0 && !strings.Contains(fields[1][:i], ":") {
					add(fields[1][i+1:])
				}
			}
		})
	}
	// What cannot be read has the default.
	_ = eachFile(root, "/etc/ssh/sshd_config", read)
	_ = eachFile(root, "/etc/ssh/sshd_config.d/*.conf", read)
	if len(ports) == 0 {
		ports[22] = true
	}
	return ports
}

// loggedIn reads the hosts of the sessions that systemd-logind knows.
func loggedIn(root string) ([]netip.Addr, error) {
	var hosts []netip.Addr
	err := eachFile(root, "/run/systemd/sessions/*", func(name string, data []byte) {
		if filepath.Ext(name) != "" { // a session's pipe, NUMBER.ref
			return
		}
		remote, state, host := false, "", netip.Addr{}
		for line := range strings.Lines(string(data)) {
			switch key, value, _ := strings.Cut(strings.TrimSpace(line), "="); key {
			case "REMOTE":
				remote = value == "1"
			case "STATE":
				state = value
			case "REMOTE_HOST":
				host = parseIP(value)
			}
		}
		if remote && state != "closing" && host.IsValid() {
			hosts = append(hosts, host)
		}
	})
	return hosts, err
}

// startedFrom is where this program was started from over SSH, by the variable
// that sshd sets.
func startedFrom(connection string) (policy.Entry, bool) {
	fields := strings.Fields(connection)
	if len(fields) == 0 {
		return policy.Entry{}, false
	}
	ip := parseIP(fields[0])
	return entry(ip, policy.KindSSH, "where this program was started from (SSH_CONNECTION)"), ip.IsValid()
}
