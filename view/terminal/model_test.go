package terminal

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"slips-ips/agent/control"
	"slips-ips/agent/control/controltest"
	"slips-ips/agent/history"
	"slips-ips/agent/status"
	"slips-ips/argusfeed"
)

// sgr is all that styles may write.
var sgr = regexp.MustCompile(`\x1b\[[0-9;]*m`)

// Every view at every size is a screen, and begins with what is blocked and why.
func TestScreens(t *testing.T) {
	for _, size := range [][2]int{{1, 1}, {39, 24}, {40, 12}, {60, 17}, {80, 24}, {100, 39}, {132, 43}, {250, 90}} {
		at(t, controltest.Sample(), size[0], size[1], func(d *desk) {
			for _, keys := range [][]string{{"1"}, {"2"}, {"3"}, {"4"}, {"5"}, {"?"}, {"esc", "1", "down", "enter"}, {"a"}, {"esc", "b"}, {"esc", "u"}, {"esc", "esc", "/"}} {
				d.press(keys...)
			}
		})
	}
	at(t, controltest.Sample(), 80, 24, func(d *desk) {
		d.shows("ENFORCE  1 blocked, 1 MISSING", "CRITICAL enforce: 1 of 2 blocks", "feeds 1 of 2 live", "blocks 2/10 000", "10.0.0.9-203.0.113.200-22-tcp",
			"why   by anna from 192.0.2.77: brute force")
		d.press("down")
		d.shows("why   matches From-Generic-TCP-HTTPS-beacon-regular with probability")
	})
}

// Whatever is pressed at whatever size, there is a screen.
func TestAnyKeys(t *testing.T) {
	keys := []string{"1", "2", "3", "4", "5", "up", "down", "pgup", "pgdown", "home", "end", "enter", "esc", "?", "/", "s", "d", "a", "b", "u", "y", "n", "r", "+", "-", "tab", "x", "*", "ctrl+t", "backspace"}
	rapid.Check(t, func(rt *rapid.T) {
		list := rapid.SliceOfN(rapid.SampledFrom(keys), 1, 60).Draw(rt, "keys")
		width, height := rapid.IntRange(1, 200).Draw(rt, "width"), rapid.IntRange(1, 70).Draw(rt, "height")
		at(t, controltest.Sample(), 80, 24, func(d *desk) {
			for i, k := range list {
				if i == len(list)/2 {
					d.size(width, height)
				}
				d.press(k)
			}
		})
	})
}

// Where nothing is blocked the tuples are shown first, and nothing is claimed.
func TestBegin(t *testing.T) {
	b := controltest.Sample()
	b.InForce, b.State.Enforce.Wanted, b.State.Enforce.Missing, b.State.Enforce.Enforced = nil, 0, 0, 0
	b.State.Enforce.DryRun, b.State.Problems = true, nil
	at(t, b, 80, 24, func(d *desk) {
		d.shows("DRY-RUN  nothing is blocked; 0 would be", "all is well", "LETTERS", "88+h+h,h+h")
		d.press("1")
		d.shows("nothing is blocked; 3 shows")
	})
}

// One question is under way at a time, each after the interval; slow answers and
// keys do not pile them up.
func TestQuestions(t *testing.T) {
	at(t, controltest.Sample(), 80, 24, func(d *desk) {
		d.wait(20 * time.Second)
		if d.agent.asked != 11 {
			t.Errorf("asked %d times in 20 s, want each 2 s", d.agent.asked)
		}
		d.agent.takes = 10 * time.Second
		before := d.agent.asked
		for range 50 {
			d.press("r")
		}
		d.wait(60 * time.Second)
		if n := d.agent.asked - before; n > 7 {
			t.Errorf("asked %d times in a minute of an agent that takes 10 s", n)
		}
		d.agent.takes = 0
		d.wait(10 * time.Second)
		d.press("-")
		d.wait(6 * time.Second)
		before = d.agent.asked
		d.wait(20 * time.Second)
		if n := d.agent.asked - before; n != 4 {
			t.Errorf("asked %d times in 20 s at 5 s", n)
		}
	})
}

