package policy

import (
	"encoding/json"
	"fmt"
	"math"
	"time"

	"slips-ips/argusfeed"
)

// UnmarshalJSON reads what MarshalJSON writes. A number that JSON cannot hold
// was written as null and is read as NaN. An action that does not exist, a
// scope that is not known and a duration that is negative or no duration are
// errors; then d is left as it was.
func (d *Decision) UnmarshalJSON(data []byte) error {
	var j decisionJSON
	if err := json.Unmarshal(data, &j); err != nil {
		return fmt.Errorf("reading a decision: %w", err)
	}
	if err := j.Action.check(); err != nil {
		return fmt.Errorf("reading a decision: action: %w", err)
	}
	duration, err := fromSeconds(j.Seconds)
	if err != nil {
		return fmt.Errorf("reading a decision: %w", err)
	}
	*d = Decision{
		ID: j.ID, Time: j.Time, Tuple: j.Tuple, Action: j.Action, Scope: j.Scope, Verdict: j.Verdict, Duration: duration,
		Rule: j.Rule, Cause: j.Cause, Reason: j.Reason,
		Label: j.Label, Score: orNaN(j.Score), Threshold: orNaN(j.Threshold), Flows: j.Flows,
		Matches: j.Matches, Since: j.Since, Direction: j.Direction, Offence: j.Offence,
		Confirmed: j.Confirmed, Renewal: j.Renewal, Repeat: j.Repeat,
	}
	return nil
}

// UnmarshalJSON reads what MarshalJSON writes; see Decision.UnmarshalJSON.
func (b *Block) UnmarshalJSON(data []byte) error {
	var j struct {
		ID      string          `json:"id"`
		Tuple   argusfeed.Tuple `json:"tuple"`
		Scope   Scope           `json:"scope"`
		Verdict Verdict         `json:"verdict"`
		Seconds float64         `json:"seconds"`
		Label   string          `json:"label"`
		Forced  bool            `json:"forced"`
	}
	if err := json.Unmarshal(data, &j); err != nil {
		return fmt.Errorf("reading a block: %w", err)
	}
	duration, err := fromSeconds(j.Seconds)
	if err != nil {
		return fmt.Errorf("reading a block: %w", err)
	}
	*b = Block{
		ID: j.ID, Tuple: j.Tuple, Scope: j.Scope, Verdict: j.Verdict,
		Duration: duration, Label: j.Label, Forced: j.Forced,
	}
	return nil
}

// fromSeconds is exact to the nanosecond up to 104 days, which is beyond
// MaxDuration.
func fromSeconds(s float64) (time.Duration, error) {
	ns := math.Round(s * float64(time.Second))
	if !(ns >= 0 && ns < math.MaxInt64) {
		return 0, fmt.Errorf("seconds: %v is no duration", s)
	}
	return time.Duration(ns), nil
}

func orNaN(f *float64) float64 {
	if f == nil {
		return math.NaN()
	}
	return *f
}
