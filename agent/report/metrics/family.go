package metrics

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"slips-ips/agent/status"
)

// kind is the type of a metric.
type kind string

const (
	counter   kind = "counter"
	gauge     kind = "gauge"
	histogram kind = "histogram"
)

// family is one metric: its name, what admins are told of it, and how it is
// taken from a status.
type family struct {
	name   string
	kind   kind
	labels []string
	help   string
	// take gives the values of s to add, with a value for each label.
	take func(s *status.Status, add adder)
}

// adder takes one value with its labels.
type adder func(value float64, labels ...string)

// desc describes f to Prometheus.
func (f *family) desc() *prometheus.Desc {
	return prometheus.NewDesc(f.name, f.help, f.labels, nil)
}

// series is a value with its labels.
type series struct {
	labels []string
	value  float64
}

// gather takes the series of f out of s. Labels are made valid, two series with
// the same labels are told apart by a number at the last of them, and what is
// beyond MaxLabels is left out and counted: a scrape that Prometheus refuses as
// a whole would be worse than any of these.
func (f *family) gather(s *status.Status) (all []series, left int) {
	seen := map[string]int{}
	f.take(s, func(v float64, labels ...string) {
		if len(all) == status.MaxLabels+1 { // "other" is one more
			left++
			return
		}
		labels = slices.Clone(labels)
		for i, l := range labels {
			labels[i] = plain(l)
		}
		if n := len(labels); n > 0 {
			base := labels[n-1]
			for {
				key := strings.Join(labels, "\xff")
				seen[key]++
				if seen[key] == 1 {
					break
				}
				labels[n-1] = base + " #" + strconv.Itoa(seen[key])
			}
		}
		all = append(all, series{labels, v})
	})
	return all, left
}

// longestLabel bounds the value of a label, in bytes.
const longestLabel = 200

// plain gives a value of a label that Prometheus takes.
func plain(l string) string {
	if len(l) > longestLabel {
		l = l[:longestLabel]
	}
	return strings.ToValidUTF8(l, "\uFFFD")
}

// topLabels gives the counts by label, the largest first; those beyond
// MaxLabels are one, "other".
func topLabels(counts map[string]uint64, add adder) {
	names := make([]string, 0, len(counts))
	for name := range counts {
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b string) int {
		return cmp.Or(cmp.Compare(counts[b], counts[a]), cmp.Compare(a, b))
	})
	var other uint64
	for i, name := range names {
		if i >= status.MaxLabels || name == otherLabel {
			other += counts[name]
			continue
		}
		add(float64(counts[name]), name)
	}
	if other > 0 {
		add(float64(other), otherLabel)
	}
}

// otherLabel is that of detections whose labels are too many.
const otherLabel = "other"
