// Package detection turns flows into letters and behaviour, compares them with
// models and says what matched.
//
// Two scorers exist. The reference scorer, slips-0.3.3, does what the original
// slips 0.3.3alpha did: letters, time slots, forgetting, Markov chains and
// their distance, number for number. The behaviour scorer measures the contacts
// of a tuple and who else talks to its destination, has a classifier make a
// probability of command and control of that, and lets models speak for it,
// against it, or give it its name. Each brings its own handling of time: the
// reference drops what the original dropped; the default path keeps late flows
// and lets no single record move its clock far.
//
// Time is flow time: nothing here reads a clock, logs, or does I/O except
// where a TraceWriter is given a writer. The same flows in the same order give
// the same detections.
//
// A Detector is owned by one goroutine. Several detectors may run side by side
// on flows split by tuple; they share nothing but the models, which are never
// changed.
package detection
