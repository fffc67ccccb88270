package browser

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	pipeline "slips-ips/agent"
	"slips-ips/agent/htmlreport"
	"slips-ips/argusfeed"
	"slips-ips/policy"
)

// outside gives the texts of pictures that are drawn beyond their edges.
const outside = `(() => {
  const wrong = [];
  for (const svg of document.querySelectorAll("svg")) {
    const frame = svg.getBoundingClientRect();
    for (const text of svg.querySelectorAll("text")) {
      const r = text.getBoundingClientRect();
      if (r.left < frame.left - 1 || r.right > frame.right + 1 || r.top < frame.top - 1 || r.bottom > frame.bottom + 1) {
        wrong.push(text.textContent);
      }
    }
  }
  return wrong;
})()`

// report replays a beacon, and adds what came from outside.
func report(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	capture := filepath.Join(dir, "day.binetflow")
	if err := os.WriteFile(capture, []byte(flows(400, time.Now().Add(-8*time.Hour))), 0o600); err != nil {
		t.Fatal(err)
	}
	r, err := pipeline.Replay(t.Context(), pipeline.ReplayOptions{Config: pipeline.DefaultConfig(), Files: []string{capture}, Evidence: true})
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Detections) == 0 || r.Detections[0].Evidence == nil {
		t.Fatalf("nothing was detected: %+v", r)
	}
	odd := r.Detections[0]
	if odd.Tuple, err = argusfeed.ParseTuple("2001:db8:225:0:1d3:35e9:7d97:2325-2001:db8:225:9999:1d3:35e9:7d97:2326-65530-udp"); err != nil {
		t.Fatal(err)
	}
	odd.Label, odd.Why = hostile+strings.Repeat("x", 200), hostile
	r.Detections = append(r.Detections, odd)
	r.Decisions = append(r.Decisions, policy.Decision{Tuple: odd.Tuple, Action: policy.ActionBlock, Duration: time.Hour, Reason: hostile})
	path := filepath.Join(dir, "report.html")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := htmlreport.Write(f, r, htmlreport.About{Version: "1.0", Files: []string{hostile}, Made: time.Now()}); err != nil {
		t.Fatal(err)
	}
	return path
}

// The report of a replay can be read at each width, asks for nothing from elsewhere, and
// runs nothing.
func TestReport(t *testing.T) {
	path := report(t)
	v := visitor{startBrowser(t), t, "file://"}
	for _, scheme := range []string{"light", "dark"} {
		v.must(v.Scheme(scheme))
		for _, width := range []int{1280, 700, 360} {
			t.Run(fmt.Sprintf("%s %d", scheme, width), func(t *testing.T) {
				v := visitor{v.Browser, t, v.at}
				v.must(v.Size(width, 900))
				v.open(path)
				v.sees("What would have been blocked", "Would have been blocked for 1h", hostile, "Score over time")
				for _, check := range []string{checks, outside} {
					wrong, err := Evaluate[[]string](v.Browser, check)
					v.must(err)
					for _, w := range wrong {
						t.Error(w)
					}
				}
			})
		}
	}
	if problems, hosts := v.Problems(), v.Hosts(); len(problems)+len(hosts) > 0 {
		t.Errorf("%v, asked %v", problems, hosts)
	}
}
