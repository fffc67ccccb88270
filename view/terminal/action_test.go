package terminal

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"

	"slips-ips/agent/control"
	"slips-ips/agent/control/controltest"
	"slips-ips/agent/history"
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
		d.shows("lifted the block of " + controltest.Tuple)
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
		d.press("tab", "tab")
		d.types("soon")
		d.press("tab", "tab")
		d.types("spam")
		d.press("tab", "y", "enter")
		d.shows(`"soon": no duration`, "as in 90s, 1h30m")
		d.press("up", "up", "up", "ctrl+u")
		d.types("2d")
		d.press("enter", "enter", "enter", "enter")
		d.shows("Block 10.0.0.8-198.51.100.20-80-tcp, for 2d?", "stopped at once", "With force")
		d.press("y")
		d.shows("blocked: 10.0.0.8 to 198.51.100.20 port 80, tcp, until")
		got := b.InForce[0]
		if got.Tuple.String() != "10.0.0.8-198.51.100.20-80-tcp" || got.Reason != "spam" || got.Scope != policy.ScopeTuple || got.Until.Sub(got.Since) != 48*time.Hour {
			t.Errorf("%+v", got)
		}
		d.press("b", "ctrl+u", "enter", "enter", "enter", "enter", "enter", "enter")
		d.shows("write it as source-destination-port-protocol")
		d.press("esc")
		b.Fail = fmt.Errorf("%w: the gateway is never blocked", control.ErrRefused)
		d.press("b", "enter", "enter", "enter", "enter", "enter", "enter", "y")
		d.shows("the gateway is never blocked")
	})
}

// Each scope and verdict that the policy has can be chosen, and the question says what
// it would cover.
func TestBlockScopes(t *testing.T) {
	for _, tt := range []struct {
		scope, verdict []string
		asks, lists    string
		want           policy.Scope
		does           policy.Verdict
	}{
		{nil, nil, "Block 10.0.0.7-203.0.113.9-443-tcp, as long", "10.0.0.7-203.0.113.9-443-tcp  by hand", policy.ScopeTuple, policy.VerdictDrop},
		{[]string{"space"}, []string{"r"}, "Block everything between 10.0.0.7 and 203.0.113.9, as long", "all 10.0.0.7-203.0.113.9", policy.ScopePair, policy.VerdictReject},
		{[]string{"d"}, []string{"space"}, "Block everything to and from 203.0.113.9, as long", "all to 203.0.113.9", policy.ScopeDestination, policy.VerdictDrop},
		{[]string{"left"}, []string{"right", "right"}, "Block everything to and from 10.0.0.7 (quarantine), as long", "all of 10.0.0.7 (quarantine)", policy.ScopeSource, policy.VerdictReject},
		{[]string{"up", "1", "0", ".", "0", ".", "0", ".", "7", " ", "203.0.113.9", " ", "443", " ", "tcp", "tab"}, nil, "Block 10.0.0.7-203.0.113.9-443-tcp, as long", "10.0.0.7-203.0.113.9-443-tcp  by hand", policy.ScopeTuple, policy.VerdictDrop},
		{[]string{"s", "x", "t"}, []string{"left", "left", "left"}, "Block 10.0.0.7-203.0.113.9-443-tcp, as long", "10.0.0.7-203.0.113.9-443-tcp  by hand", policy.ScopeTuple, policy.VerdictDrop},
	} {
		b := controltest.Sample()
		at(t, b, 80, 24, func(d *desk) {
			d.press("down", "b", "tab")
			for _, k := range tt.scope {
				if len(k) > 1 && named[k] == 0 && k != "space" {
					d.types(k)
				} else {
					d.press(k)
				}
			}
			d.press("tab", "tab")
			d.press(tt.verdict...)
			d.press("enter", "enter", "enter")
			d.shows(tt.asks)
			d.press("y")
			d.press("1", "home")
			d.shows(tt.lists)
			if got := b.InForce[0]; got.Scope != tt.want || got.Verdict != tt.does || got.Tuple.String() != controltest.Tuple {
				t.Errorf("%v %v: %+v", tt.scope, tt.verdict, got)
			}
		})
	}
}

// On the smallest screen too the field that is typed in is seen, and what is wrong, and
// the keys of a question.
func TestFormOnSmallScreen(t *testing.T) {
	at(t, controltest.Sample(), leastWidth, leastHeight, func(d *desk) {
		d.press("b")
		for _, name := range []string{"tuple", "scope", "for", "verdict", "comment", "force"} {
			if !strings.Contains("\n"+d.seen(), "\n"+name+" ") {
				t.Errorf("%s is not seen:\n%s", name, d.seen())
			}
			d.press("down")
		}
		d.press("down", "down")
		d.types("soon")
		d.press("up", "up", "up", "enter")
		d.shows(`for: "soon": no duration`, "force ")
		d.press("down", "down", "down", "ctrl+u", "up", "up", "up", "enter")
		d.shows("y yes, do it")
	})
}

