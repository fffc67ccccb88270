package agent

import (
	"encoding/json"
	"runtime"
	"testing"

	"slips-ips/argusfeed"
	"slips-ips/internal/testenv"
)

// The same flows give the same detections and decisions, byte for byte, on one core
// and on two.
func TestReplayIsTheSameOnAnyCores(t *testing.T) {
	file := testenv.Reference(t, "data", "ctu13-scenario06-menti", "capture20110816.labelled-only.binetflow")
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	detections := 0
	for _, models := range []string{"", testenv.Reference(t, "models-original", "0.3.3")} {
		var before string
		for _, cores := range []int{1, 2, 4} {
			runtime.GOMAXPROCS(cores)
			c := DefaultConfig()
			c.Detection.Models = models
			r, err := Replay(t.Context(), ReplayOptions{Config: c, Files: []string{file}, Joining: argusfeed.Joining{}})
			if err != nil {
				t.Fatal(err)
			}
			if r.Flows == 0 {
				t.Fatal("no flows")
			}
			detections += len(r.Detections)
			r.Seconds, r.FlowsPerSecond = 0, 0
			b, err := json.Marshal(r)
			if err != nil {
				t.Fatal(err)
			}
			if before == "" {
				before = string(b)
			}
			if string(b) != before {
				t.Errorf("%d cores, models %q: another report", cores, models)
			}
		}
	}
	if detections == 0 {
		t.Error("no detections: nothing was tested")
	}
}
