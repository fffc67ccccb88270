package htmlreport

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"slips-ips/agent"
	"slips-ips/argusfeed"
	"slips-ips/policy"
)

const hostile = `<script>alert(1)</script>"'{{.}}` + "\x1b\u202e"

// replayed makes a report of a beacon that goes on for some hours.
func replayed(t *testing.T) *agent.ReplayReport {
	t.Helper()
	text := []byte(argusfeed.RaHeader + "\n")
	begin := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for i := range 400 {
		f := argusfeed.Flow{
			Tuple: argusfeed.Tuple{Src: argusfeed.AddrFrom4([4]byte{10, 77, 0, 1}), Dst: argusfeed.AddrFrom4([4]byte{203, 0, 113, 9}),
				Port: argusfeed.PortNumber(8080), Proto: argusfeed.ProtoTCP},
			Sport: argusfeed.PortNumber(uint16(40000 + i)), Start: argusfeed.TimeOf(begin.Add(time.Duration(i) * 59 * time.Second)),
			Dur: 300 * time.Millisecond, Packets: 10, Bytes: 1200, Dir: argusfeed.DirTo, State: "FSPA_FSPA",
		}
		text = append(new(argusfeed.RaPrinter).AppendFlow(text, &f), '\n')
	}
	path := filepath.Join(t.TempDir(), "day.binetflow")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	other := agent.DefaultConfig()
	other.Policy.Rules, other.Policy.Action = nil, policy.ActionAlert
	r, err := agent.Replay(t.Context(), agent.ReplayOptions{Config: agent.DefaultConfig(), Other: &other, Files: []string{path}, Evidence: true})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// write gives a report, read as HTML: how many there are of each element, and its text.
func write(t *testing.T, r *agent.ReplayReport, about About) (page string, elements map[string]int, text string) {
	t.Helper()
	var b strings.Builder
	if err := Write(&b, r, about); err != nil {
		t.Fatal(err)
	}
	root, err := html.Parse(strings.NewReader(b.String()))
	if err != nil {
		t.Fatal(err)
	}
	elements = map[string]int{}
	var words strings.Builder
	for n := range root.Descendants() {
		switch n.Type {
		case html.ElementNode:
			elements[n.Data]++
			for _, a := range n.Attr {
				if strings.HasPrefix(a.Key, "on") || a.Key == "src" || a.Key == "style" || a.Key == "href" && !strings.HasPrefix(a.Val, "#") {
					t.Errorf("%s=%q of %s", a.Key, a.Val, n.Data)
				}
			}
		case html.TextNode:
			if n.Parent.Data != "style" {
				words.WriteString(n.Data + " ")
			}
		}
	}
	return b.String(), elements, strings.Join(strings.Fields(words.String()), " ")
}

func TestReport(t *testing.T) {
	r := replayed(t)
	page, elements, text := write(t, r, About{Version: "1.0", Files: []string{"day.binetflow", hostile}, Other: "other.toml", Made: time.Now()})
	for _, want := range []string{
		"10.77.0.1-203.0.113.9-8080-tcp", "Would have been blocked for", "1 of 1 tuple detected in 400 flows", "1 tuple would have been blocked", "What the other policy would have done",
		"Contacts over time", "Gaps between contacts", "Sizes of contacts", "Score over time", "Letters: one a flow", "<script>alert(1)</script>", "For it",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in %s", want, text)
		}
	}
	if elements["script"] != 0 || elements["svg"] != 5 || elements["link"] != 0 || !strings.Contains(page, "default-src &#39;none&#39;") {
		t.Errorf("%v", elements)
	}
	if strings.Contains(page, "\x1b") || strings.Contains(page, "\u202e") {
		t.Error("what cannot be seen is in it")
	}
	if n := len(r.Detections[0].Evidence.Scores); n == 0 || n > 256 || r.Detections[0].Count < 300 {
		t.Errorf("%d scores of %d matches", n, r.Detections[0].Count)
	}
}

// What was only told is explained by the newest decision, and what would have been
// blocked by the first.
func TestDecisionShown(t *testing.T) {
	tuple := func(n byte) argusfeed.Tuple {
		return argusfeed.Tuple{Src: argusfeed.AddrFrom4([4]byte{10, 0, 0, n}), Dst: argusfeed.AddrFrom4([4]byte{203, 0, 113, 9}), Port: argusfeed.PortNumber(443), Proto: argusfeed.ProtoTCP}
	}
	r := &agent.ReplayReport{Tuples: 2}
	for n := range byte(2) {
		r.Detections = append(r.Detections, agent.DetectedTuple{Tuple: tuple(n), Letters: "88,h,", Count: 3})
	}
	r.Decisions = []policy.Decision{
		{Tuple: tuple(0), Action: policy.ActionAlert, Reason: "the first alert"}, {Tuple: tuple(1), Action: policy.ActionAlert, Reason: "too early"},
		{Tuple: tuple(1), Action: policy.ActionBlock, Duration: time.Hour, Reason: "the first block"}, {Tuple: tuple(1), Action: policy.ActionBlock, Duration: time.Hour, Reason: "a renewal"},
		{Tuple: tuple(0), Action: policy.ActionAlert, Reason: "the newest alert"}, {Tuple: tuple(1), Action: policy.ActionAlert, Reason: "blocked already"},
	}
	_, _, text := write(t, r, About{})
	for _, want := range []string{"the newest alert", "the first block", "1 tuple would have been blocked (2 blocks, with renewals), 4 alerts told"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in %s", want, text)
		}
	}
	for _, no := range []string{"the first alert", "a renewal", "blocked already", "too early"} {
		if strings.Contains(text, no) {
			t.Errorf("%q in %s", no, text)
		}
	}
}

// However much was found, the page has an end, and says what it leaves out.
func TestLargeReport(t *testing.T) {
	r := &agent.ReplayReport{}
	for i := range 3 * maxListed {
		tuple := argusfeed.Tuple{Src: argusfeed.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}), Dst: argusfeed.AddrFrom4([4]byte{203, 0, 113, 9}),
			Port: argusfeed.PortNumber(443), Proto: argusfeed.ProtoTCP}
		r.Detections = append(r.Detections, agent.DetectedTuple{Tuple: tuple, Label: hostile, Letters: "88,h,h,", Why: hostile, Count: uint64(i)})
		r.Decisions = append(r.Decisions, policy.Decision{Tuple: tuple, Action: policy.ActionBlock, Duration: time.Hour, Reason: hostile})
	}
	page, elements, text := write(t, r, About{})
	if len(page) > 5<<20 || elements["svg"] != maxPictured || elements["script"] != 0 {
		t.Errorf("%d bytes, %d pictures", len(page), elements["svg"])
	}
	for _, want := range []string{"6 000 tuples would have been blocked (6 000 blocks, with renewals), 0 alerts told", fmt.Sprintf("%d were detected; the first %d are listed", 3*maxListed, maxListed)} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in %.600s", want, text)
		}
	}
	if _, _, text := write(t, &agent.ReplayReport{}, About{Other: "x"}); !strings.Contains(text, "Nothing would have been blocked") || !strings.Contains(text, "The same.") {
		t.Error(text)
	}
}
