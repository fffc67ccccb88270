// Package report has the ways out: what the agent sees and does is told to
// people and to other programs.
//
// A Reporter takes events (history.Event), flows and statistics and gives them
// to its outputs: EVE-shaped JSON lines, the journal, syslog in CEF, programs,
// webhooks, desktops, a sound. Each output has goroutines and a bounded queue
// of its own, so that one that is stuck holds up neither the caller nor the
// others: what does not fit is dropped and counted. Alerts are limited by tuple;
// blocks and lifts never are. A Reporter is safe for concurrent use.
//
// A Printer prints the tuples of a time window as text, in the form of the
// original slips. It belongs to one goroutine.
//
// The package decides nothing and knows no feed. Text from outside (names in a
// feed) is made harmless for each receiver; none of it is ever an argument of
// a program.
package report
