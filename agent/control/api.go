package control

import (
	"context"
	"errors"
	"io"
	"time"

	"slips-ips/agent/history"
	"slips-ips/agent/status"
	"slips-ips/argusfeed"
	"slips-ips/detection"
	"slips-ips/enforce"
	"slips-ips/policy"
)

// Backend is what the server asks: the running agent. Every method is safe for
// concurrent use and returns soon after ctx ends. Its errors are for the admin;
// the server turns those of this package into statuses of HTTP.
type Backend interface {
	Status() status.Status
	// Tuples lists the tuples that are known now.
	Tuples(ctx context.Context, q TupleQuery) (TupleRows, error)
	// Explain tells all that is known of a tuple.
	Explain(ctx context.Context, tuple argusfeed.Tuple) (Explanation, error)
	// Events gives what happened, from the history; Follow what happens from now
	// on, until ctx ends; then the channel is closed. A reader of Follow that is
	// too slow loses events; what tells it is an event without an ID, whose Text
	// says how many.
	Events(ctx context.Context, q history.Query) (history.Page, error)
	Follow(ctx context.Context) (<-chan history.Event, error)

	// Blocks lists those in force, the newest first.
	Blocks(ctx context.Context, q BlockQuery) (BlockList, error)
	// AddBlock blocks by hand; ErrRefused where a guard is against it.
	AddBlock(ctx context.Context, by history.Who, r BlockRequest) (BlockInfo, error)
	// RemoveBlock lifts the block with an ID, or of a tuple; ErrNotFound.
	RemoveBlock(ctx context.Context, by history.Who, idOrTuple string) (BlockInfo, error)
	// FlushBlocks lifts all.
	FlushBlocks(ctx context.Context, by history.Who) (lifted int, err error)

	Allows(ctx context.Context) ([]Allow, error)
	AddAllow(ctx context.Context, by history.Who, a Allow) (AllowResult, error)
	RemoveAllow(ctx context.Context, by history.Who, network string) (Allow, error)

	// WhatIf tells what another policy would have done with what the history has. It
	// changes nothing. A *ConfigError where the configuration is wrong, ErrBusy where
	// somebody else asks already.
	WhatIf(ctx context.Context, r WhatIfRequest) (WhatIfResult, error)

	// Reload reads the configuration, the models and the allow list again. Where
	// something is wrong nothing changes, and the error says what.
	Reload(ctx context.Context, by history.Who, r ReloadRequest) (ReloadResult, error)

	// Panic lifts all blocks and pauses blocking, over restarts too, until Resume.
	// To do it again, or to resume what is not paused, is no error.
	Panic(ctx context.Context, by history.Who) (PauseResult, error)
	Resume(ctx context.Context, by history.Who) (PauseResult, error)
}

// TupleQuery selects and sorts tuples. Its zero value is all of them.
type TupleQuery struct {
	// Match is a glob over the tuple as text: 10.0.0.5-*-443-tcp.
	Match string
	// Host is an address or network that the source or destination must be in.
	Host string
	// Label is a glob over the label, letter case ignored; Detected asks for a
	// label at all.
	Label    string
	Detected bool
	// MinFlows is the least number of flows.
	MinFlows uint64
	Sort     TupleSort
	// Limit is how many are given, DefaultLimit where 0; Offset how many are left
	// out before.
	Limit, Offset int
	// Letters is how many of the newest letters are given of each tuple,
	// DefaultLetters where 0, none where negative.
	Letters int
}

// Defaults and limits of queries.
const (
	DefaultLimit = 100
	// MaxLimit is the most rows of one answer, MaxEvents the most events: whoever
	// wants more asks again, with Offset or After.
	MaxLimit       = 100_000
	MaxEvents      = 10_000
	DefaultLetters = 64
	MaxLetters     = 1 << 20
)

// TupleSort is an order of tuples; ties are in the order of the newest flow.
type TupleSort string

// The orders, each with the largest or newest first.
const (
	SortLast       TupleSort = "last" // the newest flow; the default
	SortFlows      TupleSort = "flows"
	SortDetections TupleSort = "detections"
	SortScore      TupleSort = "score" // the most suspicious first
)

