package argusfeed

import (
	"context"
	"sync"
	"time"
)

// State is what a source is doing, in a word or a few.
type State string

// The states.
const (
	StateWaiting    State = "waiting"    // not started, or nothing has come yet
	StateConnecting State = "connecting" // no answer from Argus yet
	StateLive       State = "live"       // flows or heartbeats come
	StateSilent     State = "silent"     // connected, but the heartbeat is overdue
	StateRetrying   State = "retrying"   // interrupted, and tried again soon
	StateEnded      State = "ended"      // the input has ended
	StateStopped    State = "stopped"    // it was told to stop
	StateFailed     State = "failed"     // it could not go on
)

// The states of a source that its Argus does not serve. It is tried again, as
// in StateRetrying, but somebody has to do something for it.
const (
	StateClients        State = "refused: too many clients"
	StateAccess         State = "refused: access denied"
	StateAuthentication State = "refused: authentication wanted"
)

// Stats tells how a source is.
type Stats struct {
	URL   string `json:"url"`
	State State  `json:"state"`
	// Since is when the state began.
	Since time.Time `json:"since"`
	// Flows were delivered; those that are not over yet do not count.
	Flows uint64 `json:"flows"`
	// Joined tells how the records of an Argus stream became flows.
	Joined JoinStats `json:"joined"`
	// Skipped lines by kind, and the first of each kind.
	Skipped      map[string]uint64 `json:"skipped"`
	FirstSkipped []SkipError       `json:"first_skipped,omitempty"`
	// LastFlow is the latest start of a flow, in flow time.
	LastFlow Time `json:"last_flow"`
	// LastHeard is when the last flow or heartbeat came, by this machine's
	// clock; zero before the first.
	LastHeard time.Time `json:"last_heard"`
	// Lost counts the packets that Argus's capture lost.
	Lost uint64 `json:"lost_packets"`
	// Dropped counts the flows of a live source that were thrown away because
	// detection was too slow; Stalls how often it kept any source waiting.
	Dropped uint64 `json:"dropped_flows"`
	Stalls  uint64 `json:"stalls"`
	// Restarts counts how often the connection or program was started again,
	// and Error says why the last time, and what can be done about it.
	Restarts uint64 `json:"restarts"`
	Error    string `json:"error,omitempty"`
	// Gaps counts how often a live source was away and came back, Away is how
	// long in all. Missed is how many flows began meanwhile, as far as Argus
	// tells: those that were still open then were reported later.
	Gaps   uint64        `json:"gaps"`
	Away   time.Duration `json:"away_ns"`
	Missed uint64        `json:"missed_flows"`
	// Read and Size are the bytes of a file: read so far, and all; Size is -1
	// where it is not known.
	Read int64 `json:"read_bytes"`
	Size int64 `json:"size_bytes"`
}

// status holds the Stats of a source while it runs.
type status struct {
	skips SkipCounter

	mu       sync.Mutex
	s        Stats
	progress func() (read, size int64)
}

func newStatus(url string) *status {
	return &status{s: Stats{URL: url, State: StateWaiting, Since: time.Now(), Size: -1}}
}

// Stats gives a copy.
func (s *status) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := s.s
	if s.progress != nil {
		all.Read, all.Size = s.progress()
	}
	all.Skipped, all.FirstSkipped = s.skips.Counts(), s.skips.First()
	return all
}

// String gives the URL.
func (s *status) String() string { return s.s.URL }

func (s *status) set(state State) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.s.State != state {
		s.s.State, s.s.Since = state, time.Now()
	}
}

// finish sets the last state, and returns what Run returns.
func (s *status) finish(ctx context.Context, err error) error {
	switch {
	case err != nil:
		s.failed(err)
		s.set(StateFailed)
	case ctx.Err() != nil:
		s.set(StateStopped)
	default:
		s.set(StateEnded)
	}
	return err
}

func (s *status) failed(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.s.Error = err.Error()
}

// heard notes that something came from the feed, and tells whether it is news
// that it is alive.
func (s *status) heard(at time.Time) (news bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.s.LastHeard = at
	if s.s.State == StateLive {
		return false
	}
	s.s.State, s.s.Since = StateLive, time.Now()
	return true
}

// joined takes in how records became flows so far.
func (s *status) joined(j JoinStats) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.s.Joined = j
}

// overIn counts the flows of a batch that are over: one that was told of while it
// lasted is there several times.
func overIn(batch []Flow) (n int) {
	for i := range batch {
		if batch[i].Part.Over() {
			n++
		}
	}
	return n
}

// delivery is what is to be counted of a batch when it has been taken: then it is its
// receiver's, who may have recycled it.
type delivery struct {
	over   uint64
	newest Time
}

func deliveryOf(batch []Flow) delivery {
	d := delivery{over: uint64(overIn(batch))}
	for i := range batch {
		d.newest = max(d.newest, batch[i].Start)
	}
	return d
}

func (s *status) delivered(d delivery) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.s.Flows += d.over
	s.s.LastFlow = max(s.s.LastFlow, d.newest)
}

// missed counts a gap.
func (s *status) missed(away time.Duration, flows uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.s.Gaps++
	s.s.Away += away
	s.s.Missed += flows
}

func (s *status) add(field *uint64, n uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	*field += n
}
