package detection

import "slips-ips/argusfeed"

// Detection is one match: a flow after which the letters or the behaviour of
// its tuple matched a malicious model. It is a value and serialises to JSON.
type Detection struct {
	Tuple argusfeed.Tuple `json:"tuple"`
	// Label is that of the model that matched best, Model its file.
	Label string `json:"label"`
	Model string `json:"model"`
	// Scorer names what compared: slips-0.3.3 or behaviour.
	Scorer string `json:"scorer"`
	// Score is the distance from the model and Threshold the largest one that
	// matches: the smaller, the more alike. Both are in the scorer's own unit.
	Score     float64 `json:"score"`
	Threshold float64 `json:"threshold"`
	// Letters are the newest letters of the tuple, bounded.
	Letters string `json:"letters"`
	// Flows is how many flows of the tuple there have been.
	Flows uint64 `json:"flows"`
	// Time is the start of the flow that decided, Window the start of the time
	// window that it fell in.
	Time   argusfeed.Time `json:"time"`
	Window argusfeed.Time `json:"window"`
	// Source is the number of the feed of that flow.
	Source uint16 `json:"source"`
	// Why says in words what made it match.
	Why string `json:"why"`
}
