package agent

// GCPercent is how much garbage there may be before it is collected, as a share of
// what is in use; a program that runs an agent sets it (debug.SetGCPercent) unless
// GOGC says otherwise. Most of what is in use are tables without pointers, which
// are quickly gone through, and gigabytes where there are millions of tuples: less than
// half of the usual garbage costs little time, and keeps ten million tuples of a
// usual mix, 2.1 GiB, below three at all times.
const GCPercent = 40
