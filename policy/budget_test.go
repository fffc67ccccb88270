package policy

import (
	"encoding/binary"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"slips-ips/argusfeed"
	"slips-ips/detection"
)

func TestBudget(t *testing.T) {
	long := testNow - 2*hour
	for _, c := range []struct {
		name  string
		in    int
		spent Spent
		edit  func(*detection.Detection, *View)
		cause Cause
		words string
	}{
		{"room", 79, Spent{7, 7, 7}, nil, CauseConfirmed, ""},
		{"all places", 100, Spent{}, nil, CauseMaxBlocks, "100 blocks are in force and at most 100 may be (max_blocks)"},
		{"all but the reserve", 80, Spent{}, nil, CauseMaxBlocks,
			"80 blocks are in force, and the last 20 of 100 (max_blocks) are for what is known, was blocked before or has matched for an hour (budget.reserve)"},
		{"this minute", 0, Spent{10, 0, 0}, nil, CausePerMinute, "10 blocks began within a minute and at most 10 may be (budget.per_minute)"},
		{"the source", 0, Spent{0, 8, 0}, nil, CausePerSource, "8 blocks of that source are in force, and the last 2 of 10 (budget.per_source) are for"},
		{"the destination", 0, Spent{0, 0, 10}, nil, CausePerDest, "10 blocks of that destination's network are in force and at most 10"},
		{"a known model", 99, Spent{9, 9, 9}, func(d *detection.Detection, _ *View) { d.Scorer, d.Score = "behaviour", 0.99 }, CauseConfirmed, ""},
		{"a known model, and no place", 100, Spent{}, func(d *detection.Detection, _ *View) { d.Scorer, d.Score = "behaviour", 0.99 }, CauseMaxBlocks, "at most 100"},
		{"generic", 99, Spent{}, func(d *detection.Detection, _ *View) { d.Scorer, d.Score, d.Generic = "behaviour", 0.99, true }, CauseMaxBlocks, "reserve"},
		{"blocked before", 99, Spent{9, 9, 9}, func(_ *detection.Detection, v *View) {
			v.Offended.Tuple = Offence{Count: 1, Until: testNow - hour}
		}, CauseConfirmed, ""},
		{"matching for hours", 99, Spent{9, 9, 9}, func(_ *detection.Detection, v *View) { v.Evidence.First = long }, CauseConfirmed, ""},
		{"a renewal is free", 100, Spent{10, 10, 10}, func(_ *detection.Detection, v *View) {
			v.InForce = InForce{ID: "b", Until: testNow + minute}
		}, CauseRenewal, ""},
	} {
		e := newEngine(t, func(cfg *Config) {
			cfg.MaxBlocks, cfg.Rules = 100, nil
			cfg.Budget = Budget{PerMinute: 10, PerSource: 10, PerDestination: 10, Reserve: 0.2}
		})
		d := testDetection("10.0.0.5", "192.0.2.1", "443", "tcp")
		v := View{Now: testNow, ID: "id", Evidence: Evidence{Times: times(3)}, Protected: testProtected(), BlocksInForce: c.in, Spent: c.spent}
		if c.edit != nil {
			c.edit(&d, &v)
		}
		dec := e.Decide(d, v)
		if dec.Cause != c.cause || !strings.Contains(dec.Reason, c.words) {
			t.Errorf("%s: %s: %s", c.name, dec.Cause, dec.Reason)
		}
		if dec.Action != ActionBlock && !dec.Confirmed {
			t.Errorf("%s: not confirmed", c.name)
		}
	}
}

