// Package enforce keeps blocks in the kernel: an nftables table of its own,
// whose sets hold one element with a timeout for each block. It is the only
// writer of netlink in the program.
//
// # What it does
//
// The table "inet slips" has a base chain for each configured hook (forward,
// input, output), before the usual filter priority, so that an accept of
// another firewall shields nothing; all of them jump to one chain that drops
// what is in the sets, in both directions. Tuples with ports are in blocked4
// and blocked6; protocols without ports, ICMP among them, are in pair4 and
// pair6. Neighbour discovery is never dropped with the rest of ICMPv6.
//
// The truth is in the agent: [Enforcer] keeps every block that is wanted, with
// its end on its own clock (the kernel sends no event when an element expires),
// and never dumps a set except once at start. What the kernel did not confirm
// is [StateMissing], never [StateBlocked]. Before each transaction it makes
// sure, by the generation number of the ruleset, that nobody changed anything
// since the table was last compared; the transaction itself is bound to that
// number. [Enforcer.Check] does the same on a timer, restores what somebody
// removed, and lifts what became protected.
//
// At start a table of ours is adopted with its blocks; one of another version,
// or a damaged one, is replaced together with its blocks in one transaction; a
// table of the same name that is not ours is refused. The table outlives the
// agent: its elements run out by themselves.
//
// In dry-run no netlink socket is opened, so nothing can be written whatever
// the rest of the program decides; blocks are kept as [StateWouldBlock].
//
// # What it is not
//
// It does not decide. It refuses what policy would refuse (policy.Unblockable,
// policy.Protected), asked again at the moment of enforcement, and nothing
// else. It logs nothing.
//
// # Concurrency
//
// All methods of [Enforcer] are safe for concurrent use. Those that write to
// the kernel wait for one another; those that only tell (List, Newest, Lookup,
// Find, Len, Stats, Health, Latency) wait for none.
package enforce
