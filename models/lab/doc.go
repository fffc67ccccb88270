// Package lab makes traffic of known behaviour: beacons with jitter and missing
// beats, attempts that fail, resolvers that are asked like a clock. A Plan says
// what is done and when; it becomes packets with crafted times in a pcap, which
// the real argus reads in seconds however many hours they cover, or the flows
// that argus would make of them.
//
// It sends nothing. The same plan and seed give the same traffic. Plans are
// values; nothing here is shared between goroutines.
package lab
