// Package report tells people what the agent sees: the tuples of a time window
// as text, in the form of the original slips, and the bell.
//
// It decides nothing and knows no feed. A Printer belongs to one goroutine.
package report
