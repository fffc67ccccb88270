package history

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"slips-ips/argusfeed"
	"slips-ips/policy"
)

func TestQueries(t *testing.T) {
	s := testStore(t, Options{})
	events := []Event{
		testAlert(t, 0, "10.0.0.5-203.0.113.7-443-tcp", "From-Botnet-TCP-HTTP-Zeus.CC-1"),
		testAlert(t, 1, "10.0.1.5-203.0.113.8-53-udp", "From-Botnet-UDP-DNS-DGA-1"),
		testBlock(t, 2, "10.0.0.5-203.0.113.7-443-tcp"),
		testAlert(t, 3, "2001:db8::5-2001:db8:1::7-443-tcp", "from-botnet-tcp-http-zeus.cc-1"),
		{ID: newID(t), Time: start.Add(4 * time.Second), Kind: KindFeed, Feed: &Feed{Source: "spawn:eth0"}},
		testAlert(t, 5, "a00:5::1-203.0.113.8-80-tcp", "x"), // begins with the bytes of 10.0
	}
	for _, e := range events {
		s.Record(e)
	}
	ended := lift(t, start.Add(6*time.Second), events[2], EndExpired)
	s.Record(ended)
	events = append(events, ended)
	flush(t, s)
	at := func(n int) time.Time { return start.Add(time.Duration(n) * time.Second) }
	for _, tt := range []struct {
		name string
		q    Query
		want []int
	}{
		{"all", Query{}, []int{6, 5, 4, 3, 2, 1, 0}},
		{"kinds", Query{Kinds: []Kind{KindBlock, KindLift}}, []int{6, 2}},
		{"since", Query{Since: at(4)}, []int{6, 5, 4}},
		{"until", Query{Until: at(1)}, []int{0}},
		{"between", Query{Since: at(1), Until: at(3)}, []int{2, 1}},
		{"tuple", Query{Tuple: "10.0.0.5-203.0.113.7-443-tcp"}, []int{6, 2, 0}},
		{"host", Query{Host: "203.0.113.8"}, []int{5, 1}},
		{"host, of either end", Query{Host: "10.0.0.5"}, []int{6, 2, 0}},
		{"network", Query{Host: "10.0.0.0/24"}, []int{6, 2, 0}},
		{"network with bits behind it", Query{Host: "10.0.0.77/16"}, []int{6, 2, 1, 0}},
		{"network of odd length", Query{Host: "10.0.0.4/31"}, []int{6, 2, 0}},
		{"all of IPv4", Query{Host: "0.0.0.0/0"}, []int{6, 5, 2, 1, 0}},
		{"all of IPv6", Query{Host: "::/0"}, []int{5, 3}},
		{"IPv6 network", Query{Host: "2001:db8:1::/48"}, []int{3}},
		{"label", Query{Label: "*zeus*"}, []int{3, 0}},
		{"label as a whole", Query{Label: "X"}, []int{5}},
		{"label that there is not", Query{Label: "nothing*"}, nil},
		{"source", Query{Source: "spawn:eth0"}, []int{4}},
		{"id of an event", Query{ID: events[4].ID}, []int{4}},
		{"id of a block", Query{ID: events[2].Block.ID}, []int{6, 2}},
		{"several", Query{Host: "10.0.0.0/8", Label: "*DNS*", Kinds: []Kind{KindAlert}, Since: at(1)}, []int{1}},
	} {
		want := []string{}
		for _, i := range tt.want {
			want = append(want, events[i].ID)
		}
		page, err := s.Events(context.Background(), tt.q)
		if d := cmp.Diff(want, ids(page.Events)); err != nil || d != "" || page.Next != "" {
			t.Errorf("%s: %v %s next %q", tt.name, err, d, page.Next)
		}
		for _, limit := range []int{1, 2} { // the same in pages
			var got []string
			q := tt.q
			for q.Limit = limit; ; {
				page, err := s.Events(context.Background(), q)
				if err != nil || len(page.Events) > limit {
					t.Fatalf("%s: %d events, %v", tt.name, len(page.Events), err)
				}
				got = append(got, ids(page.Events)...)
				if q.After = page.Next; q.After == "" {
					break
				}
			}
			if d := cmp.Diff(want, got); d != "" && len(want) > 0 {
				t.Errorf("%s in pages of %d: %s", tt.name, limit, d)
			}
		}
	}
	for _, q := range []Query{{Host: "10.0.0"}, {Host: "10.0.0.0/33"}, {Host: "fe80::1%eth0"}, {Label: "["}, {After: "x"}} {
		if _, err := s.Events(context.Background(), q); !errors.Is(err, ErrQuery) {
			t.Errorf("%+v: %v", q, err)
		}
	}
}

