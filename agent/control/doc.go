// Package control is the agent's control socket: HTTP and JSON over a unix
// socket, the server and the client of it. docs/control.md has the calls.
//
// The kernel says who is at the other end. Root and the members of a group may
// read, root and the members of another group may change; the server knows
// nothing of detection or blocks, it asks a [Backend]. What a client may take
// (connections, time, rows, memory) is bounded, by user as well: a slow or
// hostile one harms nobody but itself.
//
// # Concurrency
//
// [Server], [Listener] and [Client] are safe for concurrent use.
package control
