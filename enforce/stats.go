package enforce

// Stats counts what the enforcer holds and did.
type Stats struct {
	// Wanted is how many blocks have not run out; Missing, how many of them the
	// kernel does not have. In dry-run none is missing.
	Wanted, Missing int
	// Applied counts blocks that were newly put in force, Renewed those that
	// replaced one in force, Lifted those taken back, Expired those that ran out.
	Applied, Renewed, Lifted, Expired uint64
	// Refused counts blocks that must not be, Full those beyond max_blocks,
	// Failed those that the kernel did not take or confirm.
	Refused, Full, Failed uint64
	// Adopted counts blocks found in the kernel at start, Rebuilds how often the
	// table had to be made again, Restored the blocks put back.
	Adopted, Rebuilds, Restored uint64
}

// Stats gives the counts of this moment.
func (e *Enforcer) Stats() Stats {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.expire(e.now())
	s := e.stats
	s.Wanted = len(e.wanted.entries)
	for _, a := range e.wanted.entries {
		if a.State == StateMissing {
			s.Missing++
		}
	}
	return s
}
