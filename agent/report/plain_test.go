package report

import "testing"

func TestPlain(t *testing.T) {
	for in, want := range map[string]string{
		"10.0.0.1-10.0.0.2-80-tcp": "10.0.0.1-10.0.0.2-80-tcp",
		"a\x1b[2Jb\x00\x7f\u009bc": "a?[2Jb???c",
		"Bücher":                   "Bücher",
	} {
		if got := Plain(in); got != want {
			t.Errorf("Plain(%q) = %q, want %q", in, got, want)
		}
	}
}
