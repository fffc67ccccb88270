//go:build linux

package main

import (
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// result is what a run found.
type result struct {
	Rate    float64 `json:"rate_flows_per_second"`
	Scan    float64 `json:"scan_flows_per_second,omitempty"`
	Records string  `json:"records"`
	Bare    bool    `json:"bare,omitempty"`
	// Sent records are those that the kernel took; Delivered became flows of their
	// own, Merged were pieces of them, Stray behind the end of their connection.
	Sent        uint64  `json:"sent_records"`
	Delivered   float64 `json:"delivered_flows"`
	Merged      float64 `json:"merged_records"`
	Stray       float64 `json:"stray_records"`
	Lost        float64 `json:"lost_records"`
	Connections uint64  `json:"connections_of_the_agent"`
	// SendLate is the longest that a write to the agent took, seconds.
	SendLate float64       `json:"longest_write_seconds"`
	Phases   []phaseResult `json:"phases"`
	// Growth is resident memory in the last third of the run to that in the
	// middle third.
	Growth   float64            `json:"memory_growth"`
	Peak     int64              `json:"resident_peak_bytes"`
	Counters map[string]float64 `json:"lost_by_counter,omitempty"`
	Blocks   int                `json:"blocks"`
	Renewals int                `json:"renewals"`
	Failed   int                `json:"not_blocked"`
	Disturb  map[string]uint64  `json:"disturbance,omitempty"`
	Errors   []string           `json:"first_errors,omitempty"`
	ErrorsN  int                `json:"error_lines"`
	Samples  []sample           `json:"samples"`
	Broken   []string           `json:"broken_bounds,omitempty"`
}

// phaseResult is all phases of one name. Latencies are in seconds, from the moment at which the
// last record of a beacon's connection was handed to the kernel to the decision.
type phaseResult struct {
	Name   string  `json:"name"`
	N      int     `json:"connections"`
	Untold int     `json:"without_decision"`
	P50    float64 `json:"p50_s"`
	P99    float64 `json:"p99_s"`
	Max    float64 `json:"max_s"`
	// Ratio is P99 to that of the undisturbed phases together.
	Ratio    float64 `json:"p99_ratio"`
	Resident int64   `json:"resident_bytes"`
	Queue    float64 `json:"longest_queue"`
	// Stolen is what of the processors' time other machines on the same host had.
	Stolen float64 `json:"stolen"`

	cpu cpuTime
}

func (p *phaseResult) quiet() bool { return p.Name == undisturbed || p.Name == undisturbedToo }

// result puts together what was seen.
func (r *run) result(last sample) *result {
	a := r.agent
	a.mu.Lock()
	defer a.mu.Unlock()
	num := func(m map[string]any, key string) float64 { v, _ := m[key].(float64); return v }
	res := &result{
		Rate: r.o.rate, Scan: r.o.scan, Records: r.o.records, Bare: r.o.bare, Sent: r.stream.sent.Load(), Connections: r.stream.connections.Load(),
		Delivered: num(a.source, "flows"), Merged: num(a.source, "merged_records"), Stray: num(a.source, "stray_records"),
		SendLate: time.Duration(r.stream.late.Load()).Seconds(), Counters: last.Lost, Samples: r.samples,
		Blocks: a.words["blocked"], Renewals: a.words["block renewed"], Failed: a.words["not blocked"],
		Errors: a.firstErrors, ErrorsN: a.errors,
	}
	res.Lost = float64(res.Sent) - res.Delivered - res.Merged - res.Stray
	if r.o.disturb {
		res.Disturb = map[string]uint64{
			"filled_bytes": r.d.filled.Load(), "sighups": r.d.hups.Load(), "slow_clients_cut": r.d.cut.Load(),
			"slow_clients_served": r.d.served.Load(), "slow_clients_refused": r.d.refused.Load(),
			"bytes_read_slowly": r.d.sipped.Load(), "webhook_requests": r.d.hooks.requests.Load(),
		}
	}
	var base []float64
	took, at := map[string][]float64{}, map[string]int{}
	for _, m := range r.marks {
		if m.name == warmUp || m.name == aftermath {
			continue
		}
		if _, known := at[m.name]; !known {
			at[m.name] = len(res.Phases)
			res.Phases = append(res.Phases, phaseResult{Name: m.name})
		}
		now, untold := r.latencies(m)
		took[m.name] = append(took[m.name], now...)
		p := &res.Phases[at[m.name]]
		p.Untold += untold
		p.cpu = p.cpu.plus(m.stolen)
		p.Stolen = p.cpu.share()
	}
	for i := range res.Phases {
		p := &res.Phases[i]
		all := took[p.Name]
		if p.quiet() {
			base = append(base, all...)
		}
		slices.Sort(all)
		p.N, p.P50, p.P99, p.Max = len(all), quantile(all, 0.5), quantile(all, 0.99), quantile(all, 1)
		for _, s := range r.samples {
			if s.Phase == p.Name {
				p.Resident = max(p.Resident, s.Resident)
				for _, n := range s.Queues {
					p.Queue = max(p.Queue, n)
				}
			}
		}
		res.Peak = max(res.Peak, p.Resident)
	}
	slices.Sort(base)
	for i := range res.Phases {
		if len(base) == 0 {
			break
		}
		res.Phases[i].Ratio = res.Phases[i].P99 / quantile(base, 0.99)
	}
	res.Growth = growth(r.samples)
	res.Broken = r.o.broken(res)
	return res
}

// latencies gives how long the connections of a phase took to be decided on, in
// seconds, and how many never were: of each beacon those after its first
// decision. The agent's lock is held.
func (r *run) latencies(m mark) (took []float64, untold int) {
	for _, b := range r.stream.beacons {
		told := r.agent.told[b.tuple()]
		if len(told) == 0 {
			continue
		}
		first := slices.Min(slices.Collect(maps.Keys(told)))
		b.mu.Lock()
		for i, sent := range b.sent {
			if i+1 < first || sent.Before(m.from) || !sent.Before(m.to) {
				continue
			}
			if at, ok := told[i+1]; ok {
				took = append(took, at.Sub(sent).Seconds())
			} else {
				untold++
			}
		}
		b.mu.Unlock()
	}
	return took, untold
}

// quantile gives the value below which the part q of the sorted values is.
func quantile(sorted []float64, q float64) float64 {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[max(0, int(math.Ceil(q*float64(len(sorted))))-1)]
}

// growth compares resident memory in the last third with the middle one, without
// the warm-up.
func growth(all []sample) float64 {
	all = slices.DeleteFunc(slices.Clone(all), func(s sample) bool { return s.Phase == warmUp })
	mean := func(part []sample) float64 {
		var sum float64
		for _, s := range part {
			sum += float64(s.Resident)
		}
		return sum / float64(max(1, len(part)))
	}
	third := len(all) / 3
	if third == 0 {
		return 1
	}
	return mean(all[len(all)-third:]) / mean(all[len(all)-2*third:len(all)-third])
}

// bounded are counters of limits that this load may reach: nothing is lost by them.
// A flow that is given out early is no flow less, a block that is refused is told by a
// decision, and tuples that come once make room for others.
var bounded = map[string]bool{"slips_feed_forced_flows_total": true, "slips_blocks_not_made_total": true, "slips_detection_evictions_total": true}

// broken tells which of the bounds that were asked for do not hold.
func (o options) broken(r *result) (all []string) {
	say := func(format string, args ...any) { all = append(all, fmt.Sprintf(format, args...)) }
	if r.Lost != 0 {
		say("%v of %d records are not accounted for", r.Lost, r.Sent)
	}
	if r.Failed > 0 {
		say("%d blocks failed", r.Failed)
	}
	if o.maxGrowth > 0 && r.Growth > o.maxGrowth {
		say("memory grew by the factor %.3f from the middle third to the last, at most %.3f is allowed", r.Growth, o.maxGrowth)
	}
	for _, p := range r.Phases {
		if p.N == 0 {
			say("%s: no connection of a beacon was decided on", p.Name)
		}
		if p.Untold > 0 {
			say("%s: %d connections were never decided on", p.Name, p.Untold)
		}
		if o.maxP99 > 0 && p.P99 > o.maxP99.Seconds() {
			say("%s: p99 is %.4f s, at most %v is allowed", p.Name, p.P99, o.maxP99)
		}
		if o.maxRatio > 0 && !p.quiet() && p.Ratio > o.maxRatio {
			say("%s: p99 is %.3f times the undisturbed one, at most %.3f is allowed", p.Name, p.Ratio, o.maxRatio)
		}
	}
	for name, n := range r.Counters {
		if bounded[name] {
			continue
		}
		reports := strings.HasPrefix(name, "slips_history_") || strings.HasPrefix(name, "slips_output_")
		if !o.disturb || !reports {
			say("%s is %v", name, n)
		}
	}
	slices.Sort(all)
	return all
}

// print prints the result for people.
func (r *result) print(w io.Writer) {
	fmt.Fprintf(w, "%.0f flow records a second (%s) and %.0f of a scan, %d sent: %.0f flows, %.0f pieces, %.0f strays, %.0f lost\n",
		r.Rate, r.Records, r.Scan, r.Sent, r.Delivered, r.Merged, r.Stray, r.Lost)
	fmt.Fprintf(w, "longest write to the agent %.3f s, connections %d; %d blocks, %d renewals, %d failed; %d lines of error\n",
		r.SendLate, r.Connections, r.Blocks, r.Renewals, r.Failed, r.ErrorsN)
	fmt.Fprintf(w, "memory: peak %.1f MiB, last third to middle third %.3f\n", float64(r.Peak)/(1<<20), r.Growth)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "phase\tn\tuntold\tp50 ms\tp99 ms\tmax ms\tp99 ratio\tRSS MiB\tlongest queue\tstolen %\t")
	for _, p := range r.Phases {
		fmt.Fprintf(t, "%s\t%d\t%d\t%.2f\t%.2f\t%.2f\t%.3f\t%.1f\t%.0f\t%.2f\t\n",
			p.Name, p.N, p.Untold, p.P50*1e3, p.P99*1e3, p.Max*1e3, p.Ratio, float64(p.Resident)/(1<<20), p.Queue, 100*p.Stolen)
	}
	_ = t.Flush() // to a terminal or a file of the user's
	for _, k := range slices.Sorted(maps.Keys(r.Disturb)) {
		fmt.Fprintf(w, "%s: %d\n", k, r.Disturb[k])
	}
	for _, k := range slices.Sorted(maps.Keys(r.Counters)) {
		fmt.Fprintf(w, "%s: %v\n", k, r.Counters[k])
	}
	for _, e := range r.Errors {
		fmt.Fprintf(w, "the agent said: %s\n", e)
	}
	for _, b := range r.Broken {
		fmt.Fprintf(w, "BROKEN: %s\n", b)
	}
}