// TupleList is a part of the tuples that were asked for.
type TupleList struct {
	// Known tuples there are, Matching fit the query.
	Known    int        `json:"known"`
	Matching int        `json:"matching"`
	Tuples   []TupleRow `json:"tuples"`
}

// TupleRows are such a list that is given out portion by portion, as it is read: a
// client that takes long holds what is known of a hundred thousand tuples no longer than
// it takes to write a portion of it.
type TupleRows struct {
	Known, Matching int
	// Next gives the next portion, which is valid until Next is called again, and
	// io.EOF after the last one. A portion may be empty. It is for one goroutine.
	Next func(context.Context) ([]TupleRow, error)
}

// All gives what is left of the rows.
func (r TupleRows) All(ctx context.Context) (TupleList, error) {
	list := TupleList{Known: r.Known, Matching: r.Matching, Tuples: []TupleRow{}}
	for {
		part, err := r.Next(ctx)
		switch {
		case errors.Is(err, io.EOF):
			return list, nil
		case err != nil:
			return TupleList{}, err
		}
		list.Tuples = append(list.Tuples, part...)
	}
}

// TupleRow is a tuple of a list.
type TupleRow struct {
	detection.TupleInfo
	// Block is the state of the block that covers it; empty: none does.
	Block enforce.State `json:"block,omitempty"`
}

// Explanation is what is known of one tuple.
type Explanation struct {
	Tuple argusfeed.Tuple `json:"tuple"`
	// Known is what detection remembers of it; nil: nothing, now.
	Known *detection.TupleInfo `json:"known,omitempty"`
	// Judgement is what the default scorer thinks of it now, in words and numbers.
	Judgement *detection.Explanation `json:"judgement,omitempty"`
	// Verdict says in words what the agent does about it and why, or what is
	// missing for a block.
	Verdict string `json:"verdict"`
	// Protected says what keeps an end of it from being blocked; empty: nothing.
	Protected string `json:"protected,omitempty"`
	// Block is the one that covers it, if any.
	Block *BlockInfo `json:"block,omitempty"`
	// Ruling is what the policy decided, or would decide on another match like the
	// newest; nil: nothing, for nothing malicious is seen.
	Ruling *Ruling `json:"ruling,omitempty"`
	// Budget is how much is spent of what a block of it would need.
	Budget []Budget `json:"budget,omitempty"`
	// Next is when the next contact is due by its gap; zero: not known.
	Next time.Time `json:"next,omitzero"`
	// Events are the newest ones of it, the newest first.
	Events []history.Event `json:"events"`
	// Asked is the event whose ID was asked for. The server fills it in.
	Asked *history.Event `json:"asked,omitempty"`
}

// Ruling is a decision and where its rule stands.
type Ruling struct {
	Decision policy.Decision `json:"decision"`
	// Made tells that it made the block in force; else it is what would be decided.
	Made bool `json:"made"`
	// Missing is what a block still needs, or what is against one, in words; empty
	// where there is one.
	Missing []string `json:"missing,omitempty"`
	// File and Line are where the rule stands; empty where it is built in, or the
	// file was edited since it was read.
	File string `json:"file,omitempty"`
	Line int    `json:"line,omitempty"`
}

// Budget is one limit of [policy].
type Budget struct {
	Limit string `json:"limit"` // its key
	Used  int    `json:"used"`
	Most  int    `json:"most"` // 0: no limit
}

// BlockQuery selects blocks.
type BlockQuery struct {
	Match         string // as in TupleQuery
	Host          string
	State         enforce.State // empty: all
	Limit, Offset int
}

// BlockList is a part of the blocks that were asked for.
type BlockList struct {
	Total    int         `json:"total"`
	Matching int         `json:"matching"`
	DryRun   bool        `json:"dry_run"`
	Blocks   []BlockInfo `json:"blocks"`
}

