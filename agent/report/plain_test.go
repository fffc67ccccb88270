package report

import "testing"

func TestPlain(t *testing.T) {
	for in, want := range map[string]string{
		"10.0.0.1-10.0.0.2-80-tcp": "10.0.0.1-10.0.0.2-80-tcp",
		"a\x1b[2Jb\x00\x7f\u009bc": "a?[2Jb???c",
		"Bücher":                   "Bücher",
		"a\u202egnp.exe\u2066b":    "a?gnp.exe?b", // right to left, and an isolate
		"a\u200bb\u200dc\ufeffd":   "a?b?c?d",     // no width
		"e\u0301\u0489 \u3164":     "e?? ?",       // on top of others; a filler
		"\U000e0041\ue000\ufe0f":   "???",         // a tag, private use, a variation
		"例え.jp":                    "例え.jp",
	} {
		if got := Plain(in); got != want {
			t.Errorf("Plain(%q) = %q, want %q", in, got, want)
		}
	}
}
