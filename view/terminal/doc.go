// Package terminal is `slips-ips top`: what the agent does, on a terminal, and
// the keys to lift a block, to allow and to block. docs/top.md tells admins of it.
//
// It knows the agent only by its control socket. Whatever the agent has, only as
// many rows are asked for as fit on the screen three times: filters, orders and
// limits are the agent's work. One question is under way at a time, and the next
// one waits until the answer is there, the interval is over and what was drawn
// fits the bytes a second that the line may carry.
//
// What comes from outside (names, labels, comments, reasons) passes [report.Plain]
// where it becomes a part of the screen (words.go), and nowhere else are escape
// sequences made than where styles are put on (style.go).
//
// # Concurrency
//
// [Run] is for one goroutine. Inside, the model belongs to the event loop of
// bubbletea; questions run beside it and tell it their answers.
package terminal
