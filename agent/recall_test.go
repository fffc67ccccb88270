package agent

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"slips-ips/agent/history"
	"slips-ips/argusfeed"
	"slips-ips/detection"
	"slips-ips/policy"
)

// recallChild makes the test's own program an agent that decides some matches, and
// waits until it is killed: "STATE FROM TO", the begin of the flows in microseconds.
const recallChild = "SLIPS_TEST_RECALL"

const recallNeeds = 10 // matches for a block

func recallAgent(t testing.TB, state string, change func(*Config)) *Agent {
	t.Helper()
	a, _, _ := testAgent(t, func(c *Config) {
		c.Agent.State = state
		c.Policy.Matches = recallNeeds
		if change != nil {
			change(c)
		}
	})
	return a
}

// recallMatch is the n-th match of a beacon that began at a time.
func recallMatch(begin argusfeed.Time, n int) detection.Detection {
	d := pastDetection(1, n, time.Minute)
	d.Time = begin.Add(time.Duration(n) * time.Minute)
	return d
}

// TestRecallChild is no test, but the agent that others start and kill.
func TestRecallChild(t *testing.T) {
	args := strings.Fields(os.Getenv(recallChild))
	if len(args) != 3 {
		return
	}
	begin, _ := strconv.ParseInt(args[1], 10, 64)
	n, _ := strconv.Atoi(args[2])
	a := recallAgent(t, args[0], nil)
	for i := range n {
		if err := a.decider.decide([]detection.Detection{recallMatch(argusfeed.Time(begin), i)}); err != nil {
			t.Fatal(err)
		}
	}
	flushStore(t, a.kept.history)
	fmt.Println("decided")
	select {}
}

// killedAfter runs an agent that decides n matches and is then killed.
func killedAfter(t *testing.T, state string, begin argusfeed.Time, n int) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestRecallChild$")
	cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%s %d %d", recallChild, state, int64(begin), n))
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() && lines.Text() != "decided" {
		t.Log(lines.Text())
	}
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
}

// blockedAt gives which of the matches from one on makes the block, -1: none does.
func blockedAt(t *testing.T, a *Agent, begin argusfeed.Time, from int) int {
	t.Helper()
	at := -1
	a.decider.decided = func(o outcome) {
		if at < 0 && o.decision.Action == policy.ActionBlock {
			at = int(o.detection.Time.Sub(begin) / time.Minute)
		}
		a.tell(o)
	}
	for n := from; n < 3*recallNeeds; n++ {
		if err := a.decider.decide([]detection.Detection{recallMatch(begin, n)}); err != nil {
			t.Fatal(err)
		}
	}
	return at
}

// An agent that is killed in the middle of a beacon blocks it at the same match as one
// that is not, and at no earlier one, also where it is given the same flows again.
func TestRecall(t *testing.T) {
	for _, tt := range []struct {
		name  string
		kills []int // how many matches each of the agents before decides
		from  int   // the first match after that
		want  int
	}{
		{"none before", nil, 0, recallNeeds - 1},
		{"one", []int{6}, 6, recallNeeds - 1},
		{"the same flows again", []int{6}, 0, recallNeeds - 1},
		{"twice the same flows again", []int{6, 6, 7}, 0, recallNeeds - 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			state, begin := filepath.Join(t.TempDir(), "state"), argusfeed.TimeOf(time.Now().Add(-time.Hour))
			for _, n := range tt.kills {
				killedAfter(t, state, begin, n)
			}
			a := recallAgent(t, state, nil)
			defer func() { _ = a.close(t.Context()) }()
			if got := blockedAt(t, a, begin, tt.from); got != tt.want {
				t.Errorf("blocked at match %d, want %d", got, tt.want)
			}
		})
	}
}

// What is not certain to count any more does not.
func TestRecallForgets(t *testing.T) {
	const before = 6
	for _, tt := range []struct {
		name string
		// between does something while no agent runs, or by one that decides nothing.
		between func(t *testing.T, state string)
		change  func(*Config)
		begin   time.Duration // how long ago
	}{
		{"an allow entry came and went", func(t *testing.T, state string) {
			a := recallAgent(t, state, nil)
			a.events.tell(history.Event{Kind: history.KindChange, Text: "allow: 203.0.113.9/32 added", Changes: []string{"allow: 203.0.113.9/32 added"}})
			if err := a.close(t.Context()); err != nil {
				t.Fatal(err)
			}
		}, nil, time.Hour},
		{"the allow list was written by hand", func(t *testing.T, state string) {
			if err := os.WriteFile(filepath.Join(state, "allow.json"), []byte(`{"version": 1, "entries": []}`), 0o600); err != nil {
				t.Fatal(err)
			}
		}, nil, time.Hour},
		{"another version found them", func(t *testing.T, state string) {
			a := recallAgent(t, state, nil)
			a.events.tell(history.Event{Kind: history.KindAgent, Text: history.StartedText + "dry-run, version 0.1"})
			if err := a.close(t.Context()); err != nil {
				t.Fatal(err)
			}
		}, nil, time.Hour},
		{"the windows are over", nil, func(c *Config) { c.Policy.Windows = 10 }, time.Hour},
	} {
		t.Run(tt.name, func(t *testing.T) {
			state, begin := filepath.Join(t.TempDir(), "state"), argusfeed.TimeOf(time.Now().Add(-tt.begin))
			killedAfter(t, state, begin, before)
			if tt.between != nil {
				tt.between(t, state)
			}
			a := recallAgent(t, state, tt.change)
			defer func() { _ = a.close(t.Context()) }()
			from := before
			if tt.between == nil { // after a pause
				from = before + recallNeeds
			}
			if got, want := blockedAt(t, a, begin, from), from+recallNeeds-1; got != want {
				t.Errorf("blocked at match %d, want %d", got, want)
			}
		})
	}
}

// Of a tuple whose matches are only counted nothing is taken back, and a normal match
// takes one away, as it did.
func TestRecallIsExact(t *testing.T) {
	a := recallAgent(t, "", nil)
	begin := argusfeed.TimeOf(pastBegin)
	long, normal := recallMatch(begin, 0), recallMatch(begin, 0)
	normal.Tuple = beaconTuple(2)
	past := history.Matched{Episodes: []history.Episode{{Tuple: long.Tuple.String()}, {Tuple: normal.Tuple.String()}}, Counted: []uint64{0, 0}}
	add := func(episode, n int, m history.Match) {
		m.At, m.Time = pastBegin.Add(time.Duration(n)*time.Minute), begin.Add(time.Duration(n)*time.Minute)
		past.Matches = append(past.Matches, history.EpisodeMatch{Match: m, Episode: episode})
	}
	for n := range 5 {
		add(0, n, history.Match{Count: 1})
		add(1, n, history.Match{Count: 1})
	}
	add(1, 5, history.Match{Count: 1, Normal: "From-Normal-TCP-1"})
	add(0, 6, history.Match{Count: 3})
	if n := a.decider.recall(past); n != 6 {
		t.Errorf("%d matches taken back", n)
	}
	if e := a.decider.tracker.Evidence(long.Tuple); len(e.Times) != 0 {
		t.Errorf("of one that is only counted: %v", e.Times)
	}
	if e := a.decider.tracker.Evidence(normal.Tuple); len(e.Times) != 4 {
		t.Errorf("of one that is normal as well: %v", e.Times)
	}
}
