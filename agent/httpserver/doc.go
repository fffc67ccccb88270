// Package httpserver serves HTTP at the doors of the agent that others than admins can
// reach: the metrics and the web page on loopback. It has what both need: an end that
// waits for nobody, bounds on what clients may take of the agent, and the check that a
// request was meant for this host. What is answered, and to whom, is theirs; the control
// socket, which knows its clients, has a server of its own.
//
// # Concurrency
//
// [Serve] may be called several times at once, each with a listener of its own.
// [OfLoopback] keeps nothing.
package httpserver