// What was drawn is waited for on a slow line.
func TestPace(t *testing.T) {
	begin := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	p := pace{every: 2 * time.Second, rate: 1000}
	for i, tt := range []struct {
		after time.Duration
		bytes uint64
		want  time.Duration
	}{
		{0, 500, 2 * time.Second},
		{2 * time.Second, 10_500, 10 * time.Second}, // 10 kB: ten seconds
		{10 * time.Second, 10_500, 2 * time.Second}, // the line has carried it
		{2 * time.Second, 16_500, 6 * time.Second},
		{6 * time.Second, 18_500, 2 * time.Second},
	} {
		begin = begin.Add(tt.after)
		if got := p.next(tt.bytes, begin); got != tt.want {
			t.Errorf("%d: %s, want %s", i, got, tt.want)
		}
	}
	p.rate = 0
	if got := p.next(1<<40, begin.Add(time.Second)); got != p.every {
		t.Errorf("no limit: %s", got)
	}
	at(t, controltest.Sample(), 80, 24, func(d *desk) {
		d.pace.rate = 100
		for range 10 {
			d.wrote += 2000 // each drawing costs 20 s
			d.wait(20 * time.Second)
		}
		if d.agent.asked > 13 {
			t.Errorf("asked %d times in 200 s", d.agent.asked)
		}
	})
}

// Of 100,000 tuples and blocks only what is seen is asked for.
func TestMany(t *testing.T) {
	b := controltest.Large(100_000)
	b.State.Enforce.Wanted = 100_000
	at(t, b, 80, 24, func(d *desk) {
		d.press("3", "s") // the newest flow first
		rows := d.listHeight()
		if q := d.agent.tuples; q.Limit != 3*rows || q.Offset != 0 || q.Letters > 80 {
			t.Errorf("%+v for %d rows", q, rows)
		}
		d.shows("10.0.0.0-203.0.113.9-443-tcp", "10.0.0.9-203")
		d.press("pgdown", "pgdown", "down")
		d.wait(2 * time.Second)
		if d.tuples.cursor != 2*(rows-1)+1 || d.agent.tuples.Offset != d.tuples.top-rows && d.agent.tuples.Offset != 0 {
			t.Errorf("at %d, %+v", d.tuples.cursor, d.agent.tuples)
		}
		d.press("end")
		d.shows("> ", "10.1.134.159-") // the last one
		if q := d.agent.tuples; q.Offset != 100_000-2*rows || q.Limit != 3*rows || d.tuples.cursor != 99_999 {
			t.Errorf("at the end %d, %+v", d.tuples.cursor, q)
		}
		d.press("home")
		d.shows("10.0.0.0-203.0.113.9-443-tcp")
		d.press("2", "end", "end", "end", "end", "end", "end", "end", "end", "end")
		if d.agent.events.Limit > maxEvents || len(d.alerts.rows) > maxEvents {
			t.Errorf("%d events, %+v", len(d.alerts.rows), d.agent.events)
		}
		for range 100 {
			d.press("end")
		}
		if len(d.alerts.rows) != maxEvents {
			t.Errorf("%d events at the end, want %d", len(d.alerts.rows), maxEvents)
		}
		d.press("1", "end")
		if d.blocks.cursor != 99_999 || len(d.blocks.rows) > 3*rows {
			t.Errorf("block %d, %d rows", d.blocks.cursor, len(d.blocks.rows))
		}
		d.size(400, 2000)
		if _, limit := d.blocks.wanted(d.listHeight()); limit > maxRows || len(d.blocks.rows) > maxRows {
			t.Errorf("%d rows for an endless screen", limit)
		}
	})
}

// The cursor stays on its tuple while the order changes.
func TestFollows(t *testing.T) {
	b := controltest.Sample()
	at(t, b, 80, 24, func(d *desk) {
		d.press("3", "s", "s", "down") // by flows: the second one
		if got := d.tuples.selected().Tuple.String(); got != controltest.Tuple {
			t.Fatal(got)
		}
		b.Known[2].Flows = 5000
		d.wait(2 * time.Second)
		if got := d.tuples.selected().Tuple.String(); got != controltest.Tuple || d.tuples.cursor != 2 {
			t.Errorf("%s at %d", got, d.tuples.cursor)
		}
		d.press("home")
		b.Known[0].Flows = 9000
		d.wait(2 * time.Second)
		if d.tuples.cursor != 0 {
			t.Errorf("who stands at the beginning stays there: %d", d.tuples.cursor)
		}
		b.Known = b.Known[:1]
		d.press("end")
		d.wait(2 * time.Second)
		if d.tuples.cursor != 0 || d.tuples.total != 1 {
			t.Errorf("%d of %d", d.tuples.cursor, d.tuples.total)
		}
	})
}

