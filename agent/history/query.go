package history

import "time"

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
