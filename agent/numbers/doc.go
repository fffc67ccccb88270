// Package numbers writes numbers, rates, sizes and durations for people: the same in
// the commands, on the terminal and on the page. What reads them stays with who reads:
// [slips-ips/agent/control.ParseDuration].
//
// # Concurrency
//
// All of it is functions of their arguments.
package numbers