// Letters that come are marked.
func TestGrowing(t *testing.T) {
	b := controltest.Sample()
	at(t, b, 80, 24, func(d *desk) {
		d.press("3")
		fresh := func() string {
			var s strings.Builder
			k := &b.Known[0]
			for _, p := range letters(k.Letters, k.Cut, d.fresh[controltest.Tuple], 40) {
				if p.style.underline {
					s.WriteString(p.text)
				}
			}
			return s.String()
		}
		d.wait(2 * time.Second)
		if got := fresh(); got != "" {
			t.Errorf("%q is no news", got)
		}
		b.Known[0].Letters += "h,H+"
		b.Known[0].Flows += 2
		d.wait(2 * time.Second)
		if got := fresh(); got != "h,H+" {
			t.Errorf("%q is new", got)
		}
		d.shows("h,h+h,h,H+")
		d.wait(2 * time.Second)
		if got := fresh(); got != "" {
			t.Errorf("%q is no news any more", got)
		}
	})
}

// An agent that is gone is said to be, and comes back.
func TestGone(t *testing.T) {
	at(t, controltest.Sample(), 100, 24, func(d *desk) {
		d.agent.down = fmt.Errorf("no agent answers at /run/x: %w", control.ErrNotRunning)
		d.wait(4 * time.Second)
		d.shows("NO ANSWER since", "no agent answers at /run/x", controltest.Tuple)
		d.shows("as of 2026-03-01 12:00")
		d.press("u")
		d.shows("slips-ips panic lifts all blocks without one")
		d.press("5")
		d.shows("NO ANSWER  no agent answers at /run/x: ", "what follows is what it said last")
		d.press("1")
		d.agent.down = nil
		d.wait(2 * time.Second)
		d.shows("the agent answers again", "CRITICAL enforce")
		d.hides("NO ANSWER", "as of")
		d.agent.down = errors.New("broken off")
		d.wait(2 * time.Second)
		d.agent.down = nil
		d.agent.State.Started, d.agent.State.PID = d.agent.State.Started.Add(time.Hour), 777
		d.wait(2 * time.Second)
		d.shows("the agent was started anew, process 777")
		d.press("3")
		d.agent.Fail = fmt.Errorf("%w: nothing is detected", control.ErrUnavailable)
		d.wait(2 * time.Second)
		d.shows("nothing is detected")
		d.agent.Fail = nil
		d.wait(2 * time.Second)
		d.shows("88+h+h")
	})
}

// An agent that takes its time is said to, and what is shown is not taken for new.
func TestSlowAgent(t *testing.T) {
	at(t, controltest.Sample(), 80, 24, func(d *desk) {
		d.wait(10 * time.Second)
		d.hides("WAITING")
		d.agent.takes = 20 * time.Second
		d.press("3")
		d.shows("asking the agent ...")
		d.hides("no flow has come yet")
		d.wait(slowTime + time.Second)
		d.shows("WAITING since", "shown is what it said before")
		d.agent.takes = 0
		d.wait(20 * time.Second)
		d.shows("88+h+h", "CRITICAL enforce")
		d.hides("WAITING", "asking the agent")
	})
}

// A filter that a list does not know is not said to be in force there.
func TestFilterLeftOut(t *testing.T) {
	at(t, controltest.Sample(), 120, 24, func(d *desk) {
		d.press("/")
		d.types("flows:50 label:beacon 10.0.0.7 443")
		d.press("enter")
		d.shows("here NOT by flows:50 label:beacon;")
		d.press("2")
		d.shows("here NOT by flows:50 443;")
		d.press("3")
		d.shows("only flows:50 label:beacon 10.0.0.7 443")
		d.hides("NOT by")
	})
}

