package models

import "cmp"

// Summary is what a list of models shows of each.
type Summary struct {
	File     string `json:"file"`
	Label    string `json:"label"`
	Class    Class  `json:"class"`
	Kind     Kind   `json:"kind"`
	Protocol string `json:"protocol"`
	// Threshold is null for models without one.
	Threshold *float64 `json:"threshold"`
	// Letters is their number.
	Letters int      `json:"letters"`
	Licence string   `json:"licence"`
	Notes   []string `json:"notes,omitempty"`
}

// Summary sums a model up.
func (m Model) Summary() Summary {
	s := Summary{
		File: m.File, Label: m.Label, Class: m.Class, Kind: m.Kind, Protocol: cmp.Or(m.Proto, "any"),
		Letters: len(m.Letters), Licence: m.Licence, Notes: m.Notes(),
	}
	if m.Letters != "" || m.Kind == KindLetters {
		s.Threshold = &m.Threshold
	}
	return s
}

// Details is all there is to show of one model.
type Details struct {
	Summary
	// Counts and Start, the first of the letters, are of a letters model.
	Counts *LetterCounts `json:"counts,omitempty"`
	Start  string        `json:"start,omitempty"`
	// Limits are those of a behaviour model.
	Limits *Limits `json:"limits,omitempty"`
	Data   string  `json:"data"`
	Tool   string  `json:"tool"`
	// Learned is a day, such as 2025-11-24; empty where it is not known.
	Learned string `json:"learned"`
}

// Limits is Behaviour as a person reads it: with units.
type Limits struct {
	MinContacts   int      `json:"min_contacts"`
	Merge         string   `json:"merge"`
	MinGap        string   `json:"min_gap"`
	MaxGap        string   `json:"max_gap"`
	MaxGapSpread  float64  `json:"max_gap_spread"`
	MaxSizeSpread float64  `json:"max_size_spread"`
	MinSize       int      `json:"min_size,omitempty"`
	MaxSize       int      `json:"max_size,omitempty"`
	Ports         []uint16 `json:"ports,omitempty"`
	NotPorts      []uint16 `json:"not_ports,omitempty"`
	Destinations  []string `json:"destinations,omitempty"`
	// Evidence is in log-odds; null: keeping the limits settles the matter.
	Evidence *float64 `json:"evidence"`
}

// startLetters is how many letters Details shows.
const startLetters = 60

// Details gives all there is to show of a model.
func (m Model) Details() Details {
	d := Details{Summary: m.Summary(), Data: m.Data, Tool: m.Tool}
	if !m.Learned.IsZero() {
		d.Learned = m.Learned.UTC().Format("2006-01-02")
	}
	if m.Letters != "" {
		counts := CountLetters(m.Letters)
		d.Counts, d.Start = &counts, m.Letters[:min(len(m.Letters), startLetters)]
	}
	if b := m.Behaviour; b != nil {
		d.Limits = &Limits{
			MinContacts: b.MinContacts, Merge: duration(b.Merge), MinGap: duration(b.MinGap), MaxGap: duration(b.MaxGap),
			MaxGapSpread: b.MaxGapSpread, MaxSizeSpread: b.MaxSizeSpread,
			MinSize: b.MinSize, MaxSize: b.MaxSize, Ports: b.Ports, NotPorts: b.NotPorts,
		}
		for _, p := range b.Destinations {
			d.Limits.Destinations = append(d.Limits.Destinations, p.String())
		}
		if b.Evidence != Decisive {
			d.Limits.Evidence = &b.Evidence
		}
	}
	return d
}
