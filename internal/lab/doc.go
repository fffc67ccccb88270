// Package lab is test equipment: network namespaces with routers, servers and
// real traffic between them, for the tests of several packages and for the
// demonstration. It runs on Linux as root, or with CAP_SYS_ADMIN and
// CAP_NET_ADMIN, and says so with [ErrUnavailable] elsewhere.
//
// A namespace ([NS]) has no name and no mount: it is held by a file descriptor
// and by a thread, so that nothing of it outlives the process, kill -9
// included. The machine's own interfaces and ruleset are never touched.
//
// # Concurrency
//
// The methods of [NS] and [Router] are safe for concurrent use, except that
// nothing may follow Close.
package lab
