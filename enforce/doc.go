// Package enforce keeps blocks in the kernel: an nftables table of its own,
// whose sets hold one element with a timeout for each block. It is the only
// writer of netlink in the program.
//
// # What it does
//
// The table "inet slips" has a base chain for each configured hook (forward,
// input, output), before the usual filter priority, so that an accept of
// another firewall shields nothing; all of them jump to one chain that looks into
// the sets, in both directions. There is a pair of sets, of IPv4 and IPv6, for each
// scope: tuples with ports, protocols without ports between two addresses (ICMP
// among them), everything between two addresses, everything of a destination,
// quarantined sources. Sets of protected addresses guard them all. Neighbour
// discovery is never stopped with the rest of ICMPv6.
//
// The truth is in the agent: [Enforcer] keeps every block that is wanted, with
// its end on its own clock (the kernel sends no event when an element expires),
// and never dumps a set of blocks except once at start. What the kernel did not
// confirm is [StateMissing], never [StateBlocked]. Before each transaction it
// makes sure, by the generation number of the ruleset, that nobody changed
// anything since the table was last compared; the transaction itself is bound to
// that number, and so is proven by the next one. A socket of its own listens to
// what others do (events_linux.go); [Enforcer.Watch] mends it at once, and
// [Enforcer.Check] also looks at a sample, and lifts what became protected.
//
// One process enforces a table of a network namespace (lock_linux.go). At start a
// table of ours is adopted with its blocks; one of another version, or a damaged one,
// is replaced together with its blocks in one transaction; a
// table of the same name that is not ours is refused. The table outlives the
// agent: its elements run out by themselves. [Enforcer.Restore] and [RestoreOnce]
// bring back what history knows, after a reboot.
//
// Durations are of running time: the kernel's ticks and Go's monotonic clock both
// stand still while the machine is suspended, and neither knows the wall clock.
//
// In dry-run no netlink socket is opened, so nothing can be written whatever
// the rest of the program decides; blocks are kept as [StateWouldBlock]. With
// [Options] Count they are also loaded into a table that only counts.
//
// [Enforcer.Pause] removes the table and refuses every block until Resume.
//
// [Inspect] tells what of the host bears on enforcement, and [SelfTest] proves in a
// throw-away namespace that a block stops a packet.
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
// the kernel wait for one another, restores and checks after every few blocks for
// new ones; those that only tell (List, Newest, Lookup,
// Find, Len, Stats, Health, Latency) wait for none.
package enforce
