package enforce

import (
	"errors"
	"fmt"
)

// Counts is what blocks have hit.
type Counts struct {
	Packets uint64 `json:"packets"`
	Bytes   uint64 `json:"bytes"`
}

// CountingTable is the name of the table that dry-run counts in.
func CountingTable(cfg Config) string { return cfg.Table[:min(len(cfg.Table), 26)] + "_count" }

// removeCounting removes the table that a dry-run counted in and left behind because
// it was killed. One that lives keeps its own, and one of that name that is not ours
// stays.
func removeCounting(cfg Config, netns int) error {
	cfg.Table = CountingTable(cfg)
	err := removeTable(cfg, netns)
	if err == nil || errors.Is(err, ErrInUse) || errors.Is(err, ErrForeignTable) {
		return nil
	}
	return fmt.Errorf("removing the table that a killed dry-run counted in: %w", err)
}
