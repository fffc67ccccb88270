package status

// Hindrance is what keeps blocks that are wanted from being in force. It is found out
// in one place, by the agent; whoever shows the status goes by it.
type Hindrance string

// The hindrances, the gravest first.
const (
	// HindrancePaused: an admin turned all blocking off.
	HindrancePaused Hindrance = "paused"
	// HindranceKernel: the kernel cannot be asked, or our table is somebody else's.
	HindranceKernel Hindrance = "kernel"
	// HindranceMissing: the kernel lacks blocks, and has for a while.
	HindranceMissing Hindrance = "missing"
	// HindranceUnwatched: nobody looks any more whether it has them.
	HindranceUnwatched Hindrance = "unwatched"
)
