package agent

import (
	"path/filepath"
	"testing"
	"time"

	"slips-ips/agent/control"
)

// BenchmarkReload is what a reload costs where nothing has changed: what an
// admin's tool that sends SIGHUP in a loop takes from the pipeline.
func BenchmarkReload(b *testing.B) {
	b.ReportAllocs()
	path := filepath.Join("..", "slips.toml")
	var next Config
	o, _ := running(b, nil, func() (Config, error) {
		if _, err := LoadConfig(path); err != nil {
			return Config{}, err
		}
		return next, nil
	}, beacon(1, 40, time.Minute)...)
	next = o.cfg
	for b.Loop() {
		if _, err := o.Reload(b.Context(), root, control.ReloadRequest{}); err != nil {
			b.Fatal(err)
		}
	}
}
