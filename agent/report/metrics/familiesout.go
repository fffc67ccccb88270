package metrics

import (
	"maps"
	"net/url"
	"slices"

	"slips-ips/agent/status"
)

// latencyName is the only histogram; the collector makes it.
const latencyName = "slips_nft_transaction_seconds"

func blockFamilies() []*family {
	one := func(take func(e *status.Enforce) float64) func(*status.Status, adder) {
		return func(s *status.Status, add adder) { add(take(&s.Enforce)) }
	}
	return []*family{
		{"slips_blocks_wanted", gauge, nil, "Blocks that have not run out.",
			one(func(e *status.Enforce) float64 { return float64(e.Wanted) })},
		{"slips_blocks_enforced", gauge, nil, "Blocks that the kernel has; 0 in dry-run.",
			one(func(e *status.Enforce) float64 { return float64(e.Enforced) })},
		{"slips_blocks_missing", gauge, nil, "Blocks that are wanted and that the kernel does not have. Anything but 0 for more than a moment is an emergency.",
			one(func(e *status.Enforce) float64 { return float64(e.Missing) })},
		{"slips_blocks_differ_seconds", gauge, nil, "For how long the kernel's table has been another than the wanted one; 0 while it is the same.",
			func(s *status.Status, add adder) {
				if since := s.Enforce.Differs; since.IsZero() || s.Now.Before(since) {
					add(0)
				} else {
					add(s.Now.Sub(since).Seconds())
				}
			}},
		{"slips_blocks_checked_timestamp_seconds", gauge, nil, "When the kernel's table was compared with the wanted one, in seconds since 1970; 0: never.",
			one(func(e *status.Enforce) float64 { return unix(e.Checked) })},
		{"slips_blocks_changes_total", counter, []string{"change"}, "Blocks that were applied, renewed, lifted (taken back), expired (ran out), restored (put back after somebody else removed them) or adopted (found in the kernel at the start).",
			func(s *status.Status, add adder) {
				e := &s.Enforce
				add(float64(e.Applied), "applied")
				add(float64(e.Renewed), "renewed")
				add(float64(e.Lifted), "lifted")
				add(float64(e.Expired), "expired")
				add(float64(e.Restored), "restored")
				add(float64(e.Adopted), "adopted")
			}},
		{"slips_blocks_not_made_total", counter, []string{"reason"}, "Blocks that were wanted and not made: refused (an end of them is never blocked), full (max_blocks of [enforce]), failed (the kernel did not take or confirm them).",
			func(s *status.Status, add adder) {
				add(float64(s.Enforce.Refused), "refused")
				add(float64(s.Enforce.Full), "full")
				add(float64(s.Enforce.Failed), "failed")
			}},
		{"slips_nft_table_rebuilds_total", counter, nil, "How often the table in the kernel had to be made again.",
			one(func(e *status.Enforce) float64 { return float64(e.Rebuilds) })},
		{"slips_nft_overruns_total", counter, nil, "How often more happened to the ruleset than could be listened to, so that all blocks were looked for.",
			one(func(e *status.Enforce) float64 { return float64(e.Overruns) })},
		{"slips_nft_unguarded_networks", gauge, nil, "Protected networks that found no room in the guards in the kernel; the check before each block still protects them.",
			one(func(e *status.Enforce) float64 { return float64(e.Unguarded) })},
		{"slips_conntrack_forgotten_total", counter, nil, "Connections of blocked traffic that connection tracking was made to forget.",
			one(func(e *status.Enforce) float64 { return float64(e.Forgotten) })},
		{"slips_blocks_paused", gauge, nil, "1 while an admin has all blocking off (slips-ips panic).",
			one(func(e *status.Enforce) float64 { return oneIf(!e.Paused.IsZero()) })},
		{"slips_blocks_hit_packets_total", counter, nil, "Packets that the blocks have hit since the table was made, in dry-run with [enforce] count those that they would have; missing where nothing is counted.",
			func(s *status.Status, add adder) {
				if s.Enforce.Hits != nil {
					add(float64(s.Enforce.Hits.Packets))
				}
			}},
		{"slips_blocks_hit_bytes_total", counter, nil, "The bytes of these packets.",
			func(s *status.Status, add adder) {
				if s.Enforce.Hits != nil {
					add(float64(s.Enforce.Hits.Bytes))
				}
			}},
		{"slips_nft_failing", gauge, nil, "1 where the newest exchange with the kernel's nftables failed.",
			one(func(e *status.Enforce) float64 { return oneIf(e.Error != "") })},
		{name: latencyName, kind: histogram, help: "How long the kernel took for a transaction of nftables.",
			take: func(*status.Status, adder) {}},
	}
}

