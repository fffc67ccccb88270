package detection

// Stats counts what a detector did since it was made. It is a value.
type Stats struct {
	// Flows were given, Detections came of them.
	Flows      uint64 `json:"flows"`
	Detections uint64 `json:"detections"`
	// Late flows were dropped because they were too old; Edge because they
	// started exactly at the end of a slot (reference scorer only); Future
	// because they were far ahead and nothing confirmed them.
	Late   uint64 `json:"late"`
	Edge   uint64 `json:"edge"`
	Future uint64 `json:"future"`
	// Held is how many flows from the future wait now.
	Held int `json:"held"`
	// Unsorted flows started before an earlier one of their tuple. They count,
	// but make no letters (not for the reference scorer).
	Unsorted uint64 `json:"unsorted"`
	// SetBack is how often the flows of a source turned out to be earlier than
	// its clock, which then followed.
	SetBack uint64 `json:"clock_set_back"`
	// Tuples are known now. Evicted ones had to make room (max_tuples),
	// Forgotten ones had too many flows at the end of a window (forget_after),
	// Restarted ones reached max_letters and began anew.
	Tuples    int    `json:"tuples"`
	Evicted   uint64 `json:"evicted"`
	Forgotten uint64 `json:"forgotten"`
	Restarted uint64 `json:"restarted"`
	// Windows have ended.
	Windows uint64 `json:"windows"`
}

// Dropped is the number of flows that were lost.
func (s Stats) Dropped() uint64 { return s.Late + s.Edge + s.Future }
