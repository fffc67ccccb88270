package detection

// Explanation is what a scorer thinks of a tuple at this moment. It is a value.
type Explanation struct {
	Scorer string `json:"scorer"`
	// Label, Score and Threshold are as in Detection; Malicious tells whether it
	// would be one.
	Label     string  `json:"label"`
	Score     float64 `json:"score"`
	Threshold float64 `json:"threshold"`
	Malicious bool    `json:"malicious"`
	Behaviour string  `json:"behaviour,omitempty"`
	// For and Against are the evidence in words with its weight, the heaviest
	// first.
	For     []string `json:"for"`
	Against []string `json:"against"`
	// Missing says what there is too little of for a judgement; empty: nothing.
	Missing string `json:"missing,omitempty"`
}
