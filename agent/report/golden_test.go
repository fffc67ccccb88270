package report

import (
	"bytes"
	"encoding/json"
	"flag"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"slips-ips/agent/history"
	"slips-ips/argusfeed"
)

var update = flag.Bool("update", false, "write the golden files anew")

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), string(got)); d != "" {
		t.Errorf("%s -want +got\n%s", path, d)
	}
}

// eveLines gives the EVE lines of all test events, flows and statistics.
func eveLines(t testing.TB) []byte {
	opt := testOptions(t)
	w := eveWriter{host: opt.Host, source: opt.Source}
	var b []byte
	add := func(it item) {
		var err error
		if b, err = w.append(b, &it); err != nil {
			t.Fatal(err)
		}
	}
	events := testEvents(t)
	for _, name := range slices.Sorted(maps.Keys(events)) {
		e := events[name]
		it := item{event: &e}
		if name == "alert" {
			it.held = held{Count: 7, Since: testTime.Add(-time.Minute)}
		}
		add(it)
	}
	flow := testFlow(usualTuple(t))
	begun, hostile := flow, testFlow(hostileTuple(t))
	begun.Part, begun.SrcBytes = argusfeed.PartBegun, 0
	hostile.State, hostile.Label = hostileName, hostileName
	add(item{flows: []argusfeed.Flow{flow, hostile}})
	add(item{flows: []argusfeed.Flow{begun}, alerted: true})
	s := testStatus()
	add(item{stats: &s})
	return b
}

func TestGoldenEVE(t *testing.T) {
	golden(t, "eve.json", eveLines(t))
}

func TestGoldenCEF(t *testing.T) {
	var b bytes.Buffer
	events := testEvents(t)
	for _, name := range slices.Sorted(maps.Keys(events)) {
		e := events[name]
		it := item{event: &e}
		if name == "alert" {
			it.held = held{Count: 7, Since: testTime.Add(-time.Minute)}
		}
		b.WriteString(cef(&it, "1.2.3") + "\n")
	}
	golden(t, "cef.txt", b.Bytes())
}

// The JSON of an event is that of history, and one that JSON has no number for
// is told all the same.
func TestEventJSON(t *testing.T) {
	for name, e := range testEvents(t) {
		it := item{event: &e}
		got, err := it.json()
		if err != nil {
			t.Fatal(err)
		}
		want, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		var g, w any
		if err := json.Unmarshal(got, &g); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(want, &w); err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(w, g); d != "" {
			t.Errorf("%s: %s", name, d)
		}
		if i := bytes.IndexFunc(got, func(r rune) bool { return r < ' ' || r >= 0x7f && r < 0xa0 }); i >= 0 {
			t.Errorf("%s: a control character at %d of %q", name, i, got)
		}
	}
	e := testEvent(history.KindAlert, usualTuple(t))
	zero := 0.0
	e.Detection.Score, e.Detection.Threshold = 1/zero, zero/zero
	it := item{event: &e, held: held{Count: 3, Since: testTime}}
	got, err := it.json()
	if err != nil || !strings.Contains(string(got), `"held_back":{"count":3,`) {
		t.Errorf("%s, %v", got, err)
	}
	if !(e.Detection.Score > 1) {
		t.Error("the event was changed")
	}
}

// flow_id and signature_id must never change: receivers join by them.
func TestStableNumbers(t *testing.T) {
	if got := flowID(usualTuple(t)); got != flowIDOfUsual {
		t.Errorf("flow_id %d", got)
	}
	if got := signatureID("From-Botnet-TCP-CC-Beacon-1"); got != signatureIDOfBeacon {
		t.Errorf("signature_id %d", got)
	}
	if id := flowID(hostileTuple(t)); id == 0 || id >= 1<<51 {
		t.Errorf("flow_id %d", id)
	}
}

const (
	flowIDOfUsual       = 1943146320056636
	signatureIDOfBeacon = 2100892353
)