// A page begins where the one before ended, also when its last event is gone.
func TestPageAfterAnEventThatIsGone(t *testing.T) {
	s := testStore(t, Options{})
	old := testAlert(t, 0, "10.0.0.5-203.0.113.7-443-tcp", "x")
	old.Time = time.Now().Add(-time.Hour)
	s.Record(old)
	flush(t, s)
	page, err := s.Events(context.Background(), Query{After: newID(t)})
	if err != nil || len(page.Events) != 1 {
		t.Errorf("%d events, %v", len(page.Events), err)
	}
}

// The range of a network has exactly its addresses.
func TestHostRanges(t *testing.T) {
	addr := rapid.Custom(func(r *rapid.T) argusfeed.Addr {
		b := rapid.SliceOfN(rapid.SampledFrom([]byte{0, 1, 10, 127, 128, 255}), 16, 16).Draw(r, "bytes")
		if rapid.Bool().Draw(r, "IPv4") {
			return argusfeed.AddrFrom4([4]byte(b[:4]))
		}
		return argusfeed.AddrFrom16([16]byte(b))
	})
	rapid.Check(t, func(r *rapid.T) {
		network, _ := addr.Draw(r, "network").IP()
		prefix, err := network.Prefix(rapid.IntRange(0, network.BitLen()).Draw(r, "bits"))
		if err != nil {
			r.Fatal(err)
		}
		a := addr.Draw(r, "address")
		ip, _ := a.IP()
		low, high, err := hostRange(prefix.String())
		if err != nil {
			r.Fatal(err)
		}
		key := addrKey(a).([]byte)
		in := slices.Compare(low, key) <= 0 && slices.Compare(key, high) <= 0
		if in != prefix.Contains(ip) {
			r.Fatalf("%v in %v: %v", ip, prefix, in)
		}
	})
}

func TestDetectionsAreCountedInEpisodes(t *testing.T) {
	clock := newClock()
	s := testStore(t, Options{Now: clock.now})
	const tuple, other = "10.0.0.5-203.0.113.7-443-tcp", "10.0.0.6-203.0.113.7-443-tcp"
	score := func(tuple, label string, score float64, after time.Duration) {
		d := testDetection(t, tuple, label)
		d.Score, d.Why = score, fmt.Sprint(score)
		clock.set(start.Add(after))
		s.Detected(d)
	}
	score(tuple, "A", 0.6, 0)
	score(tuple, "A", 0.9, time.Minute)
	score(tuple, "A", 0.7, 2*time.Minute)
	score(tuple, "B", 0.5, 2*time.Minute)
	flush(t, s)
	score(tuple, "A", 0.8, 3*time.Minute)
	score(other, "A", 0.5, 4*time.Minute)
	flush(t, s)
	score(tuple, "A", 0.5, 4*time.Minute+episodeGap) // a new one
	flush(t, s)
	reference := testDetection(t, other, "A")
	reference.Scorer, reference.Score = "slips-0.3.3", 1.05
	s.Detected(reference)
	reference.Score = 1.01 // nearer is stronger
	s.Detected(reference)
	flush(t, s)
	reference.Score = 1.2
	clock.set(clock.now().Add(time.Second))
	s.Detected(reference)
	flush(t, s)

	type episode struct {
		Tuple, Label string
		First, Last  time.Duration
		Count        uint64
		Score, Why   string
	}
	want := []episode{
		{other, "A", 4*time.Minute + episodeGap, 4*time.Minute + episodeGap + time.Second, 3, "1.01", "regular: every 60 s"},
		{tuple, "A", 4*time.Minute + episodeGap, 4*time.Minute + episodeGap, 1, "0.5", "0.5"},
		{other, "A", 4 * time.Minute, 4 * time.Minute, 1, "0.5", "0.5"},
		{tuple, "A", 0, 3 * time.Minute, 4, "0.9", "0.8"},
		{tuple, "B", 2 * time.Minute, 2 * time.Minute, 1, "0.5", "0.5"},
	}
	all := func(q DetectionQuery) (got []episode) {
		for {
			page, err := s.Detections(context.Background(), q)
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range page.Episodes {
				got = append(got, episode{e.Tuple, e.Label, e.First.Sub(start), e.Last.Sub(start), e.Count, fmt.Sprint(e.Score), e.Newest.Why})
			}
			if q.After = page.Next; q.After == "" {
				return got
			}
		}
	}
	for _, tt := range []struct {
		name string
		q    DetectionQuery
		want []episode
	}{
		{"all", DetectionQuery{}, want},
		{"in pages", DetectionQuery{Limit: 1}, want},
		{"tuple", DetectionQuery{Tuple: tuple}, []episode{want[1], want[3], want[4]}},
		{"host", DetectionQuery{Host: "10.0.0.6"}, []episode{want[0], want[2]}},
		{"network, label", DetectionQuery{Host: "203.0.113.0/24", Label: "b"}, want[4:]},
		{"since", DetectionQuery{Since: start.Add(3 * time.Minute), Until: start.Add(4 * time.Minute)}, want[3:4]},
	} {
		if d := cmp.Diff(tt.want, all(tt.q)); d != "" {
			t.Errorf("%s: %s", tt.name, d)
		}
	}
	if _, err := s.Detections(context.Background(), DetectionQuery{After: "x"}); !errors.Is(err, ErrQuery) {
		t.Errorf("a wrong page: %v", err)
	}
}

