package train

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"slips-ips/argusfeed"
	"slips-ips/detection"
	"slips-ips/models"
)

// Shot is one look of the default scorer at a tuple.
type Shot struct {
	Time     argusfeed.Time
	Flows    uint64
	Level    int
	Contacts int
	Features detection.Features
}

// Sample is one tuple of one capture.
type Sample struct {
	Capture string
	// Group is the number of the captures that must be left out together.
	Group       int
	Tuple       argusfeed.Tuple
	Label       string
	Class       Class
	Flows       uint64
	First, Last argusfeed.Time
	Shots       []Shot
	// Reference counts the matches of the reference scorer.
	Reference      int
	ReferenceFlows uint64
	ReferenceTime  argusfeed.Time
	// Weight is that of the tuple in fitting.
	Weight float64
	// Letters are the tuple's, where they were asked for; others are the pairs of
	// hosts that talk to the network of its destination.
	Letters string
	others  []argusfeed.Tuple
	// draws is how many samples share the weight of one: flows drawn from the
	// same letters.
	draws int
}

// Capture is one labelled file.
type Capture struct {
	Name  string
	Flows uint64
	// Skipped counts the lines that should be flows and are none.
	Skipped     int
	First, Last argusfeed.Time
	Samples     []*Sample
}

// Days is how long a capture is.
func (c *Capture) Days() float64 { return c.Last.Sub(c.First).Hours() / 24 }

// Hosts is how many sources have tuples of a class.
func (c *Capture) Hosts(class Class) int {
	hosts := make(map[argusfeed.Addr]bool)
	for _, s := range c.Samples {
		if s.Class == class {
			hosts[s.Tuple.Src] = true
		}
	}
	return len(hosts)
}

// LoadOptions are how captures are read.
type LoadOptions struct {
	// Reference are letters models for the reference scorer; none: it is left
	// out.
	Reference []models.Model
	// MinFlows is how many flows a tuple needs to be kept.
	MinFlows int
	// Letters says that labelled tuples get their letters, to be looked at by
	// these alone as well.
	Letters bool
	// Progress is told of each file, where it is not nil.
	Progress func(path string)
}

