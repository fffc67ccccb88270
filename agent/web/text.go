package web

import (
	"fmt"
	"html/template"
	"maps"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"slips-ips/agent/control"
	"slips-ips/agent/history"
	"slips-ips/agent/numbers"
	"slips-ips/argusfeed"
)

// functions are what the templates use. html/template escapes what they give.
var functions = template.FuncMap{
	"plain":   plain,
	"when":    when,
	"iso":     func(t time.Time) string { return t.UTC().Format(time.RFC3339) },
	"length":  numbers.Duration,
	"left":    func(s float64) string { return numbers.Duration(time.Duration(s * float64(time.Second))) },
	"grouped": grouped,
	"count":   count,
	"bytes":   numbers.Size[uint64],
	"who":     whoText,
	"tuple":   func(t argusfeed.Tuple) string { return plain(t.String()) },
	"tupleID": tupleLink,
	"score":   numbers.Score,
	"rate":    numbers.Rate,
	"share":   share,
	"ftime":   func(t argusfeed.Time) time.Time { return t.Time() },
	"add":     func(a, b int) int { return a + b },
	"uint":    func(n int) uint64 { return uint64(max(0, n)) },
	"dict":    dict,
	"does":    does,
	"lines":   func(s string) []string { return strings.Split(s, "\n") },
	"exact":   control.ExactGlob,
	// Of events.
	"tupleIn":     func(e history.Event) *argusfeed.Tuple { return tupleOf(&e) },
	"labelOf":     labelOf,
	"whatOf":      whatOf,
	"reasonOf":    reasonOf,
	"decidedName": func(s string) string { return decidedNames[s] },
}

// Functions gives what templates write values with, for a report that looks as the
// pages do.
func Functions() template.FuncMap { return maps.Clone(functions) }

// Style gives the style sheet of the pages.
func Style() string {
	style, _ := files.ReadFile("static/style.css") // it is embedded
	return string(style)
}

// plain replaces what would turn, hide or break the text around it: control
// characters, those that set the direction of writing or cannot be seen, and marks that
// are heaped up over the lines beside them.
func plain(s string) string {
	marks := 0
	return strings.Map(func(r rune) rune {
		marks++
		if !unicode.In(r, unicode.Mn, unicode.Me) {
			marks = 0
		}
		if r == utf8.RuneError || unicode.IsControl(r) && r != '\n' || unicode.In(r, unseen...) || marks > mostMarks {
			return '\ufffd'
		}
		return r
	}, s)
}

// mostMarks is how many marks a letter has in the scripts that need them.
const mostMarks = 3

var unseen = []*unicode.RangeTable{unicode.Cf, unicode.Zl, unicode.Zp, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector}

// when writes a moment in the zone of the host.
func when(t time.Time) string {
	if t.IsZero() {
		return "never"
	}
	return t.Local().Format(time.DateTime)
}

// grouped writes 1234567 as 1 234 567, with spaces that do not break.
func grouped(n uint64) string { return strings.ReplaceAll(numbers.Grouped(n), " ", "\u00a0") }

// count writes a number of things.
func count(n uint64, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return grouped(n) + " " + thing + "s"
}

func share(n, of int) string {
	if of <= 0 {
		return ""
	}
	return strconv.Itoa(100*n/of) + " %"
}

// whoText names a person.
func whoText(w *history.Who) string {
	switch {
	case w == nil:
		return ""
	case w.Token != "":
		return plain(w.Token) + " (token)"
	}
	s := w.User
	if s == "" {
		s = fmt.Sprintf("user %d", w.UID)
	}
	if w.Login != "" {
		s = w.Login + " as " + s
	}
	if w.From != "" {
		s += " from " + w.From
	}
	return plain(s)
}

// tupleLink is the address of a tuple's page.
func tupleLink(t argusfeed.Tuple) string {
	return control.PagePath + "tuple?" + url.Values{"tuple": {t.String()}}.Encode()
}

// dict makes what a part is given several things by.
func dict(pairs ...any) (map[string]any, error) {
	m := map[string]any{}
	for i := 0; i+1 < len(pairs); i += 2 {
		name, ok := pairs[i].(string)
		if !ok {
			return nil, fmt.Errorf("the name %v is no text", pairs[i])
		}
		m[name] = pairs[i+1]
	}
	return m, nil
}
