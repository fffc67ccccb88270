package enforce

// Counts is what blocks have hit.
type Counts struct {
	Packets uint64 `json:"packets"`
	Bytes   uint64 `json:"bytes"`
}

// CountingTable is the name of the table that dry-run counts in.
func CountingTable(cfg Config) string { return cfg.Table[:min(len(cfg.Table), 26)] + "_count" }