// What is not blocked is not asked about, and where only the agent knows the block it
// is asked which.
func TestUnblockAsks(t *testing.T) {
	b := controltest.Sample()
	b.Explanation.Block = nil
	at(t, b, 80, 24, func(d *desk) {
		for _, view := range []string{"2", "3"} {
			d.press(view, "u")
			d.shows(controltest.Tuple + " is not blocked")
		}
		wide := b.InForce[1]
		wide.Tuple, wide.Scope = controltest.MustTuple("10.0.0.7-198.51.100.1-80-tcp"), policy.ScopeSource
		b.InForce[1], b.Explanation.Block = wide, &wide
		d.press("u")
		d.shows("block of 10.0.0.7-198.51.100.1-80-tcp, everything to and from 10.0.0.7", "(quarantine)?", "ends by itself in 50m")
		d.press("y")
		d.shows("lifted the block of 10.0.0.7-198.51.100.1-80-tcp")
		if len(b.InForce) != 1 || b.InForce[0].ID == wide.ID {
			t.Errorf("%+v", b.InForce)
		}
		d.agent.Fail = errors.New("it hangs")
		d.press("u")
		d.shows("it hangs")
	})
}

// Who may only look on is told so.
func TestLookOn(t *testing.T) {
	at(t, controltest.Sample(), 80, 24, func(d *desk) {
		d.you.Change = false
		d.shows("look on only")
		d.hides("u unblock", "b block")
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
			d.press("u")
			if d.confirm != nil {
				d.press("y")
			}
			if d.view != viewHealth {
				d.shows("-- answer", "the end")
			}
			b.Fail = nil
			d.press("esc")
			d.hides("the end")
		}
	})
}

// What a field has in it at first is replaced by what is typed, unless the cursor was
// moved in it.
func TestPrefilled(t *testing.T) {
	at(t, controltest.Sample(), 80, 24, func(d *desk) {
		use := func(keys ...string) {
			d.press("3", "/")
			d.press(keys...)
			d.press("enter")
		}
		for _, tt := range []struct {
			keys []string
			want string
		}{
			{[]string{"a", "b"}, "ab"}, {[]string{"c"}, "c"}, {[]string{"end", "d"}, "cd"}, {[]string{"left", "x"}, "cxd"}, {nil, "cxd"}, {[]string{"backspace", "e"}, "e"}, {[]string{"backspace"}, ""},
		} {
			if use(tt.keys...); d.filter.text != tt.want {
				t.Errorf("%v: %q, want %q", tt.keys, d.filter.text, tt.want)
			}
		}
	})
}

// The reason is told once.
func TestToldOnce(t *testing.T) {
	b := controltest.Sample()
	for i := range b.Past {
		if e := &b.Past[i]; e.Decision != nil {
			e.Text = e.Decision.Tuple.String() + " " + string(e.Kind) + ": " + e.Decision.Reason
		}
	}
	b.Explanation.Events = b.Past[2:3]
	at(t, b, 160, 50, func(d *desk) {
		d.press("2")
		if n := strings.Count(d.seen(), "confirmed: 10 matches"); n != 1 {
			t.Errorf("%d times:\n%s", n, d.seen())
		}
		d.press("enter")
		if n := strings.Count(d.seen(), "confirmed: 10 matches"); n != 1 {
			t.Errorf("%d times:\n%s", n, d.seen())
		}
		d.shows("block      11:50:00  block")
	})
}

// Who blocked by hand is named once.
func TestWhyByHand(t *testing.T) {
	by := &history.Who{User: "root", Login: "anna", From: "192.0.2.77"}
	for reason, want := range map[string]string{
		`asked for by anna (ticket); blocked for 1h`:             "asked for by anna as root from 192.0.2.77 (ticket); blocked for 1h",
		`asked for by anna; blocked for 1h, scope source`:        "asked for by anna as root from 192.0.2.77; blocked for 1h, scope source",
		`asked for by "anna (as root)" ("a; b"); blocked for 1h`: `asked for by anna as root from 192.0.2.77 ("a; b"); blocked for 1h`,
		`asked for by anna`:                "asked for by anna as root from 192.0.2.77",
		`asked for by "a ; blocked for 1h`: "asked for by anna as root from 192.0.2.77 ; blocked for 1h",
		"brute force":                      "by anna as root from 192.0.2.77: brute force",
		"":                                 "by anna as root from 192.0.2.77: the reason is not remembered",
	} {
		b := &control.BlockInfo{Reason: reason, By: by}
		if got := whyBlock(b); got != want {
			t.Errorf("%q: %q, want %q", reason, got, want)
		}
	}
}
