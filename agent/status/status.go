package status

import (
	"time"

	"slips-ips/argusfeed"
	"slips-ips/detection"
	"slips-ips/enforce"
)

// Status is how the agent is at one moment. It is a value and serialises to
// JSON; the schema is docs/schema/status.json.
type Status struct {
	Version string    `json:"version"`
	PID     int       `json:"pid"`
	Started time.Time `json:"started"`
	Now     time.Time `json:"now"`
	Mode    string    `json:"mode"`
	// Problems are what keeps the agent from doing all that it should, the worst
	// first; none: all is well.
	Problems []Problem `json:"problems"`

	Config    Config    `json:"config"`
	Feeds     []Feed    `json:"feeds"`
	Detection Detection `json:"detection"`
	Policy    Policy    `json:"policy"`
	Enforce   Enforce   `json:"enforce"`
	History   History   `json:"history"`
	// Outputs are the ways out that are configured.
	Outputs []Output `json:"outputs"`
	// Queues are the channels and buffers between the stages.
	Queues []Queue `json:"queues"`
	// Web is the page on loopback.
	Web    Web    `json:"web"`
	Memory Memory `json:"memory"`
	// Errors are the newest warnings and errors, the newest first.
	Errors []Error `json:"errors"`
}

// Severity says how bad a problem is, in the words of monitoring plugins.
type Severity string

// The severities.
const (
	Warning  Severity = "warning"  // something is lost or late; the agent does its work
	Critical Severity = "critical" // blind, or what is said to be blocked is not
)

// Problem is one thing that is wrong now.
type Problem struct {
	Severity Severity `json:"severity"`
	// Area is feed, detection, policy, enforce, history, output or config.
	Area string `json:"area"`
	// What says what is wrong and what the admin can do about it.
	What string `json:"what"`
}

// Worst gives the severity of the worst problem, and "" where there is none.
func (s Status) Worst() Severity {
	worst := Severity("")
	for _, p := range s.Problems {
		if p.Severity == Critical {
			return Critical
		}
		worst = p.Severity
	}
	return worst
}

// Config is what the agent runs on.
type Config struct {
	// Path is slips.toml, empty where there is none; Loaded is when it was read
	// last, Reloads how often with success since the start.
	Path    string    `json:"path"`
	Loaded  time.Time `json:"loaded"`
	Reloads uint64    `json:"reloads"`
	// Failed says why the newest reload failed, empty where it did not.
	Failed string `json:"failed,omitempty"`
}

// Feed is one source.
type Feed struct {
	argusfeed.Stats
	// Lag is how far the newest flow's time is behind the clock of this host;
	// negative where it is ahead. It is 0 while there was none.
	Lag time.Duration `json:"lag_ns"`
	// FlowsPerSecond is over the last ten seconds.
	FlowsPerSecond float64 `json:"flows_per_second"`
	// Live tells whether it reports what happens now.
	Live bool `json:"live"`
}

// Detection is the stage that scores.
type Detection struct {
	detection.Stats
	Scoring   string `json:"scoring"`
	Models    int    `json:"models"`
	MaxTuples int    `json:"max_tuples"`
	// FlowsPerSecond is over the last ten seconds.
	FlowsPerSecond float64 `json:"flows_per_second"`
	// FutureFlows were left out because they begin more than a day from now.
	FutureFlows uint64 `json:"future_flows"`
	// Labels counts detections by label, at most MaxLabels of them: the rest is
	// counted as "other".
	Labels map[string]uint64 `json:"labels"`
}

// MaxLabels is how many labels are counted apart: models are the admin's, but a
// label is also what metrics are told apart by.
const MaxLabels = 200

// Policy is the stage that decides.
type Policy struct {
	// Decisions counts by action and cause.
	Decisions []Decisions `json:"decisions"`
	// Tracked tuples have matches; MaxTracked is max_tuples of [policy].
	Tracked    int `json:"tracked"`
	MaxTracked int `json:"max_tracked"`
	// Blocks are in force or, in dry-run, would be; MaxBlocks is the budget.
	Blocks    int `json:"blocks"`
	MaxBlocks int `json:"max_blocks"`
	Protected int `json:"protected"`
	Allowed   int `json:"allowed"`
}

// Decisions is a count of decisions.
type Decisions struct {
	Action string `json:"action"`
	Cause  string `json:"cause"`
	Count  uint64 `json:"count"`
}

