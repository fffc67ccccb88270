package history

import (
	"encoding/json"
	"time"
)

// MarshalJSON writes the block and what it has besides as one object: that of
// the embedded policy.Block alone would leave its times out.
func (b Block) MarshalJSON() ([]byte, error) {
	block, err := json.Marshal(b.Block)
	if err != nil {
		return nil, err
	}
	rest, err := json.Marshal(struct {
		Since   time.Time `json:"since"`
		Until   time.Time `json:"until"`
		Renewal bool      `json:"renewal,omitempty"`
		DryRun  bool      `json:"dry_run,omitempty"`
		End     End       `json:"end,omitempty"`
	}{b.Since, b.Until, b.Renewal, b.DryRun, b.End})
	if err != nil {
		return nil, err
	}
	return append(append(block[:len(block)-1], ','), rest[1:]...), nil
}
