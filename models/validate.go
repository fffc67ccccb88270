package models

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// The widest limits that a behaviour model may have.
const (
	minContactsFloor = 3 // two gaps, the fewest that can be alike
	maxMerge         = time.Hour
	maxGap           = 30 * 24 * time.Hour
)

// maxNearness is the largest threshold of a behaviour model with letters.
const maxNearness = 20

// maxProto is the length of the longest protocol name, some more allowed.
const maxProto = 32

// problem is one thing that is wrong with a model: the key of the file format
// and what is allowed.
type problem struct{ key, text string }

// Validate says whether the model can be used and written: nil, or all that is
// wrong, each with the key of the file format and what is allowed.
func (m Model) Validate() error {
	var errs []error
	for _, p := range m.problems() {
		errs = append(errs, errors.New(p.key+": "+p.text))
	}
	return errors.Join(errs...)
}

func (m Model) problems() []problem {
	var ps []problem
	add := func(key, format string, args ...any) {
		ps = append(ps, problem{key, fmt.Sprintf(format, args...)})
	}
	text := labelProblem(m.Label)
	if text != "" {
		add("label", "%s", text)
	}
	if m.Class != ClassMalicious && m.Class != ClassNormal {
		add("class", "%s is not allowed; use %q or %q", quoted(string(m.Class)), ClassMalicious, ClassNormal)
	} else if text == "" && m.Class != labelClass(m.Label) {
		add("class", "%q contradicts the label, whose second field is %q", m.Class, LabelField(m.Label, 1))
	}
	if text := protoProblem(m.Proto, m.Kind == KindBehaviour); text != "" {
		add("protocol", "%s", text)
	}
	switch m.Kind {
	case KindLetters:
		if math.IsNaN(m.Threshold) || math.IsInf(m.Threshold, 0) {
			add("threshold", "%v is not allowed; use a finite number, from 1 up if it is ever to match", m.Threshold)
		}
		if text := lettersProblem(m.Letters); text != "" {
			add("letters", "%s", text)
		}
		if m.Behaviour != nil {
			add("behaviour", "is not allowed in a model of kind %q", KindLetters)
		}
	case KindBehaviour:
		if m.Letters != "" {
			if !(m.Threshold > 0 && m.Threshold <= maxNearness) { // so that NaN is refused
				add("threshold", "%v is not allowed in a model of kind %q; use more than 0, up to %d", m.Threshold, KindBehaviour, maxNearness)
			}
			if text := lettersProblem(m.Letters); text != "" {
				add("letters", "%s", text)
			}
		} else if m.Threshold != 0 {
			add("threshold", "is of no use in a model of kind %q without letters", KindBehaviour)
		}
		if m.Behaviour == nil {
			add("behaviour", "is missing; a model of kind %q needs its limits", KindBehaviour)
		} else {
			ps = append(ps, m.Behaviour.problems()...)
		}
	default:
		add("kind", "%s is not allowed; use %q or %q", quoted(string(m.Kind)), KindLetters, KindBehaviour)
	}
	for key, text := range map[string]string{"licence": m.Licence, "provenance.data": m.Data, "provenance.tool": m.Tool} {
		if !plainText(text) {
			add(key, "is not plain text; allowed is one line of at most %d bytes, without control characters", MaxText)
		}
	}
	if !m.Learned.IsZero() {
		if u := m.Learned.UTC(); !u.Equal(day(u)) || u.Year() < 1970 || u.Year() > 9999 {
			add("provenance.learned", "%v is not a day in UTC; allowed is a day such as 2025-11-24", m.Learned)
		}
	}
	slices.SortStableFunc(ps, func(a, b problem) int { return strings.Compare(a.key, b.key) })
	return ps
}

