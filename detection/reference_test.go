package detection

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"slips-ips/argusfeed"
	"slips-ips/models"
)

// naiveDistance does what the original did: the chain of the model's beginning
// is counted anew for every comparison, and both strings are walked through.
func naiveDistance(model string, letters string) float64 {
	begin := model[:min(len(model), len(letters))]
	starts, pairs, total := map[byte]float64{}, map[string]float64{}, 0.0
	for i := 1; i < len(begin); i++ {
		starts[begin[i-1]]++
		pairs[begin[i-1:i+1]]++
		total++
	}
	walk := func(s string) float64 {
		if s == "" {
			return missing
		}
		sum := 0.0
		if n := starts[s[0]]; n > 0 {
			sum = exactLog(n / total)
		}
		for i := 1; i < len(s); i++ {
			if n := pairs[s[i-1:i+1]]; n > 0 {
				sum += exactLog(n / starts[s[i-1]])
			} else {
				sum += missing
			}
		}
		return sum
	}
	train, test := walk(begin), walk(letters)
	switch {
	case train == 0 || test == 0:
		return -1
	case train > test:
		return test / train
	}
	return train / test
}

func naiveVerdict(set []models.Model, letters string) (winner int, best float64, ties int) {
	winner = -1
	if len(letters) < 4 {
		return winner, 0, 0
	}
	for i, m := range set {
		d := naiveDistance(m.Letters, letters)
		switch {
		case !strings.EqualFold(m.Proto, "tcp") || d < 1 || d > m.Threshold:
		case winner < 0 || d < best:
			winner, best, ties = i, d, 0
		case d == best:
			ties++
		}
	}
	return winner, best, ties
}

// drawLetters makes letters as flows would: few kinds, with long runs.
func drawLetters(rt *rapid.T, name string, most int) string {
	words := rapid.SampledFrom([][]string{{"h,", "H,"}, {"a.", "A.", "r+"}, {"i+", "I+", "0Z"}, {"9", "8", "5*"}}).Draw(rt, name+" words")
	parts := rapid.SliceOfN(rapid.Custom(func(rt *rapid.T) string {
		return strings.Repeat(rapid.SampledFrom(words).Draw(rt, "word"), rapid.IntRange(1, 60).Draw(rt, "times"))
	}), 0, 6).Draw(rt, name)
	s := rapid.SampledFrom([]string{"88,", "11.", "9", ""}).Draw(rt, name+" start") + strings.Join(parts, "")
	return s[:min(len(s), most)]
}

// TestCachedAgainstNaive grows letters and compares the scorer, from counts
// and from letters, with the naive one.
func TestCachedAgainstNaive(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		var set []models.Model
		var texts []string
		for range rapid.IntRange(1, 5).Draw(rt, "models") {
			text := drawLetters(rt, "model", 1500)
			if len(texts) > 0 && rapid.Bool().Draw(rt, "twin") {
				text = texts[0]
			}
			texts = append(texts, text)
			set = append(set, models.Model{Kind: models.KindLetters, Letters: text,
				Proto:     rapid.SampledFrom([]string{"TCP", "tcp", "udp"}).Draw(rt, "proto"),
				Threshold: rapid.SampledFrom([]float64{1.1, 1, 2, 6, 1e300, -1, 0.99}).Draw(rt, "threshold")})
		}
		letters := drawLetters(rt, "letters", 900)
		if rapid.Bool().Draw(rt, "replay") {
			letters = texts[0] + letters
		}
		r, err := newReference(set, nil)
		if err != nil {
			rt.Fatal(err)
		}
		tuple := &entry{tuple: &tuple{key: argusfeed.Tuple{Proto: argusfeed.ProtoTCP}}, s: new(series)}
		for at := 0; at < len(letters); {
			step := min(len(letters)-at, rapid.SampledFrom([]int{1, 2, 3, 40}).Draw(rt, "step"))
			tuple.s.letters = append(tuple.s.letters, letters[at:at+step]...)
			r.take(tuple, nil)
			at += step

			winner, best, ties := naiveVerdict(set, letters[:at])
			var compared []Comparison
			for how, v := range map[string]verdict{"counts": r.judge(tuple, nil), "letters": r.judge(tuple, &compared)} {
				got := -1
				if v.name != nil {
					got = int(v.index)
				}
				if got != winner || int(v.ties) != ties || winner >= 0 && !near1e9(v.score, best) {
					rt.Fatalf("from %s after %q: model %d at %v with %d ties, want %d at %v with %d",
						how, letters[:at], got, v.score, v.ties, winner, best, ties)
				}
			}
			for _, c := range compared {
				if want := naiveDistance(set[c.Model].Letters, letters[:at]); c.Distance != want {
					rt.Fatalf("after %q: model %d at %v, want %v", letters[:at], c.Model, c.Distance, want)
				}
			}
		}
	})
}

// TestLongLetters goes through all marks and far beyond the cache.
func TestLongLetters(t *testing.T) {
	model := strings.Repeat("88,h,h,H,h.h,Y,y+", 800)
	set := []models.Model{{Kind: models.KindLetters, Letters: model, Proto: "TCP", Threshold: 1.5}}
	r, err := newReference(set, nil)
	if err != nil {
		t.Fatal(err)
	}
	tuple := &entry{tuple: &tuple{key: argusfeed.Tuple{Proto: argusfeed.ProtoTCP}}, s: new(series)}
	letters := strings.Repeat("88,h,h,h,h,h,Y,y+", 900)
	for at := 0; at < len(letters); at += 17 {
		tuple.s.letters = append(tuple.s.letters, letters[at:at+17]...)
		r.take(tuple, nil)
		got := r.judge(tuple, nil)
		if at%(17*29) != 0 {
			continue
		}
		if want := naiveDistance(model, letters[:at+17]); !near1e9(got.score, want) {
			t.Fatalf("distance %v after %d letters, want %v", got.score, at+17, want)
		}
	}
}

func TestForeignLetter(t *testing.T) {
	_, err := New(DefaultConfig(), []models.Model{{File: "x.toml", Kind: models.KindLetters, Proto: "TCP", Letters: "88!h"}}, Hooks{})
	if err == nil || !strings.Contains(err.Error(), "x.toml") {
		t.Errorf("error %v, want one that names the file", err)
	}
}
