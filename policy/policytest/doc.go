// Package policytest runs the cases that an admin writes for a policy: what was
// detected, how things were, and what is to come of it. `slips-ips policy test`
// reads them from files in TOML:
//
//	[[case]]
//	name = "a beacon that is known is blocked at its third match"
//	matches = 3
//	[case.detection]
//	tuple = "192.168.1.20-203.0.113.9-443-tcp"
//	probability = 0.97
//	[case.expect]
//	action = "block"
//	duration = "1h"
//
// docs/policy.md has every key. Each case is asked by itself: no case changes
// what another one finds. The decision is that on the last of the matches, and
// those before it block nothing.
//
// It does no I/O. Its functions are safe for concurrent use.
package policytest
