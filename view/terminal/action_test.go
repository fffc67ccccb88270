package terminal

import (
	"fmt"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"

	"slips-ips/agent/control"
	"slips-ips/agent/control/controltest"
	"slips-ips/policy"
)

// Only y does something, and to what was selected when the key was pressed.
func TestUnblock(t *testing.T) {
	b := controltest.Sample()
	at(t, b, 80, 24, func(d *desk) {
		d.press("down", "u")
		d.shows("Lift the block of "+controltest.Tuple+"?", "It ends by itself in 50m", "y yes, do it")
		for _, k := range []string{"x", "enter", "u", "q"} {
			d.press(k)
		}
		if len(b.By()) != 0 || d.left {
			t.Error("something was done without a y")
		}
		d.shows("nothing was changed")
		d.press("u")
		b.InForce[0], b.InForce[1] = b.InForce[1], b.InForce[0] // the list turns around meanwhile
		d.wait(4 * time.Second)
		d.press("y")
		d.shows("lifted " + controltest.Tuple)
		if len(b.InForce) != 1 || b.InForce[0].ID != controltest.ID(7) {
			t.Errorf("%+v", b.InForce)
		}
		d.press("3", "u", "y")
		d.shows("no block has the id or the tuple")
	})
}

func TestAllow(t *testing.T) {
	b := controltest.Sample()
	at(t, b, 80, 24, func(d *desk) {
		d.press("down", "a")
		d.shows("Never block an address or network", "203.0.113.9 ")
		d.press("ctrl+t")
		d.shows("10.0.0.7 ")
		d.press("ctrl+t", "tab", "ctrl+u")
		d.types("soon")
		d.press("enter")
		d.types("our backup")
		d.press("enter")
		d.shows(`"soon": no duration`)
		d.press("up", "ctrl+u")
		d.types("12h")
		d.press("enter", "enter")
		d.shows("Never block 203.0.113.9, for 12h?")
		now := time.Now()
		d.press("y")
		d.shows("203.0.113.9 is not blocked, for 12h; 1 block was lifted")
		got := b.Allowed[len(b.Allowed)-1]
		if got.Network != "203.0.113.9" || got.Comment != "our backup" || got.Until.Sub(now) != 12*time.Hour || len(b.InForce) != 1 {
			t.Errorf("%+v, %d blocks", got, len(b.InForce))
		}
		d.press("4", "end", "u")
		d.shows("End the entry of 203.0.113.9?")
		d.press("y")
		d.shows("203.0.113.9 may be blocked again")
		d.press("home", "u")
		d.shows("this host needs it for itself")
		d.press("down", "u")
		d.shows("take it out there")
		if len(b.Allowed) != 3 {
			t.Errorf("%+v", b.Allowed)
		}
	})
}

func TestBlock(t *testing.T) {
	b := controltest.Sample()
	at(t, b, 80, 24, func(d *desk) {
		d.press("3", "end", "b")
		d.shows("10.0.0.8-198.51.100.20-80-tcp ")
		d.press("tab")
		d.types("2d")
		d.press("tab")
		d.types("spam")
		d.press("tab", "backspace", "backspace")
		d.types("ye")
		d.press("enter")
		d.shows(`"ye" is neither yes nor no`)
		d.types("s")
		d.press("enter")
		d.shows("Block 10.0.0.8-198.51.100.20-80-tcp for 2d?", "dropped at once")
		d.press("y")
		d.shows("blocked 10.0.0.8-198.51.100.20-80-tcp until")
		got := b.InForce[0]
		if got.Tuple.String() != "10.0.0.8-198.51.100.20-80-tcp" || got.Reason != "spam" || got.Scope != policy.ScopeTuple || got.Until.Sub(got.Since) != 48*time.Hour {
			t.Errorf("%+v", got)
		}
		d.press("b", "ctrl+u", "enter", "enter", "enter", "enter")
		d.shows("write it as source-destination-port-protocol")
		d.press("esc")
		b.Fail = fmt.Errorf("%w: the gateway is never blocked", control.ErrRefused)
		d.press("b", "enter", "enter", "enter", "enter", "y")
		d.shows("the gateway is never blocked")
	})
}

// Who may only look on is told so.
func TestLookOn(t *testing.T) {
	at(t, controltest.Sample(), 80, 24, func(d *desk) {
		d.you.Change = false
		d.shows("look on only")
		for _, k := range []string{"u", "a", "b"} {
			d.press(k)
			d.shows("changes are for root")
			if d.confirm != nil || d.form != nil {
				t.Errorf("%s opens something", k)
			}
		}
	})
}

