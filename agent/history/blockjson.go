package history

import (
	"encoding/json"
	"fmt"
	"time"

	"slips-ips/policy"
)

// blockTimes is what a Block has besides the block itself.
type blockTimes struct {
	Since   time.Time `json:"since"`
	Until   time.Time `json:"until"`
	Renewal bool      `json:"renewal,omitempty"`
	DryRun  bool      `json:"dry_run,omitempty"`
	End     End       `json:"end,omitempty"`
}

// MarshalJSON writes the block and its times as one object. Without it that of
// the embedded policy.Block would be taken for the whole.
func (b Block) MarshalJSON() ([]byte, error) {
	block, err := json.Marshal(b.Block)
	if err != nil {
		return nil, err
	}
	times, err := json.Marshal(blockTimes{b.Since, b.Until, b.Renewal, b.DryRun, b.End})
	if err != nil {
		return nil, err
	}
	block[len(block)-1] = ','
	return append(block, times[1:]...), nil
}

// UnmarshalJSON reads what MarshalJSON writes.
func (b *Block) UnmarshalJSON(data []byte) error {
	var block policy.Block
	if err := json.Unmarshal(data, &block); err != nil {
		return err
	}
	var t blockTimes
	if err := json.Unmarshal(data, &t); err != nil {
		return fmt.Errorf("reading the times of a block: %w", err)
	}
	*b = Block{Block: block, Since: t.Since, Until: t.Until, Renewal: t.Renewal, DryRun: t.DryRun, End: t.End}
	return nil
}
