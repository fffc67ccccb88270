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
	argus *Argus
	// batch[next:have] are decoded and wait for their turn.
	batch      [batchLen]arrival
	next, have int

	source uint16
	number uint64
	man    Management
	beat   heartbeat
	newest uint32 // the largest number of a flow

	skip *SkipError // to be given out
	err  error      // the end

	set  *joinSet // nil: records are given out as they are
	keep bool     // what set holds stays there at the end
}

// batchLen is how many records are decoded at a time, if as many have been read,
// so that what they need of the joiner can be fetched for all of them at once.
const batchLen = 16

// heartbeat is a management record, with what its header tells.
type heartbeat struct {
	ArgusStatus
	Probe   uint64
	Refusal error // why Argus closes the connection, or nil
}

// heartbeat gives the newest one. It is valid as Management is.
func (r *records) heartbeat() *heartbeat { return &r.beat }

// newestSeq gives the largest number of a flow that was told of.
func (r *records) newestSeq() uint32 { return r.newest }

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
		if r.set == nil {
			if whole, err := r.read(); err != nil {
				return err
			} else if whole {
				*f = r.batch[r.next-1].Flow
				return nil
			}
			continue
		}
		r.set.pool.waiter = f
		_, err := r.read()
		given := r.set.pool.waiter == nil
		r.set.pool.waiter = nil
		if err != nil || given {
			return err
		}
	}
}

// read takes one record. It is whole where it is a flow to be given out as it
// is. Only an error after which reading goes on is returned; the others are kept
// until all that is held has been given out.
func (r *records) read() (whole bool, err error) {
	if r.next == r.have {
		if err := r.decode(); err != nil {
			if errors.Is(err, os.ErrDeadlineExceeded) {
				return false, err
			}
			r.err = err
			if r.set != nil && !r.keep {
				r.set.flush()
			}
			return false, nil
		}
	}
	a := &r.batch[r.next]
	r.next++
	r.number++
	switch a.Kind {
	case KindFlow:
		a.Source, a.Line = r.source, r.number
		r.newest = max(r.newest, a.Seq)
		if r.set == nil {
			return true, nil
		}
		r.set.add(a)
	case KindManagement:
		r.manage(&a.Record)
	default:
		r.skip = &SkipError{Line: r.number, Kind: SkipRecord, Reason: "a record that is no flow"}
	}
	return false, nil
}

// decode fills the batch: it waits for one record, and takes with it those that
// have come already.
func (r *records) decode() error {
	r.next, r.have = 0, 0
	if err := r.argus.Next(&r.batch[0].Record); err != nil {
		return err
	}
	r.have = 1
	if r.set == nil {
		return nil
	}
	for r.have < batchLen && r.argus.Ready() {
		if err := r.argus.Next(&r.batch[r.have].Record); err != nil {
			break // a stream that is damaged gives the same error ever after
		}
		r.have++
	}
	r.set.expect(r.batch[:r.have])
	return nil
}

// ready tells whether read returns without reading.
func (r *records) ready() bool { return r.next < r.have || r.argus.Ready() }

func (r *records) manage(rec *Record) {
	s := &rec.Status
	r.beat = heartbeat{ArgusStatus: *s, Probe: rec.Probe, Refusal: rec.Refusal()}
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
		return r.skip != nil || r.err != nil || r.ready()
	}
	for r.set.pool.empty() && r.skip == nil && r.err == nil && r.ready() {
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
