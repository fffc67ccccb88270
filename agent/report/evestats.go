package report

import "slips-ips/agent/status"

// stats has numbers only, in Suricata's names where the meaning is the same:
// receivers flatten the object.
func (w *eveWriter) stats(s *status.Status) eveEvent {
	var lostPackets, dropped, gaps, lag uint64
	for _, f := range s.Feeds {
		lostPackets, dropped, gaps = lostPackets+f.Lost, dropped+f.Dropped, gaps+f.Gaps
		lag = max(lag, uint64(max(0, f.Lag).Milliseconds()))
	}
	waiting, outputsDropped := 0, uint64(0)
	for _, o := range s.Outputs {
		waiting, outputsDropped = waiting+o.Waiting, outputsDropped+o.Dropped
	}
	decisions := map[string]uint64{"block": 0, "alert": 0, "ignore": 0}
	for _, d := range s.Policy.Decisions {
		decisions[d.Action] += d.Count
	}
	return eveEvent{Timestamp: s.Now.UTC().Format(eveTime), EventType: "stats", Host: w.host, Stats: map[string]any{
		"uptime":  int64(s.Now.Sub(s.Started).Seconds()),
		"capture": map[string]any{"kernel_drops": lostPackets},
		"detect":  map[string]any{"alert": s.Detection.Detections},
		"flow":    map[string]any{"total": s.Detection.Flows, "active": s.Detection.Tuples},
		"slips": map[string]any{
			"feeds": len(s.Feeds), "feed_lag_ms": lag, "feed_gaps": gaps, "feed_dropped_flows": dropped,
			"flows_per_second": finite(s.Detection.FlowsPerSecond), "tuples": s.Detection.Tuples,
			"tuples_evicted": s.Detection.Evicted, "models": s.Detection.Models, "detections": s.Detection.Detections,
			"decisions": decisions, "blocks": s.Policy.Blocks, "blocks_wanted": s.Enforce.Wanted,
			"blocks_enforced": s.Enforce.Enforced, "blocks_missing": s.Enforce.Missing, "blocks_failed": s.Enforce.Failed,
			"problems": len(s.Problems), "history_waiting": s.History.Waiting, "history_lost": s.History.Lost,
			"reports_waiting": waiting, "reports_dropped": outputsDropped,
			"memory_bytes": s.Memory.Resident, "heap_bytes": s.Memory.Heap,
		},
	}}
}