// Against a ledger that looks at all blocks each time.
func TestLedgerAgainstOracle(t *testing.T) {
	type entry struct {
		b            Block
		begun, until argusfeed.Time
	}
	rapid.Check(t, func(t *rapid.T) {
		c := DefaultConfig()
		c.Budget.PerMinute = 1000
		e, err := New(c, time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		l, now := e.NewLedger(), testNow
		var all []entry
		var began []argusfeed.Time
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			now = now.Add(time.Duration(rapid.Int64Range(0, int64(40*time.Second)).Draw(t, "gap")))
			all = slices.DeleteFunc(all, func(e entry) bool { return e.until <= now })
			b := Block{
				Tuple: testTuple(rapid.SampledFrom([]string{"10.0.0.5", "10.0.0.6", "2001:db8::1", "2001:db8::2"}).Draw(t, "src"),
					rapid.SampledFrom([]string{"192.0.2.1", "192.0.2.77", "198.51.100.1"}).Draw(t, "dst"), "443", "tcp"),
				Scope: drawScope(t), Duration: time.Duration(rapid.Int64Range(int64(time.Second), int64(5*time.Minute)).Draw(t, "lasts")),
			}
			same := func(e entry) bool { return subjectOf(e.b.Tuple, e.b.Scope) == subjectOf(b.Tuple, b.Scope) }
			i := slices.IndexFunc(all, same)
			switch rapid.IntRange(0, 3).Draw(t, "what") {
			case 0:
				l.Lifted(b)
				all = slices.DeleteFunc(all, same)
			default:
				l.Record(b, now)
				if i >= 0 {
					all[i].until = max(all[i].until, now.Add(b.Duration))
				} else {
					all = append(all, entry{b, now, now.Add(b.Duration)})
					began = append(began, now)
				}
			}
			var want Spent
			for _, x := range all {
				if sourceOf(x.b.Tuple) == sourceOf(b.Tuple) {
					want.Source++
				}
				if networkOf(x.b.Tuple) == networkOf(b.Tuple) {
					want.Destination++
				}
			}
			for _, at := range began {
				if now.Sub(at) < time.Minute {
					want.Minute++
				}
			}
			if got := l.Spent(b.Tuple, now); got != want || l.Len() != len(all) {
				t.Fatalf("%+v of %d blocks, want %+v of %d", got, l.Len(), want, len(all))
			}
		}
	})
}

func TestLedgerIsBounded(t *testing.T) {
	e := newEngine(t, func(c *Config) { c.MaxBlocks, c.Budget.PerMinute = 50, 20 })
	l := e.NewLedger()
	for n := range 10_000 {
		l.Record(Block{Tuple: numbered(n, testNow).Tuple, Scope: ScopeTuple, Duration: time.Hour}, testNow)
		if l.Len() > 50 || len(l.began) > 20 || len(l.sources) > 50 || len(l.destinations) > 50 {
			t.Fatalf("%d blocks, %d beginnings", l.Len(), len(l.began))
		}
	}
}

// pipeline decides as the agent does, with what counts as the kernel.
type pipeline struct {
	e       *Engine
	tracker *Tracker
	ledger  *Ledger
	before  *Offences
	kernel  map[argusfeed.Tuple]argusfeed.Time
	most    int
	causes  map[Cause]int
	n       int
	never   *Protected
}

func newPipeline(e *Engine) *pipeline {
	return &pipeline{e, e.NewTracker(), e.NewLedger(), e.NewOffences(), map[argusfeed.Tuple]argusfeed.Time{}, 0, map[Cause]int{}, 0, testProtected()}
}

func (p *pipeline) decide(d detection.Detection) Decision {
	p.n++
	v := View{
		Now: d.Time, ID: strconv.Itoa(p.n), Evidence: p.tracker.Observe(d), Protected: p.never,
		Spent: p.ledger.Spent(d.Tuple, d.Time), Offended: p.before.Of(d.Tuple),
	}
	v.BlocksInForce = p.ledger.Len()
	if until, ok := p.kernel[d.Tuple]; ok && until > d.Time {
		v.InForce = InForce{ID: "b", Until: until}
	}
	dec := p.e.Decide(d, v)
	p.tracker.Decided(dec)
	p.causes[dec.Cause]++
	if b, ok := dec.Block(); ok {
		p.ledger.Record(b, d.Time)
		p.before.Record(b, d.Time)
		p.kernel[d.Tuple] = d.Time.Add(b.Duration)
		p.most = max(p.most, p.ledger.Len())
	}
	return dec
}

