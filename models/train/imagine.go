package train

import (
	"fmt"
	"hash/fnv"
	"io"
	"runtime"

	"golang.org/x/sync/errgroup"

	"slips-ips/argusfeed"
)

// spellAll gives labelled samples their letters, and the pairs of hosts that
// talk to the networks of their destinations.
func spellAll(flows []argusfeed.Flow, samples []*Sample) error {
	own, networks := make(map[argusfeed.Tuple][]argusfeed.Flow), make(map[string]bool)
	labelled := func(s *Sample) bool { return s.Class == CC || s.Class == Benign }
	for _, s := range samples {
		if labelled(s) {
			own[s.Tuple] = nil
			networks[networkOf(s.Tuple.Dst)] = true
		}
	}
	talks := make(neighbours)
	known := make(map[argusfeed.Addr]bool)
	for i := range flows {
		t := flows[i].Tuple
		if _, ok := own[t]; ok {
			own[t] = append(own[t], flows[i])
		}
		of, ok := known[t.Dst]
		if !ok {
			of = networks[networkOf(t.Dst)]
			known[t.Dst] = of
		}
		if of {
			talks.add(t.Src, t.Dst)
		}
	}
	for _, s := range samples {
		if !labelled(s) {
			continue
		}
		letters, err := Letters(own[s.Tuple])
		if err != nil {
			return fmt.Errorf("spelling %s: %w", s.Tuple, err)
		}
		s.Letters, s.others = letters, talks.of(s.Tuple)
	}
	return nil
}

// imagine looks at samples as if only their letters were known: n times each, at
// flows drawn from all that these letters allow. The result has the draws of
// each sample; of one that has no letters there are none. The same letters give
// the same draws.
func imagine(samples []*Sample, n int) ([][]*Sample, error) {
	all := make([][]*Sample, len(samples))
	var jobs errgroup.Group
	jobs.SetLimit(runtime.GOMAXPROCS(0))
	for i, s := range samples {
		if s.Letters == "" {
			continue
		}
		jobs.Go(func() error {
			h := fnv.New64a()
			_, _ = io.WriteString(h, s.Tuple.String()+" "+s.Letters) // a hash takes everything
			flows := spell(s.Letters)
			for _, gaps := range drawGaps(flows, h.Sum64(), n) {
				draw := *s
				draw.Shots, draw.draws = nil, n
				if err := draw.look(flowsOf(flows, gaps, s.Tuple, lettersStart)); err != nil {
					return err
				}
				dim(&draw)
				all[i] = append(all[i], &draw)
			}
			return nil
		})
	}
	return all, jobs.Wait()
}
