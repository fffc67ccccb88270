package metrics

import (
	"time"

	"slips-ips/agent/status"
	"slips-ips/argusfeed"
	"slips-ips/detection"
	"slips-ips/enforce"
)

// filled is a status in which every number is another one.
func filled() status.Status {
	at := func(s int64) time.Time { return time.Unix(1_790_000_000+s, 0) }
	return status.Status{
		Version: "1.2.3", PID: 42, Started: at(0), Now: at(1000), Mode: "enforce",
		Problems: []status.Problem{
			{Severity: status.Critical, Area: "enforce", What: "3 blocks are missing"},
			{Severity: status.Warning, Area: "feed", What: "late"},
			{Severity: status.Warning, Area: "feed", What: "lost"},
			{Severity: status.Warning, Area: "moon", What: "full"},
		},
		Config: status.Config{Path: "/etc/slips-ips/slips.toml", Loaded: at(10), Reloads: 5, Failed: "line 3"},
		Feeds: []status.Feed{
			{
				Stats: argusfeed.Stats{
					URL: "argus://127.0.0.1:902", State: argusfeed.StateLive, Flows: 1001, LastHeard: at(999),
					Joined:  argusfeed.JoinStats{Merged: 1, Strays: 2, Forced: 3, Held: 4},
					Skipped: map[string]uint64{"management": 11, "other": 12},
					Lost:    13, Dropped: 14, Stalls: 15, Restarts: 16, Gaps: 17, Away: 18 * time.Second, Missed: 19,
				},
				Lag: 1500 * time.Millisecond, FlowsPerSecond: 20, Live: true,
			},
			{Stats: argusfeed.Stats{URL: "file:/tmp/x", State: argusfeed.StateEnded, Flows: 7}},
		},
		Detection: status.Detection{
			Stats: detection.Stats{
				Flows: 1008, Detections: 33, Late: 21, Edge: 22, Future: 23, Held: 24, Unsorted: 25, SetBack: 26,
				Tuples: 27, Evicted: 28, Forgotten: 29, Restarted: 30, Windows: 31,
			},
			Scoring: "behaviour", Models: 32, MaxTuples: 500000, FutureFlows: 34,
			Labels: map[string]uint64{"From-Botnet-TCP-HTTP-Zeus-1": 30, "other": 3},
		},
		Policy: status.Policy{
			Decisions: []status.Decisions{{Action: "alert", Cause: "unconfirmed", Count: 40}, {Action: "block", Cause: "confirmed", Count: 41}},
			Tracked:   42, MaxTracked: 43, Blocks: 44, MaxBlocks: 45, Protected: 46, Allowed: 47,
		},
		Enforce: status.Enforce{
			Stats: enforce.Stats{
				Wanted: 50, Missing: 3, Applied: 51, Renewed: 52, Lifted: 53, Expired: 54, Refused: 55, Full: 56,
				Failed: 57, Adopted: 58, Rebuilds: 59, Restored: 60, Overruns: 61, Unguarded: 62, Forgotten: 63,
			},
			Hits: &enforce.Counts{Packets: 64, Bytes: 65}, Paused: at(990), PausedBy: "anna",
			Enforced: 47, Checked: at(998), Differs: at(900), Error: "no such table", Hindrance: status.HindrancePaused,
			Latency: status.Latency{Bounds: []float64{0.001, 0.01, 0.1}, Counts: []uint64{5, 4, 3, 2}, Sum: 1.25},
		},
		History: status.History{
			Path: "/var/lib/slips-ips/history.db", Size: 70, Events: 71, Waiting: 72, Lost: 73, Failing: at(950), Error: "full",
			Oldest: at(-86400),
		},
		Outputs: []status.Output{
			{Name: "eve", To: "/var/log/slips-ips/eve.json", Sent: 80, Dropped: 82, Limited: 83, Waiting: 84},
			{Name: "webhook", To: "https://user:word@chat.example/hooks/SECRET?key=SECRET", Sent: 85, Retried: 86, Failing: at(960)},
			{Name: "webhook", To: "https://chat.example/hooks/SECRET2", Sent: 87},
		},
		Queues: []status.Queue{{Name: "flows", Len: 90, Cap: 91}, {Name: "detections", Len: 92, Cap: 93}},
		Web:    status.Web{Listen: "127.0.0.1:9561", Sessions: 110, Requests: 111, Refused: 112, Logins: 113, FailedLogins: 114},
		Memory: status.Memory{Heap: 100, Resident: 101, Goroutines: 102},
	}
}