// Files lists labelled files: the paths as they are, and what is in folders
// among them. Where a folder has a whole capture and an excerpt of it
// (X.labelled-only.binetflow beside X.binetflow.gz), the whole one is taken.
func Files(paths []string) ([]string, error) {
	var all []string
	for _, path := range paths {
		info, err := os.Stat(path)
		if err != nil {
			return nil, fmt.Errorf("looking for captures: %w", err)
		}
		if !info.IsDir() {
			all = append(all, path)
			continue
		}
		err = filepath.WalkDir(path, func(p string, d os.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.Contains(d.Name(), ".binetflow") {
				return err
			}
			if base, _, ok := strings.Cut(p, ".labelled-only"); ok {
				if _, err := os.Stat(base + ".binetflow.gz"); err == nil {
					return nil
				}
			}
			all = append(all, p)
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("looking for captures: %w", err)
		}
	}
	if len(all) == 0 {
		return nil, errors.New("looking for captures: there are none; a capture is a file named *.binetflow or *.binetflow.gz")
	}
	return all, nil
}

// Load reads captures, each through a detector of its own. Those that share a
// source with tuples that are looked at are of one group.
func Load(ctx context.Context, files []string, opt LoadOptions) ([]*Capture, error) {
	var all []*Capture
	for _, path := range files {
		if opt.Progress != nil {
			opt.Progress(path)
		}
		c, err := load(ctx, path, opt)
		if err != nil {
			return nil, fmt.Errorf("reading the capture %s: %w", path, err)
		}
		all = append(all, c)
	}
	group(all)
	return all, nil
}

func load(ctx context.Context, path string, opt LoadOptions) (*Capture, error) {
	flows, skipped, err := ReadFlows(ctx, path)
	if err != nil {
		return nil, err
	}
	c := &Capture{Name: strings.TrimSuffix(strings.TrimSuffix(filepath.Base(path), ".gz"), ".binetflow"), Flows: uint64(len(flows)), Skipped: skipped}
	byTuple := make(map[argusfeed.Tuple]*Sample)
	for i := range flows {
		f := &flows[i]
		s := byTuple[f.Tuple]
		if s == nil {
			s = &Sample{Capture: c.Name, Tuple: f.Tuple, Class: Unknown, First: f.Start, Weight: 1}
			byTuple[f.Tuple] = s
			c.Samples = append(c.Samples, s)
		}
		s.Flows++
		s.Last = max(s.Last, f.Start)
		if class := ClassOf(f.Label); s.Label == "" || rank(class) < rank(s.Class) {
			s.Class, s.Label = class, f.Label
		}
		if i == 0 || f.Start < c.First {
			c.First = f.Start
		}
		c.Last = max(c.Last, f.Start)
	}
	c.Samples = slices.DeleteFunc(c.Samples, func(s *Sample) bool { return s.Flows < uint64(opt.MinFlows) })
	kept := make(map[argusfeed.Tuple]*Sample, len(c.Samples))
	for _, s := range c.Samples {
		kept[s.Tuple] = s
	}
	if err := shoot(flows, func(t argusfeed.Tuple) *Sample { return kept[t] }); err != nil {
		return nil, err
	}
	if opt.Letters {
		if err := spellAll(flows, c.Samples); err != nil {
			return nil, err
		}
	}
	return c, refer(flows, kept, opt.Reference)
}

// ReadFlows reads all flows of a file in the order of their starts, as a feed
// that is not delayed would give them. Skipped counts the lines that should be
// flows and are none; a file without any flow is an error.
func ReadFlows(ctx context.Context, path string) (flows []argusfeed.Flow, skipped int, err error) {
	f, format, err := argusfeed.Open(path)
	if err != nil {
		return nil, 0, err
	}
	defer f.Close()
	dec := argusfeed.NewDecoder(format, f, argusfeed.TextOptions{})
	for ctx.Err() == nil {
		var flow argusfeed.Flow
		err := dec.Next(&flow)
		var skip *argusfeed.SkipError
		switch {
		case err == nil:
			flows = append(flows, flow)
		case errors.As(err, &skip):
			if skip.Kind.Bad() {
				skipped++
			}
		case errors.Is(err, io.EOF):
			if len(flows) == 0 {
				return nil, skipped, fmt.Errorf("there is no flow in it; lines that are none: %d", skipped)
			}
			sortFlows(flows)
			return flows, skipped, nil
		default:
			return nil, skipped, err
		}
	}
	return nil, skipped, ctx.Err()
}

func sortFlows(flows []argusfeed.Flow) {
	slices.SortStableFunc(flows, func(a, b argusfeed.Flow) int { return cmp.Compare(a.Start, b.Start) })
}

// anyModel makes the default scorer look; it fits nothing.
var anyModel = []models.Model{{
	Label: "From-None-Any-None", Class: models.ClassMalicious, Kind: models.KindBehaviour, File: "none",
	Behaviour: &models.Behaviour{MinContacts: models.MaxContacts, MaxGap: 1},
}}

// shoot has the default scorer look at flows and keeps what it measured.
func shoot(flows []argusfeed.Flow, sample func(argusfeed.Tuple) *Sample) error {
	cfg := detection.DefaultConfig()
	cfg.Scoring = detection.ScoringBehaviour
	d, err := detection.New(cfg, anyModel, detection.Hooks{OnJudge: func(j *detection.Judgement) {
		if s := sample(j.Tuple); s != nil {
			s.Shots = append(s.Shots, Shot{Time: j.Time, Flows: j.Flows, Level: j.Level, Contacts: j.Contacts, Features: j.Features})
		}
	}})
	if err != nil {
		return err
	}
	for len(flows) > 0 {
		n := min(len(flows), 512)
		d.Observe(flows[:n])
		flows = flows[n:]
	}
	d.Finish()
	return nil
}

// refer has the reference scorer look at flows.
func refer(flows []argusfeed.Flow, kept map[argusfeed.Tuple]*Sample, set []models.Model) error {
	if len(set) == 0 {
		return nil
	}
	cfg := detection.DefaultConfig()
	cfg.Scoring = detection.ScoringReference
	d, err := detection.New(cfg, set, detection.Hooks{})
	if err != nil {
		return err
	}
	for len(flows) > 0 {
		n := min(len(flows), 512)
		for _, det := range d.Observe(flows[:n]) {
			s := kept[det.Tuple]
			if s == nil {
				continue
			}
			if s.Reference == 0 {
				s.ReferenceFlows, s.ReferenceTime = det.Flows, det.Time
			}
			s.Reference++
		}
		flows = flows[n:]
	}
	return nil
}

// group gives captures that share a host the same number.
func group(all []*Capture) {
	of := make(map[argusfeed.Addr]int)
	number := make([]int, len(all))
	for i, c := range all {
		number[i] = i
		for _, s := range c.Samples {
			if (s.Class != CC && s.Class != Benign) || len(s.Shots) == 0 {
				continue
			}
			if other, ok := of[s.Tuple.Src]; ok && number[other] != number[i] {
				from, to := number[i], number[other]
				for k := range number[:i+1] {
					if number[k] == from {
						number[k] = to
					}
				}
			} else if !ok {
				of[s.Tuple.Src] = i
			}
		}
	}
	for i, c := range all {
		for _, s := range c.Samples {
			s.Group = number[i]
		}
	}
}
