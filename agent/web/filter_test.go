package web

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"slips-ips/agent/control"
	"slips-ips/agent/control/controltest"
)

func TestFilters(t *testing.T) {
	p := newPages(t, newAgent())
	for _, c := range []struct {
		path        string
		wants, nots []string
	}{
		{"/ui/alerts?decision=alert", []string{"polling"}, []string{"beacon-regular", "lifted"}},
		{"/ui/alerts?decision=blocked", []string{"beacon-regular"}, []string{"polling"}},
		{"/ui/alerts?decision=would-block", []string{"None fits"}, nil},
		{"/ui/alerts?decision=failed", []string{"None fits"}, nil},
		{"/ui/alerts?decision=lifted", []string{"ran out"}, []string{"beacon-regular"}},
		{"/ui/alerts?decision=other", []string{"retrying", "anna allowed"}, []string{"beacon-regular"}},
		{"/ui/alerts?source=10.0.0.7", []string{"beacon-regular"}, []string{"polling"}},
		{"/ui/alerts?source=203.0.113.9", []string{"None fits among"}, nil},
		{"/ui/alerts?host=203.0.113.9", []string{"beacon-regular"}, []string{"polling"}},
		{"/ui/alerts?label=*POLLING*", []string{"polling"}, []string{"beacon-regular"}},
		{"/ui/alerts?since=15m", []string{"beacon-regular"}, []string{"polling"}},
		{"/ui/alerts?until=15m", []string{"polling"}, []string{"beacon-regular"}},
		{"/ui/tuples?detected=1", []string{"10.0.0.7-"}, []string{"10.0.0.8-"}},
		{"/ui/tuples?match=10.0.0.8-*", []string{"10.0.0.8-", "1 of 3"}, []string{"10.0.0.7-"}},
		{"/ui/tuples?min_flows=100&sort=flows", []string{"1 of 3"}, []string{"10.0.0.7-"}},
		{"/ui/blocks?state=missing", []string{"by hand", "1 of 2"}, []string{"beacon-regular"}},
		{"/ui/blocks?host=203.0.113.9", []string{"beacon-regular"}, []string{"brute force"}},
	} {
		w := get(p, looker, c.path)
		text := mainText(t, w.Body.String())
		for _, want := range c.wants {
			if w.Code != http.StatusOK || !strings.Contains(text, want) {
				t.Errorf("%s: %d, no %q: %s", c.path, w.Code, want, text)
			}
		}
		for _, not := range c.nots {
			if strings.Contains(text, not) {
				t.Errorf("%s has %q: %s", c.path, not, text)
			}
		}
	}
}

// mainText is the text of a page but for its forms.
func mainText(t *testing.T, page string) string {
	t.Helper()
	root, err := html.Parse(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	var read func(*html.Node)
	read = func(n *html.Node) {
		if n.Type == html.TextNode {
			b.WriteString(n.Data + " ")
		}
		for c := range n.ChildNodes() {
			if c.Data != "form" && c.Data != "header" && c.Data != "head" {
				read(c)
			}
		}
	}
	read(root)
	return strings.ReplaceAll(strings.Join(strings.Fields(b.String()), " "), "\u00a0", " ")
}

func TestWrongFilters(t *testing.T) {
	p := newPages(t, newAgent())
	for path, says := range map[string]string{
		"/ui/alerts?since=yesterday":                   "no time",
		"/ui/alerts?decision=maybe":                    "not allowed",
		"/ui/alerts?source=nowhere":                    "nowhere",
		"/ui/alerts?label=[":                           "no pattern",
		"/ui/tuples?min_flows=-1":                      "not allowed",
		"/ui/tuples?offset=99999999999999999999":       "not allowed",
		"/ui/tuples?sort=best":                         "use last",
		"/ui/tuples?match=" + strings.Repeat("a", 600): "longer than",
		"/ui/blocks?state=x":                           "not allowed",
		"/ui/tuple":                                    "give a tuple",
		"/ui/tuple?tuple=x":                            "x",
		"/ui/tuple?id=x":                               "no event",
		"/ui/nonsense":                                 "no such page",
	} {
		w := get(p, looker, path)
		if text := textOf(t, w.Body.String()); w.Code < 400 || w.Code >= 500 || !strings.Contains(text, says) {
			t.Errorf("%s: %d %s", path, w.Code, text)
		}
	}
}

// Many of each are paged through: every page is small, and together
// they have all that was asked for, once.
func TestPaging(t *testing.T) {
	const n = 20_000
	a := newAgent()
	a.Backend = controltest.Large(n)
	p := newPages(t, a)
	for _, path := range []string{"/ui/tuples", "/ui/blocks", "/ui/alerts?source=10.0.0.0/30", "/ui/alerts?decision=everything"} {
		seen := map[string]bool{}
		pages := 0
		for next := path; next != "" && pages < 5; pages++ {
			w := get(p, looker, next)
			if w.Code != http.StatusOK || w.Body.Len() > 200<<10 {
				t.Fatalf("%s: %d, %d bytes", next, w.Code, w.Body.Len())
			}
			next = ""
			walk(t, w.Body.String(), func(n *html.Node) {
				if n.Data == "a" && attribute(n, "rel") == "next" {
					next = attribute(n, "href")
				}
				if n.Data == "a" && strings.HasPrefix(attribute(n, "href"), "/ui/tuple?") {
					if seen[attribute(n, "href")] {
						t.Errorf("%s is there twice", attribute(n, "href"))
					}
					seen[attribute(n, "href")] = true
				}
			})
		}
		want := map[string]int{"/ui/alerts?source=10.0.0.0/30": 4, "/ui/alerts?decision=everything": 5 * alertsPage}[path]
		if want == 0 {
			want = 500
		}
		if len(seen) != want {
			t.Errorf("%s: %d in %d pages, want %d", path, len(seen), pages, want)
		}
	}
	last := fmt.Sprintf("/ui/tuples?offset=%d", n-50)
	w := get(p, looker, last)
	if text := textOf(t, w.Body.String()); !strings.Contains(strings.ReplaceAll(text, "\u00a0", " "), "these are 19951 to 20000") || strings.Contains(w.Body.String(), `rel="next"`) {
		t.Error(text)
	}
}

// What the agent cannot tell is said, and the rest of the page is there.
func TestUnavailable(t *testing.T) {
	a := newAgent()
	a.Fail = fmt.Errorf("%w: no history is kept", control.ErrUnavailable)
	p := newPages(t, a)
	w := get(p, looker, "/ui/")
	if text := textOf(t, w.Body.String()); w.Code != http.StatusOK || !strings.Contains(text, "no history is kept") || !strings.Contains(text, "Enforcing") {
		t.Errorf("%d %s", w.Code, text)
	}
	for _, path := range allPages[1:] {
		if w := get(p, looker, path); w.Code != http.StatusServiceUnavailable || !strings.Contains(w.Body.String(), "no history is kept") {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
}

func TestMoments(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.Local)
	for text, want := range map[string]time.Time{
		"": {}, "1d": now.Add(-24 * time.Hour), "2026-02-28": now.Add(-36 * time.Hour), "2026-03-01T11:00": now.Add(-time.Hour), "2026-03-01 11:00:30": now.Add(-59*time.Minute - 30*time.Second),
	} {
		f := fields{values: url.Values{"t": {text}}}
		if got := f.moment("t", now); !got.Equal(want) || f.err != nil {
			t.Errorf("%q is %s (%v), want %s", text, got, f.err, want)
		}
	}
}
