package argusfeed_test

import (
	"errors"
	"io"
	"os"
	"testing"

	"slips-ips/argusfeed"
	"slips-ips/detection"
)

// lettersOf gives the letters of every tuple in an Argus file.
func lettersOf(t *testing.T, file string, scoring detection.Scoring, joining argusfeed.Joining) map[argusfeed.Tuple]string {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	cfg := detection.DefaultConfig()
	cfg.Scoring, cfg.ForgetAfter = scoring, 0
	d, err := detection.New(cfg, nil, detection.Hooks{})
	if err != nil {
		t.Fatal(err)
	}
	dec := argusfeed.NewDecoder(argusfeed.FormatArgus, f, argusfeed.TextOptions{Joining: joining})
	for {
		var flow argusfeed.Flow
		err := dec.Next(&flow)
		if errors.Is(err, io.EOF) {
			break
		}
		var skip *argusfeed.SkipError
		if errors.As(err, &skip) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		d.Observe([]argusfeed.Flow{flow})
	}
	d.Finish()
	letters := map[argusfeed.Tuple]string{}
	for i := range d.Tuples() {
		letters[i.Tuple] = i.Letters
	}
	if s := d.Stats(); s.Dropped() > 0 || s.Unsorted > 0 {
		t.Errorf("%s, %s: %d flows dropped, %d unsorted", file, scoring, s.Dropped(), s.Unsorted)
	}
	return letters
}

var intervals = []string{"1", "5", "60"}

// The letters of a tuple do not depend on how often Argus reports.
func TestLettersDoNotDependOnTheInterval(t *testing.T) {
	for _, scoring := range []detection.Scoring{detection.ScoringBehaviour, detection.ScoringReference} {
		t.Run(string(scoring), func(t *testing.T) {
			c := argusfeed.JoinTraffic()
			want := lettersOf(t, argusfeed.JoinedBy(t, c, "3600"), scoring, argusfeed.Joining{})
			seen := 0
			for _, interval := range intervals {
				got := lettersOf(t, argusfeed.JoinedBy(t, c, interval), scoring, argusfeed.Joining{})
				for tuple, letters := range got {
					n, different, ok := argusfeed.JoinCase(tuple)
					switch {
					case !ok:
					case different == "" && letters != want[tuple]:
						t.Errorf("interval %s, case %d, %s:\n  got %s\n want %s", interval, n, tuple, letters, want[tuple])
					case different != "":
						t.Logf("interval %s, case %d, %s: %s, and %s by 3600", interval, n, different, letters, want[tuple])
					}
					if ok {
						seen++
					}
				}
			}
			if seen < argusfeed.JoinCases*len(intervals) {
				t.Errorf("%d results", seen)
			}
		})
	}
}

func TestLettersOfRandomTraffic(t *testing.T) {
	for seed := range uint64(3) {
		c := argusfeed.RandomTraffic(seed + 1)
		want := lettersOf(t, argusfeed.JoinedBy(t, c, "3600"), detection.ScoringBehaviour, argusfeed.Joining{})
		for _, interval := range intervals {
			got := lettersOf(t, argusfeed.JoinedBy(t, c, interval), detection.ScoringBehaviour, argusfeed.Joining{})
			for tuple, letters := range want {
				if tuple.Port != argusfeed.PortNumber(7) && got[tuple] != letters {
					t.Errorf("seed %d, interval %s, %s:\n  got %s\n want %s", seed+1, interval, tuple, got[tuple], letters)
				}
			}
		}
	}
}
