package agent

import (
	"cmp"
	"errors"
	"strings"
	"testing"
	"time"

	"slips-ips/agent/history"
	"slips-ips/agent/status"
	"slips-ips/argusfeed"
)

// statsSource is a source of which only the Stats matter.
type statsSource struct {
	fakeSource
	stats argusfeed.Stats
}

func (s *statsSource) Stats() argusfeed.Stats { return s.stats }

func TestFeedEpisodes(t *testing.T) {
	var told []history.Event
	s := &statsSource{stats: argusfeed.Stats{URL: "argus://h", State: argusfeed.StateConnecting}}
	f := newFeeds([]argusfeed.Source{s}, []SourceConfig{{URL: "argus://h"}}, func(e history.Event) { told = append(told, e) })
	now := time.Unix(1000, 0)
	step := func(change func(*argusfeed.Stats)) {
		now = now.Add(time.Second)
		if change != nil {
			change(&s.stats)
		}
		f.look(now, 0)
	}
	step(nil)
	step(nil)
	step(func(s *argusfeed.Stats) { s.State, s.Since = argusfeed.StateLive, now })
	step(func(s *argusfeed.Stats) { s.Flows = 100 })
	step(func(s *argusfeed.Stats) { s.State, s.Error = argusfeed.StateRetrying, "connection reset" })
	step(func(s *argusfeed.Stats) {
		s.State, s.Gaps, s.Away, s.Missed = argusfeed.StateLive, 1, 3*time.Second, 7
	})
	step(func(s *argusfeed.Stats) { s.Gaps, s.Away = 2, 5*time.Second }) // between two looks
	var texts []string
	for _, e := range told {
		if e.Kind != history.KindFeed || e.Feed.Source != "argus://h" {
			t.Errorf("%+v", e)
		}
		texts = append(texts, e.Text)
	}
	want := []string{
		"the feed argus://h is connecting",
		"the feed argus://h is live (it was connecting)",
		"the feed argus://h is retrying (it was live)",
		"the feed argus://h is live (it was retrying), after it was away for 3s and 7 flows were missed",
		"the feed argus://h is live, after it was away for 2s",
	}
	if got := strings.Join(texts, "\n"); got != strings.Join(want, "\n") {
		t.Errorf("told\n%s\nwant\n%s", got, strings.Join(want, "\n"))
	}
	if told[2].Error != "connection reset" || told[3].Error != "" {
		t.Errorf("errors %q and %q", told[2].Error, told[3].Error)
	}
}

func TestFeedProblems(t *testing.T) {
	now := time.Unix(100_000, 0)
	ago := func(d time.Duration) time.Time { return now.Add(-d) }
	waits := errors.New("its argus waits for an interface: interface lan0: no such network interface")
	for _, tt := range []struct {
		name  string
		stats argusfeed.Stats
		grows uint64 // flows in the seconds before
		drops uint64
		want  status.Severity
		says  string
	}{
		{"live", argusfeed.Stats{State: argusfeed.StateLive, LastFlow: argusfeed.TimeOf(ago(time.Second))}, 100, 0, "", ""},
		{"live and quiet", argusfeed.Stats{State: argusfeed.StateLive, LastFlow: argusfeed.TimeOf(ago(5 * time.Hour))}, 0, 0, "", ""},
		{"live and late", argusfeed.Stats{State: argusfeed.StateLive, LastFlow: argusfeed.TimeOf(ago(time.Hour))}, 100, 0, status.Warning, "is 1h0m0s behind"},
		{"dropping", argusfeed.Stats{State: argusfeed.StateLive, LastFlow: argusfeed.TimeOf(ago(0))}, 100, 5, status.Warning, "5 flows were dropped"},
		{"silent", argusfeed.Stats{State: argusfeed.StateSilent, LastHeard: ago(time.Minute)}, 0, 0, status.Warning, "has said nothing for 1m0s"},
		{"just away", argusfeed.Stats{State: argusfeed.StateRetrying, Since: ago(time.Second)}, 0, 0, "", ""},
		{"away", argusfeed.Stats{State: argusfeed.StateRetrying, Since: ago(time.Minute), Error: "no route"}, 0, 0, status.Critical, "is retrying for 1m0s: no route"},
		{"refused", argusfeed.Stats{State: argusfeed.StateAccess, Since: ago(time.Minute), Error: "not allowed"}, 0, 0, status.Critical, "not allowed"},
		{"failed", argusfeed.Stats{State: argusfeed.StateFailed, Since: ago(0), Error: "no argus"}, 0, 0, status.Critical, "has failed: no argus"},
		{"nothing yet", argusfeed.Stats{State: argusfeed.StateWaiting, Since: ago(time.Hour)}, 0, 0, "", ""},
		{"our argus waits", argusfeed.Stats{URL: argusfeed.ServiceURL, State: argusfeed.StateRetrying, Since: ago(time.Minute), Error: "connection refused"}, 0, 0,
			status.Critical, "the feed argus://127.0.0.1:9561 is retrying for 1m0s: " + waits.Error()},
	} {
		s := &statsSource{stats: tt.stats}
		s.stats.URL = cmp.Or(s.stats.URL, "argus://h")
		f := newFeeds([]argusfeed.Source{s}, []SourceConfig{{URL: s.stats.URL}}, func(history.Event) {})
		f.service = func() error { return waits }
		f.look(ago(2*time.Second), 0)
		s.stats.Flows, s.stats.Dropped = tt.grows, tt.drops
		f.look(now, 0)
		got := f.problems(now)
		if tt.want == "" {
			if len(got) > 0 {
				t.Errorf("%s: %v", tt.name, got)
			}
			continue
		}
		if len(got) != 1 || got[0].Severity != tt.want || !strings.Contains(got[0].What, tt.says) {
			t.Errorf("%s: %v, want %s: %s", tt.name, got, tt.want, tt.says)
		}
	}
}
