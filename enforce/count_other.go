//go:build !linux

package enforce

import "slips-ips/policy"

// Counts gives what all blocks together have hit: nothing here.
func (e *Enforcer) Counts() (Counts, error) { return Counts{}, ErrNotCounted }

// CountOf gives what one block has hit: nothing here.
func (e *Enforcer) CountOf(policy.Block) (Counts, error) { return Counts{}, ErrNotCounted }
