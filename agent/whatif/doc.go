// Package whatif says what two policies make of the same matches: how each of
// them would have blocked, and where they go different ways. It decides nothing:
// agent runs the policies, over stored flows or over the history, and adds what
// they say to Trials.
//
// A Trials belongs to one goroutine; the rest are values that serialise to JSON.
package whatif