// Enforce is the stage that blocks.
type Enforce struct {
	enforce.Stats
	DryRun bool `json:"dry_run"`
	// Enforced is how many blocks the kernel has; 0 in dry-run.
	Enforced int `json:"enforced"`
	// Checked is when wanted and enforced were compared last.
	Checked time.Time `json:"checked"`
	// Differs is since when they differ; zero while they do not.
	Differs time.Time `json:"differs,omitzero"`
	Error   string    `json:"error,omitempty"`
	// Hindrance is what keeps blocks from being in force, the gravest thing of several;
	// empty: nothing does. Among the problems is what the admin can do about it.
	Hindrance Hindrance `json:"hindrance,omitempty"`
	// Hits is what all blocks have hit since the table was made, in dry-run what they
	// would have; nil: nothing is counted.
	Hits *enforce.Counts `json:"hits,omitempty"`
	// Paused is since when an admin turned all blocking off, PausedBy who; zero: it
	// is on.
	Paused   time.Time `json:"paused,omitzero"`
	PausedBy string    `json:"paused_by,omitempty"`
	// Latency of the kernel's transactions.
	Latency Latency `json:"latency"`
}

// Latency is a histogram: Counts[i] took at most Bounds[i] seconds, and more
// than the bound before; the last count, without a bound, took longer.
type Latency struct {
	Bounds []float64 `json:"bounds_seconds"`
	Counts []uint64  `json:"counts"`
	Sum    float64   `json:"sum_seconds"`
}

// History is the database of what happened.
type History struct {
	// Path is empty where there is none.
	Path string `json:"path"`
	// Size is in bytes, Events how many are kept.
	Size   int64 `json:"size_bytes"`
	Events int64 `json:"events"`
	// Waiting events are in memory and not yet on the disk; Lost ones never will
	// be, because too many had to wait.
	Waiting int    `json:"waiting"`
	Lost    uint64 `json:"lost"`
	// Uncounted detections are in no episode, because too many had to wait.
	Uncounted uint64 `json:"uncounted_detections"`
	// Failing is since when nothing can be written, Error why; zero: all is well.
	Failing time.Time `json:"failing,omitzero"`
	Error   string    `json:"error,omitempty"`
	// Oldest is the time of the oldest event kept.
	Oldest time.Time `json:"oldest,omitzero"`
}

// Output is one way out of reports.
type Output struct {
	Name string `json:"name"` // eve, journald, syslog, exec, webhook, desktop, sound
	To   string `json:"to"`   // the path, address or program
	// Sent events arrived, Retried counts second and later tries, Dropped ones
	// never will arrive, Limited ones were held back by the rate limit.
	Sent    uint64 `json:"sent"`
	Retried uint64 `json:"retried"`
	Dropped uint64 `json:"dropped"`
	Limited uint64 `json:"limited"`
	Waiting int    `json:"waiting"`
	// Failing is since when it does not work, Error why; zero: all is well.
	Failing time.Time `json:"failing,omitzero"`
	Error   string    `json:"error,omitempty"`
}

// Queue is a channel or buffer.
type Queue struct {
	Name string `json:"name"` // flows, detections, history, output names
	Len  int    `json:"len"`
	Cap  int    `json:"cap"`
}

// Web is the page on loopback, with what its visitors did since the start.
type Web struct {
	// Listen is its address, empty where it is not served there.
	Listen string `json:"listen"`
	// Sessions are logged in now.
	Sessions int `json:"sessions"`
	// Requests came, Refused ones of them were too many of one visitor.
	Requests uint64 `json:"requests"`
	Refused  uint64 `json:"refused"`
	// Logins had a right token, FailedLogins a wrong one.
	Logins       uint64 `json:"logins"`
	FailedLogins uint64 `json:"failed_logins"`
}

// Memory is what the process uses.
type Memory struct {
	Heap       uint64 `json:"heap_bytes"`
	Resident   uint64 `json:"resident_bytes"`
	Goroutines int    `json:"goroutines"`
}

// Error is one line of the log, a warning or worse.
type Error struct {
	Time  time.Time `json:"time"`
	Level string    `json:"level"`
	Text  string    `json:"text"`
	// Count is how often it came since; repeats of the newest are one.
	Count uint64 `json:"count"`
}
