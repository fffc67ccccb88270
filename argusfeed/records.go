package argusfeed

import (
	"errors"
	"io"
	"os"
	"time"
)

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

	set  *joinSet // nil: records are given out as they are
	keep bool     // what set holds stays there at the end
}

func newRecords(r io.Reader, opt TextOptions) *records {
	d := &records{argus: NewArgus(r), source: opt.Source, set: opt.joined, keep: opt.joined != nil}
	if d.set == nil && !opt.Joining.Off {
		d.set = newJoinSet(opt.Joining)
	}
	return d
}

func (r *records) Next(f *Flow) error {
	for {
		switch {
		case r.set != nil && r.set.pool.take(f):
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
		if r.set != nil && !r.keep {
			r.set.flush()
		}
		return false, nil
	}
	r.number++
	switch r.rec.Kind {
	case KindFlow:
		r.rec.Source, r.rec.Line = r.source, r.number
		if r.set == nil {
			return true, nil
		}
		r.set.add(&r.rec)
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
	if r.set != nil && s.Initial {
		r.set.began(s)
	}
}

// Buffered decodes what has been read until there is something to give out.
func (r *records) Buffered() bool {
	if r.set == nil {
		return r.skip != nil || r.err != nil || r.argus.Ready()
	}
	for r.set.pool.empty() && r.skip == nil && r.err == nil && r.argus.Ready() {
		if _, err := r.read(); err != nil {
			break
		}
	}
	return !r.set.pool.empty() || r.skip != nil || r.err != nil
}

func (r *records) Management() Management { return r.man }

// Tick lets the time of the feed go on while nothing comes.
func (r *records) Tick(now time.Time) {
	if r.set != nil {
		r.set.tick(now)
	}
}

// Joined tells what joining has done.
func (r *records) Joined() JoinStats {
	if r.set == nil {
		return JoinStats{}
	}
	return r.set.pool.stats
}
