package detection

import (
	"math"
	"strconv"
	"time"

	"slips-ips/argusfeed"
)

func (t *TraceWriter) raw(s string) *TraceWriter {
	t.b = append(t.b, s...)
	return t
}

func (t *TraceWriter) comma(i int) {
	if i > 0 {
		t.b = append(t.b, ',')
	}
}

func (t *TraceWriter) flush() {
	t.b = append(t.b, '\n')
	if t.err == nil {
		_, t.err = t.w.Write(t.b)
	}
	t.b = t.b[:0]
}

// moment writes a time as Python's str(datetime) does.
func (t *TraceWriter) moment(at argusfeed.Time) {
	layout := "2006-01-02 15:04:05.000000"
	if at%argusfeed.Time(time.Second/time.Microsecond) == 0 {
		layout = "2006-01-02 15:04:05"
	}
	t.b = append(t.b, '"')
	t.b = at.Time().AppendFormat(t.b, layout)
	t.b = append(t.b, '"')
}

func (t *TraceWriter) number(v float64, known bool, otherwise string) {
	if known {
		t.float(v)
	} else {
		t.raw(otherwise)
	}
}

// float writes the shortest number that reads back to the same; JSON has none
// for what is not finite.
func (t *TraceWriter) float(v float64) {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		t.raw("null")
		return
	}
	t.b = strconv.AppendFloat(t.b, v, 'g', -1, 64)
}

const hexDigits = "0123456789abcdef"

// text writes s as a JSON string, each byte a character of Latin-1.
func (t *TraceWriter) text(s string) {
	t.b = append(t.b, '"')
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			t.b = append(t.b, '\\', c)
		case c < ' ' || c > '~':
			t.b = append(t.b, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		default:
			t.b = append(t.b, c)
		}
	}
	t.b = append(t.b, '"')
}
