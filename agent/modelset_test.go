package agent

import (
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
)

// A folder of models that is missing: how it comes to be.
func TestMissingModels(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "models")
	for dir, want := range map[string]string{
		filepath.Join(folder, "current", "models"): "install some with slips-ips models update",
		PackagedModels:              "install the package slips-ips-models",
		filepath.Join(folder, "my"): "name a folder that there is",
	} {
		c := DefaultConfig()
		c.Models.Folder, c.Detection.Models = folder, dir
		_, _, err := modelsFor(c, slog.New(slog.DiscardHandler))
		if err == nil || !strings.Contains(err.Error(), dir) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", dir, err, want)
		}
	}
}