// storm makes the detection of one of many tuples, each of which looks like a
// sure beacon.
func storm(n int, at argusfeed.Time, sources uint32) detection.Detection {
	d := testDetection("10.0.0.5", "192.0.2.1", "443", "tcp")
	d.Scorer, d.Score, d.Generic, d.Behaviour, d.Time = "behaviour", 0.999, true, "beacon-regular", at
	var src, dst [4]byte
	binary.BigEndian.PutUint32(src[:], 10<<24|5<<16|uint32(n)%sources)
	binary.BigEndian.PutUint32(dst[:], 20<<24+uint32(n)*251)
	d.Tuple.Src, d.Tuple.Dst = argusfeed.AddrFrom4(src), argusfeed.AddrFrom4(dst)
	return d
}

// TestStorm: a hundred thousand tuples that all look like sure beacons neither
// fill the kernel nor push out command and control, whether that is known, was
// blocked before or has been there for long. Those that match when places are
// short are told.
func TestStorm(t *testing.T) {
	for _, c := range []struct {
		name    string
		sources uint32
		most    int
	}{{"from one host", 1, 200}, {"from everywhere", 1 << 16, 8000}} {
		t.Run(c.name, func(t *testing.T) {
			const matches = 3 // of the shipped 10, to save time
			e := newEngine(t, func(c *Config) {
				few := matches
				c.Rules[len(c.Rules)-1].Matches = &few
			})
			p := newPipeline(e)
			// A beacon of ten minutes that began two hours before the storm: not
			// confirmed when the storm begins.
			slow := testDetection("10.5.0.0", "198.51.100.7", "443", "tcp")
			slow.Scorer, slow.Score, slow.Generic = "behaviour", 0.97, true
			for i := range matches - 1 {
				slow.Time = testNow.Add(-2*time.Hour + time.Duration(i)*10*time.Minute)
				if dec := p.decide(slow); dec.Action == ActionBlock {
					t.Fatal(dec.Reason)
				}
			}
			// What was blocked yesterday, and comes back while the storm rages.
			back := testDetection("10.5.0.0", "198.51.100.99", "443", "tcp")
			back.Scorer, back.Score, back.Generic = "behaviour", 0.97, true
			p.before.Record(Block{Tuple: back.Tuple, Scope: ScopeTuple, Duration: time.Hour}, testNow-86400*second)
			known := testDetection("10.5.0.0", "198.51.100.200", "8080", "tcp")
			known.Scorer, known.Score = "behaviour", 0.97

			const tuples = 100_000
			now, got := testNow, map[string]Decision{}
			for n := range tuples {
				now = now.Add(10 * time.Millisecond) // a thousand seconds in all
				for range matches {
					p.decide(storm(n, now, c.sources))
				}
				if n%9000 == 8999 {
					back.Time, known.Time = now, now
					got["back"], got["known"] = p.decide(back), p.decide(known)
				}
				if n == tuples/2 {
					slow.Time = now
					got["slow"] = p.decide(slow)
				}
				if p.most > c.most+3 {
					t.Fatalf("%d blocks in force after %d tuples", p.most, n)
				}
			}
			for name, dec := range got {
				if until := p.kernel[dec.Tuple]; until < now {
					t.Errorf("%s is not blocked: %s", name, dec.Reason)
				}
			}
			if told := p.causes[CausePerMinute] + p.causes[CausePerSource] + p.causes[CauseMaxBlocks]; told == 0 {
				t.Errorf("nothing was told: %v", p.causes)
			}
			if len(got) != 3 {
				t.Errorf("%d of 3 were asked about", len(got))
			}
			t.Logf("most in force %d, %v", p.most, p.causes)
		})
	}
}
