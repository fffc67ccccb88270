package argusfeed

import (
	"io"
	"slices"
	"time"
)

// maxProbes is the most probes behind one collector that are told apart. Those
// beyond it are taken for one.
const maxProbes = 64

// joinSet joins the records of a source, each probe's for itself. It outlives a
// connection to Argus: what is not over when it breaks goes on afterwards.
type joinSet struct {
	pool    *joinPool
	joiners []*joiner
	newest  *joiner // that of the newest record
	// known is the status interval of an Argus that is read directly; 0: not told.
	known  Time
	ticked time.Time // when tick was called last
	first  time.Time // when live was called first
}

func newJoinSet(opt Joining) *joinSet {
	return &joinSet{pool: newJoinPool(opt), known: Time(opt.Interval / time.Microsecond)}
}

// live tells that what is read from now on came at now.
// It goes on steadily where the clock of this machine is set.
func (s *joinSet) live(now time.Time) {
	if s.first.IsZero() {
		s.first = now
	}
	s.pool.arrived = TimeOf(s.first).Add(now.Sub(s.first))
}

// add takes a flow record that was expected. It may change it.
func (s *joinSet) add(a *arrival) { s.joiner(a.Probe).add(&a.FlowRecord, &a.names) }

// joiner gives the joiner of a probe.
func (s *joinSet) joiner(probe uint64) *joiner {
	if s.newest != nil && s.newest.probe == probe {
		return s.newest
	}
	at := slices.IndexFunc(s.joiners, func(j *joiner) bool { return j.probe == probe })
	switch {
	case at >= 0:
		s.newest = s.joiners[at]
	case len(s.joiners) == maxProbes:
		s.newest = s.joiners[maxProbes-1]
	default:
		s.newest = newJoiner(s.pool, probe, s.known)
		s.joiners = append(s.joiners, s.newest)
	}
	return s.newest
}

// began takes the first record of an Argus, at the beginning of a stream or where
// it was restarted.
func (s *joinSet) began(first *ArgusStatus) {
	if first.FlowInterval > 0 {
		s.known = Time(first.FlowInterval / time.Microsecond)
	}
	for _, j := range s.joiners {
		j.known = s.known
		j.mayRestart()
	}
}

// tick ends what is over though nothing more has come of its probe: time goes on
// there as fast as here.
func (s *joinSet) tick(now time.Time) {
	passed := now.Sub(s.ticked)
	if s.ticked.IsZero() {
		passed = 0
	}
	s.ticked = now
	for _, j := range s.joiners {
		if !j.heard && passed > 0 && j.now != 0 {
			j.expire(j.now.Add(passed))
		}
		j.heard = false
	}
}

// flush ends everything that is held.
func (s *joinSet) flush() {
	for _, j := range s.joiners {
		j.flush()
	}
}

// rest gives all that is held, as the decoder of an input that ends with it.
func (s *joinSet) rest() Decoder {
	s.flush()
	return &records{argus: NewArgus(noReader{}), set: s, err: io.EOF}
}

// noReader has nothing to read.
type noReader struct{}

func (noReader) Read([]byte) (int, error) { return 0, io.EOF }
