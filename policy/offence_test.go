package policy

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"slips-ips/argusfeed"
)

func newEngine(t testing.TB, edit func(*Config)) *Engine {
	t.Helper()
	c := DefaultConfig()
	c.Timezone = "UTC"
	if edit != nil {
		edit(&c)
	}
	e, err := New(c, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func testBlock(scope Scope, lasts time.Duration) Block {
	return Block{ID: "b", Tuple: testTuple("10.0.0.5", "192.0.2.1", "443", "tcp"), Scope: scope, Duration: lasts}
}

func TestOffences(t *testing.T) {
	e := newEngine(t, nil) // forgives one in seven days
	week := 7 * day
	other := testTuple("10.0.0.5", "192.0.2.1", "80", "tcp")
	o := e.NewOffences()
	tuple, pair := testBlock(ScopeTuple, time.Hour), testBlock(ScopePair, 2*time.Hour)
	for _, step := range []struct {
		name  string
		do    func()
		at    time.Duration // after testNow
		tuple argusfeed.Tuple
		scope Scope
		want  int
	}{
		{"nothing yet", func() {}, 0, tuple.Tuple, ScopeTuple, 0},
		{"once", func() { o.Record(tuple, testNow) }, 0, tuple.Tuple, ScopeTuple, 1},
		{"recorded twice", func() { o.Record(tuple, testNow) }, 0, tuple.Tuple, ScopeTuple, 1},
		{"renewed", func() { o.Record(tuple, testNow.Add(50*time.Minute)) }, time.Hour, tuple.Tuple, ScopeTuple, 1},
		{"again, after the renewed one", func() { o.Record(tuple, testNow.Add(110*time.Minute)) }, 2 * time.Hour, tuple.Tuple, ScopeTuple, 2},
		{"another port is another tuple", func() {}, 2 * time.Hour, other, ScopeTuple, 0},
		{"a wider block contains the tuple", func() {}, 2 * time.Hour, tuple.Tuple, ScopePair, 2},
		{"a pair says nothing about a tuple", func() { o.Record(pair, testNow.Add(3*time.Hour)) }, 5 * time.Hour, other, ScopeTuple, 0},
		{"but about the pair", func() {}, 5 * time.Hour, other, ScopePair, 1},
		{"and the source", func() {}, 5 * time.Hour, other, ScopeSource, 1},
		{"a week of good behaviour", func() {}, week + 4*time.Hour, tuple.Tuple, ScopeTuple, 1},
		{"two weeks", func() {}, 2*week + 4*time.Hour, tuple.Tuple, ScopeTuple, 0},
		{"for ever", func() {}, 100 * week, tuple.Tuple, ScopeTuple, 0},
		{"again after a week", func() { o.Record(tuple, testNow.Add(week+4*time.Hour)) }, week + 4*time.Hour, tuple.Tuple, ScopeTuple, 2},
		{"pardoned", func() { o.Pardon(tuple) }, week + 4*time.Hour, tuple.Tuple, ScopeTuple, 0},
	} {
		step.do()
		now := testNow.Add(step.at)
		if got := o.Of(step.tuple).of(step.scope, now, e.forgive).counts(now, e.forgive); got != step.want {
			t.Errorf("%s: %d, want %d", step.name, got, step.want)
		}
	}
}

// A restart forgets nothing: the history of blocks gives the same memory.
func TestOffencesAreMadeAgainFromHistory(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := DefaultConfig()
		c.MaxTuples = rapid.IntRange(1, 6).Draw(t, "places")
		e, err := New(c, time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		type event struct {
			b  Block
			at argusfeed.Time
		}
		var history []event
		live, now := e.NewOffences(), testNow
		for range rapid.IntRange(0, 40).Draw(t, "blocks") {
			now = now.Add(time.Duration(rapid.Int64Range(0, int64(3*day)).Draw(t, "gap")))
			ev := event{testBlock(drawScope(t), time.Duration(drawDuration(t))), now}
			ev.b.Tuple.Dst = argusfeed.AddrFrom4([4]byte{192, 0, 2, byte(rapid.IntRange(0, 9).Draw(t, "dst"))})
			live.Record(ev.b, ev.at)
			history = append(history, ev)
			if live.Len() > c.MaxTuples || live.Len() != live.once.Len()+live.often.Len() {
				t.Fatalf("%d in %d places", live.Len(), c.MaxTuples)
			}
		}
		again := e.NewOffences()
		for _, ev := range history {
			again.Record(ev.b, ev.at)
		}
		for _, ev := range history {
			if diff := cmp.Diff(live.Of(ev.b.Tuple), again.Of(ev.b.Tuple)); diff != "" {
				t.Fatal(diff)
			}
		}
	})
}

// Who was blocked again and again is remembered while many are blocked once.
func TestOffencesKeepTheRepeaterInAStorm(t *testing.T) {
	e := newEngine(t, func(c *Config) { c.MaxTuples = 100 })
	o := e.NewOffences()
	often := testBlock(ScopeTuple, time.Hour)
	o.Record(often, testNow)
	o.Record(often, testNow.Add(2*time.Hour))
	now := testNow.Add(3 * time.Hour)
	for n := range 10_000 {
		o.Record(Block{Tuple: numbered(n, now).Tuple, Scope: ScopeTuple, Duration: time.Hour}, now)
		if o.Len() > 100 {
			t.Fatalf("%d remembered", o.Len())
		}
	}
	if got := o.Of(often.Tuple).Tuple.Count; got != 2 {
		t.Errorf("the repeater has %d offences left, want 2", got)
	}
	if o.Evicted() != 9901 {
		t.Errorf("%d evicted, want 9901", o.Evicted())
	}
}

// blockAgain decides on a tuple that keeps coming back after each block.
func blockAgain(e *Engine, n int, pause time.Duration) (lengths []time.Duration, all []Decision) {
	o, now := e.NewOffences(), testNow
	for i := range n {
		d := testDetection("10.0.0.5", "192.0.2.1", "443", "tcp")
		d.Time = now
		dec := e.Decide(d, View{
			Now: now, ID: fmt.Sprintf("id %d", i), Protected: testProtected(), Offended: o.Of(d.Tuple),
			Evidence: Evidence{Times: slices.Repeat([]argusfeed.Time{now}, 100)},
		})
		all = append(all, dec)
		b, ok := dec.Block()
		if !ok {
			return lengths, all
		}
		o.Record(b, now)
		lengths = append(lengths, b.Duration)
		now = now.Add(b.Duration + pause)
	}
	return lengths, all
}

func TestRepeatOffendersAreBlockedForLonger(t *testing.T) {
	steady := newEngine(t, func(c *Config) { c.Jitter = 0 })
	lengths, all := blockAgain(steady, 6, time.Minute)
	want := []time.Duration{time.Hour, 6 * time.Hour, day, 7 * day, 7 * day, 7 * day}
	if diff := cmp.Diff(want, lengths); diff != "" {
		t.Error(diff)
	}
	if got := all[2].Offence; got != 2 {
		t.Errorf("the third block follows %d, want 2", got)
	}
	const words = "; blocked 2 times before; no rule fits, the default is block for 24h"
	if got := all[2].Reason; len(got) < len(words) || got[len(got)-len(words):] != words {
		t.Errorf("the reason is %s", got)
	}
	if lengths, _ = blockAgain(steady, 3, 15*day); !slices.Equal(lengths, []time.Duration{time.Hour, time.Hour, time.Hour}) {
		t.Errorf("after two weeks of good behaviour each: %v", lengths)
	}
	if lengths, _ = blockAgain(newEngine(t, func(c *Config) { c.Repeat = nil }), 3, time.Minute); lengths[0] != time.Hour || lengths[1] > 66*time.Minute || lengths[2] < lengths[1] {
		t.Errorf("without repeat: %v", lengths)
	}
	short := newEngine(t, func(c *Config) { c.Longest = Duration(8 * time.Hour) })
	if lengths, _ = blockAgain(short, 4, time.Minute); lengths[3] != 8*time.Hour || lengths[1] < 6*time.Hour {
		t.Errorf("with a longest of 8h: %v", lengths)
	}
	// Jitter: not all alike, none shorter than said, none much longer.
	jittery, _ := blockAgain(newEngine(t, nil), 4, time.Minute)
	for i, w := range want[:4] {
		if i == 0 && jittery[i] != w || jittery[i] < w || jittery[i] > w+w/10 || i > 0 && jittery[i] == w {
			t.Errorf("block %d lasts %v, want %v and up to a tenth more", i, jittery[i], w)
		}
	}
	again, _ := blockAgain(newEngine(t, nil), 4, time.Minute)
	if !slices.Equal(jittery, again) {
		t.Error("the same input gave other lengths")
	}
}

// A longer offence never gets a shorter block: whatever the configuration, as
// long as nothing is forgiven and the rule's longest is the same.
func TestALongerOffenceNeverGetsAShorterBlock(t *testing.T) {
	compared := 0
	rapid.Check(t, func(t *rapid.T) {
		c := drawConfig(t)
		c.Rules, c.Action, c.Matches, c.Budget, c.Flows = nil, ActionBlock, 1, Budget{}, 0
		e, err := New(c, time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		lengths, _ := blockAgain(e, 8, time.Duration(rapid.Int64Range(0, int64(59*time.Minute)).Draw(t, "pause")))
		for i := 1; i < len(lengths); i++ {
			compared++
			if lengths[i] < lengths[i-1] {
				t.Fatalf("%v: block %d is shorter", lengths, i)
			}
		}
		// And of one and the same detection.
		d := drawDetection(t)
		v, _ := drawView(t, d)
		fewer := e.Decide(d, v)
		for _, o := range []*Offence{&v.Offended.Tuple, &v.Offended.Pair, &v.Offended.Destination, &v.Offended.Source} {
			o.Count++
		}
		if more := e.Decide(d, v); fewer.Action == ActionBlock && more.Action == ActionBlock && more.Duration < fewer.Duration {
			t.Fatalf("%v after %d offences, %v after %d", fewer.Duration, fewer.Offence, more.Duration, more.Offence)
		}
	})
	if compared == 0 {
		t.Error("nothing was tested")
	}
}

// A reload keeps what was remembered, as far as the new policy has room.
func TestAdoptOffencesAndLedger(t *testing.T) {
	before := newEngine(t, nil)
	after := newEngine(t, func(c *Config) {
		c.MaxTuples, c.MaxBlocks, c.Forgive, c.Budget.PerMinute = 5, 4, Duration(time.Hour), 3
	})
	o, l := before.NewOffences(), before.NewLedger()
	for n := range 20 {
		b := Block{Tuple: numbered(n, testNow).Tuple, Scope: ScopeTuple, Duration: time.Duration(n+1) * time.Minute}
		o.Record(b, testNow)
		l.Record(b, testNow)
	}
	o, l = after.AdoptOffences(o, testNow), after.AdoptLedger(l)
	last := numbered(19, testNow).Tuple
	if got := o.Of(last).Tuple.Count; o.Len() != 5 || got != 1 || o.Of(numbered(0, testNow).Tuple).Tuple.Count != 0 {
		t.Errorf("%d remembered, the newest %d times", o.Len(), got)
	}
	if got := o.Of(last).Tuple.counts(testNow.Add(2*time.Hour), o.forgive); got != 0 {
		t.Errorf("the new time of forgiveness does not count: %d", got)
	}
	if got := l.Spent(last, testNow); l.Len() != 4 || got.Source != 4 || got.Minute != 3 {
		t.Errorf("%d counted, %+v", l.Len(), got)
	}
}
