package history

import (
	"time"

	"slips-ips/detection"
)

// Query selects events, the newest first. Its zero value is all of them.
type Query struct {
	Kinds []Kind
	// Since and Until bound the time; zero: no bound.
	Since, Until time.Time
	// Tuple is the text of one tuple; Host an address or network that an end of
	// it must be in.
	Tuple, Host string
	// Label is a glob over the label, letter case ignored; Source the URL of a feed.
	Label  string
	Source string
	// ID is that of an event, a decision or a block.
	ID string
	// Limit is how many are given, 100 where 0. After gives those older than the
	// event with that ID: the Next of the page before.
	Limit int
	After string
}

// Page is a part of the events that were asked for.
type Page struct {
	Events []Event `json:"events"`
	// Next is what Query.After must be for those that follow; empty: none do.
	Next string `json:"next,omitempty"`
}

// DetectionQuery selects episodes of detections, the newest first. Its zero value
// is all of them.
type DetectionQuery struct {
	// Since and Until bound the time: an episode fits that has a part in it.
	Since, Until time.Time
	// Tuple, Host and Label are as in Query.
	Tuple, Host, Label string
	Limit              int
	// After is the Next of the page before.
	After string
}

// Episode is what came of one tuple and label without a long silence (six hours)
// in between.
type Episode struct {
	Tuple  string `json:"tuple"`
	Label  string `json:"label"`
	Scorer string `json:"scorer"`
	// First and Last are when the agent saw the first and the last of them, by
	// its clock.
	First time.Time `json:"first"`
	Last  time.Time `json:"last"`
	Count uint64    `json:"count"`
	// Score is the strongest, in the scorer's unit.
	Score float64 `json:"score"`
	// Newest is the last of them, with its evidence; nil where it cannot be read.
	Newest *detection.Detection `json:"newest,omitempty"`
}

// EpisodePage is a part of the episodes that were asked for.
type EpisodePage struct {
	Episodes []Episode `json:"episodes"`
	// Next is what DetectionQuery.After must be for those that follow; empty:
	// none do.
	Next string `json:"next,omitempty"`
}

// BlockCount is how often a tuple was blocked; renewals are no blocks of their own.
type BlockCount struct {
	Enforced int `json:"enforced"`
	DryRun   int `json:"dry_run"`
}

// The limits of a page.
const (
	DefaultLimit = 100
	// MaxPage is what one page has at most, whatever Limit says.
	MaxPage = 10_000
)

func pageLimit(limit int) int {
	if limit <= 0 {
		return DefaultLimit
	}
	return min(limit, MaxPage)
}
