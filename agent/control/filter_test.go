package control

import (
	"path"
	"testing"
	"time"

	"slips-ips/agent/history"
	"slips-ips/argusfeed"
	"slips-ips/policy"
)

func TestFilter(t *testing.T) {
	tuple, err := argusfeed.FindTuple("10.0.0.5-203.0.113.9-443-tcp")
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	alert := history.Event{ID: "1", Time: at, Kind: history.KindAlert, Decision: &policy.Decision{Tuple: tuple, Label: "From-Botnet/X"}}
	lift := history.Event{ID: "2", Time: at, Kind: history.KindLift, Block: &history.Block{Block: policy.Block{ID: "1", Tuple: tuple, Label: "L"}}}
	feed := history.Event{ID: "3", Time: at, Kind: history.KindFeed, Feed: &history.Feed{Source: "file:x"}}
	for name, tt := range map[string]struct {
		q    history.Query
		want [3]bool
	}{
		"all":      {history.Query{}, [3]bool{true, true, true}},
		"kinds":    {history.Query{Kinds: []history.Kind{history.KindAlert, history.KindFeed}}, [3]bool{true, false, true}},
		"label":    {history.Query{Label: "*botnet*x"}, [3]bool{true, false, false}},
		"tuple":    {history.Query{Tuple: tuple.String()}, [3]bool{true, true, false}},
		"host":     {history.Query{Host: "203.0.113.0/24"}, [3]bool{true, true, false}},
		"no host":  {history.Query{Host: "10.0.0.6"}, [3]bool{}},
		"source":   {history.Query{Source: "file:x"}, [3]bool{false, false, true}},
		"id":       {history.Query{ID: "1"}, [3]bool{true, true, false}},
		"since":    {history.Query{Since: at.Add(1)}, [3]bool{}},
		"until":    {history.Query{Until: at}, [3]bool{}},
		"interval": {history.Query{Since: at, Until: at.Add(1)}, [3]bool{true, true, true}},
	} {
		f, err := newFilter(tt.q)
		if err != nil {
			t.Fatal(err)
		}
		if got := [3]bool{f.wants(&alert), f.wants(&lift), f.wants(&feed)}; got != tt.want {
			t.Errorf("%s: %v, want %v", name, got, tt.want)
		}
	}
}

func TestExactGlob(t *testing.T) {
	const odd = `a*b?c[d]\-e`
	if ok, err := path.Match(ExactGlob(odd), odd); !ok || err != nil {
		t.Errorf("%v, %v", ok, err)
	}
	if ok, _ := path.Match(ExactGlob("a*"), "ab"); ok {
		t.Error("it fits another text")
	}
}
