package policy

import (
	"strconv"
	"strings"
	"time"
	"unicode"

	"slips-ips/detection"
)

// reason says in words what d is about, how it stands with its confirmation
// and what came of it.
func (e *Engine) reason(dec *Decision, r *compiled, d detection.Detection, against string) string {
	var stack [384]byte
	b := append(stack[:0], "matches "...)
	b = append(b, quoted(d.Label)...)
	if _, ok := d.Probability(); ok {
		b = append(b, " with probability "...)
	} else {
		b = append(b, " with score "...)
	}
	b = strconv.AppendFloat(b, d.Score, 'g', 5, 64)
	b = append(b, " (threshold "...)
	b = strconv.AppendFloat(b, d.Threshold, 'g', 5, 64)
	b = append(b, ") after "...)
	b = appendCount(b, d.Flows, "flow", "flows")

	switch {
	case dec.Confirmed:
		b = append(b, "; confirmed: "...)
		b = appendCount(b, uint64(dec.Matches), "match", "matches")
	case dec.Matches >= r.matches:
		b = append(b, "; not confirmed yet: "...)
		b = appendCount(b, uint64(dec.Matches), "match", "matches")
	default:
		b = append(b, "; not confirmed yet: match "...)
		b = strconv.AppendInt(b, int64(dec.Matches), 10)
		b = append(b, " of "...)
		b = strconv.AppendInt(b, int64(r.matches), 10)
	}
	b = append(b, " in the last "...)
	b = appendCount(b, uint64(r.windows), "window", "windows")
	b = append(b, " of "...)
	b = append(b, e.widthText...)
	if dec.Matches > 1 {
		b = append(b, ", since "...)
		b = dec.Since.Time().AppendFormat(b, timeLayout)
	}

	if dec.Cause == CauseUnconfirmed && against != "" {
		b = append(append(b, ", but "...), against...)
	}
	if dec.Offence > 0 && r.action == ActionBlock {
		b = append(b, "; blocked "...)
		b = appendCount(b, uint64(dec.Offence), "time", "times")
		b = append(b, " before"...)
	}

	if r.name == DefaultRule {
		b = append(b, "; no rule fits, the default is "...)
	} else {
		b = append(b, "; rule "...)
		b = append(b, r.name...)
		b = append(b, " says "...)
	}
	b = append(b, r.action...)
	if r.action == ActionBlock && r.scope != ScopeTuple {
		b = append(append(b, " the "...), r.scope...)
	}
	if r.action == ActionBlock {
		switch dec.Cause {
		case CauseConfirmed:
			b = append(b, " for "...)
			b = append(b, shortDuration(dec.Duration)...)
		case CauseRenewal:
			b = append(b, ": renewed for "...)
			b = append(b, shortDuration(dec.Duration)...)
		case CauseUnconfirmed:
			b = append(b, " once confirmed"...)
		default:
			b = append(b, ", but "...)
			b = append(b, against...)
			b = append(b, ": alert instead"...)
		}
	}
	return string(b)
}

// timeLayout is RFC 3339 to the second, as in the other texts of events: a reason
// outlives the moment and is read in other zones, so it says that it is in UTC.
const timeLayout = time.RFC3339

func appendCount(b []byte, n uint64, one, many string) []byte {
	b = strconv.AppendUint(b, n, 10)
	b = append(b, ' ')
	if n == 1 {
		return append(b, one...)
	}
	return append(b, many...)
}

// quoted gives s as it is where it is one printable word, else in quotes:
// reasons end up on terminals, and labels and names come from outside.
func quoted(s string) string {
	if s == "" || strings.ContainsFunc(s, func(r rune) bool {
		return !unicode.IsGraphic(r) || unicode.IsSpace(r) || r == '"' || r == unicode.ReplacementChar
	}) {
		return strconv.Quote(s)
	}
	return s
}

// printable keeps what moves cursors and colours out of a text.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsGraphic(r) {
			return unicode.ReplacementChar
		}
		return r
	}, s)
}

// shortDuration writes 1h for what time.Duration calls 1h0m0s, and days.
func shortDuration(d time.Duration) string {
	if d >= 2*day && d%day == 0 {
		return strconv.FormatInt(int64(d/day), 10) + "d"
	}
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = s[:len(s)-2]
	}
	if strings.HasSuffix(s, "h0m") {
		s = s[:len(s)-2]
	}
	return s
}
