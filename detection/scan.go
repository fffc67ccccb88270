package detection

import "slips-ips/argusfeed"

// Cursor is how far a Scan has come; its zero value is the beginning. It is a
// value, good for the detector that gave it and at any later time.
type Cursor struct {
	at, end tupleID // looked at last, and to be looked at last
	scan    uint16
}

// Scan shows tuples to visit, in no order that means anything, and gives the
// cursor for those that follow; done tells that there are none. One call looks
// at no more than n places of the table, so that the owner can do other work
// between two of them: an empty place costs about as little as a tuple.
//
// A tuple that is known from the first call to the last is shown once. None is
// shown twice, not even one that was forgotten and came back meanwhile. One that
// came after the first call is not shown; one that was forgotten before its turn
// is not either. Each is shown as it is at its turn.
//
// Any number of scans may go on at the same time, and be given up.
func (d *Detector) Scan(from Cursor, n int, visit func(TupleView)) (next Cursor, done bool) {
	tt := d.tuples
	if from.scan == 0 {
		from = Cursor{scan: tt.nextScan(), end: tupleID(tt.used)}
	}
	for stop := tupleID(min(int(from.end), int(from.at)+max(n, 1))); from.at < stop; {
		from.at++
		if t := tt.at(from.at); t.all > 0 && t.born < from.scan {
			visit(TupleView{d, t})
		}
	}
	return from, from.at == from.end
}

// nextScan gives the number of a scan that begins: the tuples that are there
// already have smaller ones.
func (tt *tupleTable) nextScan() uint16 {
	tt.scans++
	if tt.scans == 0 { // once in 65,536 scans
		for id := range tupleID(tt.used) {
			tt.at(id + 1).born = 0
		}
		tt.scans = 1
	}
	return tt.scans
}

// TupleView is a tuple in the table of its detector. It is valid until the
// detector is used again, and for the owner only: keep Info instead.
type TupleView struct {
	d *Detector
	t *tuple
}

// Tuple gives the tuple itself.
func (v TupleView) Tuple() argusfeed.Tuple { return v.t.key }

// Flows is how many there have been.
func (v TupleView) Flows() uint64 { return v.t.all }

// Last is the start of its newest flow.
func (v TupleView) Last() argusfeed.Time { return v.t.last }

// Detections is how many there were.
func (v TupleView) Detections() uint64 {
	s := v.d.tuples.series.at(v.t.rest.series())
	if s == nil {
		return 0
	}
	return uint64(s.matches)
}

// Detected gives label and score as TupleInfo has them; ok is false, and both
// are empty, where it has none.
func (v TupleView) Detected() (label string, score float64, ok bool) {
	if v.t.rest.series() == 0 && v.d.nothingYet(v.t) {
		return "", 0, false
	}
	e := v.d.whole(v.t)
	shown := v.d.shown(&e)
	if shown == nil {
		return "", 0, false
	}
	return shown.name.label, shown.score, true
}

// Info describes the tuple with at most so many of its newest letters and gap
// symbols: none for 0 and less. Cut is set where some are left out.
func (v TupleView) Info(letters int) TupleInfo { return v.d.infoOf(v.t, letters) }

// Lookup describes a tuple, as TupleView.Info does; ok is false where it is not
// known. It does not make the tuple a more recent one.
func (d *Detector) Lookup(t argusfeed.Tuple, letters int) (info TupleInfo, ok bool) {
	found := d.tuples.find(&t, t.Hash(d.tuples.seed))
	if found == nil {
		return TupleInfo{}, false
	}
	return d.infoOf(found, letters), true
}