func TestBlocksInForce(t *testing.T) {
	clock := newClock()
	s := testStore(t, Options{Now: clock.now})
	block := func(n int, tuple string, change func(*Event)) Event {
		e := testBlock(t, n, tuple)
		if change != nil {
			change(&e)
		}
		s.Record(e)
		return e
	}
	const a, b, c, d, f = "10.0.0.1-203.0.113.7-443-tcp", "10.0.0.2-203.0.113.7-443-tcp", "10.0.0.3-203.0.113.7-443-tcp",
		"10.0.0.4-203.0.113.7-443-tcp", "10.0.0.5-203.0.113.7-443-tcp"
	block(0, a, nil)
	renewed := block(1, a, func(e *Event) { e.Block.Renewal = true })
	lifted := block(2, b, nil)
	s.Record(lift(t, start.Add(3*time.Second), lifted, EndLifted))
	block(4, c, func(e *Event) { e.Block.DryRun = true })
	block(5, d, func(e *Event) { e.Error = "the kernel said no" })
	short := block(6, f, func(e *Event) { e.Block.Duration, e.Block.Until = time.Minute, time.Time{} })
	notLifted := lift(t, start.Add(7*time.Second), renewed, EndLifted)
	notLifted.Error = "the kernel said no"
	s.Record(notLifted)
	flush(t, s)
	inForce := func() (got []string) {
		blocks, err := s.Blocks(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		for _, b := range blocks {
			got = append(got, b.ID)
			if b.Until.IsZero() || b.Scope != policy.ScopeTuple || b.Tuple == (argusfeed.Tuple{}) {
				t.Errorf("block %+v", b)
			}
		}
		return got
	}
	if d := cmp.Diff([]string{short.ID, renewed.ID}, inForce()); d != "" {
		t.Error(d)
	}
	clock.set(start.Add(time.Minute + 6*time.Second))
	if d := cmp.Diff([]string{renewed.ID}, inForce()); d != "" {
		t.Errorf("after a minute: %s", d)
	}
	clock.set(start.Add(2 * time.Hour))
	if got := inForce(); got != nil {
		t.Errorf("after two hours: %v", got)
	}
	for tuple, want := range map[string]BlockCount{a: {Enforced: 1}, b: {Enforced: 1}, c: {DryRun: 1}, d: {}} {
		got, err := s.TimesBlocked(context.Background(), testTuple(t, tuple), start)
		if err != nil || got != want {
			t.Errorf("%s was blocked %+v, want %+v: %v", tuple, got, want, err)
		}
	}
	if got, err := s.TimesBlocked(context.Background(), testTuple(t, a), start.Add(time.Hour)); err != nil || got != (BlockCount{}) {
		t.Errorf("in the last hour: %+v, %v", got, err)
	}
}
