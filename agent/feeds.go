package agent

import (
	"cmp"
	"context"
	"fmt"
	"sync"
	"time"

	"slips-ips/agent/history"
	"slips-ips/agent/status"
	"slips-ips/argusfeed"
)

// feeds follows how the sources are: their rates for the status, and an event
// for each episode. It is safe for concurrent use.
type feeds struct {
	sources []argusfeed.Source
	live    []bool
	tell    func(history.Event)
	service func() error // what keeps the argus of slips-ips-argus.service from its work

	mu    sync.Mutex
	each  []watchedFeed
	total rate // flows that were detected
}

// watchedFeed is what is known of one source.
type watchedFeed struct {
	stats   argusfeed.Stats
	flows   rate
	dropped rate
	told    argusfeed.State
	gaps    uint64
	away    time.Duration
	missed  uint64
}

func newFeeds(sources []argusfeed.Source, configured []SourceConfig, tell func(history.Event)) *feeds {
	f := &feeds{sources: sources, tell: tell, each: make([]watchedFeed, len(sources)),
		service: func() error { return argusfeed.ServiceTrouble(argusfeed.DefaultServiceConf) }}
	for i := range sources {
		one := configured[min(i, len(configured)):min(i+1, len(configured))]
		f.live = append(f.live, live(one))
	}
	return f
}

// feedEvery is how often the sources are looked at.
const feedEvery = time.Second

// watch looks at the sources until ctx ends, and once more then.
func (f *feeds) watch(ctx context.Context, detected func() uint64) {
	tick := time.NewTicker(feedEvery)
	defer tick.Stop()
	for {
		f.look(time.Now(), detected())
		select {
		case <-ctx.Done():
			f.look(time.Now(), detected())
			return
		case <-tick.C:
		}
	}
}

// look takes what the sources say now and tells the episodes that began.
func (f *feeds) look(now time.Time, detected uint64) {
	var told []history.Event
	f.mu.Lock()
	f.total.add(now, detected)
	for i, s := range f.sources {
		w := &f.each[i]
		w.stats = s.Stats()
		w.flows.add(now, w.stats.Flows)
		w.dropped.add(now, w.stats.Dropped)
		if e, ok := w.episode(); ok {
			told = append(told, e)
		}
	}
	f.mu.Unlock()
	for _, e := range told {
		f.tell(e)
	}
}

// episode gives the event of a state that is another one than was told, or of a
// gap that is over. A state that lasts for less than the time between two looks
// is not told, but the gap that it made is.
func (w *watchedFeed) episode() (history.Event, bool) {
	s := w.stats
	gap := s.Gaps > w.gaps
	if w.told == "" && s.State == argusfeed.StateWaiting || s.State == w.told && !gap {
		return history.Event{}, false
	}
	feed := &history.Feed{Source: s.URL, State: string(s.State), Before: string(w.told)}
	e := history.Event{Time: s.Since, Kind: history.KindFeed, Feed: feed}
	e.Text = fmt.Sprintf("the feed %s is %s", s.URL, s.State)
	if w.told != "" && s.State != w.told {
		e.Text += fmt.Sprintf(" (it was %s)", w.told)
	}
	if gap {
		feed.Away, feed.Missed = s.Away-w.away, s.Missed-min(w.missed, s.Missed)
		e.Time = time.Now()
		e.Text += fmt.Sprintf(", after it was away for %s", feed.Away.Round(time.Millisecond))
		if feed.Missed > 0 {
			e.Text += fmt.Sprintf(" and %d flows were missed", feed.Missed)
		}
	}
	if s.Error != "" && s.State != argusfeed.StateLive {
		e.Error = s.Error
	}
	w.told, w.gaps, w.away, w.missed = s.State, s.Gaps, s.Away, s.Missed
	return e, true
}

// status gives all of them, and how many flows a second were detected. What
// Argus missed may become known after the gap.
func (f *feeds) status(now time.Time) (list []status.Feed, perSecond float64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i, s := range f.sources {
		stats := s.Stats()
		one := status.Feed{Stats: stats, FlowsPerSecond: f.each[i].flows.perSecond(), Live: f.live[i]}
		if stats.LastFlow != 0 {
			one.Lag = now.Sub(stats.LastFlow.Time())
		}
		list = append(list, one)
	}
	return list, f.total.perSecond()
}

// feedPatience is how long a live feed may be away before the agent counts as blind.
const feedPatience = 30 * time.Second

// lateFeed is how far behind the newest flow of a feed may be: twice as long as
// an hour's report, which some Arguses are set to, would be for somebody who
// wants to block.
const lateFeed = 10 * time.Minute

// why says why a feed is away. The argus of our service may have better words for it
// than that nothing listens there.
func (f *feeds) why(s status.Feed) string {
	if s.URL == argusfeed.ServiceURL && s.State == argusfeed.StateRetrying {
		if err := f.service(); err != nil {
			return err.Error()
		}
	}
	return cmp.Or(s.Error, "nothing came yet")
}

// problems tells what is wrong with the feeds.
func (f *feeds) problems(now time.Time) (all []status.Problem) {
	list, _ := f.status(now)
	f.mu.Lock()
	defer f.mu.Unlock()
	for i, s := range list {
		add := func(severity status.Severity, format string, args ...any) {
			all = append(all, status.Problem{Severity: severity, Area: "feed", What: "the feed " + s.URL + " " + fmt.Sprintf(format, args...)})
		}
		down := false
		switch s.State {
		case argusfeed.StateFailed:
			down = true
			add(status.Critical, "has failed: %s", s.Error)
		case argusfeed.StateLive, argusfeed.StateEnded, argusfeed.StateStopped:
		case argusfeed.StateSilent:
			add(status.Warning, "is connected, but has said nothing for %s: is Argus alive?", now.Sub(s.LastHeard).Round(time.Second))
		default:
			if away := now.Sub(s.Since); s.Live && away > feedPatience && (s.State != argusfeed.StateWaiting || s.Restarts > 0) {
				down = true
				add(status.Critical, "is %s for %s: %s", s.State, away.Round(time.Second), f.why(s))
			}
		}
		if s.Live && !down && s.FlowsPerSecond > 0 && s.Lag > lateFeed {
			add(status.Warning, "is %s behind: Argus reports late (-S in its argus.conf), or its clock or time zone is another one", s.Lag.Round(time.Second))
		}
		if n := f.each[i].dropped.grew(); n > 0 {
			add(status.Warning, "came faster than it is detected: %d flows were dropped in the last %s", n, rateSpan)
		}
	}
	return all
}