func outFamilies() []*family {
	kept := func(take func(h *status.History) float64) func(*status.Status, adder) {
		return func(s *status.Status, add adder) {
			if s.History.Path != "" {
				add(take(&s.History))
			}
		}
	}
	each := func(take func(o *status.Output) float64) func(*status.Status, adder) {
		return func(s *status.Status, add adder) {
			for i := range s.Outputs {
				add(take(&s.Outputs[i]), s.Outputs[i].Name, harmless(s.Outputs[i].To))
			}
		}
	}
	page := func(take func(w *status.Web) float64) func(*status.Status, adder) {
		return func(s *status.Status, add adder) {
			if s.Web.Listen != "" {
				add(take(&s.Web))
			}
		}
	}
	output, queue := []string{"output", "to"}, []string{"queue"}
	return []*family{
		{"slips_history_size_bytes", gauge, nil, "Size of the history on the disk.",
			kept(func(h *status.History) float64 { return float64(h.Size) })},
		{"slips_history_events", gauge, nil, "Events that the history keeps.",
			kept(func(h *status.History) float64 { return float64(h.Events) })},
		{"slips_history_waiting_events", gauge, nil, "Events in memory that are not yet on the disk.",
			kept(func(h *status.History) float64 { return float64(h.Waiting) })},
		{"slips_history_lost_events_total", counter, nil, "Events that were never written, because too many had to wait.",
			kept(func(h *status.History) float64 { return float64(h.Lost) })},
		{"slips_history_failing", gauge, nil, "1 while the history cannot be written.",
			kept(func(h *status.History) float64 { return oneIf(!h.Failing.IsZero()) })},
		{"slips_history_oldest_event_timestamp_seconds", gauge, nil, "The time of the oldest event kept, in seconds since 1970; 0: none is.",
			kept(func(h *status.History) float64 { return unix(h.Oldest) })},
		{"slips_output_sent_total", counter, output, "Events that arrived at a way out of reports.",
			each(func(o *status.Output) float64 { return float64(o.Sent) })},
		{"slips_output_retries_total", counter, output, "Second and later tries to send an event.",
			each(func(o *status.Output) float64 { return float64(o.Retried) })},
		{"slips_output_dropped_total", counter, output, "Events that never will arrive.",
			each(func(o *status.Output) float64 { return float64(o.Dropped) })},
		{"slips_output_limited_total", counter, output, "Events held back by the rate limit.",
			each(func(o *status.Output) float64 { return float64(o.Limited) })},
		{"slips_output_waiting", gauge, output, "Events that wait to be sent.",
			each(func(o *status.Output) float64 { return float64(o.Waiting) })},
		{"slips_output_failing", gauge, output, "1 while the way out does not work.",
			each(func(o *status.Output) float64 { return oneIf(!o.Failing.IsZero()) })},
		{"slips_web_sessions", gauge, nil, "Those who are logged in to the web page on loopback.",
			page(func(w *status.Web) float64 { return float64(w.Sessions) })},
		{"slips_web_requests_total", counter, nil, "Requests that came to the web page on loopback.",
			page(func(w *status.Web) float64 { return float64(w.Requests) })},
		{"slips_web_refused_requests_total", counter, nil, "Those of them that were refused, because they were too many of one visitor.",
			page(func(w *status.Web) float64 { return float64(w.Refused) })},
		{"slips_web_logins_total", counter, []string{"token"}, "Logins to the web page on loopback, with a right and with a wrong token.",
			func(s *status.Status, add adder) {
				if s.Web.Listen != "" {
					add(float64(s.Web.Logins), "right")
					add(float64(s.Web.FailedLogins), "wrong")
				}
			}},
		{"slips_queue_length", gauge, queue, "What waits between two stages of the agent.",
			func(s *status.Status, add adder) {
				for _, q := range s.Queues {
					add(float64(q.Len), q.Name)
				}
			}},
		{"slips_queue_capacity", gauge, queue, "How much may wait there.",
			func(s *status.Status, add adder) {
				for _, q := range s.Queues {
					add(float64(q.Cap), q.Name)
				}
			}},
	}
}

// harmless leaves of a URL what tells it apart: a path, a query and a user may
// be secrets, as in the webhooks of chats.
func harmless(to string) string {
	u, err := url.Parse(to)
	if err != nil || u.Host == "" {
		return to
	}
	return u.Scheme + "://" + u.Host
}

func sorted(counts map[string]uint64) []string { return slices.Sorted(maps.Keys(counts)) }
