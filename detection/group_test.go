package detection

import (
	"strconv"
	"testing"

	"pgregory.net/rapid"

	"slips-ips/argusfeed"
	"slips-ips/internal/testenv"
	"slips-ips/models"
)

// Comparing with all models at once gives, to the last bit, what comparing with
// each of them gives, or both are too far away to match.
func TestGroupLikeEachModel(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		var set []models.Model
		for range rapid.IntRange(1, 6).Draw(rt, "models") {
			set = append(set, models.Model{Kind: models.KindLetters, Letters: drawLetters(rt, "model", 700), Proto: "TCP",
				Threshold: rapid.SampledFrom([]float64{1.1, 1, 2, 1e300, -1, 0.99}).Draw(rt, "threshold")})
		}
		r, err := newReference(set, nil)
		if err != nil {
			rt.Fatal(err)
		}
		letters := []byte(drawLetters(rt, "letters", groupLengths-1))
		for n := minCompared; n <= len(letters); n += 3 {
			var counts pairCounts
			counts.extend(letters[:n], 0)
			table, sums := r.tcp.tests(letters[:n], counts)
			for m, lm := range r.tcp.models {
				c := lm.chain(n)
				one := lm.test(c, letters[0], counts)
				if c.train != table.train[m] || c.worst != table.worst[m] {
					rt.Fatalf("model %d with %d letters: train %v, want %v", m, n, table.train[m], c.train)
				}
				if sums[m] != one && !(sums[m] < c.worst && one < c.worst) {
					rt.Fatalf("model %d with %d letters: %v, want %v; at least %v matters", m, n, sums[m], one, c.worst)
				}
			}
		}
	})
}

// BenchmarkJudge compares tuples with the sixteen models of the original: as
// many letters as the name says, of a regular tuple and of one that is not.
func BenchmarkJudge(b *testing.B) {
	set, _, err := models.LoadDir(testenv.Reference(b, "models-original", "0.3.3"))
	if err != nil {
		b.Fatal(err)
	}
	for _, bench := range []struct{ name, begin, words string }{
		{"regular", "88,", "h,"}, {"office", "74*", "W,H.a,d*D+I.e,u.Y.A*H,G."},
	} {
		for _, length := range []int{8, 50, 200, 2000} {
			b.Run(bench.name+"/"+strconv.Itoa(length), func(b *testing.B) {
				r, err := newReference(set, nil)
				if err != nil {
					b.Fatal(err)
				}
				s := new(series)
				s.letters = append(s.letters, bench.begin...)
				for i := 0; len(s.letters) < length; i++ {
					s.letters = append(s.letters, bench.words[i*7%len(bench.words)])
				}
				s.pairs.extend(s.letters, 0)
				t := &entry{tuple: &tuple{key: argusfeed.Tuple{Proto: argusfeed.ProtoTCP}}, s: s}
				b.ReportAllocs()
				for b.Loop() {
					r.judge(t, nil)
				}
			})
		}
	}
}
