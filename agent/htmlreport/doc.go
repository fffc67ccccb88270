// Package htmlreport writes what a replay found as one file of HTML, to hand to a
// colleague: what was found, why, and what the policy would have blocked.
//
// The file stands alone: its style and its pictures are in it, it has no script, and
// its content security policy keeps it from asking for anything. Text from outside
// is text.
package htmlreport
