package agent

import (
	"fmt"
	"log/slog"

	"slips-ips/detection"
	"slips-ips/models"
)

// modelsFor loads the models of a configuration and settles the scorer. With
// detection off the models only settle how time and letters are kept.
func modelsFor(c Config, log *slog.Logger) ([]models.Model, detection.Config, error) {
	cfg := c.Detection
	set, err := models.Builtin()
	if err != nil {
		return nil, cfg, err
	}
	if cfg.Models != "" {
		loaded, warnings, err := models.LoadDir(cfg.Models)
		for _, w := range warnings {
			log.Warn("a model was left out", "error", w)
		}
		if err != nil {
			return nil, cfg, err
		}
		set = loaded
	}
	chosen, use, left, err := detection.Select(cfg.Scoring, set)
	if err != nil {
		return nil, cfg, err
	}
	cfg.Scoring = chosen
	if c.Agent.Mode == ModeDetectOff {
		return nil, cfg, nil
	}
	if len(left) > 0 {
		log.Warn("models of another scorer are left out", "scoring", string(chosen), "models", len(left))
	}
	if len(use) == 0 && cfg.Models != "" {
		log.Warn("no model is for this scorer: nothing will be detected", "scoring", string(chosen), "folder", cfg.Models)
	}
	for _, m := range use {
		for _, note := range m.Notes() {
			log.Warn("about a model", "model", m.Label, "note", note)
		}
	}
	return use, cfg, nil
}

// CheckModels tells whether an agent of this configuration could detect with a
// set of models: those that are for the configured scorer must compile, and there
// must be some. The notes are what an admin should know besides.
func CheckModels(c Config, set []models.Model) (notes []string, err error) {
	chosen, use, left, err := detection.Select(c.Detection.Scoring, set)
	if err != nil {
		return nil, err
	}
	if len(use) == 0 {
		return nil, fmt.Errorf("none of the %d models is for the scorer that is configured: [detection] scoring = %q", len(set), chosen)
	}
	if _, err := detection.New(c.Detection, set, detection.Hooks{}); err != nil {
		return nil, err
	}
	if len(left) > 0 {
		notes = append(notes, fmt.Sprintf("%d of the %d models are for another scorer than %s and are left out", len(left), len(set), chosen))
	}
	for _, m := range use {
		for _, note := range m.Notes() {
			notes = append(notes, m.File+": "+note)
		}
	}
	return notes, nil
}
