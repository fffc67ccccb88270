package picture

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"math"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

var day = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// hostile is text that would become markup, turn what is around it, or be no XML.
const hostile = "<script>alert(1)</script>\"'&\x00\x1b[2J\u202e\ufffe\xff]]>"

func beat(n int, gap time.Duration) []Contact {
	var all []Contact
	for i := range n {
		all = append(all, Contact{day.Add(time.Duration(i) * gap), float64(1000 + i%5)})
	}
	return all
}

// wellFormed reads a drawing as XML and gives its elements and text.
func wellFormed(t *testing.T, svg string) (elements map[string]int, text string) {
	t.Helper()
	elements = map[string]int{}
	var all strings.Builder
	dec := xml.NewDecoder(strings.NewReader(svg))
	for {
		token, err := dec.Token()
		if errors.Is(err, io.EOF) {
			return elements, all.String()
		}
		if err != nil {
			t.Fatalf("%v in %s", err, svg)
		}
		switch token := token.(type) {
		case xml.StartElement:
			elements[token.Name.Local]++
			for _, a := range token.Attr {
				if strings.HasPrefix(strings.ToLower(a.Name.Local), "on") || a.Name.Local == "style" || strings.Contains(a.Value, "javascript:") {
					t.Errorf("the attribute %s", a.Name.Local)
				}
				if strings.Contains(a.Value, "NaN") || strings.Contains(a.Value, "Inf") {
					t.Errorf("%s of %s is %s", a.Name.Local, token.Name.Local, a.Value)
				}
			}
		case xml.CharData:
			all.Write(token)
		}
	}
}

func TestPictures(t *testing.T) {
	scores := []Score{{day, 0.2}, {day.Add(time.Hour), 0.5}, {day.Add(2 * time.Hour), 0.9}}
	for _, c := range []struct {
		name string
		p    *Picture
		want []string // of its words
		has  map[string]int
	}{
		{"letters", Letters("88,h,h,H+R*0r.", false), []string{"All letters, 7", "2 not known yet", "2 strongly regular", "1 weakly regular", "1 not regular", "1 weakly not"}, nil},
		{"many letters", Letters(strings.Repeat("a.", 500), false), []string{"The newest letters, 48"}, nil},
		{"contacts", Contacts(beat(20, time.Minute)), []string{"20 contacts from 2026-03-01 12:00:00 to 2026-03-01 12:19:00", "1 kB"}, map[string]int{"circle": 20}},
		{"one contact", Contacts(beat(1, 0)), []string{"1 contact "}, map[string]int{"circle": 1}},
		{"gaps", Gaps(beat(20, time.Minute)), []string{"19 values, 60 s, the middle one 60 s"}, map[string]int{"rect": 1}},
		{"sizes", Sizes(beat(20, time.Minute)), []string{"20 values"}, nil},
		{"scores", Scores(scores, 0.4, false), []string{"3 scores, the newest 0.9", "threshold 0.4: from it on it alerts", "2 of them reach it"}, map[string]int{"circle": 3}},
		{"distances", Scores([]Score{{day, 1.1}, {day, 90}, {day, math.Inf(1)}, {day, math.NaN()}}, 1.3, true), []string{"at or below it matches", "1 of them reach it"}, nil},
		{"note", Note(strings.Repeat("a long reason ", 200) + strings.Repeat("x", 500)), []string{"a long reason"}, nil},
	} {
		if c.p == nil {
			t.Errorf("%s: nothing is drawn", c.name)
			continue
		}
		elements, _ := wellFormed(t, string(c.p.Inline()))
		for _, w := range c.want {
			if !strings.Contains(c.p.Words(), w) {
				t.Errorf("%s says %q, not %q", c.name, c.p.Words(), w)
			}
		}
		for name, n := range c.has {
			if elements[name] != n {
				t.Errorf("%s has %d of %s, want %d", c.name, elements[name], name, n)
			}
		}
		var file bytes.Buffer
		if err := Stack(hostile, c.p, c.p).WriteFile(&file); err != nil {
			t.Error(err)
		}
		elements, text := wellFormed(t, file.String())
		if elements["script"] != 0 || !strings.Contains(text, "<script>") {
			t.Errorf("%s: hostile text is markup: %v", c.name, elements)
		}
	}
}

func TestNothingToDraw(t *testing.T) {
	for name, p := range map[string]*Picture{
		"letters": Letters(hostile[:0], false), "only symbols": Letters(".,+*0", false), "contacts": Contacts(nil),
		"gaps": Gaps(beat(1, 0)), "sizes": Sizes(nil), "scores": Scores(nil, 1, false),
		"no number": histogram("", "", []float64{math.NaN(), math.Inf(1), -1}, number),
	} {
		if p != nil {
			t.Errorf("%s: %s", name, p.Inline())
		}
	}
}

// The gap of a flow stands behind its letter, whole hours before it.
func TestReadLetters(t *testing.T) {
	got := readLetters("88,h+00R*\x00x")
	want := []flow{{'8', 0, 2, 1, ""}, {'8', 0, 2, 1, ","}, {'h', 4, 2, 1, "+"}, {'R', 1, 0, 0, "0"}, {'x', 2, 2, 0, ""}}
	if len(got) != len(want) {
		t.Fatalf("%+v", got)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("%+v, want %+v", got[i], want[i])
		}
	}
}

// What a feed says can be anything: whatever it is, the drawing is XML without script.
func FuzzLetters(f *testing.F) {
	f.Add("88,h,h,", "10.0.0.7")
	f.Add(hostile, hostile)
	f.Fuzz(func(t *testing.T, letters, name string) {
		parts := []*Picture{Note(name)}
		if p := Letters(letters, true); p != nil {
			parts = append(parts, p)
		}
		elements, _ := wellFormed(t, string(Stack(name, parts...).Inline()))
		for e := range elements {
			switch e {
			case "svg", "g", "text", "line", "circle", "rect", "title":
			default:
				t.Errorf("the element %s", e)
			}
		}
	})
}

// The names along an axis end within the picture.
func TestNamesFit(t *testing.T) {
	text := regexp.MustCompile(`<text x="([\d.]+)" y="[\d.]+" class="q" text-anchor="middle">([^<]*)<`)
	for _, gap := range []time.Duration{time.Second, 10 * time.Second, time.Minute, time.Hour, 7 * time.Hour, 24 * time.Hour} {
		svg := string(Contacts(beat(5, gap)).Inline())
		found := text.FindAllStringSubmatch(svg, -1)
		if len(found) < 3 {
			t.Fatalf("%s: %d names", gap, len(found))
		}
		for _, f := range found {
			x, err := strconv.ParseFloat(f[1], 64)
			if end := x + charWidth/2*float64(len(f[2])); err != nil || end > chartWidth+0.1 {
				t.Errorf("%s: %q at %s ends at %.0f, beyond %.0f (%v)", gap, f[2], f[1], end, chartWidth, err)
			}
		}
	}
}