// The last of the alerts that are listed says where the older ones are.
func TestOlderAlerts(t *testing.T) {
	last := func(d *desk) {
		d.press("2")
		for n := -1; n < d.alerts.total; { // each asks for some more
			n = d.alerts.total
			d.press("end")
		}
	}
	at(t, controltest.Large(2000), 80, 24, func(d *desk) {
		last(d)
		d.shows("there are older ones", "slips-ips alerts --until")
		d.press("up")
		d.hides("there are older ones")
	})
	at(t, controltest.Large(maxEvents), 80, 24, func(d *desk) {
		last(d)
		if len(d.alerts.rows) != maxEvents {
			t.Fatalf("%d events", len(d.alerts.rows))
		}
		d.hides("there are older ones")
	})
}

// What is selected is told in full where the list leaves room, and what does not fit is
// said to go on.
func TestDetails(t *testing.T) {
	b := controltest.Sample()
	b.InForce[1].Reason = strings.Repeat("a reason that goes on ", 20) + "the end"
	at(t, b, 80, 24, func(d *desk) {
		d.press("down")
		d.shows("why   a reason", "the end", "when  since 11:50:00", "port 443, tcp, dropped", "203.0.113.200")
		d.size(80, 18)
		d.shows("> blocked", " ..")
		d.hides("the end")
	})
	many := controltest.Large(100)
	at(t, many, 80, 24, func(d *desk) {
		if got := d.listHeight(); got != 11 {
			t.Errorf("a long list has %d rows of 24", got)
		}
	})
}

// Why something is not blocked yet is told.
func TestExplainsWhatIsMissing(t *testing.T) {
	b := controltest.Sample()
	r := *b.Explanation.Ruling
	r.Made, r.Missing = false, []string{"2 more matches", "a probability of 0.95"}
	b.Explanation.Ruling, b.Explanation.Block, b.Explanation.Next = &r, nil, controltest.Now.Add(-time.Hour)
	at(t, b, 80, 40, func(d *desk) {
		d.press("down", "enter")
		d.shows("missing    2 more matches", "a probability of 0.95", "next       was due at 11:00:00")
	})
}

// The list is what was asked for last, also where an older answer comes later.
func TestLateAnswer(t *testing.T) {
	at(t, controltest.Sample(), 80, 24, func(d *desk) {
		d.agent.takes = time.Second
		d.press("2", "3", "/")
		d.types("10.0.0.8")
		d.press("enter")
		d.wait(3 * time.Second)
		d.shows("only 10.0.0.8 (esc: all)", "10.0.0.8-198.51.100.20-80-tcp")
		d.hides("2001:db8::7-")
		d.press("esc")
		d.wait(2 * time.Second)
		d.shows("2001:db8::7-")
		d.press("/")
		d.types("flows:x")
		d.press("enter")
		d.shows(`"x" is no number of flows`)
	})
}

// What comes from outside stays text.
func TestHostile(t *testing.T) {
	const evil = "\x1b[2J\x1b]0;x\a\u202egnp\u200b\u0301例え👩\u200d💻\u009b31m\r\n\tx"
	b := controltest.Sample()
	for i := range b.Known {
		b.Known[i].Label, b.Known[i].Letters = "From-"+evil, "aA"+evil
	}
	named := b.Known[0].Tuple
	var err error
	if named.Src, err = argusfeed.ParseAddr([]byte("host" + evil)); err != nil {
		t.Fatal(err)
	}
	b.Known[1].Tuple = named
	for i := range b.InForce {
		b.InForce[i].Label, b.InForce[i].Reason, b.InForce[i].Tuple = evil, evil, named
		b.InForce[i].By = &history.Who{User: evil, Login: evil, From: evil}
	}
	for i := range b.Past {
		b.Past[i].Text, b.Past[i].Error = evil, evil
	}
	b.Allowed[2].Comment, b.Allowed[2].By, b.Allowed[2].Network = evil, evil, evil
	b.Explanation.Verdict, b.Explanation.Protected, b.Explanation.Judgement.For[0] = evil, evil, evil
	b.State.Problems[0].What, b.State.Feeds[0].URL, b.State.Feeds[0].Error, b.State.Version = evil, evil, evil, evil
	b.State.Errors[0].Text, b.State.Outputs[0].To, b.State.Config.Path, b.State.Enforce.PausedBy, b.State.Enforce.Error = evil, evil, evil, evil, evil
	for _, width := range []int{40, 80, 200} {
		at(t, b, width, 30, func(d *desk) { // each drawing is checked
			for _, keys := range [][]string{{"1"}, {"2"}, {"3"}, {"4", "end"}, {"u", "esc"}, {"5"}, {"1", "enter"}, {"esc", "u"}, {"esc", "a"}, {"esc", "b"}, {"esc", "3", "enter"}} {
				d.press(keys...)
			}
			d.agent.down = errors.New(evil)
			d.wait(2 * time.Second)
			d.shows("?[2J")
		})
	}
}

