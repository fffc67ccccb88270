package argusfeed

import (
	"bytes"
	"time"
)

// clock reads the times of one stream: 2006/01/02 15:04:05 with one to six
// digits of a fraction, in all the forms that the original took (its strptime
// allows missing leading zeros and any white space between date and time), and
// seconds since 1970 with a fraction, as ra -u prints them, where the first
// time of the stream has that form.
type clock struct {
	loc *time.Location

	seen, epoch bool

	// The minute read last, as text and as time: flows come in the order of
	// time, most of them within the minute of the one before.
	minute [len("2006/01/02 15:04")]byte
	base   Time
}

// reset forgets which form the times have.
func (c *clock) reset() { c.seen, c.epoch = false, false }

func (c *clock) parse(b []byte) (Time, bool) {
	b = bytes.TrimLeft(b, blanks)
	if t, ok := c.calendar(b); ok {
		c.seen = true
		return t, true
	}
	if !c.seen || c.epoch {
		if t, ok := parseEpoch(b); ok {
			c.seen, c.epoch = true, true
			return t, true
		}
	}
	return 0, false
}

// calendar reads the exact form of ra; parts that differ go the slow way.
func (c *clock) calendar(b []byte) (Time, bool) {
	const exact = len("2006/01/02 15:04:05.0")
	if len(b) < exact || b[16] != ':' || b[19] != '.' {
		return c.calendarForms(b)
	}
	sec, ok1 := digits(b[17:19])
	us, ok2 := micros(b[20:])
	if !ok1 || !ok2 || sec > 59 {
		return c.calendarForms(b)
	}
	if b[0] == 0 || string(b[:16]) != string(c.minute[:]) {
		year, ok1 := digits(b[0:4])
		month, ok2 := digits(b[5:7])
		day, ok3 := digits(b[8:10])
		hour, ok4 := digits(b[11:13])
		minute, ok5 := digits(b[14:16])
		if !ok1 || !ok2 || !ok3 || !ok4 || !ok5 || b[4] != '/' || b[7] != '/' || b[10] != ' ' || b[13] != ':' {
			return c.calendarForms(b)
		}
		base, ok := c.date(year, month, day, hour, minute)
		if !ok {
			return 0, false
		}
		copy(c.minute[:], b)
		c.base = base
	}
	return c.base + Time(sec)*1e6 + Time(us), true
}

// calendarForms reads what else strptime read: month, day, hour, minute and
// second of one digit, a blank before a day of one digit, any white space
// between date and time. The original refused a time without a fraction, a
// leap second and the year 0.
func (c *clock) calendarForms(b []byte) (Time, bool) {
	var v [5]int
	for i, part := range []struct {
		least, most int
		end         byte
	}{{4, 4, '/'}, {1, 2, '/'}, {1, 2, ' '}, {1, 2, ':'}, {1, 2, ':'}} {
		if i == 2 && len(b) > 1 && b[0] == ' ' && b[1] >= '1' && b[1] <= '9' {
			b = b[1:]
			part.most = 1
		}
		n := 0
		for n < len(b) && n < part.most && b[n]-'0' <= 9 {
			n++
		}
		if n < part.least || n == len(b) {
			return 0, false
		}
		v[i], _ = digits(b[:n])
		b = b[n:]
		if part.end != ' ' {
			if b[0] != part.end {
				return 0, false
			}
			b = b[1:]
			continue
		}
		rest := bytes.TrimLeft(b, blanks)
		if len(rest) == len(b) {
			return 0, false
		}
		b = rest
	}
	dot := bytes.IndexByte(b, '.')
	if dot < 1 || dot > 2 {
		return 0, false
	}
	sec, ok1 := digits(b[:dot])
	us, ok2 := micros(b[dot+1:])
	if !ok1 || !ok2 || sec > 59 {
		return 0, false
	}
	base, ok := c.date(v[0], v[1], v[2], v[3], v[4])
	return base + Time(sec)*1e6 + Time(us), ok
}

// date refuses what is no date, such as 29 February 2018. Where the clocks of
// the time zone were put forward or back, time.Date says which hour is meant.
func (c *clock) date(year, month, day, hour, minute int) (Time, bool) {
	if year < 1 || month < 1 || month > 12 || day < 1 || day > 31 || hour > 23 || minute > 59 {
		return 0, false
	}
	t := time.Date(year, time.Month(month), day, hour, minute, 0, 0, time.UTC)
	if t.Day() != day {
		return 0, false
	}
	if c.loc != nil && c.loc != time.UTC {
		t = time.Date(year, time.Month(month), day, hour, minute, 0, 0, c.loc)
	}
	return TimeOf(t), true
}

// parseEpoch reads seconds since 1970 up to the year 9999, with a fraction.
func parseEpoch(b []byte) (Time, bool) {
	const last = 253402300799
	dot := bytes.IndexByte(b, '.')
	if dot < 1 || dot > 12 {
		return 0, false
	}
	sec, ok1 := digits(b[:dot])
	us, ok2 := micros(b[dot+1:])
	return Time(sec)*1e6 + Time(us), ok1 && ok2 && sec <= last
}

// micros reads one to six digits of a fraction of a second.
func micros(b []byte) (int, bool) {
	if len(b) < 1 || len(b) > 6 {
		return 0, false
	}
	n, ok := digits(b)
	for range 6 - len(b) {
		n *= 10
	}
	return n, ok
}

// digits reads a number of up to twelve digits.
func digits(b []byte) (int, bool) {
	n := 0
	for _, d := range b {
		if d -= '0'; d > 9 {
			return 0, false
		}
		n = n*10 + int(d)
	}
	return n, true
}
