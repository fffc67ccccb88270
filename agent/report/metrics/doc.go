// Package metrics gives the agent's status to Prometheus: the numbers of one
// snapshot a scrape, on loopback or a unix socket, off unless configured.
//
// It keeps nothing itself: counters are those of the stages, so a scrape that is
// missed loses nothing. docs/metrics.md lists them; a test keeps it true.
//
// # Concurrency
//
// [Exporter] is safe for concurrent use. A scrape takes no more from the agent
// than one call of the status function; what reads slowly holds a buffer of a
// bounded number, and no lock.
package metrics