func TestExplanation(t *testing.T) {
	at(t, controltest.Sample(), 80, 24, func(d *desk) {
		d.press("down", "enter")
		d.shows("verdict    blocked until 12:50", "gaps spread by only 2 %")
		d.press("end")
		d.shows("generic (/etc/slips-ips/slips.toml line 47) said block", "what happened")
		d.press("u")
		d.shows("Lift the block of " + controltest.Tuple)
		d.press("n", "esc")
		d.press("3", "end", "enter")
		d.shows("nothing is known of 10.0.0.8")
		d.press("q")
		if d.left {
			t.Error("q in an explanation leaves the program")
		}
		d.press("q")
		if !d.left {
			t.Error("q does not leave the program")
		}
	})
}

func TestParseFilter(t *testing.T) {
	for text, want := range map[string]filter{
		"":                                {},
		"10.0.0.7":                        {host: "10.0.0.7"},
		"2001:db8::/32 label:zeus":        {host: "2001:db8::/32", label: "*zeus*"},
		"-443-tcp flows:50":               {match: "*-443-tcp*", flows: 50},
		"10.0.0.?-*-443-tcp label:*Zeus*": {match: "10.0.0.?-*-443-tcp", label: "*Zeus*"},
		`a\b`:                             {match: `*a\\b*`},
	} {
		want.text = text
		if got, err := parseFilter(text); err != nil || got != want {
			t.Errorf("%q: %+v, %v", text, got, err)
		}
	}
	for _, text := range []string{"flows:many", "flows:-1", "a b", "10.0.0.1 10.0.0.2"} {
		if got, err := parseFilter(text); err == nil {
			t.Errorf("%q: %+v", text, got)
		}
	}
}

func TestInput(t *testing.T) {
	in := input{most: 10}
	in.insert("one\ttwo\x1b[31m\u202e\n")
	if got := string(in.text); got != "one two[31" {
		t.Fatalf("%q", got)
	}
	for _, tt := range []struct{ key, want string }{
		{"ctrl+u", ""}, {"a", "a"}, {"例", "a例"}, {"left", "a例"}, {"b", "ab例"}, {"home", "ab例"}, {"delete", "b例"}, {"end", "b例"}, {"backspace", "b"}, {"left", "b"}, {"ctrl+k", ""},
		{"backspace", ""}, {"delete", ""}, {"x", "x"}, {" ", "x "}, {"y", "x y"}, {"ctrl+w", "x "}, {"ctrl+w", ""},
	} {
		k := tea.KeyPressMsg{Code: named[tt.key]}
		switch {
		case k.Code != 0:
		case strings.HasPrefix(tt.key, "ctrl+"):
			k.Code, k.Mod = rune(tt.key[5]), tea.ModCtrl
		default:
			k.Text = tt.key
		}
		in.key(k)
		if got := string(in.text); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.key, got, tt.want)
		}
	}
}

// Letters are told apart by regularity, also in what is left without colours.
func TestLetters(t *testing.T) {
	l := letters("1,a,A.r+R*0a", false, 2, 40)
	var got []string
	for _, p := range l {
		got = append(got, fmt.Sprintf("%s:%+v", p.text, p.style))
	}
	want := []string{
		fmt.Sprintf("1,:%+v", faint), fmt.Sprintf("a,:%+v", redBold), fmt.Sprintf("A.:%+v", yellow), fmt.Sprintf("r+:%+v", green),
		fmt.Sprintf("R*0:%+v", cyan.under()), fmt.Sprintf("a:%+v", redBold.under()),
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("%q\nwant %q", got, want)
	}
	for width := range 20 {
		if n := letters("88+h+h,h+h,h+h+h", true, 3, width).width(); n > width {
			t.Errorf("%d wide in %d", n, width)
		}
	}
	for s, want := range map[string]string{"": "no letters yet", "11,": "too new to tell", "1a,R.": "irregular", "1,A,0": "regular", "1,r": "hardly regular", "88,h,": "very regular"} {
		if got := regular(s); got != want {
			t.Errorf("%q: %s, want %s", s, got, want)
		}
	}
}

// An answer that is longer than its line is seen as a whole, also where no list is.
func TestLongAnswer(t *testing.T) {
	b := controltest.Sample()
	at(t, b, 80, 24, func(d *desk) {
		for _, keys := range [][]string{{"1"}, {"5"}, {"1", "enter"}} {
			d.press(keys...)
			b.Fail = fmt.Errorf("%w: %sthe end", control.ErrRefused, strings.Repeat("a reason that goes on ", 8))
			d.press("u", "y")
			if d.view != viewHealth {
				d.shows("-- answer", "the end")
			}
			b.Fail = nil
			d.press("esc")
			d.hides("the end")
		}
	})
}
