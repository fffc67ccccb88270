package argusfeed

import (
	"errors"
	"io"
	"os"
	"slices"
	"time"
)

// maxProbes is the most probes behind one collector that are told apart. Those
// beyond it are taken for one.
const maxProbes = 64

// records makes a Decoder of the reader of the binary stream: whole flows,
// unless Joining is off. Line is the number of the record.
type records struct {
	argus  *Argus
	rec    Record
	source uint16
	number uint64
	man    Management

	skip *SkipError // to be given out
	err  error      // the end

	pool    *joinPool // nil: records are given out as they are
	joiners []*joiner // one a probe
	newest  *joiner   // that of the newest record
	// known is the status interval of an Argus that is read directly; 0: not told.
	known Time

	ticked time.Time // when Tick was called last
}

func newRecords(r io.Reader, opt TextOptions) *records {
	d := &records{argus: NewArgus(r), source: opt.Source}
	if !opt.Joining.Off {
		d.pool = newJoinPool(opt.Joining)
		d.known = Time(opt.Joining.Interval / time.Microsecond)
	}
	return d
}

func (r *records) Next(f *Flow) error {
	for {
		switch {
		case r.pool != nil && r.pool.take(f):
			return nil
		case r.skip != nil:
			skip := r.skip
			r.skip = nil
			return skip
		case r.err != nil:
			return r.err
		}
		whole, err := r.read()
		if err != nil {
			return err
		}
		if whole {
			*f = r.rec.Flow
			return nil
		}
	}
}

// read takes one record. It is whole where it is a flow to be given out as it
// is. Only an error after which reading goes on is returned; the others are kept
// until all that is held has been given out.
func (r *records) read() (whole bool, err error) {
	if err := r.argus.Next(&r.rec); err != nil {
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return false, err
		}
		r.err = err
		r.flush()
		return false, nil
	}
	r.number++
	switch r.rec.Kind {
	case KindFlow:
		r.rec.Source, r.rec.Line = r.source, r.number
		if r.pool == nil {
			return true, nil
		}
		r.joiner(r.rec.Probe).add(&r.rec)
	case KindManagement:
		r.manage(&r.rec)
	default:
		r.skip = &SkipError{Line: r.number, Kind: SkipRecord, Reason: "a record that is no flow"}
	}
	return false, nil
}

func (r *records) manage(rec *Record) {
	s := &rec.Status
	r.man = Management{
		Time: s.Time, Interval: s.Interval, State: s.State,
		Dropped: s.Dropped, Packets: s.Packets, Clients: s.Clients,
	}
	r.skip = &SkipError{Line: r.number, Kind: SkipManagement, Reason: "management record"}
	if !s.Initial {
		return
	}
	if s.FlowInterval > 0 {
		r.known = Time(s.FlowInterval / time.Microsecond)
	}
	for _, j := range r.joiners {
		j.known = r.known
		j.mayRestart()
	}
}

// joiner gives the joiner of a probe.
func (r *records) joiner(probe uint64) *joiner {
	if r.newest != nil && r.newest.probe == probe {
		return r.newest
	}
	at := slices.IndexFunc(r.joiners, func(j *joiner) bool { return j.probe == probe })
	switch {
	case at >= 0:
		r.newest = r.joiners[at]
	case len(r.joiners) == maxProbes:
		r.newest = r.joiners[maxProbes-1]
	default:
		r.newest = newJoiner(r.pool, probe, r.known)
		r.joiners = append(r.joiners, r.newest)
	}
	return r.newest
}

// Buffered decodes what has been read until there is something to give out.
func (r *records) Buffered() bool {
	if r.pool == nil {
		return r.skip != nil || r.err != nil || r.argus.Ready()
	}
	for r.pool.empty() && r.skip == nil && r.err == nil && r.argus.Ready() {
		if _, err := r.read(); err != nil {
			break
		}
	}
	return !r.pool.empty() || r.skip != nil || r.err != nil
}

func (r *records) Management() Management { return r.man }

// Tick ends what is over though nothing more has come of its probe: time goes on
// there as fast as here.
func (r *records) Tick(now time.Time) {
	passed := now.Sub(r.ticked)
	if r.ticked.IsZero() {
		passed = 0
	}
	r.ticked = now
	for _, j := range r.joiners {
		if !j.heard && passed > 0 {
			j.expire(j.now.Add(passed))
		}
		j.heard = false
	}
}

// flush ends everything that is held.
func (r *records) flush() {
	for _, j := range r.joiners {
		j.flush()
	}
}

// JoinStats tells what joining has done.
func (r *records) JoinStats() JoinStats {
	if r.pool == nil {
		return JoinStats{}
	}
	return r.pool.stats
}
