package packaging_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"slips-ips/agent/report/metrics"
	"slips-ips/agent/status"
	"slips-ips/internal/testenv"
)

const rulesFile, rulesTest, dashboardFile = "prometheus/slips-ips.rules.yml", "prometheus/slips-ips.rules.test.yml", "grafana/slips-ips.json"

// promtool is where `make test` puts it, or where the machine has it.
func promtool(t *testing.T, args ...string) string {
	t.Helper()
	path, err := filepath.Abs("../bin/promtool")
	if err == nil {
		_, err = os.Stat(path)
	}
	if err != nil {
		path = testenv.Program(t, "promtool")
	}
	out, err := exec.CommandContext(t.Context(), path, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("promtool %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// Each alert fires where it must, and none where all is well.
func TestRules(t *testing.T) {
	promtool(t, "check", "rules", rulesFile)
	promtool(t, "test", "rules", rulesTest)
	tests := read(t, rulesTest)
	for _, m := range regexp.MustCompile(`(?m)- alert: (\w+)`).FindAllStringSubmatch(read(t, rulesFile), -1) {
		fires := regexp.MustCompile(`- alertname: ` + m[1] + `\n +eval_time: \w+\n +exp_alerts:\n +- exp_labels:`)
		if !fires.MatchString(tests) {
			t.Errorf("%s has no test that it fires", m[1])
		}
		if !strings.Contains(tests, "{alertname: "+m[1]+", eval_time: 40m, exp_alerts: []}") {
			t.Errorf("%s has no test that it does not fire where all is well", m[1])
		}
	}
}

// expressions are what the dashboard and the rules ask Prometheus.
func expressions(t *testing.T) []string {
	t.Helper()
	var all []string
	for _, m := range regexp.MustCompile(`(?m)^ +expr: '(.*)'$`).FindAllStringSubmatch(read(t, rulesFile), -1) {
		all = append(all, strings.ReplaceAll(m[1], "''", "'"))
	}
	rules := len(all)
	var dashboard struct {
		Panels []struct {
			ID      int
			Title   string
			GridPos struct{ X, Y, W, H int }
			Targets []struct{ Expr string }
		}
		Templating struct {
			List []struct{ Definition string }
		}
	}
	if err := json.Unmarshal([]byte(read(t, dashboardFile)), &dashboard); err != nil {
		t.Fatal(err)
	}
	ids := map[int]bool{}
	for _, p := range dashboard.Panels {
		if ids[p.ID] || p.GridPos.X+p.GridPos.W > 24 || len(p.Targets) == 0 {
			t.Errorf("the panel %q: %+v", p.Title, p)
		}
		ids[p.ID] = true
		for _, target := range p.Targets {
			all = append(all, target.Expr)
		}
	}
	for _, v := range dashboard.Templating.List {
		if m := regexp.MustCompile(`^label_values\((.*), instance\)$`).FindStringSubmatch(v.Definition); m != nil {
			all = append(all, m[1])
		}
	}
	if rules < 15 || len(all) < rules+30 {
		t.Errorf("%d expressions of rules, %d in all", rules, len(all))
	}
	return all
}

// What dashboard and rules ask for are metrics that there are, with labels that
// they have, and Prometheus understands it.
func TestExpressions(t *testing.T) {
	labels := map[string][]string{"up": nil}
	for _, m := range metrics.List() {
		labels[m.Name] = m.Labels
		if m.Type == "histogram" {
			labels[m.Name+"_bucket"] = append([]string{"le"}, m.Labels...)
		}
	}
	for _, name := range processMetrics(t) {
		if _, ours := labels[name]; !ours {
			labels[name] = nil
		}
	}
	selector := regexp.MustCompile(`\b(up|(?:slips|process|go)_\w+)(\{[^}]*\})?`)
	label := regexp.MustCompile(`(\w+)(?:=~|!~|!=|=)"`)
	rules := "groups:\n- name: all\n  rules:\n"
	used := map[string]bool{}
	for i, expr := range expressions(t) {
		for _, m := range selector.FindAllStringSubmatch(regexp.MustCompile(`"[^"]*"`).ReplaceAllString(expr, `""`), -1) {
			have, ok := labels[m[1]]
			if !ok {
				t.Errorf("there is no metric %s, in: %s", m[1], expr)
			}
			used[m[1]] = true
			for _, l := range label.FindAllStringSubmatch(m[2], -1) {
				if known := "," + strings.Join(append(have, "job", "instance"), ",") + ","; !strings.Contains(known, ","+l[1]+",") {
					t.Errorf("%s has no label %s, in: %s", m[1], l[1], expr)
				}
			}
		}
		expr = strings.NewReplacer("$__rate_interval", "5m", "$instance", ".*").Replace(expr)
		rules += fmt.Sprintf("  - record: r%d\n    expr: '%s'\n", i, strings.ReplaceAll(expr, "'", "''"))
	}
	file := filepath.Join(t.TempDir(), "rules.yml")
	if err := os.WriteFile(file, []byte(rules), 0o644); err != nil {
		t.Fatal(err)
	}
	promtool(t, "check", "rules", file)
	for _, name := range []string{"slips_blocks_missing", "slips_feed_up", "slips_nft_transaction_seconds_bucket", "process_resident_memory_bytes"} {
		if !used[name] {
			t.Errorf("%s is not used: the test does not see the expressions", name)
		}
	}
}

// processMetrics are the names that a scrape has, those of the process among them.
func processMetrics(t *testing.T) []string {
	t.Helper()
	e, err := metrics.New(metrics.DefaultConfig(), func() status.Status { return status.Status{} }, nil)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, m := range regexp.MustCompile(`(?m)^# TYPE (\w+) `).FindAllStringSubmatch(scrape(t, e), -1) {
		names = append(names, m[1])
	}
	return names
}
