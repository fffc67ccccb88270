// Package hostnet finds out which addresses this host must never cut itself off
// from: its own, the gateways of its routes, its resolvers, and the broadcast
// addresses of its networks. It only reads, and needs no privilege.
//
// On Linux addresses and routes of all routing tables come from the kernel, and
// [Watch] hears of changes within milliseconds. Elsewhere only own addresses
// and resolvers are found, by asking again and again.
//
// It decides nothing: policy.Protected says what follows from an entry.
//
// # Concurrency
//
// The functions are safe for concurrent use. Watch calls back from one
// goroutine, its caller's.
package hostnet
