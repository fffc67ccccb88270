package metrics

import (
	"runtime"
	"time"

	"slips-ips/agent/status"
	"slips-ips/argusfeed"
)

// families are all metrics of the agent, in the order of docs/metrics.md.
func families() []*family {
	var all []*family
	for _, group := range [][]*family{agentFamilies(), feedFamilies(), detectionFamilies(), blockFamilies(), outFamilies()} {
		all = append(all, group...)
	}
	return all
}

func agentFamilies() []*family {
	return []*family{
		{"slips_build_info", gauge, []string{"version", "goversion"}, "Always 1; the labels tell the version of slips-ips and of Go.",
			func(s *status.Status, add adder) { add(1, s.Version, runtime.Version()) }},
		{"slips_start_time_seconds", gauge, nil, "When the agent was started, in seconds since 1970.",
			func(s *status.Status, add adder) { add(unix(s.Started)) }},
		{"slips_mode", gauge, []string{"mode"}, "1 for the mode that the agent is in, 0 for the others. Only enforce blocks anything.",
			func(s *status.Status, add adder) {
				for _, m := range []string{"enforce", "dry-run", "detect-off"} {
					add(oneIf(s.Mode == m), m)
				}
			}},
		{"slips_problems", gauge, []string{"severity", "area"}, "Problems that the agent knows of now; slips-ips status says what they are. Critical: blind, or what is said to be blocked is not.",
			takeProblems},
		{"slips_config_last_reload_successful", gauge, nil, "0 where the newest reload failed: the agent goes on with the configuration before.",
			func(s *status.Status, add adder) { add(oneIf(s.Config.Failed == "")) }},
		{"slips_config_last_reload_success_timestamp_seconds", gauge, nil, "When the configuration in use was read, in seconds since 1970.",
			func(s *status.Status, add adder) { add(unix(s.Config.Loaded)) }},
		{"slips_config_reloads_total", counter, nil, "Reloads of the configuration that succeeded.",
			func(s *status.Status, add adder) { add(float64(s.Config.Reloads)) }},
	}
}

// areas are what a problem can be in.
var areas = []string{"feed", "detection", "policy", "enforce", "history", "output", "config"}

// takeProblems counts problems; those in an area that is not known are "other".
func takeProblems(s *status.Status, add adder) {
	for _, severity := range []status.Severity{status.Critical, status.Warning} {
		counts := map[string]int{}
		for _, p := range s.Problems {
			if p.Severity == severity {
				counts[p.Area]++
			}
		}
		rest := 0
		for _, area := range areas {
			add(float64(counts[area]), string(severity), area)
			delete(counts, area)
		}
		for _, n := range counts {
			rest += n
		}
		if rest > 0 {
			add(float64(rest), string(severity), "other")
		}
	}
}

func feedFamilies() []*family {
	each := func(take func(f *status.Feed) float64) func(*status.Status, adder) {
		return func(s *status.Status, add adder) {
			for i := range s.Feeds {
				add(take(&s.Feeds[i]), s.Feeds[i].URL)
			}
		}
	}
	total := func(take func(f *status.Feed) uint64) func(*status.Status, adder) {
		return each(func(f *status.Feed) float64 { return float64(take(f)) })
	}
	feed := []string{"feed"}
	return []*family{
		{"slips_feed_up", gauge, feed, "1 while flows or heartbeats come from a live source, 0 while the agent is blind to it. Stored flows have none.",
			func(s *status.Status, add adder) {
				for i := range s.Feeds {
					if f := &s.Feeds[i]; f.Live {
						add(oneIf(f.State == argusfeed.StateLive), f.URL)
					}
				}
			}},
		{"slips_feed_flows_total", counter, feed, "Flows that the source delivered.",
			total(func(f *status.Feed) uint64 { return f.Flows })},
		{"slips_feed_lag_seconds", gauge, feed, "How far the start of the newest flow is behind this host's clock; negative where it is ahead.",
			each(func(f *status.Feed) float64 { return f.Lag.Seconds() })},
		{"slips_feed_last_heard_timestamp_seconds", gauge, feed, "When the last flow or heartbeat came, in seconds since 1970; 0 before the first.",
			each(func(f *status.Feed) float64 { return unix(f.LastHeard) })},
		{"slips_feed_restarts_total", counter, feed, "How often the connection or the argus of the source was started again.",
			total(func(f *status.Feed) uint64 { return f.Restarts })},
		{"slips_feed_gaps_total", counter, feed, "How often a live source was away and came back.",
			total(func(f *status.Feed) uint64 { return f.Gaps })},
		{"slips_feed_away_seconds_total", counter, feed, "How long a live source was away, in all.",
			each(func(f *status.Feed) float64 { return f.Away.Seconds() })},
		{"slips_feed_missed_flows_total", counter, feed, "Flows that began while the source was away, as far as Argus tells.",
			total(func(f *status.Feed) uint64 { return f.Missed })},
		{"slips_feed_dropped_flows_total", counter, feed, "Flows thrown away because detection was too slow for them.",
			total(func(f *status.Feed) uint64 { return f.Dropped })},
		{"slips_feed_stalls_total", counter, feed, "How often detection kept the source waiting.",
			total(func(f *status.Feed) uint64 { return f.Stalls })},
		{"slips_feed_lost_packets_total", counter, feed, "Packets that Argus's capture lost before it saw them.",
			total(func(f *status.Feed) uint64 { return f.Lost })},
		{"slips_feed_forced_flows_total", counter, feed, "Flows given out before they were over, because max_flows of the source were held.",
			total(func(f *status.Feed) uint64 { return f.Joined.Forced })},
		{"slips_feed_held_flows", gauge, feed, "Flows and connections that are held until they are over.",
			each(func(f *status.Feed) float64 { return float64(f.Joined.Held) })},
		{"slips_feed_skipped_lines_total", counter, []string{"feed", "kind"}, "Lines and records that are no flow, by kind; headers and heartbeats are among them.",
			func(s *status.Status, add adder) {
				for i := range s.Feeds {
					for _, k := range sorted(s.Feeds[i].Skipped) {
						add(float64(s.Feeds[i].Skipped[k]), s.Feeds[i].URL, k)
					}
				}
			}},
	}
}

