// Package control is the agent's control socket: HTTP and JSON over a unix
// socket, the server and the client of it.
package control