func (b *Behaviour) problems() []problem {
	var ps []problem
	add := func(key, format string, args ...any) {
		ps = append(ps, problem{"behaviour." + key, fmt.Sprintf(format, args...)})
	}
	if b.MinContacts < minContactsFloor || b.MinContacts > MaxContacts {
		add("min_contacts", "%d is not allowed; use %d to %d", b.MinContacts, minContactsFloor, MaxContacts)
	}
	if b.Merge < 0 || b.Merge > maxMerge {
		add("merge", "%v is not allowed; use 0s to %s", b.Merge, duration(maxMerge))
	}
	if b.MinGap < 0 || b.MinGap > maxGap {
		add("min_gap", "%v is not allowed; use 0s to %s", b.MinGap, duration(maxGap))
	}
	if b.MaxGap <= 0 || b.MaxGap > maxGap || b.MaxGap < b.MinGap {
		add("max_gap", "%v is not allowed; use more than 0s, not less than min_gap, up to %s", b.MaxGap, duration(maxGap))
	}
	// A median absolute deviation of numbers from 0 up never exceeds their median.
	if !(b.MaxGapSpread >= 0 && b.MaxGapSpread <= 1) {
		add("max_gap_spread", "%v is not allowed; use 0 to 1", b.MaxGapSpread)
	}
	if !(b.MaxSizeSpread >= 0 && b.MaxSizeSpread <= 1) {
		add("max_size_spread", "%v is not allowed; use 0 to 1", b.MaxSizeSpread)
	}
	if b.MinSize < 0 {
		add("min_size", "%d is not allowed; use 0 or more bytes", b.MinSize)
	}
	if b.MaxSize < 0 || b.MaxSize > 0 && b.MaxSize < b.MinSize {
		add("max_size", "%d is not allowed; use bytes, not less than min_size", b.MaxSize)
	}
	if len(b.NotPorts) > MaxNotPorts {
		add("not_ports", "%d ports are too many; at most %d are allowed", len(b.NotPorts), MaxNotPorts)
	}
	if len(b.Ports) > MaxNotPorts {
		add("ports", "%d ports are too many; at most %d are allowed", len(b.Ports), MaxNotPorts)
	}
	if len(b.Destinations) > MaxDestinations {
		add("destinations", "%d networks are too many; at most %d are allowed", len(b.Destinations), MaxDestinations)
	}
	for _, p := range b.Destinations {
		if !p.IsValid() {
			add("destinations", "an empty network is not allowed")
			break
		}
	}
	if b.Evidence != Decisive && !(b.Evidence >= 0 && b.Evidence <= MaxEvidence) {
		add("evidence", "%v is not allowed; use 0 to %d, or leave it out for one that settles the matter", b.Evidence, MaxEvidence)
	}
	return ps
}

// labelProblem says what is wrong with a label. Labels are printed, written to
// logs and to element comments in the kernel, and matched by globs.
func labelProblem(label string) string {
	const want = `use origin-class-protocol-application-name, such as From-Botnet-TCP-HTTP-CC-1`
	if len(label) > MaxLabel {
		return fmt.Sprintf("%d bytes are too many; at most %d are allowed", len(label), MaxLabel)
	}
	for _, r := range label {
		if !alphanumeric(r) && !strings.ContainsRune("-._:+/@", r) {
			return fmt.Sprintf("%s contains %q; allowed are letters, digits and - . _ : + / @", quoted(label), r)
		}
	}
	for n, name := range []string{"origin", "class", "protocol"} {
		if LabelField(label, n) == "" {
			return fmt.Sprintf("%s has no %s (field %d); %s", quoted(label), name, n+1, want)
		}
	}
	return ""
}

func protoProblem(proto string, emptyAllowed bool) string {
	if proto == "" && !emptyAllowed {
		return `is missing; name it as argus does, such as "tcp"`
	}
	for _, r := range proto {
		if !alphanumeric(r) && !strings.ContainsRune("-._+/", r) {
			return fmt.Sprintf(`%s contains %q; name the protocol as argus does, such as "tcp"`, quoted(proto), r)
		}
	}
	if len(proto) > maxProto {
		return fmt.Sprintf(`%d bytes are too many; name the protocol as argus does, such as "tcp"`, len(proto))
	}
	return ""
}

func alphanumeric(r rune) bool {
	return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9'
}

func plainText(s string) bool {
	return len(s) <= MaxText && utf8.ValidString(s) &&
		!strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) })
}

func day(t time.Time) time.Time {
	return time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, time.UTC)
}

// quoted quotes text from a file for an error message, cut to what a person
// reads.
func quoted(s string) string {
	const most = 80
	if len(s) > most {
		return strconv.QuoteToASCII(s[:most]) + " and more"
	}
	return strconv.QuoteToASCII(s)
}

// number writes a number in the shortest way that reads back to the same.
func number(f float64) string { return strconv.FormatFloat(f, 'g', -1, 64) }

// duration writes a duration without the parts that are zero: 24h, not 24h0m0s.
func duration(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}