func detectionFamilies() []*family {
	one := func(take func(d *status.Detection) float64) func(*status.Status, adder) {
		return func(s *status.Status, add adder) { add(take(&s.Detection)) }
	}
	return []*family{
		{"slips_detection_flows_total", counter, nil, "Flows that detection was given.",
			one(func(d *status.Detection) float64 { return float64(d.Flows) })},
		{"slips_detection_dropped_flows_total", counter, []string{"reason"}, "Flows that detection left out: late, edge (at the very end of a slot, reference scorer only), future (ahead of all others and confirmed by none), tomorrow (more than a day ahead of the clock).",
			func(s *status.Status, add adder) {
				add(float64(s.Detection.Late), "late")
				add(float64(s.Detection.Edge), "edge")
				add(float64(s.Detection.Future), "future")
				add(float64(s.Detection.FutureFlows), "tomorrow")
			}},
		{"slips_detection_held_flows", gauge, nil, "Flows from the future that wait for a second one to confirm them.",
			one(func(d *status.Detection) float64 { return float64(d.Held) })},
		{"slips_detection_unsorted_flows_total", counter, nil, "Flows that began before an earlier one of their tuple; they make no letters.",
			one(func(d *status.Detection) float64 { return float64(d.Unsorted) })},
		{"slips_detection_clock_set_back_total", counter, nil, "How often the flows of a source turned out to be earlier than its clock.",
			one(func(d *status.Detection) float64 { return float64(d.SetBack) })},
		{"slips_detection_windows_total", counter, nil, "Time windows that have ended.",
			one(func(d *status.Detection) float64 { return float64(d.Windows) })},
		{"slips_detection_tuples", gauge, nil, "Tuples that detection remembers.",
			one(func(d *status.Detection) float64 { return float64(d.Tuples) })},
		{"slips_detection_tuples_limit", gauge, nil, "The most tuples that detection may remember: max_tuples of [detection].",
			one(func(d *status.Detection) float64 { return float64(d.MaxTuples) })},
		{"slips_detection_evictions_total", counter, nil, "Tuples forgotten to make room for others.",
			one(func(d *status.Detection) float64 { return float64(d.Evicted) })},
		{"slips_detection_forgotten_total", counter, nil, "Tuples forgotten because they had too many flows (forget_after).",
			one(func(d *status.Detection) float64 { return float64(d.Forgotten) })},
		{"slips_detection_restarted_total", counter, nil, "Tuples that reached max_letters and began anew.",
			one(func(d *status.Detection) float64 { return float64(d.Restarted) })},
		{"slips_detection_models", gauge, nil, "Models in use.",
			one(func(d *status.Detection) float64 { return float64(d.Models) })},
		{"slips_detections_total", counter, []string{"label"}, "Detections by the label of the model; those beyond 200 labels are counted as other.",
			func(s *status.Status, add adder) { topLabels(s.Detection.Labels, add) }},
		{"slips_decisions_total", counter, []string{"action", "cause"}, "Decisions by what is done and by what settled it (docs/policy.md).",
			func(s *status.Status, add adder) {
				for _, d := range s.Policy.Decisions {
					add(float64(d.Count), d.Action, d.Cause)
				}
			}},
		{"slips_policy_tuples", gauge, nil, "Tuples whose matches the policy counts.",
			func(s *status.Status, add adder) { add(float64(s.Policy.Tracked)) }},
		{"slips_policy_tuples_limit", gauge, nil, "The most tuples whose matches are counted: max_tuples of [policy].",
			func(s *status.Status, add adder) { add(float64(s.Policy.MaxTracked)) }},
		{"slips_policy_blocks", gauge, nil, "Blocks that count against the budget: in force or, in dry-run, would be.",
			func(s *status.Status, add adder) { add(float64(s.Policy.Blocks)) }},
		{"slips_policy_blocks_limit", gauge, nil, "The budget: the most blocks that the policy makes at a time.",
			func(s *status.Status, add adder) { add(float64(s.Policy.MaxBlocks)) }},
		{"slips_protected_networks", gauge, nil, "Addresses and networks that are never blocked, those that the agent found itself included.",
			func(s *status.Status, add adder) { add(float64(s.Policy.Protected)) }},
		{"slips_allowed_networks", gauge, nil, "Entries made with slips-ips allow add.",
			func(s *status.Status, add adder) { add(float64(s.Policy.Allowed)) }},
	}
}

// unix gives the seconds since 1970, 0 for a time that is none.
func unix(t time.Time) float64 {
	if t.IsZero() {
		return 0
	}
	return float64(t.UnixMicro()) / 1e6
}

func oneIf(is bool) float64 {
	if is {
		return 1
	}
	return 0
}
