package history

import (
	"encoding/json"
	"fmt"
	"math"
	"time"

	"slips-ips/argusfeed"
	"slips-ips/detection"
)

// perMicro is how many events may have one microsecond before they run into
// the next.
const perMicro = 1 << 10

// micros gives the microseconds since 1970 that times are kept as. The year
// 2255 is the last; before 1970 is 1970.
func micros(t time.Time) int64 { return max(0, min(t.UnixMicro(), 1<<53-1)) }

// seqOf is the first seq of a time, and timeOf the time of a seq.
func seqOf(t time.Time) int64    { return micros(t) * perMicro }
func timeOf(seq int64) time.Time { return time.UnixMicro(seq / perMicro).UTC() }

// row is what is searched of an event.
type row struct {
	tuple, label, source, block any // text or nil
	src, dst                    any // bytes or nil
}

// rowOf gives the columns of e.
func rowOf(e *Event) row {
	var r row
	var label string
	var tuple *argusfeed.Tuple
	switch {
	case e.Decision != nil:
		tuple, label = &e.Decision.Tuple, e.Decision.Label
	case e.Detection != nil:
		tuple, label = &e.Detection.Tuple, e.Detection.Label
	case e.Block != nil:
		tuple, label = &e.Block.Tuple, e.Block.Label
	}
	if tuple != nil {
		r.tuple, r.src, r.dst = tuple.String(), addrKey(tuple.Src), addrKey(tuple.Dst)
	}
	if label != "" {
		r.label = label
	}
	if e.Feed != nil && e.Feed.Source != "" {
		r.source = e.Feed.Source
	}
	switch {
	case e.Block != nil && e.Block.ID != "":
		r.block = e.Block.ID
	case e.Decision != nil && e.Decision.ID != e.ID && e.Decision.ID != "":
		r.block = e.Decision.ID
	}
	return r
}

// addrKey is an address as it is kept: nil where a is none. Addresses of a
// network lie together, and those of IPv4 apart from those of IPv6.
func addrKey(a argusfeed.Addr) any {
	ip, ok := a.IP()
	if !ok {
		return nil
	}
	if ip.Is4() {
		b := ip.As4()
		return append([]byte{4}, b[:]...)
	}
	b := ip.As16()
	return append([]byte{6}, b[:]...)
}

// maxBody bounds what one event takes on the disk, in bytes.
const maxBody = 1 << 20

// encodeEvent never fails: where JSON cannot hold all of e it holds less, and
// says so.
func encodeEvent(e Event) []byte {
	if e.Detection != nil {
		d := encodable(*e.Detection)
		e.Detection = &d
	}
	body, err := json.Marshal(e)
	if err == nil && len(body) <= maxBody {
		return body
	}
	why := "it is too long"
	if err != nil {
		why = err.Error()
	}
	short := Event{ID: e.ID, Time: e.Time, Kind: e.Kind, Mode: e.Mode, By: e.By,
		Text: fmt.Sprintf("%.1000s (the details were not kept: %.1000s)", e.Text, why)}
	if short.Time.Year() < 0 || short.Time.Year() > 9999 {
		short.Time = time.UnixMicro(micros(e.Time)).UTC() // RFC 3339 has no other years
	}
	body, err = json.Marshal(short)
	if err != nil {
		body = []byte("{}") // read as an event whose details are missing
	}
	return body
}

// encodable takes out of d what JSON has no number for.
func encodable(d detection.Detection) detection.Detection {
	for _, f := range []*float64{&d.Score, &d.Threshold} {
		if math.IsNaN(*f) || math.IsInf(*f, 0) {
			*f = 0
		}
	}
	return d
}

// decodeEvent reads what encodeEvent wrote. One that cannot be read must not
// hide the others: it says so itself.
func decodeEvent(seq int64, id string, kind Kind, body []byte) Event {
	var e Event
	err := json.Unmarshal(body, &e)
	if err == nil && e.ID == id && e.Kind == kind {
		return e
	}
	if err == nil {
		err = fmt.Errorf("its details are missing or of another event")
	}
	return Event{ID: id, Time: timeOf(seq), Kind: kind, Text: "this entry of the history cannot be read: " + err.Error()}
}
