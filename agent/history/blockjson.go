package history

import (
	"encoding/json"
	"fmt"
	"time"

	"slips-ips/policy"
)

// blockRest is what a Block has besides the policy.Block, whose MarshalJSON it
// would inherit and lose these.
type blockRest struct {
	Since   time.Time `json:"since"`
	Until   time.Time `json:"until"`
	Renewal bool      `json:"renewal,omitempty"`
	DryRun  bool      `json:"dry_run,omitempty"`
	End     End       `json:"end,omitempty"`
}

// MarshalJSON writes the block and its times in one object.
func (b Block) MarshalJSON() ([]byte, error) {
	block, err := b.Block.MarshalJSON()
	if err != nil {
		return nil, err
	}
	rest, err := json.Marshal(blockRest{b.Since, b.Until, b.Renewal, b.DryRun, b.End})
	if err != nil {
		return nil, err
	}
	return append(append(block[:len(block)-1], ','), rest[1:]...), nil
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (b *Block) UnmarshalJSON(text []byte) error {
	var block policy.Block
	var rest blockRest
	if err := block.UnmarshalJSON(text); err != nil {
		return err
	}
	if err := json.Unmarshal(text, &rest); err != nil {
		return fmt.Errorf("reading the times of a block: %w", err)
	}
	*b = Block{Block: block, Since: rest.Since, Until: rest.Until, Renewal: rest.Renewal, DryRun: rest.DryRun, End: rest.End}
	return nil
}
