package policy

import (
	"encoding/json"
	"fmt"
	"math"
	"time"

	"slips-ips/argusfeed"
)

// UnmarshalJSON reads what MarshalJSON wrote. A number that JSON has none for
// comes back as NaN.
func (d *Decision) UnmarshalJSON(b []byte) error {
	var w struct {
		ID        string          `json:"id"`
		Time      argusfeed.Time  `json:"time"`
		Tuple     argusfeed.Tuple `json:"tuple"`
		Action    Action          `json:"action"`
		Scope     Scope           `json:"scope"`
		Seconds   float64         `json:"seconds"`
		Rule      string          `json:"rule"`
		Cause     Cause           `json:"cause"`
		Reason    string          `json:"reason"`
		Label     string          `json:"label"`
		Score     *float64        `json:"score"`
		Threshold *float64        `json:"threshold"`
		Flows     uint64          `json:"flows"`
		Matches   int             `json:"matches"`
		Since     argusfeed.Time  `json:"since"`
		Confirmed bool            `json:"confirmed"`
		Renewal   bool            `json:"renewal"`
		Repeat    bool            `json:"repeat"`
	}
	if err := json.Unmarshal(b, &w); err != nil {
		return fmt.Errorf("reading a decision: %w", err)
	}
	*d = Decision{
		ID: w.ID, Time: w.Time, Tuple: w.Tuple, Action: w.Action, Scope: w.Scope, Duration: seconds(w.Seconds),
		Rule: w.Rule, Cause: w.Cause, Reason: w.Reason,
		Label: w.Label, Score: number(w.Score), Threshold: number(w.Threshold), Flows: w.Flows, Matches: w.Matches, Since: w.Since,
		Confirmed: w.Confirmed, Renewal: w.Renewal, Repeat: w.Repeat,
	}
	return nil
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (b *Block) UnmarshalJSON(text []byte) error {
	var w struct {
		ID      string          `json:"id"`
		Tuple   argusfeed.Tuple `json:"tuple"`
		Scope   Scope           `json:"scope"`
		Seconds float64         `json:"seconds"`
		Label   string          `json:"label"`
	}
	if err := json.Unmarshal(text, &w); err != nil {
		return fmt.Errorf("reading a block: %w", err)
	}
	*b = Block{ID: w.ID, Tuple: w.Tuple, Scope: w.Scope, Duration: seconds(w.Seconds), Label: w.Label}
	return nil
}

func seconds(s float64) time.Duration { return time.Duration(math.Round(s * float64(time.Second))) }

func number(f *float64) float64 {
	if f == nil {
		return math.NaN()
	}
	return *f
}
