package agent

import (
	"strings"
	"testing"
)

// What is so deep that the toml package would take minutes for it is refused before,
// wherever it hides; what only looks like it is not.
func TestTooDeep(t *testing.T) {
	parts := func(n int) string { return strings.Repeat("a.", n-1) + "a" }
	const many = 50_000
	for name, text := range map[string]string{
		"key":                             "\n\n" + parts(many) + " = 1",
		"table":                           "\n\n[" + parts(many) + "]",
		"list of tables":                  "\n\n[[" + parts(many) + "]]",
		"quoted key":                      "\n\n" + strings.Repeat(`"a" . `, many) + "a = 1",
		"in an inline table":              "\n\nx = { y = 1, " + parts(many) + " = 1 }",
		"inline tables":                   "\n\na = " + strings.Repeat("{ a = ", many) + "1" + strings.Repeat(" }", many),
		"lists":                           "\n\na = " + strings.Repeat("[", many) + strings.Repeat("]", many),
		"behind a long text":              "x = \"\"\"\\\" \\\"\"\"\"\n\n" + parts(many) + " = 1",
		"behind a text that ends so":      "\n\nx = { y = \"\"\"a\"\"\"\", " + parts(many) + " = 1 }",
		"behind a literal with a stroke":  "\n\nx = { y = 'a\\', " + parts(many) + " = 1 }",
		"behind a comment with one quote": "# it's\n\n" + parts(many) + " = 1",
		"just too deep":                   "\n\n" + parts(deepest+1) + " = 1",
	} {
		if _, got := ParseConfig([]byte(text)); len(got) != 1 || got[0].Line != 3 || !strings.Contains(got[0].What, "parts") {
			t.Errorf("%s: %.300v", name, got)
		}
	}
	dots := strings.Repeat("a.", many)
	for name, text := range map[string]string{
		"comment":           "# " + dots + strings.Repeat("[", many),
		"text":              "x = \"" + dots + "\"\n",
		"literal":           "x = '" + dots + "'",
		"long":              "x = '''\n" + dots + "'''",
		"numbers":           "x = [" + strings.Repeat("1.5, ", many) + "]",
		"as deep as may be": parts(deepest) + " = 1",
		"lists":             strings.Repeat("[\n]\n", many),
	} {
		if line, found := tooDeep([]byte(text)); found {
			t.Errorf("%s: line %d", name, line)
		}
	}
}

// Of mistakes without end only the first are looked for.
func TestManyMistakes(t *testing.T) {
	for _, text := range []string{
		strings.Repeat("[[policy.rule]]\nx = 1\n", 5000), strings.Repeat("[[policy.rule]]\naction = \"block\"\nmatches = -1\n", 5000),
	} {
		if _, got := ParseConfig([]byte(text)); len(got) != maxMistakes {
			t.Errorf("%d mistakes", len(got))
		}
	}
}
