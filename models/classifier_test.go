package models

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestClassifierRoundTrip(t *testing.T) {
	c := defaultClassifier(t)
	var b bytes.Buffer
	if err := WriteClassifier(&b, c); err != nil {
		t.Fatal(err)
	}
	again, err := ReadClassifier(&b, "c.toml")
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(c, again); d != "" {
		t.Error(d)
	}
	if c.Data == "" || c.Tool == "" || c.Licence == "" || c.FalseAlarms == "" || c.BaseRate == "" {
		t.Errorf("the built-in classifier does not say where it comes from: %+v", c)
	}
}

func TestClassifierRefuses(t *testing.T) {
	const good = "kind = 'classifier'\nthreshold = 0.5\nmin_contacts = 5\nintercept = 1.0\n[weights]\na = 1.0\n"
	if _, err := ReadClassifier(strings.NewReader(good), "c.toml"); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ from, to, want string }{
		{"'classifier'", "'letters'", `kind: "letters" is not allowed; use "classifier"`},
		{"0.5", "1.5", "threshold: 1.5 is not allowed; use more than 0, up to 1"},
		{"0.5", "nan", "threshold: NaN is not allowed"},
		{"= 5", "= 2", "min_contacts: 2 is not allowed; use 3 to 32"},
		{"a = 1.0", "a = inf", "weights.a: +Inf is not allowed"},
		{"a = 1.0", "", "weights: are missing"},
		{"intercept", "intercpt", `"intercpt" is no key of a classifier`},
		{"[weights]", "[[weights]]", "read classifier c.toml: "},
	} {
		_, err := ReadClassifier(strings.NewReader(strings.Replace(good, c.from, c.to, 1)), "c.toml")
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s for %s: error %v, want %s", c.to, c.from, err, c.want)
		}
	}
}

// builtin gives the models that are built into the program.
func builtin(tb testing.TB) []Model {
	tb.Helper()
	set, err := Builtin()
	if err != nil {
		tb.Fatal(err)
	}
	return set
}

// defaultClassifier gives the classifier that is built into the program.
func defaultClassifier(tb testing.TB) Classifier {
	tb.Helper()
	c, err := DefaultClassifier()
	if err != nil {
		tb.Fatal(err)
	}
	return c
}
