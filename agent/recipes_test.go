package agent

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	slipsips "slips-ips"
	"slips-ips/policy/policytest"
)

// TestRecipes: the examples of docs/policy.md are right and do what their cases say,
// and so do the shipped rules.
func TestRecipes(t *testing.T) {
	dir := filepath.Join("..", "docs", "examples", "policy")
	files, err := filepath.Glob(filepath.Join(dir, "*.cases.toml"))
	if err != nil || len(files) < 6 {
		t.Fatalf("%d files of cases: %v", len(files), err)
	}
	recipes, err := filepath.Glob(filepath.Join(dir, "*.toml"))
	if err != nil || len(recipes) != 2*len(files)-1 {
		t.Errorf("%d files for %d files of cases: each recipe has its cases", len(recipes), len(files))
	}
	for _, path := range files {
		name := strings.TrimSuffix(filepath.Base(path), ".cases.toml")
		t.Run(name, func(t *testing.T) {
			text := slipsips.DefaultConfig
			if name != "shipped" {
				if text, err = os.ReadFile(filepath.Join(dir, name+".toml")); err != nil {
					t.Fatal(err)
				}
			}
			// The time zone of this host is none of the recipe's business.
			c, wrong := ParseConfig(text)
			if len(wrong) > 0 {
				t.Fatal(wrong)
			}
			c.Policy.Timezone = "UTC"
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			f, err := policytest.Parse(data)
			if err != nil {
				t.Fatal(err)
			}
			results, err := policytest.Run(c.Policy, c.Protect, c.Detection.Width, f)
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range results {
				if !r.OK {
					t.Errorf("line %d: %s: %+v\n%s", r.Line, r.Name, r.Differences, r.Decision.Reason)
				}
			}
		})
	}
}
