package enforce

// Stats counts what the enforcer holds and did.
type Stats struct {
	// Wanted is how many blocks have not run out; Missing, how many of them the
	// kernel does not have. In dry-run none is missing.
	Wanted  int `json:"wanted"`
	Missing int `json:"missing"`
	// Applied counts blocks that were newly put in force, Renewed those that
	// replaced one in force, Lifted those taken back, Expired those that ran out.
	Applied uint64 `json:"applied"`
	Renewed uint64 `json:"renewed"`
	Lifted  uint64 `json:"lifted"`
	Expired uint64 `json:"expired"`
	// Refused counts blocks that must not be, Full those beyond max_blocks,
	// Failed those that the kernel did not take or confirm.
	Refused uint64 `json:"refused"`
	Full    uint64 `json:"full"`
	Failed  uint64 `json:"failed"`
	// Adopted counts blocks found in the kernel at start, Rebuilds how often the
	// table had to be made again, Restored the blocks put back.
	Adopted  uint64 `json:"adopted"`
	Rebuilds uint64 `json:"rebuilds"`
	Restored uint64 `json:"restored"`
}

// Stats gives the counts of this moment. It costs the same however many blocks
// there are.
func (e *Enforcer) Stats() Stats {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.expire(e.now())
	s := e.stats
	s.Wanted, s.Missing = e.wanted.len(), e.wanted.missing
	return s
}
