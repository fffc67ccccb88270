package report

import (
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"slips-ips/agent/history"
	"slips-ips/argusfeed"
	"slips-ips/policy"
)

// parseCEF reads a CEF line as a receiver does: the header up to the seventh
// bar that is not escaped, then keys, each the last word before an equals sign
// that is not escaped.
func parseCEF(s string) (header []string, ext map[string]string, ok bool) {
	field := ""
	for len(header) < 7 {
		if s == "" {
			return nil, nil, false
		}
		switch {
		case strings.HasPrefix(s, `\\`), strings.HasPrefix(s, `\|`):
			field, s = field+s[1:2], s[2:]
		case s[0] == '|':
			header, field, s = append(header, field), "", s[1:]
		default:
			field, s = field+s[:1], s[1:]
		}
	}
	ext = map[string]string{}
	key, value := "", ""
	for s != "" {
		switch {
		case strings.HasPrefix(s, `\\`), strings.HasPrefix(s, `\=`):
			value, s = value+s[1:2], s[2:]
		case s[0] == '=':
			cut := strings.LastIndexByte(value, ' ')
			if key != "" {
				ext[key] = value[:max(cut, 0)]
			}
			key, value, s = value[cut+1:], "", s[1:]
		default:
			value, s = value+s[:1], s[1:]
		}
	}
	ext[key] = value
	return header, ext, true
}

// Whatever the texts are, a receiver reads back what was meant: nobody outside
// can forge a field or a line.
func TestCEFEscapes(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		text := rapid.String()
		if rapid.Bool().Draw(r, "nasty") {
			text = rapid.StringMatching("([|\\\\= \n\r\x00-\x20\x7f\u0080-\u00a0a-c]|act=|CEF:0)*")
		}
		e := history.Event{ID: "1", Time: testTime, Kind: history.KindAlert, Mode: text.Draw(r, "mode"), Text: text.Draw(r, "text")}
		e.Decision = &policy.Decision{Tuple: argusfeed.Tuple{Proto: argusfeed.ProtoTCP}, Label: text.Draw(r, "label"), Reason: text.Draw(r, "reason"), Rule: text.Draw(r, "rule")}
		version := text.Draw(r, "version")
		line := cef(&item{event: &e}, version)
		if line != Plain(line) || !utf8.ValidString(line) {
			r.Fatalf("a control character in %q", line)
		}
		header, ext, ok := parseCEF(line)
		if !ok || header[3] != Plain(cut(version)) || header[4] != "alert" {
			r.Fatalf("%q of %q", header, line)
		}
		for key, want := range map[string]string{
			"msg": e.Text, "cs1": e.Decision.Label, "reason": e.Decision.Reason, "cs2": e.Decision.Rule, "cs5": e.Mode, "act": "alerted", "proto": "TCP",
		} {
			if got := ext[key]; got != Plain(cut(want)) {
				r.Fatalf("%s is %q, want %q, in %q", key, got, Plain(cut(want)), line)
			}
		}
	})
}

func FuzzCEFValue(f *testing.F) {
	f.Add(hostileName)
	f.Fuzz(func(t *testing.T, s string) {
		got, ext, ok := parseCEF("CEF:0|v|p|" + cefHeader(s) + "|1|n|5|k=" + cefValue(s))
		if !ok || got[3] != Plain(cut(s)) || ext["k"] != Plain(cut(s)) || len(ext) != 1 {
			t.Errorf("%q: %q, %q", s, got, ext)
		}
	})
}

func FuzzEVEText(f *testing.F) {
	f.Add(hostileName)
	f.Fuzz(func(t *testing.T, s string) {
		b := appendField([]byte(`{"a":"b"`), "k", s)
		checkJSONText(t, append(b, '}'), Plain(s))
	})
}
