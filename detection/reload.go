package detection

import (
	"errors"
	"fmt"
	"reflect"
	"strings"

	"slips-ips/models"
)

// RestartError says that something cannot change while a detector runs.
type RestartError struct {
	// Keys are those of [detection] that would have to.
	Keys []string
	// Why says what is in the way.
	Why string
}

// Error names the keys.
func (e *RestartError) Error() string {
	return fmt.Sprintf("changing %s needs a restart: %s", strings.Join(e.Keys, ", "), e.Why)
}

// Update is a change of a detector that was prepared and is known to be possible.
type Update struct {
	cfg    Config
	models []models.Model
	scorer scorer // nil: the models stay
	names  nameTable
}

// Prepare prepares a detector for another configuration and other models, and
// changes nothing. Everything may change but the scorer (a RestartError), which
// time and letters depend on. It does the work of loading, so it may be called
// from another goroutine than the owner's, as long as no update is applied
// meanwhile.
func (d *Detector) Prepare(cfg Config, set []models.Model) (*Update, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	chosen, use, _, err := Select(cfg.Scoring, set)
	if err != nil {
		return nil, err
	}
	restart := func(why string) error { return &RestartError{Keys: []string{"scoring"}, Why: why} }
	explicit := cfg.Scoring == ScoringReference || cfg.Scoring == ScoringBehaviour
	switch {
	case chosen != d.scoring && (explicit || len(set) > 0):
		return nil, restart(fmt.Sprintf("%s is in use, not %s", d.scoring, chosen))
	case len(use) == 0 && len(set) > 0:
		return nil, restart(fmt.Sprintf("none of the %d models is for %s, which is in use", len(set), d.scoring))
	}
	u := &Update{cfg: cfg, models: use}
	if len(use) == 0 && len(d.models) == 0 ||
		reflect.DeepEqual(use, d.models) && reflect.DeepEqual(cfg.Classifier, d.cfg.Classifier) {
		return u, nil
	}
	u.scorer, u.names, err = d.newScorer(cfg, use)
	if err != nil {
		return nil, err
	}
	return u, nil
}

// Apply makes an update that d.Prepare gave. Tuples, letters, contacts and
// windows stay. From the next flow on everything is as if d had been made like
// this, but for what is past:
//
//   - detections that were counted stay counted, and the open window keeps its end;
//   - a table made smaller shrinks by one tuple for each new one;
//   - forget_after is asked about tuples at the end of windows in which they have
//     flows, so that one with more than a lower limit goes when it speaks again;
//   - a detector of the default scorer that was made without models has measured
//     no contacts: these count from now on;
//   - which networks and hosts the default scorer remembers, where there are more
//     than it can, depends on the tuples that were judged.
//
// Listings show at once what the new models say of the newest letters and
// contacts.
func (d *Detector) Apply(u *Update) {
	d.cfg = u.cfg
	d.tuples.max = u.cfg.MaxTuples
	for _, c := range d.clocks {
		c.maxJump, c.maxLate = micros(u.cfg.MaxJump), micros(u.cfg.MaxLate)
	}
	if u.scorer == nil {
		return
	}
	u.scorer.inherit(d.scorer)
	d.scorer, d.models, d.names = u.scorer, u.models, u.names
	d.set++
}

// SetModels replaces the models, all or none; see Apply. Models of another kind
// than the scorer's are left out as by New, but where there are no others it is
// a RestartError.
func (d *Detector) SetModels(set []models.Model) error {
	u, err := d.Prepare(d.cfg, set)
	if err != nil {
		return fmt.Errorf("replacing the models: %w", err)
	}
	d.Apply(u)
	return nil
}

// Reconfigure replaces the configuration, all or nothing, and keeps the models;
// see Apply. Scoring is the only key that cannot change (a RestartError).
func (d *Detector) Reconfigure(cfg Config) error {
	u, err := d.Prepare(cfg, d.models)
	var restart *RestartError
	switch {
	case errors.As(err, &restart):
		return restart
	case err != nil:
		return fmt.Errorf("changing the configuration: %w", err)
	}
	d.Apply(u)
	return nil
}
