package detection

import (
	"errors"
	"fmt"
	"time"

	"slips-ips/models"
)

// Scoring names a scorer, or how it is chosen.
type Scoring string

// The values of Config.Scoring.
const (
	// ScoringAuto takes the scorer that the loaded models are for.
	ScoringAuto Scoring = "auto"
	// ScoringReference does what the original slips 0.3.3alpha did.
	ScoringReference Scoring = "slips-0.3.3"
	// ScoringBehaviour judges contacts, their regularity and their company.
	ScoringBehaviour Scoring = "behaviour"
)

// Config is the table [detection] of slips.toml.
type Config struct {
	// Models is a folder of models (.toml, .stfm); empty: the built-in ones.
	Models string `toml:"models"`
	// Scoring chooses the scorer.
	Scoring Scoring `toml:"scoring"`
	// Width is the length of a time window.
	Width time.Duration `toml:"width"`
	// MinLetters is how many letters (one a flow, gap symbols not counted) a
	// tuple needs before it is detected. It does not change what is compared.
	MinLetters int `toml:"min_letters"`
	// ForgetAfter is the number of flows above which the reference scorer
	// forgets a tuple at the end of a window; 0: never.
	ForgetAfter int `toml:"forget_after"`
	// MaxTuples is how many tuples one detector remembers: a tuple needs some
	// 150 bytes for its first flow, 240 with up to four (slips-0.3.3: two), and 800
	// to 3200 with more. Beyond it the oldest are forgotten; each tier may always
	// have its share.
	MaxTuples int `toml:"max_tuples"`
	// MaxLetters is how many letters and symbols of a tuple the reference
	// scorer keeps. A tuple that reaches it begins anew.
	MaxLetters int `toml:"max_letters"`
	// MaxJump is how far ahead of all flows before it a flow may start without
	// a second one to confirm it. Not for the reference scorer.
	MaxJump time.Duration `toml:"max_jump"`
	// MaxLate is how far behind the newest flow a flow may start and still
	// count. Not for the reference scorer.
	MaxLate time.Duration `toml:"max_late"`
	// Classifier is for the default scorer; nil: the built-in one. It is no key
	// of slips.toml.
	Classifier *models.Classifier `toml:"-"`
}

// DefaultConfig is the table [detection] where slips.toml says nothing.
func DefaultConfig() Config {
	return Config{
		Scoring:     ScoringAuto,
		Width:       time.Minute,
		MinLetters:  3,
		ForgetAfter: 100,
		MaxTuples:   500_000,
		MaxLetters:  1 << 16, // the longest model of the original has 62,117
		MaxJump:     time.Hour,
		MaxLate:     time.Hour,
	}
}

// Validate checks the ranges. Each error begins with its key.
func (c Config) Validate() error {
	var all []error
	bad := func(key string, value, allowed any) {
		all = append(all, fmt.Errorf("%s: %v is not allowed; use %v", key, value, allowed))
	}
	switch c.Scoring {
	case ScoringAuto, ScoringReference, ScoringBehaviour:
	default:
		bad("scoring", fmt.Sprintf("%q", c.Scoring), "auto, slips-0.3.3 or behaviour")
	}
	for _, d := range []struct {
		key     string
		value   time.Duration
		low, up time.Duration
		allowed string
	}{
		{"width", c.Width, time.Second, 24 * time.Hour, "1s to 24h"},
		{"max_jump", c.MaxJump, time.Minute, 30 * 24 * time.Hour, "1m to 720h"},
		{"max_late", c.MaxLate, time.Second, 30 * 24 * time.Hour, "1s to 720h"},
	} {
		if d.value < d.low || d.value > d.up {
			bad(d.key, d.value, d.allowed)
		}
	}
	for _, n := range []struct {
		key            string
		value, low, up int
	}{
		{"min_letters", c.MinLetters, 0, 1000},
		{"forget_after", c.ForgetAfter, 0, 1_000_000},
		{"max_tuples", c.MaxTuples, 16, 20_000_000},
		{"max_letters", c.MaxLetters, 64, 1 << 20},
	} {
		if n.value < n.low || n.value > n.up {
			bad(n.key, n.value, fmt.Sprintf("%d to %d", n.low, n.up))
		}
	}
	return errors.Join(all...)
}
