// Package argusfeed turns what Argus delivers into flows.
//
// Text decodes what ra prints, Argus the binary stream, Open tells which of
// them a file is, and a Source delivers batches of flows from a file, one that
// grows, a pipe, a running Argus or an Argus that it runs itself. A bad line is counted, shown
// once of its kind, and skipped: nothing that a feed holds stops the reading.
//
// What it does not do: it does not join the status records of one flow, sort
// flows, or doubt their times; that is for detection. The clock of this machine
// plays no part in a Flow.
//
// Concurrency: decoders belong to one goroutine. A Source has its own; Stats
// and String are safe from others. Flows, tuples and their parts are values. The
// names that a feed shows (hosts and services without ra -n) are kept once for
// the whole process, up to 65536 of them.
package argusfeed
