// Package hostnet finds out which addresses this host must never cut itself off
// from: its own, the gateways of its routes, its resolvers, the broadcast addresses
// of its networks, the servers of DHCP and time that it uses, the other ends of SSH
// sessions, and where people used the command line from ([Guests]). It only reads,
// and needs no privilege. It also tells which networks are at home.
//
// Connecting to the port of SSH protects nobody, or whoever is to be blocked would
// do it: a peer is protected when logind knows his session, when he is connected
// for longer than sshd allows without a login, or was when we began to look.
//
// Servers of time are those that chronyd, systemd-timesyncd or ntpd name, once a
// minute, the addresses (not names) in the configuration of the daemons, and those
// that came with a DHCP lease. No program is executed to ask them.
//
// On Linux addresses and routes of all routing tables come from the kernel, and
// [Watch] hears of changes within milliseconds. Elsewhere only own addresses
// and resolvers are found, by asking again and again.
//
// It decides nothing: policy.Protected says what follows from an entry.
//
// # Concurrency
//
// The functions are safe for concurrent use. Watch calls back from one
// goroutine, its caller's.
package hostnet
