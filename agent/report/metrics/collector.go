package metrics

import (
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"

	"slips-ips/agent/status"
)

// collector gives Prometheus one snapshot of the agent a scrape.
type collector struct {
	status func() status.Status
	all    []described
	// scrapes and refused count requests; they and left are the only numbers
	// that are not the agent's.
	scrapes, refused, left                  atomic.Uint64
	scrapesDesc, refusedDesc, leftDesc, nft *prometheus.Desc
}

// described is a family with its description.
type described struct {
	*family
	desc *prometheus.Desc
}

// own are the families that are about the metrics themselves.
var own = []family{
	{name: "slips_metrics_scrapes_total", kind: counter, help: "Scrapes that were answered."},
	{name: "slips_metrics_refused_scrapes_total", kind: counter, help: "Scrapes that were refused because too many were under way."},
	{name: "slips_metrics_left_out_series_total", kind: counter, help: "Series left out because a metric had too many."},
}

func newCollector(get func() status.Status) *collector {
	c := &collector{status: get}
	for _, f := range families() {
		d := described{f, f.desc()}
		if f.kind == histogram {
			c.nft = d.desc
			continue
		}
		c.all = append(c.all, d)
	}
	c.scrapesDesc, c.refusedDesc, c.leftDesc = own[0].desc(), own[1].desc(), own[2].desc()
	return c
}

// Describe gives the descriptions of all that Collect gives.
func (c *collector) Describe(out chan<- *prometheus.Desc) {
	for _, d := range c.all {
		out <- d.desc
	}
	for _, d := range []*prometheus.Desc{c.nft, c.scrapesDesc, c.refusedDesc, c.leftDesc} {
		out <- d
	}
}

// Collect takes a snapshot and gives its numbers.
func (c *collector) Collect(out chan<- prometheus.Metric) {
	s := c.status()
	for _, d := range c.all {
		all, left := d.gather(&s)
		c.left.Add(uint64(left))
		t := prometheus.GaugeValue
		if d.kind == counter {
			t = prometheus.CounterValue
		}
		for _, one := range all {
			out <- prometheus.MustNewConstMetric(d.desc, t, one.value, one.labels...)
		}
	}
	out <- latency(c.nft, s.Enforce.Latency)
	for desc, n := range map[*prometheus.Desc]*atomic.Uint64{c.scrapesDesc: &c.scrapes, c.refusedDesc: &c.refused, c.leftDesc: &c.left} {
		out <- prometheus.MustNewConstMetric(desc, prometheus.CounterValue, float64(n.Load()))
	}
}

// latency makes a histogram of Prometheus: its counts are of all that took at
// most as long as the bound.
func latency(desc *prometheus.Desc, l status.Latency) prometheus.Metric {
	buckets := make(map[float64]uint64, len(l.Bounds))
	var sum uint64
	for i, n := range l.Counts {
		sum += n
		if i < len(l.Bounds) {
			buckets[l.Bounds[i]] = sum
		}
	}
	return prometheus.MustNewConstHistogram(desc, sum, l.Sum, buckets)
}

// Info tells of one metric, for the documentation and for checking what uses it.
type Info struct {
	Name, Type, Help string
	Labels           []string
}

// List gives all metrics of the agent's own. Prometheus's usual ones of the
// process (process_, go_) come with them.
func List() []Info {
	var all []Info
	for _, f := range families() {
		all = append(all, f.info())
	}
	for _, f := range own {
		all = append(all, f.info())
	}
	return all
}

func (f *family) info() Info { return Info{f.name, string(f.kind), f.help, f.labels} }