// On a narrow screen too it is seen which tuple is blocked, and where help is.
func TestNarrow(t *testing.T) {
	for _, width := range []int{leastWidth, 60, 75, 76} {
		at(t, controltest.Sample(), width, 20, func(d *desk) {
			for _, view := range []string{"1", "2", "3"} {
				d.press(view)
				d.shows("? help")
				if width >= 60 {
					d.shows(controltest.Tuple)
				}
			}
			d.press("4")
			d.shows("192.168.7.0/24", "? help")
		})
	}
}

// In detect-off there is nothing to block or to lift, and no limit of it.
func TestDetectOff(t *testing.T) {
	b := controltest.Sample()
	b.State.Mode, b.State.Policy, b.State.Enforce, b.State.Problems, b.InForce = "detect-off", status.Policy{}, status.Enforce{}, nil, nil
	at(t, b, 80, 24, func(d *desk) {
		d.shows("DETECT-OFF  nothing is detected or blocked", "LETTERS", "tuples 18 230/500 000")
		d.hides("0/0")
		for _, k := range []string{"u", "b"} {
			d.press(k)
			d.shows("in detect-off mode nothing is blocked")
			if d.form != nil || d.confirm != nil {
				t.Errorf("%s opens something", k)
			}
		}
		d.press("5")
		d.shows("nothing is decided or blocked in this mode")
		d.hides("0 of 0", "compared never")
	})
}

// An event of no tuple has the room of both columns; what cannot be filtered is not
// asked about.
func TestEventsOfNoTuple(t *testing.T) {
	at(t, controltest.Sample(), 100, 24, func(d *desk) {
		d.press("2", "d")
		d.shows("change anna allowed 192.168.7.0/24 (printers) by anna from 192.0.2.77")
		for _, view := range []string{"4", "5"} {
			d.press(view, "/")
			d.shows("blocks, alerts and tuples can be filtered")
			if d.form != nil {
				t.Errorf("a filter is asked for in %s", view)
			}
		}
	})
}

// Of a label that is too long the end is seen: it says what the behaviour is.
func TestAlertLabels(t *testing.T) {
	at(t, controltest.Sample(), 80, 24, func(d *desk) {
		d.press("2", "d")
		d.shows("blocked 1h ..", "n-regular", "ended: it ran out")
		d.hides("From-Gener..")
	})
}

// Of a tuple that is too long for its column both ends are seen.
func TestLongTuples(t *testing.T) {
	b := controltest.Sample()
	b.Known = b.Known[:1]
	b.Known[0].Tuple = controltest.MustTuple("2001:db8:225:0:1d3:35e9:7d97:2325-2001:db8:225:9999:1d3:35e9:7d97:2326-65530-udp")
	at(t, b, 80, 24, func(d *desk) {
		d.press("3")
		d.shows("2001:db8:225..", ":2326-65530-udp")
	})
	for width := range 100 {
		for _, s := range []string{"2001:db8:225:0:1d3:35e9:7d97:2325-2001:db8::1-443-tcp", "例え例え例え例え-198.51.100.7-443-tcp", "short"} {
			if got := cutMiddle(s, width); widthOf(got) > width || widthOf(s) <= width && got != s {
				t.Errorf("%q in %d: %q", s, width, got)
			}
		}
	}
}