// BlockInfo is a block that has not run out.
type BlockInfo struct {
	ID    string          `json:"id"`
	Tuple argusfeed.Tuple `json:"tuple"`
	Scope policy.Scope    `json:"scope"`
	// Verdict is what becomes of a packet: dropped or rejected.
	Verdict policy.Verdict `json:"verdict"`
	Label   string         `json:"label"`
	State   enforce.State  `json:"state"`
	Since   time.Time      `json:"since"`
	Until   time.Time      `json:"until"`
	// Left is in seconds.
	Left float64 `json:"left_seconds"`
	// Reason is that of the decision, where the history has it; By who asked for
	// it by hand.
	Reason string       `json:"reason,omitempty"`
	By     *history.Who `json:"by,omitempty"`
	// Hits is what it has hit since it was put in force or renewed, in dry-run what it
	// would have; nil: not counted, or the list is longer than MaxHits.
	Hits *enforce.Counts `json:"hits,omitempty"`
}

// MaxHits is how long a list of blocks may be of which each is counted.
const MaxHits = 100

// BlockRequest is a block by hand.
type BlockRequest struct {
	Tuple argusfeed.Tuple `json:"tuple"`
	// Scope is how much of its traffic; empty: the tuple. Verdict is empty where that
	// of [enforce] counts.
	Scope   policy.Scope   `json:"scope,omitempty"`
	Verdict policy.Verdict `json:"verdict,omitempty"`
	// Duration is empty where that of [policy] counts.
	Duration time.Duration `json:"duration_ns"`
	Comment  string        `json:"comment,omitempty"`
	// Force overrides the guards that may be overridden: the budget and the
	// allow list, but not the protection of this host's own needs.
	Force bool `json:"force,omitempty"`
}

// Allow is a network that is never blocked.
type Allow struct {
	Network string `json:"network"`
	Comment string `json:"comment,omitempty"`
	// Until is when it ends; zero: never.
	Until time.Time `json:"until,omitzero"`
	Since time.Time `json:"since,omitzero"`
	By    string    `json:"by,omitempty"`
	From  AllowFrom `json:"from"`
}

// AllowFrom says where an entry comes from.
type AllowFrom string

// The origins.
const (
	FromAllow  AllowFrom = "allow"  // `allow add`; only these can be removed
	FromConfig AllowFrom = "config" // [protect] of slips.toml, and the feeds' hosts
	FromHost   AllowFrom = "host"   // the agent found out that this host needs it
)

// AllowResult is what an allow entry did.
type AllowResult struct {
	Allow Allow `json:"allow"`
	// Lifted are the blocks that it ended.
	Lifted []BlockInfo `json:"lifted"`
	// Warning says what is wrong although the entry is in force; empty: nothing.
	Warning string `json:"warning,omitempty"`
}

// ReloadRequest asks for a reload.
type ReloadRequest struct {
	// Lift lifts the blocks that the new policy would not make; else they are
	// only listed.
	Lift bool `json:"lift,omitempty"`
	// Check changes nothing: what would change is told.
	Check bool `json:"check,omitempty"`
}

// ReloadResult is what a reload changed.
type ReloadResult struct {
	// Changes has a line for each: "policy.duration: 1h -> 2h".
	Changes []string `json:"changes"`
	// Unwanted are blocks that the new policy would not make, with the reason;
	// Lifted tells that they were lifted.
	Unwanted []UnwantedBlock `json:"unwanted"`
	Lifted   bool            `json:"lifted"`
	// Protected are blocks of what must not be blocked any more: they are lifted
	// at once, whatever was asked for.
	Protected []UnwantedBlock `json:"protected"`
}

// PauseResult is how it is after Panic or Resume.
type PauseResult struct {
	// Paused tells whether nothing is blocked now. Since and By are those of the
	// pause, also of one that ended just now; zero: there was none.
	Paused bool      `json:"paused"`
	Since  time.Time `json:"since,omitzero"`
	By     string    `json:"by,omitempty"`
	// Lifted is how many blocks ended.
	Lifted int `json:"lifted"`
	// DryRun tells that the agent blocks nothing in any case.
	DryRun bool `json:"dry_run"`
}

// UnwantedBlock is a block that the policy in force would not make.
type UnwantedBlock struct {
	Block BlockInfo `json:"block"`
	Why   string    `json:"why"`
}
