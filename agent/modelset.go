package agent

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"path/filepath"

	"slips-ips/detection"
	"slips-ips/models"
	"slips-ips/models/bundle"
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
			return nil, cfg, noModels(c, err)
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

// PackagedModels is the folder of the package slips-ips-models.
const PackagedModels = "/usr/share/slips-ips/models"

// noModels says how a folder of models that is missing comes to be.
func noModels(c Config, err error) error {
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	do := "name a folder that there is"
	switch filepath.Clean(c.Detection.Models) {
	case bundle.ModelsIn(filepath.Clean(c.Models.Folder)):
		do = "install some with slips-ips models update FILE|URL"
	case PackagedModels:
		do = "install the package slips-ips-models"
	}
	return fmt.Errorf("%w: %s, or none in [detection] models for those that are built in", err, do)
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
